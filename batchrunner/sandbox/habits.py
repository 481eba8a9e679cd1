"""Habits of providers: what servers that speak a dialect do otherwise than its vendor, one by one.

A habit is given as its NAME, or as NAME:NUMBER where it takes one. Pure.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from batchrunner.errors import UsageError

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Habit:
    """One known habit: what it does, what its number counts ("" for none) and what that is where not given."""

    does: str
    counts: str = ""
    default: float = 0.0


HABITS: Final[Mapping[str, Habit]] = MappingProxyType(
    {
        "404-young": Habit("a new batch is not found by the first looks at it", "looks", 1),
        "any-lines": Habit("lines may have the form, and batches the endpoint, of any dialect"),
        "bare-errors": Habit("lines that failed have an error and no response"),
        "bare-response": Habit("the response of a line is the answer itself, without a status code"),
        "body-string": Habit("the body in a line of results is a JSON string"),
        "capitals": Habit("statuses are in capitals"),
        "duplicate-create": Habit("a gateway tries every create again: two batches where no key prevents it"),
        "empty-error-file": Habit("a batch without failures has an error file of 0 bytes"),
        "errors-only": Habit("all lines fail, so there is no output file"),
        "in-order": Habit("results are in the order of the input"),
        "iso-times": Habit("times are ISO 8601"),
        "late-output": Habit("a completed batch has no output file yet the first times it is shown", "looks", 2),
        "no-ranges": Habit("downloads always begin at the beginning"),
        "null-counts": Habit("counts are null, at first as a whole"),
        "scheduling": Habit("a status that nobody knows comes before in_progress"),
        "slow-list": Habit("a new batch is missing in the list", "seconds", 5),
        "stuck": Habit("batches are in progress for ever"),
        "uuid-ids": Habit("ids are UUIDs"),
        "vanishing": Habit("batches are not found any more after a while", "seconds", 60),
        "window-1d": Habit("a window of 24h comes back as 1d"),
    }
)


def parse_habits(texts: Collection[str]) -> frozenset[str]:
    """Check habits such as `uuid-ids` and `late-output:3`. Raises UsageError naming the known ones."""
    for text in texts:
        name, colon, count = text.partition(":")
        known = HABITS.get(name)
        if known is None:
            raise _unknown_habit(name)
        if colon and (not known.counts or _number(count) is None):
            takes = f"a number of {known.counts} behind the colon" if known.counts else "nothing behind its name"
            why = f"`{name}` takes {takes}"
            raise UsageError("bad-habit", f"cannot understand the habit `{text}`", why=why, hint=f"for example: {name}")
    return frozenset(texts)


def number_of(habits: Collection[str], name: str) -> float:
    """The number of a habit; 0 where it is none of `habits`."""
    for text in habits:
        given, colon, count = text.partition(":")
        if given == name:
            return (_number(count) or 0.0) if colon else HABITS[name].default
    return 0.0


def dressed(batch: Json, habits: Collection[str]) -> Json:
    """A batch object of the OpenAI family as a server with these habits shows it."""
    early = batch["status"] == "validating"
    if "scheduling" in habits and early:
        batch = {**batch, "status": "scheduling"}
    if "null-counts" in habits:
        batch = {**batch, "request_counts": None if early else dict.fromkeys(batch["request_counts"])}
    if "window-1d" in habits and batch["completion_window"] == "24h":
        batch = {**batch, "completion_window": "1d"}
    if "iso-times" in habits:
        batch = {name: _iso(said) if name.endswith("_at") else said for name, said in batch.items()}
    return {**batch, "status": batch["status"].upper()} if "capitals" in habits else batch


def iso_time(seconds: float) -> str:
    """Seconds since the epoch as ISO 8601, such as `2026-11-22T19:55:00Z`."""
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")


def _iso(said: object) -> object:
    return iso_time(said) if isinstance(said, int) else said


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _unknown_habit(name: str) -> UsageError:
    import difflib

    near = difflib.get_close_matches(name, HABITS, n=1, cutoff=0.5)
    return UsageError(
        "unknown-habit",
        f"no habit is called `{name}`",
        why=f"known habits: {', '.join(HABITS)}",
        hint=f"did you mean `{near[0]}`?" if near else "for example: uuid-ids",
    )

"""What becomes of single request lines: as they ask for themselves, or by seeded chance. Pure.

A `custom_id`, or the `model` in a body, that ends in one of these words has that fate:

    sandbox-fail-500     fails with that status, 400 to 599, whenever it is asked
    sandbox-flaky-3      fails with status 500 until it is asked the third time, counted over batches
    sandbox-drop         is answered, they say, but no file has the answer
    sandbox-duplicate    is answered twice
    sandbox-stranger     is answered, and so is somebody else's line

A body with `sandbox_error` fails too: a number is the status (400 where not one), a text is the message.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

FATE: Final = re.compile(
    r"(?:.*[^a-z0-9])?sandbox-(?:fail-(?P<status>[45][0-9]{2})|flaky-(?P<times>[1-9][0-9]?)"
    r"|(?P<word>drop|duplicate|stranger))",
    re.DOTALL,
)
FLAKY_STATUS: Final = 500
CHANCE_STATUSES: Final = (500, 429, 400)
Kind = Literal["plain", "drop", "duplicate", "stranger"]


@dataclass(frozen=True, slots=True)
class Failure:
    """How a line fails; `message` is empty for the usual one. `is_counted` where the next time may be another."""

    status: int
    message: str = ""
    is_counted: bool = False


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a line. `failure` is None where it is answered."""

    kind: Kind = "plain"
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Chances:
    """How probably a line fails, each time it is asked; the dice are thrown from `seed`."""

    failing: float = 0.0
    seed: int = 0


PLAIN: Final = Fate()


def fate_of(custom_id: str, body: Mapping[str, Any], chances: Chances, earlier: Callable[[], int]) -> Fate:
    """The fate of a line. `earlier` counts the batches before this one in which it failed and was counted."""
    if (asked := body.get("sandbox_error")) is not None:
        return Fate(failure=_asked_for(asked))
    found = FATE.fullmatch(custom_id) or FATE.fullmatch(str(body.get("model", "")))
    if found is None:
        return _by_chance(custom_id, chances, earlier) if chances.failing else PLAIN
    if found["status"]:
        return Fate(failure=Failure(int(found["status"])))
    if found["times"]:
        fails = earlier() + 1 < int(found["times"])
        return Fate(failure=Failure(FLAKY_STATUS, is_counted=True)) if fails else PLAIN
    kinds: Mapping[str, Kind] = {"drop": "drop", "duplicate": "duplicate", "stranger": "stranger"}
    return Fate(kinds[found["word"]])


def _asked_for(asked: object) -> Failure:
    is_status = isinstance(asked, int) and 400 <= asked <= 599
    return Failure(int(str(asked)) if is_status else 400, asked if isinstance(asked, str) else "")


def _by_chance(custom_id: str, chances: Chances, earlier: Callable[[], int]) -> Fate:
    # Who does not fail the first time was never counted, and needs no looking up.
    times = 0
    while (thrown := _throw(custom_id, chances.seed, times)) < chances.failing:
        if times == (before := earlier()):
            status = CHANCE_STATUSES[int(thrown / chances.failing * len(CHANCE_STATUSES))]
            return Fate(failure=Failure(status, is_counted=True))
        times = before
    return PLAIN


def _throw(custom_id: str, seed: int, times: int) -> float:
    digest = hashlib.sha256(f"{seed}/row/{times}/{custom_id}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64

"""What a sandbox does wrong, and when: seeded, so that a run can be repeated.

    NAME=CHANCE[:ARGUMENT]        each request, with this probability (0 to 1)
    NAME=first[:COUNT[:ARGUMENT]] exactly the first COUNT requests (1 where not given)
    create:…  upload:…            aimed at one kind of request; otherwise both are hit
    list:…                        aimed at looking for files; only this hits it, and so with the following
    look:…  survey:…              looking at one batch; at the list of batches
    content:…  cancel:…  remove:… downloading a file; cancelling a batch; deleting a file

Requests are numbered per database, not per process. The n-th create (or upload) of a database has the same fate for
the same seed and rules, whatever its content and however often the server was restarted in between.
"""

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from batchrunner.errors import UsageError

Kind = Literal["create", "upload", "list", "look", "survey", "content", "cancel", "remove"]
KINDS: Final[tuple[Kind, ...]] = ("create", "upload", "list", "look", "survey", "content", "cancel", "remove")
SUBMITTING: Final[frozenset[Kind]] = frozenset({"create", "upload"})
SHOWING: Final[frozenset[Kind]] = frozenset({"create", "look", "survey", "cancel"})

NAMING: Final[frozenset[Kind]] = SHOWING | {"upload", "list"}
ROUNDING: Final = 1e-9
URL: Final = re.compile(r"(?:https?://|/)[!-~]*")


@dataclass(frozen=True, slots=True)
class FaultType:
    """One known fault: what it does, what its argument is ("" for none) and what that is where not given."""

    does: str
    argument: str = ""
    default: str = ""
    kinds: frozenset[Kind] = frozenset(KINDS)


FAULT_TYPES: Final[Mapping[str, FaultType]] = MappingProxyType(
    {
        "429": FaultType("refuses with Retry-After", "seconds", "1"),
        "500": FaultType("answers 500 without committing"),
        "503-html": FaultType("answers 503 with an HTML page, without committing"),
        "401": FaultType("refuses the key"),
        "404": FaultType("finds nothing, without committing"),
        "redirect": FaultType("answers 307 to another place, without committing", "url"),
        "drop-before": FaultType("closes the connection before reading the request"),
        "drop-after-commit": FaultType("commits, then closes the connection without a reply"),
        "500-after-commit": FaultType("commits, then answers 500"),
        "duplicate": FaultType("commits twice, as if a gateway had tried again", kinds=frozenset({"create"})),
        "late-commit": FaultType("closes the connection and commits later", "seconds", "0.2", SUBMITTING),
        "stall": FaultType("commits, then never answers; of a file it sends half first", "seconds", "30"),
        "truncated": FaultType("commits, then sends half of the reply"),
        "short": FaultType("answers with half of a file as if it were all", kinds=frozenset({"content"})),
        "junk": FaultType("commits, then answers 200 with a body that is not JSON"),
        "html": FaultType("commits, then answers 200 with an HTML page"),
        "huge": FaultType("commits, then answers 200 with a body of many megabytes", "megabytes", "8"),
        "foreign": FaultType(
            "commits, then answers with another input_file_id", "id", "file-foreign", frozenset({"create"})
        ),
        "no-id": FaultType("commits, then answers 200 without an id", kinds=NAMING),
        "hostile-id": FaultType(
            "commits, then answers with an id made to hurt", "id", "../x?\r\nX-Evil: 1\x1b[31m", NAMING
        ),
        "gzip": FaultType("commits, then answers compressed, which was not asked for, and large", "megabytes", "64"),
        "foreign-url": FaultType(
            "commits, then names files of results that are elsewhere", "url", "http://127.0.0.1:9/elsewhere", SHOWING
        ),
        "ansi": FaultType("commits, then says why not in words that paint the terminal"),
        "slow": FaultType("waits before replying; goes together with other faults", "seconds", "0.05"),
    }
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule, as parsed: `target` is None for creates and uploads, `first` is 0 where `chance` decides."""

    name: str
    target: Kind | None = None
    chance: float = 0.0
    first: int = 0
    argument: str = ""

    @property
    def number(self) -> float:
        """The argument of a fault that counts seconds or megabytes."""
        return float(self.argument)

    def aims_at(self, kind: Kind) -> bool:
        """Whether this rule can hit requests of this kind."""
        if self.target is None:
            return kind in SUBMITTING & FAULT_TYPES[self.name].kinds
        return self.target == kind

    def is_among_first(self, nth: int, nth_of_all: int) -> bool:
        """Whether a `first` rule covers this request: an aimed rule counts its own kind, the others every request."""
        return (nth if self.target else nth_of_all) <= self.first


@dataclass(frozen=True, slots=True)
class Faults:
    """The faults of one sandbox, with the seed their dice are thrown from."""

    rules: tuple[Fault, ...] = ()
    seed: int = 0

    @staticmethod
    def parse(texts: Sequence[str], seed: int = 0) -> "Faults":
        """Read fault specifications such as `429=0.2:5` or `create:500-after-commit=first`.

        Raises UsageError naming the text, the known faults and the nearest one.
        """
        rules = tuple(_parse(text) for text in texts)
        for kind in KINDS:
            _check_sum(rules, kind)
        return Faults(rules, seed)

    def pick(self, kind: Kind, nth: int, nth_of_all: int) -> Fault | None:
        """The fault, if any, of the `nth` request of its kind and `nth_of_all` creates and uploads, counted from 1.

        `first` rules go before chances; among the chances one throw decides, so each keeps the share it was given.
        """
        rules = [rule for rule in self.rules if rule.name != "slow" and rule.aims_at(kind)]
        for rule in rules:
            if rule.is_among_first(nth, nth_of_all):
                return rule
        return _thrown(rules, self._throw("fault", kind, nth)) if rules else None

    def delay(self, kind: Kind, nth: int, nth_of_all: int) -> float:
        """Seconds this request waits before its reply, from the `slow` rules alone."""
        return sum(
            rule.number
            for rule in self.rules
            if rule.name == "slow"
            and rule.aims_at(kind)
            and (rule.is_among_first(nth, nth_of_all) or self._throw("slow", kind, nth) < rule.chance)
        )

    def _throw(self, die: str, kind: Kind, nth: int) -> float:
        digest = hashlib.sha256(f"{self.seed}/{die}/{kind}/{nth}".encode()).digest()
        return int.from_bytes(digest[:8], "big") / 2**64


def _thrown(rules: Sequence[Fault], throw: float) -> Fault | None:
    for rule in rules:
        throw -= rule.chance
        if throw < 0:
            return rule
    return None


def _parse(text: str) -> Fault:
    head, equals, value = text.partition("=")
    target, name = _read_name(text, head)
    if not equals:
        raise _bad_value(text, "it needs a probability, or `first`", f"{head}=0.1")
    when, _, rest = value.partition(":")
    if when == "first":
        first, argument = _read_first(rest)
        return Fault(name, target, first=first, argument=_read_argument(text, name, argument))
    return Fault(name, target, chance=_read_chance(text, when), argument=_read_argument(text, name, rest))


def _read_name(text: str, head: str) -> tuple[Kind | None, str]:
    aim, colon, name = head.partition(":")
    target = next((kind for kind in KINDS if kind == aim), None) if colon else None
    if colon and target is None:
        raise _bad_value(text, f"`{aim}` is none of {', '.join(KINDS)}", f"create:{name}=0.1")
    name = name if colon else aim
    if name not in FAULT_TYPES:
        raise _unknown_fault(name)
    if target is not None and target not in FAULT_TYPES[name].kinds:
        raise _bad_value(text, f"`{name}` is nothing that can befall a request of the kind {target}", f"{name}=0.1")
    return target, name


def _read_first(rest: str) -> tuple[int, str]:
    count, _, argument = rest.partition(":")
    return (int(count), argument) if count.isdecimal() else (1, rest)


def _read_chance(text: str, when: str) -> float:
    chance = _number(when)
    if chance is None or chance > 1:
        raise _bad_value(text, f"`{when}` is not a probability between 0 and 1, nor `first`", "429=0.2")
    return chance


def _read_argument(text: str, name: str, argument: str) -> str:
    known = FAULT_TYPES[name]
    argument = argument or known.default
    if known.argument in ("seconds", "megabytes") and _number(argument) is None:
        raise _bad_value(text, f"`{argument}` is not a number of {known.argument}", f"{name}=0.1:{known.default}")
    if known.argument == "url" and not URL.fullmatch(argument):
        raise _bad_value(text, "it needs a URL to point at", f"{name}=0.1:http://127.0.0.1:8080/")
    if argument and not known.argument:
        raise _bad_value(text, f"`{name}` takes nothing after its probability", f"{name}=0.1")
    return argument


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _check_sum(rules: Sequence[Fault], kind: Kind) -> None:
    total = math.fsum(rule.chance for rule in rules if rule.name != "slow" and rule.aims_at(kind))
    if total > 1 + ROUNDING:
        raise UsageError(
            "bad-fault",
            f"the faults of {kind}s add up to a probability of {total:g}",
            why="one request has one fault, so their probabilities may not exceed 1 together",
            hint="lower some of them, or aim them with create:, upload: and so on",
        )


def _bad_value(text: str, why: str, example: str) -> UsageError:
    return UsageError("bad-fault", f"cannot understand the fault `{text}`", why=why, hint=f"for example: {example}")


def _unknown_fault(name: str) -> UsageError:
    import difflib

    near = difflib.get_close_matches(name, FAULT_TYPES, n=1, cutoff=0.5)
    return UsageError(
        "unknown-fault",
        f"no fault is called `{name}`",
        why=f"known faults: {', '.join(FAULT_TYPES)}",
        hint=f"did you mean `{near[0]}`?" if near else "for example: 429=0.2",
    )

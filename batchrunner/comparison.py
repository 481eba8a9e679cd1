"""What specs declare, against what they declared at another revision: values that a reviewer is shown. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal

from batchrunner.address import natural
from batchrunner.records import Record

Kind = Literal["added", "changed", "removed", "moved"]

LINES = 60
"""Lines of a difference that are kept."""
MOST_LINES = 20_000
"""Lines of all differences together that are kept."""
LINE = 240
"""Characters of a line that are kept."""
CONTEXT = 2
"""Lines around a change that are kept."""
PATIENCE = 400
"""Lines that are matched with each other: matching takes the square of their number."""


class Difference(Record):
    """What became of one declared batch since the base revision.

    `address` is that of the whole batch, shards aside; `previous` its address at the base where it was moved. `lines`
    are a unified diff of the resolved declaration without its header, each beginning with `+`, `-` or a space, and
    `@@` alone where lines that are alike were left out; `omitted` counts the lines that did not fit.
    """

    address: str
    kind: Kind
    previous: str = ""
    lines: tuple[str, ...] = ()
    omitted: int = 0


class Base(Record):
    """What a plan's specs are compared with: `revision` as it was typed, `commit` the whole id of what it names.

    `head` is the id of the commit that is checked out, empty where there is none. `problem` says which specs there
    could not be read and why, empty where all were; `differences` are in order of address, batches that are declared
    alike left out.
    """

    revision: str
    commit: str
    head: str = ""
    differences: tuple[Difference, ...] = ()
    problem: str = ""


def differences_between(
    base: Mapping[str, Sequence[str]],
    head: Mapping[str, Sequence[str]],
    renamed: Callable[[str], str],
) -> tuple[Difference, ...]:
    """What became of each batch from `base` to `head`, which hold the lines of its declaration by address.

    `renamed` says what an address of the base is called now.
    """
    called = {address: address if address in head else renamed(address) for address in base}
    previous = {now: before for before, now in called.items() if now in head}
    found = [_compared(address, previous, base, head) for address in head]
    gone = [address for address, now in called.items() if previous.get(now) != address]
    found += [_difference(address, "removed", _marked("-", base[address])) for address in gone]
    ordered = sorted((each for each in found if each is not None), key=lambda each: natural(each.address))
    return tuple(_bounded(ordered))


def _compared(
    address: str, previous: Mapping[str, str], base: Mapping[str, Sequence[str]], head: Mapping[str, Sequence[str]]
) -> Difference | None:
    before = previous.get(address)
    if before is None:
        return _difference(address, "added", _marked("+", head[address]))
    old, new = base[before], head[address]
    if before != address:
        return _difference(address, "moved", unified(old, new), previous=before)
    return _difference(address, "changed", unified(old, new)) if list(old) != list(new) else None


def _marked(mark: str, lines: Iterable[str]) -> list[str]:
    return [mark + line for line in lines]


def _difference(address: str, kind: Kind, lines: Sequence[str], previous: str = "") -> Difference:
    kept = tuple(map(_short, lines[:LINES]))
    return Difference(address=address, kind=kind, previous=previous, lines=kept, omitted=len(lines) - len(kept))


def _short(line: str) -> str:
    if len(line) <= LINE:
        return line
    from batchrunner.digest import digest_of

    # Two lines that differ behind the cut must not look alike.
    told = f"… ({len(line) - 1:,} characters, {digest_of(line[1:])[:12]})"
    return line[: LINE - len(told)] + told


def _bounded(differences: Iterable[Difference]) -> Iterator[Difference]:
    """`differences`, without lines from where there are too many of them together."""
    room = MOST_LINES
    for each in differences:
        room -= len(each.lines)
        yield each if room >= 0 else _bare(each)


def _bare(each: Difference) -> Difference:
    omitted = len(each.lines) + each.omitted
    return Difference(address=each.address, kind=each.kind, previous=each.previous, omitted=omitted)


def unified(old: Sequence[str], new: Sequence[str]) -> list[str]:
    """What changed from `old` to `new`, with two lines around each change; empty where they are alike."""
    if list(old) == list(new):
        return []
    head, tail = _alike(old, new)
    middle_old, middle_new = old[head : len(old) - tail], new[head : len(new) - tail]
    body = _matched(middle_old, middle_new)
    before, after = old[max(head - CONTEXT, 0) : head], old[len(old) - tail :][:CONTEXT]
    lines = [*_marked(" ", before), *body, *_marked(" ", after)]
    return [*(["@@"] if head > CONTEXT else []), *lines, *(["@@"] if tail > CONTEXT else [])]


def _alike(old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    """How many lines are the same at the start, and how many of the rest at the end."""
    shortest = min(len(old), len(new))
    head = next((i for i in range(shortest) if old[i] != new[i]), shortest)
    rest = shortest - head
    tail = next((i for i in range(rest) if old[-1 - i] != new[-1 - i]), rest)
    return head, tail


def _matched(old: Sequence[str], new: Sequence[str]) -> list[str]:
    if max(len(old), len(new)) > PATIENCE:
        return [*_marked("-", old), *_marked("+", new)]
    from difflib import SequenceMatcher

    lines: list[str] = []
    for tag, start, end, begin, finish in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            lines += _between(old[start:end])
        else:
            lines += [*_marked("-", old[start:end]), *_marked("+", new[begin:finish])]
    return lines


def _between(alike: Sequence[str]) -> list[str]:
    """Lines that are alike between two changes, those in the middle left out."""
    if len(alike) <= 2 * CONTEXT + 1:
        return _marked(" ", alike)
    return [*_marked(" ", alike[:CONTEXT]), "@@", *_marked(" ", alike[-CONTEXT:])]

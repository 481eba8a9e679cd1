"""Shards of one batch, and batches that are alike, as one row: what holds for all of them is said once."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from batchrunner.address import declaration_of, spec_of, whole_of
from batchrunner.plans import Blocked, Change, Import, Move, Orphan, Resume, Submit, Unchanged, action_of
from batchrunner.records import replace
from batchrunner.render.units import count

T = TypeVar("T")

FEWEST = 4
"""Shards that are worth folding."""
MANY = 10
"""Rows of one spec that are alike but for the batch, up to which each is shown."""
FEW = 3
"""Of more, how many are shown."""
CONTENT = "content:"
"""What run keys begin with that are of one content each."""
LONGEST_NUMBER = 9
"""Digits of a shard's number."""
_ALIKE: dict[type, tuple[str, ...]] = {
    Submit: ("reason", "run_key", "attempt", "provider", "endpoint", "completion_window"),
    Resume: ("reason", "run_key", "attempt", "provider", "endpoint", "completion_window"),
    Import: ("reason", "run_key", "provider"),
    Move: ("reason", "previous_state"),
    Unchanged: ("reason", "run_key", "status"),
    Blocked: ("reason", "run_key", "hint"),
    Orphan: ("reason", "run_key"),
}


@dataclass(frozen=True, slots=True)
class Fold:
    """A change, or several that differ in content alone: shards of one batch that follow each other, or what `name`
    says they are."""

    changes: tuple[Change, ...]
    name: str = ""

    @property
    def first(self) -> Change:
        """The change itself, or the first of several; of their runs what these have in common."""
        first = self.changes[0]
        if not self.name or isinstance(first, Move) or not first.run_key.startswith(CONTENT):
            return first
        return replace(first, run_key=CONTENT.rstrip(":"))

    @property
    def address(self) -> str:
        """The address; of several shards `nightly/a#1…#12`, of several batches their name and number."""
        if self.name:
            return f"{self.name} ({count(len({whole_of(change.address) for change in self.changes}))} batches)"
        last = f"…#{_number(self.changes[-1].address)}" if len(self.changes) > 1 else ""
        return f"{self.first.address}{last}"


def folded(changes: Iterable[Change]) -> list[Fold]:
    """`changes` in their order, four or more shards in a row as one."""
    return [fold for run in runs_of(changes, _follows) for fold in _folds(run)]


def runs_of(each: Iterable[T], follows: Callable[[T, T], bool]) -> list[list[T]]:
    """`each` in their order, those together of which every one `follows` the one before it."""
    runs: list[list[T]] = []
    for one in each:
        if runs and follows(one, runs[-1][-1]):
            runs[-1].append(one)
        else:
            runs.append([one])
    return runs


def thinned(folds: Sequence[Fold]) -> tuple[list[Fold], list[Fold]]:
    """`folds` of one spec in two: those that are shown, and those submitted already that repeat what these say."""
    repeats: dict[tuple[Any, ...], list[Fold]] = {}
    for fold in folds:
        if fold.first.reason == "already-submitted":
            repeats.setdefault(_alike(fold.first), []).append(fold)
    hidden = {id(fold) for alike in repeats.values() if len(alike) > MANY for fold in alike[FEW:]}
    return [fold for fold in folds if id(fold) not in hidden], [fold for fold in folds if id(fold) in hidden]


def gathered(folds: Sequence[Fold], most: int) -> list[Fold]:
    """`folds` themselves, where these are not more than `most`; else the members of one declaration as one; where these
    are still too many the single batches of one spec, and at last all of them. Four or more that are alike and ask the
    same models make one, where the first of them is.

    What has a command of its own to type is left as it is.
    """
    found = list(folds)
    if len(found) > most:
        found = _together(found, declaration_of, lambda declared, _: f"{declared}[…]")
    if len(found) > most:
        singles = _together([fold for fold in found if not fold.name], spec_of, _range)
        found = sorted([*(fold for fold in found if fold.name), *singles], key=_positions(folds))
    if len(found) > most:
        found = _together(found, spec_of, _range)
    return found


def _range(_: str, ends: tuple[str, str]) -> str:
    return " … ".join(ends)


def _positions(folds: Sequence[Fold]) -> Callable[[Fold], int]:
    """Where the first change of a fold is among those of `folds`."""
    at = {id(change): index for index, change in enumerate(unfolded(folds))}
    return lambda fold: at[id(fold.changes[0])]


def _together(
    folds: Sequence[Fold], part: Callable[[str], str], name: Callable[[str, tuple[str, str]], str]
) -> list[Fold]:
    """What is alike and has the same `part` of its address as one fold; `name` is given that, and both ends."""
    groups: dict[tuple[Any, ...], list[Fold]] = {}
    for fold in folds:
        groups.setdefault((part(fold.first.address), *_likeness(fold)), []).append(fold)
    made: list[Fold] = []
    for alike in groups.values():
        if len(alike) < FEWEST:
            made += alike
        else:
            changes = tuple(unfolded(alike))
            ends = whole_of(changes[0].address), whole_of(changes[-1].address)
            made.append(Fold(changes, name(part(ends[0]), ends)))
    return made


def _likeness(fold: Fold) -> tuple[Any, ...]:
    """What folds have in common that may become one: any run of a content is as any other."""
    change = fold.changes[0]
    if getattr(change, "hint", "") or isinstance(change, Move | Import):
        return (id(fold),)
    source = getattr(change, "source", None)
    return (*_alike(change, by_content=False), type(source), getattr(source, "models", ()))


def unfolded(folds: Iterable[Fold]) -> list[Change]:
    """The changes of `folds`, in their order."""
    return [change for fold in folds for change in fold.changes]


def _folds(run: Sequence[Change]) -> list[Fold]:
    return [Fold(tuple(run))] if len(run) >= FEWEST else [Fold((change,)) for change in run]


def is_next_shard(address: str, before: str) -> bool:
    """Whether it is the shard of the same batch that comes after `before`."""
    number = _number(before)
    return number > 0 and _number(address) == number + 1 and whole_of(address) == whole_of(before)


def _number(address: str) -> int:
    """The shard's number, 0 for a whole."""
    number = address.removeprefix(whole_of(address))[1:]
    return int(number) if number.isascii() and number.isdigit() and len(number) <= LONGEST_NUMBER else 0


def _follows(change: Change, before: Change) -> bool:
    return is_next_shard(change.address, before.address) and _alike(change) == _alike(before)


def _alike(change: Change, *, by_content: bool = True) -> tuple[Any, ...]:
    """What changes have in common that are alike. Without `by_content` any run of a content is as any other."""
    kind = next(kind for kind in _ALIKE if isinstance(change, kind))
    fields = {name: getattr(change, name) for name in _ALIKE[kind]}
    if not by_content and fields.get("run_key", "").startswith(CONTENT):
        fields["run_key"] = CONTENT
    return (action_of(change), *fields.values())

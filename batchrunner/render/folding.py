"""Shards of one batch as one row: what holds for all of them is said once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from batchrunner.address import whole_of
from batchrunner.plans import Blocked, Change, Import, Move, Orphan, Resume, Submit, Unchanged, action_of

FEWEST = 4
"""Shards that are worth folding."""
MANY = 10
"""Rows of one spec that are alike but for the batch, up to which each is shown."""
FEW = 3
"""Of more, how many are shown."""
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
    """A change, or several shards of one batch that follow each other and differ in content alone."""

    changes: tuple[Change, ...]

    @property
    def first(self) -> Change:
        """The change itself, or that of the first shard."""
        return self.changes[0]

    @property
    def address(self) -> str:
        """The address; of several shards `nightly/a#1…#12`."""
        last = f"…#{_number(self.changes[-1])}" if len(self.changes) > 1 else ""
        return f"{self.first.address}{last}"


def folded(changes: Iterable[Change]) -> list[Fold]:
    """`changes` in their order, four or more shards in a row as one."""
    runs: list[list[Change]] = []
    for change in changes:
        if runs and _follows(change, runs[-1][-1]):
            runs[-1].append(change)
        else:
            runs.append([change])
    return [fold for run in runs for fold in _folds(run)]


def thinned(folds: Sequence[Fold]) -> tuple[list[Fold], list[Fold]]:
    """`folds` of one spec in two: those that are shown, and those submitted already that repeat what these say."""
    repeats: dict[tuple[Any, ...], list[Fold]] = {}
    for fold in folds:
        if fold.first.reason == "already-submitted":
            repeats.setdefault(_alike(fold.first), []).append(fold)
    hidden = {id(fold) for alike in repeats.values() if len(alike) > MANY for fold in alike[FEW:]}
    return [fold for fold in folds if id(fold) not in hidden], [fold for fold in folds if id(fold) in hidden]


def unfolded(folds: Iterable[Fold]) -> list[Change]:
    """The changes of `folds`, in their order."""
    return [change for fold in folds for change in fold.changes]


def _folds(run: Sequence[Change]) -> list[Fold]:
    return [Fold(tuple(run))] if len(run) >= FEWEST else [Fold((change,)) for change in run]


def _number(change: Change) -> int:
    """The shard's number, 0 for a whole."""
    number = change.address.removeprefix(whole_of(change.address))[1:]
    return int(number) if number.isascii() and number.isdigit() and len(number) <= LONGEST_NUMBER else 0


def _follows(change: Change, before: Change) -> bool:
    number = _number(before)
    return (
        number > 0
        and _number(change) == number + 1
        and whole_of(change.address) == whole_of(before.address)
        and _alike(change) == _alike(before)
    )


def _alike(change: Change) -> tuple[Any, ...]:
    kind = next(kind for kind in _ALIKE if isinstance(change, kind))
    return (action_of(change), *(getattr(change, name) for name in _ALIKE[kind]))

"""What specs declare otherwise than at the base revision: counted, and what changed in the same way told once."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from batchrunner.address import declaration_of
from batchrunner.comparison import Base, Difference, Kind
from batchrunner.render.units import count, counted

KINDS: tuple[Kind, ...] = ("added", "changed", "moved", "removed")
COMMIT = 12
"""Digits of a commit's id that are shown."""


@dataclass(frozen=True, slots=True)
class Alike:
    """A difference, and how many others are as it: they change the same lines, or are members of one declaration."""

    first: Difference
    others: int

    @property
    def words(self) -> str:
        """How many others there are, empty for none. No data is in it."""
        return f"and {counted(self.others, 'batch')} alike" if self.others else ""


def alike(differences: Sequence[Difference]) -> list[Alike]:
    """`differences` in their order, each with those that are as it."""
    groups: dict[tuple[object, ...], list[Difference]] = {}
    for each in differences:
        groups.setdefault(_likeness(each), []).append(each)
    return [Alike(group[0], len(group) - 1) for group in groups.values()]


def _likeness(each: Difference) -> tuple[object, ...]:
    if each.kind in {"added", "removed"}:
        return each.kind, declaration_of(each.address)
    changed = tuple(line for line in each.lines if not line.startswith((" ", "@@")))
    # What was cut may differ behind the cut.
    return each.kind, declaration_of(each.previous), changed, each.omitted and each.address


def difference_words(base: Base) -> str:
    """`2 added, 1 changed`; empty where everything is declared alike. No data is in it."""
    counts = Counter(each.kind for each in base.differences)
    return ", ".join(f"{count(counts[kind])} {kind}" for kind in KINDS if counts[kind])

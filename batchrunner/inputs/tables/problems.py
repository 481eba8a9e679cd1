"""What is wrong with the rows of a table, and where: the first problems listed, the rest counted."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from heapq import merge
from itertools import islice
from typing import NamedTuple

LISTED = 20


class RowProblem(NamedTuple):
    """One thing wrong with a row. `place` is the line on which it starts, or its number where a table has no lines.

    `column` is named where the row has no value in it at all, which may be so in every row.
    """

    place: int
    code: str
    message: str
    hint: str = ""
    column: str = ""


Report = Callable[[RowProblem], None]


class BadTable(Exception):
    """A table of which no row can be read."""

    def __init__(self, problem: RowProblem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(slots=True)
class _Kept:
    first: list[RowProblem] = field(default_factory=list)
    count: int = 0


class Problems:
    """The problems of a table, however many, in flat memory; told in the order of their places."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}

    def add(self, problem: RowProblem) -> None:
        """Keep `problem`, or count it."""
        kept = self._kept.setdefault(problem.column, _Kept())
        kept.count += 1
        if len(kept.first) < LISTED:
            kept.first.append(problem)

    def listed(self, but: Collection[str] = ()) -> list[RowProblem]:
        """The first problems, without those that the columns in `but` are missing."""
        kept = [each.first for column, each in self._kept.items() if column not in but]
        return list(islice(merge(*kept, key=lambda problem: problem.place), LISTED))

    def count(self, but: Collection[str] = ()) -> int:
        """How many there are, listed or not."""
        return sum(each.count for column, each in self._kept.items() if column not in but)

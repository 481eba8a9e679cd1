"""The row ledger: what became of each request, and where the line is that says so.

A row takes some twenty bytes beside its id, and one shard is held at a time: lines themselves stay on the disk.
"""

from array import array
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from batchrunner.remote import Usage
from batchrunner.results.lines import Block, blocks_of, is_text
from batchrunner.results.requests import Asked
from batchrunner.rows import OUTCOMES, ResultLine, RowOutcome, Tally, is_transient

ReadLine = Callable[[bytes], ResultLine | None]

OK, ERROR, EXPIRED, MISSING, TRANSIENT, UNANSWERED = range(6)
"""Outcomes as a sheet keeps them: those of `OUTCOMES`, an error that may be gone when it is asked again, no answer."""
NOWHERE = -1
SHOWN = 20
_CODES = {outcome: code for code, outcome in enumerate(OUTCOMES)}
_OUTCOMES: tuple[RowOutcome, ...] = (*OUTCOMES, "error", "missing")


class RawFile(NamedTuple):
    """A file as it was downloaded: whose it is, and the number of the attempt that it answers."""

    path: Path
    batch_id: str
    attempt: int


class Answered(NamedTuple):
    """A row as it stands. `file` is None where nothing was said of it; else its line is at `start`, of `size` bytes."""

    custom_id: str
    outcome: RowOutcome
    is_transient: bool
    file: RawFile | None
    start: int
    size: int


class Strange:
    """Lines that could not be put to a row: how many, and the first of them."""

    __slots__ = ("count", "shown")

    def __init__(self) -> None:
        self.count = 0
        self.shown: list[str] = []

    def add(self, words: str) -> None:
        """One more."""
        self.count += 1
        if len(self.shown) < SHOWN:
            self.shown.append(words[:200])


class Sheet:
    """The rows of one attempt, and of its retries once those were merged in.

    `asked` is None where nobody knows what was asked: then rows are those that were answered, in that order, and none
    can be missing.
    """

    def __init__(self, asked: Asked | None) -> None:
        self.is_known = asked is not None
        self.repeated = asked.repeated if asked else 0
        self.rows: dict[str, int] = asked.rows if asked else {}
        count = len(self.rows)
        self.outcomes = bytearray([UNANSWERED]) * count
        self.starts = array("q", [0]) * count
        self.sizes = array("q", [0]) * count
        self.sources = array("H", [0]) * count
        self.files: list[RawFile] = []
        self.duplicates = 0
        self.strangers = Strange()
        self.unreadable = Strange()
        self.spent: list[Usage] = []
        self.input_tokens = self.cached_tokens = self.output_tokens = self.told = 0

    @property
    def usage(self) -> Usage | None:
        """The tokens that lines told of, None where none did."""
        if not self.told:
            return None
        return Usage(input_tokens=self.input_tokens, cached_tokens=self.cached_tokens, output_tokens=self.output_tokens)

    def tally(self) -> Tally:
        """How many rows ended how."""
        count = self.outcomes.count
        return Tally(
            ok=count(OK),
            error=count(ERROR) + count(TRANSIENT),
            expired=count(EXPIRED),
            missing=count(MISSING) + count(UNANSWERED),
            transient=count(TRANSIENT),
            duplicates=self.duplicates,
            strangers=self.strangers.count,
        )

    def take(self, file: RawFile, read: ReadLine) -> None:
        """Put the lines of `file` to their rows. Of several answers to one row the first that is ok counts, or the
        first."""
        self.files.append(file)
        number = 0
        with file.path.open("rb", buffering=0) as stream:
            for block in blocks_of(stream):
                number = self._take_block(block, read, number)

    def _take_block(self, block: Block, read: ReadLine, number: int) -> int:
        """Put the lines of `block` to their rows; `number` lines came before. How many there are now."""
        source, start, lines = len(self.files) - 1, block.start, block.lines
        rows, outcomes, starts, sizes, sources = self.rows, self.outcomes, self.starts, self.sizes, self.sources
        spent = self.spent
        for line, found in zip(lines, map(read if block.is_text else _only_text(read), lines), strict=True):
            number += 1
            size = len(line) + 1
            row = NOWHERE if found is None else rows.get(found[0], NOWHERE)
            if row == NOWHERE:
                row = self._row_of(found, line, number)
            if found is not None and row != NOWHERE and (outcomes[row] == UNANSWERED or self._is_better(row, found)):
                outcomes[row] = OK if found[1] == "ok" else _code(found)
                starts[row], sizes[row], sources[row] = start, size, source
                if found[5] is not None:
                    spent.append(found[5])
            start += size
        self._count_spent()
        return number

    def _row_of(self, found: ResultLine | None, line: bytes, number: int) -> int:
        """The row of a line that is of no known one: a new one where nobody knows what was asked."""
        if found is not None:
            return self._unexpected(found.custom_id)
        if line.strip():
            self.unreadable.add(f"{self.files[-1].path.name}:{number}")
        return NOWHERE

    def _is_better(self, row: int, found: ResultLine) -> bool:
        """Whether a further answer to a row counts in place of the one before."""
        self.duplicates += 1
        return self.outcomes[row] != OK and found.outcome == "ok"

    def _count_spent(self) -> None:
        spent = self.spent
        self.told += len(spent)
        self.input_tokens += sum([each.input_tokens for each in spent])
        self.cached_tokens += sum([each.cached_tokens for each in spent])
        self.output_tokens += sum([each.output_tokens for each in spent])
        spent.clear()

    def _unexpected(self, custom_id: str) -> int:
        """The row of an id that none was asked with: where that is not known, a new one."""
        if self.is_known:
            self.strangers.add(custom_id)
            return NOWHERE
        return self._append(custom_id)

    def _append(self, custom_id: str) -> int:
        row = self.rows[custom_id] = len(self.rows)
        self.outcomes.append(UNANSWERED)
        self.starts.append(0)
        self.sizes.append(0)
        self.sources.append(0)
        return row

    def merge(self, retry: "Sheet") -> None:
        """Take over what `retry`, a later attempt, says of rows that it asked again, where that is worth more.

        What is ok stays ok. Of other outcomes the later counts, but for one that says nothing.
        """
        offset = len(self.files)
        self.files += retry.files
        for custom_id, row in retry.rows.items():
            mine = self.rows.get(custom_id)
            if mine is None:
                if self.is_known:
                    self.strangers.add(custom_id)
                    continue
                mine = self._append(custom_id)
            old, new = self.outcomes[mine], retry.outcomes[row]
            if old != OK and new != UNANSWERED and (new != MISSING or old == UNANSWERED):
                self.outcomes[mine] = new
                self.starts[mine], self.sizes[mine] = retry.starts[row], retry.sizes[row]
                self.sources[mine] = offset + retry.sources[row]
        self._add(retry)

    def keep_only(self, owner: str, owners: Mapping[str, str]) -> None:
        """Let go of the rows that `owners`, by id, give to another than `owner`."""
        kept = {custom_id: row for custom_id, row in self.rows.items() if owners.get(custom_id, owner) == owner}
        if len(kept) == len(self.rows):
            return
        rows = list(kept.values())
        self.rows = dict(zip(kept, range(len(rows)), strict=True))
        self.outcomes = bytearray(self.outcomes[row] for row in rows)
        self.starts = array("q", (self.starts[row] for row in rows))
        self.sizes = array("q", (self.sizes[row] for row in rows))
        self.sources = array("H", (self.sources[row] for row in rows))

    def _add(self, retry: "Sheet") -> None:
        self.duplicates += retry.duplicates
        for mine, theirs in ((self.strangers, retry.strangers), (self.unreadable, retry.unreadable)):
            mine.count += theirs.count
            mine.shown = [*mine.shown, *theirs.shown][:SHOWN]
        self.input_tokens += retry.input_tokens
        self.cached_tokens += retry.cached_tokens
        self.output_tokens += retry.output_tokens
        self.told += retry.told

    def answers(self) -> Iterator[Answered]:
        """Every row, in order."""
        for custom_id, row in self.rows.items():
            yield self.answer(custom_id, row)

    def answer(self, custom_id: str, row: int) -> Answered:
        """One row."""
        code, start = self.outcomes[row], self.starts[row]
        file = None if code == UNANSWERED else self.files[self.sources[row]]
        return Answered(custom_id, _OUTCOMES[code], code == TRANSIENT, file, start, self.sizes[row])


def _code(found: ResultLine) -> int:
    if found.outcome == "error" and is_transient(found.status_code, found.code):
        return TRANSIENT
    return _CODES[found.outcome]


def _only_text(read: ReadLine) -> ReadLine:
    return lambda line: read(line) if is_text(line) else None

"""Writes the merged results of a batch: rows that are ok, and all the others, each in the order of the input."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from batchrunner.durable import write_all
from batchrunner.records import Tolerant, encode
from batchrunner.results.copying import Copier, Place, Room
from batchrunner.results.disk import BLOCK, replacing
from batchrunner.results.sheet import OK, ReadLine, Sheet
from batchrunner.rows import ResultLine

RESULTS, ERRORS, SUMMARY = "results.jsonl", "errors.jsonl", "summary.json"
MOST_CODES = 200
"""Codes of errors that are counted one by one; a provider may make up any number of them."""
OTHERS = "other"
ROWS = 512
"""Rows that are written at a time."""


class ErrorRow(Tolerant):
    """A line of `errors.jsonl`. `attempt` and `batch_id` are those of the answer, 0 and empty where there was none.

    `status_code` is 0 where there was no answer by HTTP; `transient` where asking again may mend it.
    """

    custom_id: str
    outcome: str
    code: str
    message: str
    status_code: int
    transient: bool
    attempt: int
    batch_id: str


class Shard(NamedTuple):
    """The rows of a shard, retries merged in, and what reads their lines."""

    sheet: Sheet
    read: ReadLine


class Written(NamedTuple):
    """Bytes of both files, and how often each code of an error came."""

    results: int
    errors: int
    codes: dict[str, int]


def write_ledger(folder: Path, shards: Iterable[Shard]) -> Written:
    """Write `results.jsonl` and `errors.jsonl` in `folder` from `shards`, of which one at a time is held.

    Lines of results are the provider's, byte for byte. Raises `Refused` `results-not-written`; then both files are as
    they were.
    """
    with replacing(folder / ERRORS) as errors, replacing(folder / RESULTS) as results:
        failed = _Errors(errors)
        total, room = 0, Room()
        for shard in shards:
            total += _write_shard(shard, results, failed, room)
            del shard  # before the next one is made: there is room for one
        failed.flush()
        return Written(total, failed.written, dict(failed.codes.most_common()))


def _write_shard(shard: Shard, results: int, failed: "_Errors", room: Room) -> int:
    sheet = shard.sheet
    ids = iter(sheet.rows)
    with Copier([file.path for file in sheet.files], results, room) as copier:
        for first in range(0, len(sheet.outcomes), ROWS):
            last = first + ROWS
            outcomes = sheet.outcomes[first:last]
            lines = zip(sheet.sources[first:last], sheet.starts[first:last], sheet.sizes[first:last], strict=True)
            if outcomes.count(OK) == len(outcomes):
                deque(islice(ids, len(outcomes)), 0)
                copier.add(lines)
            else:
                named = zip(range(first, last), islice(ids, len(outcomes)), outcomes, lines, strict=False)
                copier.add(_sorted_out(shard, named, failed, copier))
        return copier.written


def _sorted_out(shard: Shard, rows: Iterable[tuple[int, str, int, Place]], failed: "_Errors",
                copier: Copier) -> Iterator[Place]:  # fmt: skip
    """Where the lines of those rows are that are ok. The others go to the errors."""
    for row, custom_id, outcome, place in rows:
        if outcome == OK:
            yield place
        else:
            failed.add(shard, custom_id, row, copier)


class _Errors:
    """Writes rows that are not ok, and counts why."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._pieces: list[bytes] = []
        self._held = 0
        self.written = 0
        self.codes: Counter[str] = Counter()

    def add(self, shard: Shard, custom_id: str, row: int, lines: Copier) -> None:
        answer = shard.sheet.answer(custom_id, row)
        file = answer.file
        found = None
        if file is not None:
            found = shard.read(lines.read(shard.sheet.sources[row], answer.start, answer.size))
        said = found or ResultLine(custom_id, answer.outcome)
        code = said.code or ("" if found else "no-result") or answer.outcome
        self._count(code)
        self._write(
            ErrorRow(
                custom_id=custom_id,
                outcome=answer.outcome,
                code=said.code,
                message=said.message,
                status_code=said.status_code,
                transient=answer.is_transient,
                attempt=file.attempt if file else 0,
                batch_id=file.batch_id if file else "",
            )
        )

    def _count(self, code: str) -> None:
        self.codes[code if code in self.codes or len(self.codes) < MOST_CODES else OTHERS] += 1

    def _write(self, row: ErrorRow) -> None:
        line = encode(row) + b"\n"
        self._pieces.append(line)
        self._held += len(line)
        if self._held >= BLOCK:
            self.flush()

    def flush(self) -> None:
        write_all(self._descriptor, b"".join(self._pieces))
        self.written += self._held
        self._pieces, self._held = [], 0

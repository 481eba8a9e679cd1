"""Tables in CSV and TSV: cells as RFC 4180 quotes them, columns named by the first row, values that are text."""

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, BinaryIO, NamedTuple

from batchrunner.inputs.tables.problems import BadTable, Report, RowProblem
from batchrunner.inputs.tables.reading import BOM, LONGEST, KnownColumn, Row
from batchrunner.suggestions import listed

_EXPLAINED: Mapping[str, tuple[str, str, str]] = {
    "unexpected end of data": (
        "unterminated-quote",
        "a quote that opens in this row is never closed",
        'close it; a quote inside of a quoted cell is written twice: `""`',
    ),
    "field larger": (
        "cell-too-long",
        f"a cell has more than {LONGEST:,} characters",
        "is a quote that opens in this row never closed?",
    ),
    "row larger": (
        "row-too-long",
        f"the row has more than {2 * LONGEST:,} bytes",
        "is a quote that opens in this row never closed?",
    ),
    "expected after": (
        "bad-quoting",
        "text follows a closing quote",
        'a quote inside of a quoted cell is written twice: `""`',
    ),
    "new-line character": (
        "bad-line-end",
        "a carriage return stands within the row",
        "quote the cell, or save the file with LF or CR LF line ends",
    ),
}
"""The words that Python's csv module, or this one, has for what is wrong, in part, and ours: code, message, hint."""


class _Broken(NamedTuple):
    code: str
    message: str
    hint: str


_NUL = _Broken("nul-character", "the row holds a NUL character", "save the file as UTF-8 text")


class DelimitedReader:
    """Reads UTF-8, with or without a byte order mark. Blank lines are passed over; an empty cell is an empty text.

    Raises `BadTable` where the first row cannot name columns: it is missing, malformed, or names one twice.
    """

    has_header = True
    has_lines = True

    def __init__(self, stream: BinaryIO, delimiter: str, report: Report) -> None:
        self._stream = stream
        self._report = report
        self._broken: _Broken | None = None
        self._held = 0  # bytes of the row that is being read
        # The limit is the process's: the smallest that this module or another asked for must not cut a prompt short.
        csv.field_size_limit(max(csv.field_size_limit(), LONGEST))
        self._reader = csv.reader(self._lines(), delimiter=delimiter, strict=True)
        self._names = self._header()
        self.columns = dict.fromkeys(filter(None, self._names), KnownColumn())

    def rows(self, columns: Sequence[str], skip: int) -> Iterator[Row]:
        """The rows but for the first `skip`, with their values in `columns`."""
        places = {name: place for place, name in enumerate(self._names)}
        pick = _picker([places[column] for column in columns])
        place = self._reader.line_num + 1
        is_over = False
        while not is_over:
            try:
                for row in self._reader:
                    if self._broken or len(row) != len(self._names):
                        self._refuse(place, row)
                    elif skip:
                        skip -= 1
                    else:
                        yield place, pick(row)
                    place = self._reader.line_num + 1
                    self._held = 0
                is_over = True
            except csv.Error as error:
                problem = _explained(place, error)
                self._report(problem)
                # What follows a cell without an end is in the middle of nowhere.
                is_over = problem.code == "cell-too-long"
                self._broken, self._held = None, 0
                place = self._reader.line_num + 1

    def _refuse(self, place: int, row: Sequence[str]) -> None:
        if self._broken:
            self._report(RowProblem(place, *self._broken))
            self._broken = None
        elif row:
            cells = f"the row has {len(row):,} cell{'' if len(row) == 1 else 's'}, the header {len(self._names):,}"
            hint = "quote cells that hold a delimiter" if len(row) > len(self._names) else ""
            self._report(RowProblem(place, "wrong-cell-count", cells, hint))

    def _header(self) -> Sequence[str]:
        try:
            names = next(filter(None, self._reader), None)
        except csv.Error as error:
            raise BadTable(_explained(1, error)) from None
        if self._broken:
            raise BadTable(RowProblem(1, *self._broken))
        if names is None:
            raise BadTable(RowProblem(0, "header-missing", "the table is empty", "its first row names the columns"))
        twice = [name for name, times in Counter(names).items() if name and times > 1]
        if twice:
            message = f"the header names {listed(twice)} more than once"
            raise BadTable(RowProblem(1, "duplicate-column", message, "rename or delete all but one of them"))
        return names

    def _lines(self) -> Iterator[str]:
        """The lines as text with their ends; `_broken` is set where one of them is none."""
        read = self._stream.readline
        piece = read(LONGEST).removeprefix(BOM)
        while piece:
            if len(piece) == LONGEST:
                piece = self._passed_over(piece)
            self._held += len(piece)
            if self._held > 2 * LONGEST:
                raise csv.Error("row larger than memory")
            try:
                text = piece.decode()
                if "\0" in text:
                    self._broken = _NUL
            except UnicodeDecodeError as error:
                self._broken = _not_utf_8(error)
                text = piece.decode(errors="replace")
            yield text
            piece = read(LONGEST)

    def _passed_over(self, piece: bytes) -> bytes:
        """An empty line in the place of one that is too long for memory."""
        while piece and not piece.endswith(b"\n"):
            self._broken = _Broken(
                "line-too-long", f"the line has more than {LONGEST:,} bytes", "is a line end missing, or a quote?"
            )
            piece = self._stream.readline(LONGEST)
        return b"\n" if self._broken else piece


def _picker(indexes: Sequence[int]) -> Callable[[Sequence[str]], Sequence[Any]]:
    """What takes the cells at `indexes` out of a row."""
    if len(indexes) == 1:
        only = indexes[0]
        return lambda row: (row[only],)
    return itemgetter(*indexes) if indexes else lambda _row: ()


def _explained(place: int, error: csv.Error) -> RowProblem:
    for words, explained in _EXPLAINED.items():
        if words in str(error):
            return RowProblem(place, *explained)
    return RowProblem(place, "bad-quoting", str(error))


def _not_utf_8(error: UnicodeDecodeError) -> _Broken:
    return _Broken("not-utf-8", f"byte {error.start + 1} of the line is not UTF-8", "save the file as UTF-8")

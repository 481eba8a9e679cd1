"""The rows of a table as the request lines that they are rendered to: a stream, made while it is read."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import BinaryIO

from batchrunner.inputs.allowance import uncounted
from batchrunner.inputs.tables.delimited import DelimitedReader
from batchrunner.inputs.tables.objects import ObjectReader
from batchrunner.inputs.tables.places import Places
from batchrunner.inputs.tables.problems import Problems, Report, RowProblem
from batchrunner.inputs.tables.reading import KnownColumn, Reader
from batchrunner.manifest import Template
from batchrunner.printable import brief
from batchrunner.references import FORBIDDEN, BadReferences, Column
from batchrunner.renderer import BadRow, Renderer, Use
from batchrunner.suggestions import listed
from batchrunner.templates import BadTemplate, FieldProblem, compiled

_WRONG = 4
"""How many rows could be rendered in the time that it takes to find out what is wrong with one."""
_BLOCK = 1 << 16
"""Characters that are rendered before they are handed out."""
_GUESSED, _COMPARED = 20, 1000
"""Columns for which, and among which, the one is looked for that was meant: comparing words takes its time."""


def format_of(path: str) -> str:
    """How the table at `path` is written, by the end of its name: `csv`, `tsv`, `jsonl` or `parquet`."""
    return path.rpartition(".")[2].lower()


class RenderedRows(io.RawIOBase):
    """Renders the table in `stream`, written as `format` says, from its row after the first `before`, `requests` rows
    of it, or all.

    Rows with a problem are left out; `problems` has them. `made` is told how many bytes are rendered, in how many rows,
    while they are, and stops that by raising. `stream` is closed with this one, and must be seekable to be read again.
    Raises `BadTemplate` for a template that does not fit the columns, or makes lines longer than `longest`; `BadTable`
    for a table of which no row can be read, `Refused` where reading it needs what is not installed.
    """

    def __init__(
        self,
        stream: BinaryIO,
        format: str,
        template: Template,
        *,
        before: int = 0,
        requests: int | None = None,
        longest: int | None = None,
        made: Callable[[int, int], None] = uncounted,
    ) -> None:
        self._stream = stream
        self._format = format
        self._renderer = Renderer(template)
        if longest is not None and self._renderer.least > longest:
            raise BadTemplate((_too_long(self._renderer.least, longest),))
        self._before = before
        self._requests = requests
        self._made = made
        self.problems = Problems()
        self.places = Places()
        self._reader = self._begun(self.problems.add)
        if self._reader.has_header:
            self._check(self._renderer.uses)
        self._lines = self._rendered(self._reader, self.problems, self.places)
        self._block = memoryview(b"")

    @property
    def columns(self) -> Mapping[str, KnownColumn]:
        """The columns by name, in order; of a table without a header those that were read so far."""
        return self._reader.columns

    @property
    def has_lines(self) -> bool:
        """Whether places are lines of the file, else they are numbers of rows."""
        return self._reader.has_lines

    def check_columns(self) -> None:
        """Once all was read: raises `BadTemplate` for columns that no row had."""
        if self.columns:
            self._check(self._renderer.uses)

    @property
    def unknown(self) -> frozenset[str]:
        """The columns that the template uses and the table does not have."""
        return frozenset(self._renderer.columns) - self.columns.keys()

    def readable(self) -> bool:
        """True: this is what it is for (io)."""
        return True

    def seekable(self) -> bool:
        """True: it goes back to its start (io)."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go back to the start, the only place there is to go to. Problems are not told again."""
        if offset or whence != io.SEEK_SET:
            raise io.UnsupportedOperation("rendered rows are read from their start")
        self._stream.seek(0)
        again = Problems()
        self._lines = self._rendered(self._begun(again.add), again, Places())
        self._block = memoryview(b"")
        return 0

    def readinto(self, buffer: "bytearray | memoryview", /) -> int:  # type: ignore[override]
        """Fill `buffer` from its start with what is at hand; how many bytes that is, 0 at the end (io)."""
        if not self._block:
            self._block = memoryview(self._next_block())
        with memoryview(buffer) as room:
            count = min(len(room), len(self._block))
            room[:count] = self._block[:count]
        self._block = self._block[count:]
        return count

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes, at least one until the end; all there are where `size` is negative (io)."""
        if size < 0:
            return self.readall()
        if not self._block:
            self._block = memoryview(self._next_block())
        read, self._block = self._block[:size], self._block[size:]
        return read.tobytes()

    def close(self) -> None:
        """Close the stream under it too (io)."""
        self._stream.close()
        super().close()

    def _next_block(self) -> bytes:
        lines, size = [], 0
        for line in self._lines:
            lines.append(line)
            size += len(line)
            if size >= _BLOCK:
                break
        self._made(size, len(lines))
        return "".join(lines).encode()

    def _begun(self, report: Report) -> Reader:
        if self._format == "parquet":
            # Loaded only for those who have such tables: it needs what not everybody has installed.
            from batchrunner.inputs.tables.parquet import ParquetReader

            return ParquetReader(self._stream, report)
        if self._format == "jsonl":
            return ObjectReader(self._stream, report)
        return DelimitedReader(self._stream, "\t" if self._format == "tsv" else ",", report)

    def _rendered(self, reader: Reader, problems: Problems, places: Places) -> Iterator[str]:
        render = self._renderer.line
        for place, values in islice(reader.rows(self._renderer.columns, self._before), self._requests):
            try:
                line = render(values)
            except BadRow as bad:
                if not reader.has_lines:
                    self._made(0, _WRONG)  # of a column that says one thing of many rows
                for each in bad.problems:
                    missing = each.column if each.code == "missing-value" else ""
                    problems.add(RowProblem(place, each.code, each.message, each.hint, missing))
                continue
            places.add(place)
            yield line

    def _check(self, uses: tuple[Use, ...]) -> None:
        problems: list[FieldProblem] = []
        near = [*islice(self.columns, _COMPARED)]
        for use in uses:
            if (problem := _unfit(use, self.columns, near if len(problems) < _GUESSED else ())) is not None:
                problems.append(problem)
        if problems:
            raise BadTemplate(tuple(dict.fromkeys(problems)))


def _too_long(least: int, longest: int) -> FieldProblem:
    message = f"without a value of any row, the request has {least:,} characters; a line takes {longest:,} bytes"
    return FieldProblem(("input", "body"), "line-too-long", message, "shorten it: every row is sent with all of it")


def _unfit(use: Use, columns: Mapping[str, KnownColumn], near: Sequence[str]) -> FieldProblem | None:
    """Why no row has a value for `use`, and which of `near` may be meant; None where rows may have one."""
    known, name = columns.get(use.column), brief(use.column)
    if known is None:
        message = f"the table has no column `{name}`"
        return FieldProblem(use.field, "unknown-column", message, _column_hint(use.column, columns, near))
    if known.unreadable:
        hint = "write it as text, or leave it out"
        return FieldProblem(use.field, "unreadable-column", f"column `{name}` {known.unreadable}", hint)
    if known.is_nested and use.is_text:
        hint = "let the reference stand alone: the value then keeps its type"
        return FieldProblem(use.field, "not-a-scalar", f"column `{name}` holds lists or objects, not text", hint)
    return None


def _column_hint(name: str, columns: Mapping[str, KnownColumn], near: Sequence[str]) -> str:
    if not columns:
        return "no column of it has a name"
    padded = next((column for column in columns if column.strip() == name), "")
    if padded:
        return f"it has `{padded}`, with spaces around it: take them away"
    only = next(iter(columns))
    if len(columns) == 1 and any(delimiter in only for delimiter in ";\t|"):
        return f"it has one column, `{brief(only)}`: separate its cells by commas"
    return f"{_meant(name, near)} it has {listed(map(brief, columns))}".strip()


def _meant(name: str, columns: Sequence[str]) -> str:
    """The one of `columns` that is most like `name`, as a reference to it is written."""
    same = next((column for column in columns if column.lower() == name.lower()), "")
    # Only mistakes need it, and it takes 3 ms to import.
    from difflib import get_close_matches

    near = [same] if same else get_close_matches(name, columns, n=1)
    if not near:
        return ""
    reference = f"${{row.{near[0]}}}"
    if _is_reference(reference):
        return f"did you mean `{reference}`?"
    return f"rename `{brief(near[0])}`: no reference can have such a name;"


def _is_reference(text: str) -> bool:
    try:
        return not FORBIDDEN.search(text) and isinstance(compiled(text)[0], Column)
    except BadReferences:
        return False

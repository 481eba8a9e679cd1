"""The headers of the pages of a Parquet file, which alone say how much memory a page takes.

They are in Thrift's compact protocol. Everything in them is untrusted.
"""

from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, NamedTuple

from batchrunner.inputs.tables.problems import BadTable, RowProblem
from batchrunner.inputs.tables.reading import LONGEST

_RATIO = 16
"""How much larger than in the file a page may become that is larger than any line."""
_VALUES_RATIO, _VALUE = 64, 8
"""The same for the values of lists, and the bytes that each of those takes at least: many take none in a file."""

_AT_ONCE = 8 << 20  # bytes, about, unless a row has more
_LONGEST_ROW = 3 * LONGEST
"""Bytes that the values of a row may take: a dictionary has up to 1 MB as files are usually written."""

_SHORT, _LONG = 512, 1 << 20
"""Bytes in which most headers are, and in which all are: they may hold the least and the largest value of a page."""
_DEEPEST = 8
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _STRUCT = 1, 2, 3, 7, 8, 12
_INTEGERS = (4, 5, 6)
_WITH_VALUES = (5, 7, 8)
_DICTIONARY = 2


class Page(NamedTuple):
    """A page takes `size` bytes of memory, of `held` bytes in the file, and has so many `values`."""

    size: int
    held: int
    values: int
    is_dictionary: bool


def pages_from(stream: BinaryIO, starts: Iterable[int | None], size: int) -> Iterator[Page]:
    """The pages of a column from the first of `starts` on, which take `size` bytes. Raises `BadTable`."""
    start = min(filter(None, starts), default=0)
    end = start + size
    while start < end:
        fields, length = _header(stream, start)
        page = _page(fields)
        yield page
        start += length + page.held


def largest_value(pages: Iterable[Page], is_repeated: bool) -> int:
    """How many bytes a value takes, about, in a column that `is_repeated` where it has many values in a row.

    Raises `BadTable` for a page that makes too much of too little.
    """
    most = 0
    for page in pages:
        made = _VALUE * page.values if is_repeated else 0
        if page.size > max(LONGEST, _RATIO * page.held) or made > max(LONGEST, _VALUES_RATIO * page.held):
            size = max(page.size, made)
            raise _too_large(f"a page of {page.held:,} bytes stands for {size:,} bytes, which are read at once")
        most = max(most, page.size if page.is_dictionary else page.size // max(page.values, 1))
    return most


def rows_of(size: int) -> int:
    """How many rows are read at once whose values take about `size` bytes. Raises `BadTable` where one is too many."""
    if size > _LONGEST_ROW:
        raise _too_large(f"the columns that are used have values of {size:,} bytes together, which are read at once")
    return max(1, _AT_ONCE // size)


def _too_large(message: str) -> BadTable:
    return BadTable(RowProblem(0, "page-too-large", message, "write the file anew, with smaller pages or values"))


def _page(fields: dict[int, Any]) -> Page:
    counts = [fields[number].get(1, 0) for number in _WITH_VALUES if isinstance(fields.get(number), dict)]
    numbers = (fields.get(2), fields.get(3), max(counts, default=0))
    if not all(isinstance(number, int) and number >= 0 for number in numbers):
        raise _unreadable("has no sizes")
    size, held, values = numbers
    return Page(size, held, values, fields.get(1) == _DICTIONARY)  # type: ignore[arg-type]


def _header(stream: BinaryIO, start: int) -> tuple[dict[int, Any], int]:
    for size in (_SHORT, _LONG):
        stream.seek(start)
        compact = _Compact(stream.read(size))
        try:
            return compact.struct(), compact.at
        except IndexError:
            continue
    raise _unreadable("has no end")


def _unreadable(what: str) -> BadTable:
    hint = "write the file anew as Parquet"
    return BadTable(RowProblem(0, "unreadable-table", f"no row can be read: the header of a page {what}", hint))


class _Compact:
    """Reads structs; what is not a number, or a struct with numbers, is passed over. Raises `IndexError` at the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """The fields of a struct by their numbers."""
        if depth > _DEEPEST:
            raise _unreadable("is nested too deeply")
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._signed()
            fields[number] = self._value(head & 15, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (_TRUE, _FALSE):
            return None
        if kind in _INTEGERS:
            return self._signed()
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind in (_BYTE, _DOUBLE, _BINARY):
            self._pass_over(self._unsigned() if kind == _BINARY else 1 if kind == _BYTE else 8)
            return None
        raise _unreadable("has what no header has")

    def _pass_over(self, size: int) -> None:
        self.at += size
        if self.at > len(self._data):
            raise IndexError

    def _byte(self) -> int:
        self.at += 1
        return self._data[self.at - 1]

    def _unsigned(self) -> int:
        value = shift = 0
        while (byte := self._byte()) & 128:
            value |= (byte & 127) << shift
            shift += 7
            if shift > 63:
                raise _unreadable("has a number that is too long")
        return value | byte << shift

    def _signed(self) -> int:
        value = self._unsigned()
        return value >> 1 ^ -(value & 1)

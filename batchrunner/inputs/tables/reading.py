"""What every reader of a table is to whoever renders its rows, and what texts have in common."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

LONGEST: Final = 16 << 20
"""Bytes of a line, and characters of a cell: a request line may not be longer either."""

BOM: Final = b"\xef\xbb\xbf"

Row = tuple[int, Sequence[Any]]
"""The place of a row, and its values in the order that was asked for."""


class KnownColumn(NamedTuple):
    """What is known of a column before its rows are read. `unreadable` says why its values cannot be used at all."""

    unreadable: str = ""
    is_nested: bool = False


class Reader(Protocol):
    """Reads a table once, from its start, in flat memory. Rows with a problem are reported and left out."""

    @property
    def columns(self) -> Mapping[str, KnownColumn]:
        """The columns by name; where `has_header` is false, those that the rows read so far have."""
        ...

    @property
    def has_header(self) -> bool:
        """Whether the columns are known before the first row."""
        ...

    @property
    def has_lines(self) -> bool:
        """Whether the place of a row is a line of the file."""
        ...

    def rows(self, columns: Sequence[str], skip: int) -> Iterator[Row]:
        """The rows but for the first `skip`, with their values in `columns`."""
        ...

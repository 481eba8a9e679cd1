"""Opens what a source stands for: exactly the bytes that are sent, which end where they do."""

import io
import os
from collections.abc import Callable
from typing import BinaryIO, cast

from batchrunner.inputs.opening import InputRefused, open_beneath
from batchrunner.manifest import LocalFile, Template
from batchrunner.records import replace
from batchrunner.retries import FOLDER


def open_content(root: str, source: LocalFile) -> BinaryIO:
    """The bytes of `source`, whose path is opened beneath `root`, for reading once; reads may give less than asked for.

    A shard is a slice of its file; rows of a table are rendered as they are read. Raises `InputRefused` for what cannot
    be opened, and `input-changed` for a file that does not have its planned size; a slice looks again at its end, so
    that reading it through raises this too. That the bytes are those which were planned is for the reader to prove, by
    their digest.
    """
    folder, _, name = source.path.rpartition("/")
    if folder == FOLDER:  # hidden from specs, whose inputs are never hidden; it holds what was sent before
        root, source = os.path.join(root, folder), replace(source, path=name)
    if source.template is not None:
        return _rendered(open_beneath(root, source.path), source, source.template)
    file = cast("io.FileIO", cast("io.BufferedReader", open_beneath(root, source.path)).detach())
    try:
        _check_size(file, source)
        if source.part is None:
            return cast("BinaryIO", file)
        file.seek(source.part.start)
        return cast("BinaryIO", Slice(file, source.size, lambda: _check_size(file, source)))
    except BaseException:
        file.close()
        raise


class Slice(io.RawIOBase):
    """The next `size` bytes of `stream`, or less where it ends before. `at_end` is called when they were all read."""

    def __init__(self, stream: io.RawIOBase, size: int, at_end: Callable[[], None]) -> None:
        self._stream = stream
        self._left = size
        self._at_end = at_end

    def readable(self) -> bool:
        """True: this is what it is for (io)."""
        return True

    def readinto(self, buffer: "bytearray | memoryview", /) -> int:  # type: ignore[override]
        """Fill `buffer` from its start; how many bytes were read, 0 at the end (io)."""
        if not self._left:
            self._at_end()
            return 0
        with memoryview(buffer) as room, room[: self._left] as wanted:
            count = self._stream.readinto(wanted) or 0
        self._left -= count
        return count

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes, at least one until the end; all there are where `size` is negative (io)."""
        if size < 0:
            return self.readall()
        if not self._left:
            self._at_end()
            return b""
        # Not through `readinto`, which would copy each piece once more.
        data: bytes = self._stream.read(min(size, self._left)) or b""
        self._left -= len(data)
        return data

    def close(self) -> None:
        """Close the stream under it too (io)."""
        self._stream.close()
        super().close()


def _rendered(table: BinaryIO, source: LocalFile, template: Template) -> BinaryIO:
    # Loaded only for those who have tables.
    from batchrunner.inputs.tables import BadTable, RenderedRows, format_of
    from batchrunner.templates import BadTemplate

    # Rows that came after the last are looked for; behind a shard there are those of the next.
    rows_before, requests = (source.part.before, source.requests) if source.part else (0, None)
    try:
        rows = RenderedRows(table, format_of(source.path), template, before=rows_before, requests=requests)
    except BaseException as error:
        table.close()
        if isinstance(error, BadTable | BadTemplate):
            message = f"{source.path} is another table than it was when it was planned"
            raise InputRefused("input-changed", message) from None
        raise
    return cast("BinaryIO", Slice(rows, source.size, lambda: _check_end(rows, source)))


def _check_end(rows: io.RawIOBase, source: LocalFile) -> None:
    if rows.read(1):
        raise InputRefused("input-changed", f"{source.path} has more rows than it had when it was planned")


def _check_size(file: io.FileIO, source: LocalFile) -> None:
    planned = source.part.whole_size if source.part else source.size
    found = os.fstat(file.fileno()).st_size
    if found != planned:
        how = "longer" if found > planned else "shorter"
        raise InputRefused("input-changed", f"{source.path} is {how} than it was when it was planned")

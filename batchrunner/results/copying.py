"""Copies lines out of downloaded files: neighbours in one go, in pieces of about a mebibyte."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from batchrunner.durable import write_all
from batchrunner.results.disk import BLOCK

KEPT = 64 << 20
"""Bytes of the files of one shard that may be in memory, so that lines in another order are not read one by one."""


_STEP = 8 << 20

Place = tuple[int, int, int]
"""Where a line is: the number of its file, the byte that it starts at, and its size in bytes, its end included."""


class Room:
    """Memory for files that are read whole, used again for one shard after the other."""

    def __init__(self, size: int = KEPT) -> None:
        self._size = size
        self._bytes = bytearray()
        self._used = 0

    def reserve(self, sizes: Iterable[int]) -> None:
        """Be large enough for files of `sizes`, as far as there may be."""
        self._used = 0
        wanted = min(sum(sizes), self._size)
        if len(self._bytes) < wanted:
            self._bytes = bytearray()  # given back before more is asked for
            self._bytes = bytearray(min(-(-wanted // _STEP) * _STEP, self._size))

    def take(self, size: int) -> memoryview | None:
        """`size` bytes that hold anything; None where there is no room for them."""
        start, end = self._used, self._used + size
        if end > len(self._bytes):
            return None
        self._used = end
        return memoryview(self._bytes)[start:end]


class Source:
    """A file that lines are read from. What lies behind its end is a line end: its last line may lack one."""

    def __init__(self, path: Path, room: Room) -> None:
        self._file = path.open("rb", buffering=0)
        self._size = os.fstat(self._file.fileno()).st_size
        self.content = room.take(self._size + 1)
        if self.content is not None:
            self._fill(self.content)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def read(self, start: int, size: int) -> bytes:
        """The bytes of lines, with the end of the last."""
        if self.content is not None:
            return bytes(self.content[start : start + size])
        data = os.pread(self._file.fileno(), size, start)
        # From some file systems one read gives less than was asked for.
        while len(data) < size and (more := os.pread(self._file.fileno(), size - len(data), start + len(data))):
            data += more
        return data if len(data) == size else data + b"\n"

    def _fill(self, content: memoryview) -> None:
        filled = 0
        while count := self._file.readinto(content[filled : self._size]):
            filled += count
        content[filled:] = b"\n" * (len(content) - filled)


class Copier:
    """Writes lines of `paths` to the file that is open as `descriptor`, in the order in which they are added."""

    def __init__(self, paths: Sequence[Path], descriptor: int, room: Room) -> None:
        self._paths = paths
        self._descriptor = descriptor
        self._room = room
        self._sources: list[Source] = []
        self._contents: list[memoryview] = []
        self._stack = ExitStack()
        self.written = 0

    def __enter__(self) -> Self:
        self._room.reserve(path.stat().st_size + 1 for path in self._paths)
        for path in self._paths:
            source = Source(path, self._room)
            self._stack.callback(source.close)
            self._sources.append(source)
            if source.content is not None:
                self._contents.append(source.content)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def add(self, places: Iterable[Place]) -> None:
        """Copy the lines that are at `places`, of which there are some hundreds."""
        contents = self._contents
        if len(contents) == len(self._sources):
            self._write(b"".join([contents[number][start : start + size] for number, start, size in places]))
            return
        for number, start, size in joined(places):
            for begin in range(start, start + size, BLOCK):
                self._write(self._sources[number].read(begin, min(BLOCK, start + size - begin)))

    def read(self, number: int, start: int, size: int) -> bytes:
        """One line."""
        return self._sources[number].read(start, size)

    def _write(self, data: bytes) -> None:
        write_all(self._descriptor, data)
        self.written += len(data)


def joined(places: Iterable[Place]) -> Iterator[Place]:
    """`places`, neighbours as one."""
    number, start, size = -1, 0, 0
    for place in places:
        if place[0] == number and place[1] == start + size:
            size += place[2]
            continue
        if size:
            yield number, start, size
        number, start, size = place
    if size:
        yield number, start, size

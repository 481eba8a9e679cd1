"""Lines of a file of results, with where they lie; in flat memory, whatever the file."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from batchrunner.jsonl import BOM

BLOCK = 1 << 18
LONGEST = 256 << 20
"""Bytes of a line that is looked into. A longer one is no result."""
_NO_TEXT = b"\xff"


class Stream(Protocol):
    """Bytes that are read once."""

    def read(self, size: int, /) -> bytes | None:
        """Up to `size` bytes; none at the end, and only there."""
        ...


class Block(NamedTuple):
    """Whole lines, the last without its end; the first begins at byte `start`. `is_text` where all of it is UTF-8."""

    start: int
    data: bytes
    is_text: bool

    @property
    def lines(self) -> list[bytes]:
        """The lines without their ends; blank ones too."""
        return self.data.split(b"\n")


def blocks_of(stream: Stream) -> Iterator[Block]:
    """The lines of `stream`, a block of about a quarter of a mebibyte at a time, or one that is longer.

    For a line of more than `LONGEST` bytes there is one that is no text. A byte order mark at the start is left out.
    """
    start, held, is_skipping = 0, 0, False
    rest: list[bytes] = []
    while data := stream.read(BLOCK) or b"":
        if is_skipping:
            end = data.find(b"\n") + 1
            start += end or len(data)
            is_skipping, data = not end, data[end:] if end else b""
        end = data.rfind(b"\n")
        if end >= 0:
            whole = b"".join((*rest, memoryview(data)[:end]))
            yield _block(start, whole)
            start, rest, held, data = start + len(whole) + 1, [], 0, data[end + 1 :]
        rest.append(data)
        held += len(data)
        if held > LONGEST:
            yield Block(start, _NO_TEXT, is_text=False)
            start, rest, held, is_skipping = start + held, [], 0, True
    if held:
        yield _block(start, b"".join(rest))


def _block(start: int, data: bytes) -> Block:
    if start == 0 and data.startswith(BOM):
        start, data = len(BOM), data[len(BOM) :]
    return Block(start, data, data.isascii() or is_text(data))


def is_text(data: bytes) -> bool:
    """Whether `data` is UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True

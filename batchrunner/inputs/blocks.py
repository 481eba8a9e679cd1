"""Reads a stream of lines in blocks of about a mebibyte, and digests them beside whoever looks into them."""

import hashlib
import sys
from collections.abc import Iterator, Sequence
from queue import Queue
from threading import Thread
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from batchrunner.digest import blake3

BLOCK = 1 << 20
_FIRST = 1 << 16  # small: what its lines are like helps with the rest
_AHEAD = 3
# Seconds. The digesting thread needs the interpreter for moments, several times a block; waiting the usual 5 ms for
# each held up whoever fills the queue: a gigabyte took half as long again.
_SWITCH = 1e-4
_MARKS = len(b"\xef\xbb\xbf\r\n")  # what a line may have beside its text


class Lines(Protocol):
    """A stream of request lines: an open file, or rows as they are rendered. Read once, and again for suspected ids."""

    def read(self, size: int, /) -> bytes | None:
        """Up to `size` bytes; none at the end, and only there."""
        ...

    def seek(self, offset: int, /) -> int:
        """Go back to the start: `offset` is 0."""
        ...


class Block(NamedTuple):
    """Whole lines with their ends, which the last of all may lack; or a piece of a line that is too long to be one.

    `begins` says that a line begins where this does, which further pieces of a line do not.
    """

    data: bytes
    is_whole: bool = True
    begins: bool = True


def blocks_of(stream: Lines, longest: int) -> Iterator[Block]:
    """What `stream` holds, in order. Pieces are of lines that have more than `longest` bytes without their end.

    Never holds more than a block beside the longest line.
    """
    rest: list[bytes] = []
    held, begins = 0, True
    size = _FIRST
    while data := _read(stream, size):
        if len(data) == size < BLOCK:  # there may be more
            size = BLOCK
            _keep_memory()
        if not begins:
            end = data.find(b"\n") + 1 or len(data)
            yield Block(data[:end], is_whole=False, begins=False)
            begins, data = data[end - 1 : end] == b"\n", data[end:]
        if stop := data.rfind(b"\n") + 1:
            yield Block(b"".join((*rest, memoryview(data)[:stop])))
            rest, held, data = [], 0, data[stop:]
        rest.append(data)
        held += len(data)
        if held > longest + _MARKS:
            yield Block(b"".join(rest), is_whole=False)
            rest, held, begins = [], 0, False
    if held:
        yield Block(b"".join(rest))


def _keep_memory() -> None:
    """Have the C library keep memory of the size of blocks for the next ones.

    As a rule glibc gives that back to the system at once, and a fifth of the time would go into page faults. It learns
    from what it is given back, here memory that was never touched.
    """
    bytes(_AHEAD * 2 * BLOCK)


def _read(stream: Lines, size: int) -> bytes:
    """`size` bytes, whatever smaller pieces the stream gives; less at its end."""
    data = stream.read(size) or b""
    if not data or len(data) >= size:
        return data
    pieces, held = [data], len(data)
    while held < size and (data := stream.read(size - held) or b""):
        pieces.append(data)
        held += len(data)
    return b"".join(pieces)


class Digests(NamedTuple):
    """What content is known by, as a `LocalFile` has it."""

    sha256: str
    blake3: str


class Digester:
    """Digests blocks in a thread of its own, whole and in the parts they are cut into.

    Where nothing is cut, SHA-256 is taken once: the first part's is a copy of the whole one, made where it ends. Few
    large blocks go through: the thread needs the interpreter for moments only, which reading the next block gives it.
    """

    def __init__(self) -> None:
        self._whole = hashlib.sha256()
        self._part: hashlib._Hash | None = None
        self._fast = blake3()
        self._parts: list[Digests] = []
        self._blocks: Queue[tuple[bytes, Sequence[int]] | None] = Queue(_AHEAD)
        self._thread: Thread | None = None
        self._waiting: tuple[bytes, Sequence[int]] | None = None
        self._interval = sys.getswitchinterval()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop()

    def add(self, block: bytes, cuts: Sequence[int] = ()) -> None:
        """Digest `block` too. A part ends, and the next begins, at each of `cuts`: offsets in the block, in order."""
        if self._thread is None and self._waiting is not None:
            # Most files have one block, which is digested sooner than a thread starts.
            self._thread = Thread(target=self._work, name="digest", daemon=True)
            sys.setswitchinterval(_SWITCH)
            self._thread.start()
            self._blocks.put(self._waiting)
        if self._thread is None:
            self._waiting = block, cuts
        else:
            self._blocks.put((block, cuts))

    def finish(self) -> tuple[str, tuple[Digests, ...]]:
        """`sha256:` and the digest of everything that was added, and the digests of each part."""
        if self._thread is None and self._waiting is not None:
            self._digest(*self._waiting)
        self._stop()
        return f"sha256:{self._whole.hexdigest()}", (*self._parts, self._of_part())

    def _stop(self) -> None:
        if self._thread is not None:
            self._blocks.put(None)
            self._thread.join()
            self._thread = None
            sys.setswitchinterval(self._interval)

    def _work(self) -> None:
        while (item := self._blocks.get()) is not None:
            self._digest(*item)

    def _digest(self, block: bytes, cuts: Sequence[int]) -> None:
        room, start = memoryview(block), 0
        for end in cuts:
            self._update(room[start:end])
            self._parts.append(self._of_part())
            self._part, self._fast = hashlib.sha256(), blake3()
            start = end
        self._update(room[start:])

    def _update(self, piece: memoryview) -> None:
        self._fast.update(piece)
        self._whole.update(piece)
        if self._part is not None:
            self._part.update(piece)

    def _of_part(self) -> Digests:
        part = self._part or self._whole
        return Digests(f"sha256:{part.hexdigest()}", f"blake3:{self._fast.hexdigest()}")

"""A local file on its way to a provider: streamed, and proven to be what was planned."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import BinaryIO

from batchrunner.digest import blake3, sha256
from batchrunner.jobs import Rejected
from batchrunner.manifest import LocalFile
from batchrunner.providers._multipart import Framing

PIECE_BYTES = 256 * 1024


class InputProblem(Exception):
    """The body cannot be finished, so the request is cut short. `outcome` says why."""

    def __init__(self, outcome: Rejected) -> None:
        super().__init__(outcome.code)
        self.outcome = outcome


def unreadable(error: Exception, source: LocalFile) -> Rejected:
    """The outcome for a source that cannot be opened or read. Whoever reads has a code of his own, or is the disk."""
    code = getattr(error, "code", "")
    if code:
        return Rejected(code=str(code), words=str(error))
    words = error.strerror if isinstance(error, OSError) else str(error)
    return Rejected(code="input-unreadable", words=f"{source.path}: {words or 'reading it failed'}")


class ProvenFile:
    """The pieces of an opened source. The last one is given only once all of it is known to be what was planned.

    `problem` is set where it was not, `is_verified` where it was.
    """

    def __init__(self, file: BinaryIO, source: LocalFile) -> None:
        self.problem: Rejected | None = None
        self.is_verified = False
        self._file = file
        self._source = source
        # Measured: reading and SHA-256 cost more than twice what the sending does, with BLAKE3 as much.
        self._digest, planned = (blake3(), source.blake3) if source.blake3 else (sha256(), source.sha256)
        self._planned = planned.rpartition(":")[2]

    def __iter__(self) -> Iterator[bytes]:
        sent = 0
        while piece := self._next(self._source.size - sent):
            yield piece
            sent += len(piece)

    def lines(self) -> Iterator[bytes]:
        """What is between its line breaks."""
        rest = b""
        for piece in self:
            *lines, rest = (rest + piece).split(b"\n")
            yield from lines
        yield rest

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _next(self, left: int) -> bytes:
        piece = self._read(min(left, PIECE_BYTES))
        self._digest.update(piece)
        if len(piece) >= left and not self.is_verified:
            self._verify()
        elif left and not piece:
            raise self._changed("it is shorter than it was when it was planned")
        return piece

    def _verify(self) -> None:
        if self._read(1):
            raise self._changed("it is longer than it was when it was planned")
        if self._digest.hexdigest() != self._planned:
            raise self._changed("its content is not what was planned")
        self.is_verified = True

    def _read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except Exception as error:
            self.problem = unreadable(error, self._source)
            raise InputProblem(self.problem) from error

    def _changed(self, why: str) -> InputProblem:
        self.problem = Rejected(code="input-changed", words=f"{self._source.path}: {why}")
        return InputProblem(self.problem)


class ProvenBody:
    """The body of one send, made of an opened source."""

    def __init__(self, file: ProvenFile, length: int, progress: Callable[[int], None]) -> None:
        self.length = length
        self._file = file
        self._progress = progress

    @property
    def problem(self) -> Rejected | None:
        """Why the file cannot be sent; None as far as it can."""
        return self._file.problem

    @property
    def is_verified(self) -> bool:
        """Whether all of the file was what was planned."""
        return self._file.is_verified

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class FileBody(ProvenBody):
    """The multipart body of one upload. `progress` is called with the bytes of the file handed over so far.

    A changed file never arrives whole.
    """

    def __init__(self, file: BinaryIO, source: LocalFile, frame: Framing, progress: Callable[[int], None]) -> None:
        super().__init__(ProvenFile(file, source), len(frame.head) + source.size + len(frame.tail), progress)
        self._frame = frame

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._frame.head
        sent = 0
        for piece in self._file:
            yield piece
            sent += len(piece)
            self._progress(sent)
        yield self._frame.tail

"""A local file on its way to a provider: streamed, and proven to be the file that was planned."""

import hashlib
from collections.abc import AsyncIterator, Callable
from typing import BinaryIO

from batchrunner.jobs import Rejected
from batchrunner.manifest import LocalFile
from batchrunner.providers._multipart import Framing

PIECE_BYTES = 256 * 1024


class InputProblem(Exception):
    """The body cannot be finished, so the request is cut short. `outcome` says why."""

    def __init__(self, outcome: Rejected) -> None:
        super().__init__(outcome.code)
        self.outcome = outcome


class FileBody:
    """The multipart body of one upload. `progress` is called with the bytes of the file handed over so far.

    The last piece is kept back until all of the file is known to have the planned digest and size, so that a changed
    file never arrives whole. `problem` is set where it did not have, `is_verified` where it had.
    """

    def __init__(self, file: BinaryIO, source: LocalFile, frame: Framing, progress: Callable[[int], None]) -> None:
        self.length = len(frame.head) + source.size + len(frame.tail)
        self.problem: Rejected | None = None
        self.is_verified = False
        self._file = file
        self._source = source
        self._frame = frame
        self._progress = progress
        self._digest = hashlib.sha256()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._frame.head
        sent = 0
        while piece := self._next(self._source.size - sent):
            yield piece
            sent += len(piece)
            self._progress(sent)
        yield self._frame.tail

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _next(self, left: int) -> bytes:
        piece = self._read(min(left, PIECE_BYTES))
        self._digest.update(piece)
        if len(piece) >= left and not self.is_verified:
            self._verify()
        elif left and not piece:
            raise self._failed("input-changed", "it is shorter than it was when it was planned")
        return piece

    def _verify(self) -> None:
        if self._read(1):
            raise self._failed("input-changed", "it is longer than it was when it was planned")
        if self._digest.hexdigest() != self._source.sha256.removeprefix("sha256:"):
            raise self._failed("input-changed", "its content is not what was planned")
        self.is_verified = True

    def _read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except OSError as error:
            raise self._failed("input-unreadable", error.strerror or "reading it failed") from error

    def _failed(self, code: str, why: str) -> InputProblem:
        self.problem = Rejected(code=code, words=f"{self._source.path}: {why}")
        return InputProblem(self.problem)

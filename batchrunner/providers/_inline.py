"""A local file whose requests travel in the create: measured, proven to be what was planned, and streamed."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import BinaryIO

from batchrunner.jobs import Rejected
from batchrunner.manifest import LocalFile
from batchrunner.providers._filebody import InputProblem, ProvenBody, ProvenFile, unreadable

Pieces = Callable[[Iterator[bytes]], Iterator[bytes]]
"""Makes a body of request lines."""


class InlineBody(ProvenBody):
    """The body of one send. A changed file never arrives whole: its last piece is kept back until it is proven."""

    def __init__(self, file: ProvenFile, pieces: Pieces, length: int, progress: Callable[[int], None]) -> None:
        super().__init__(file, length, progress)
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        sent = 0
        for piece in self._pieces(self._file.lines()):
            yield piece
            sent += len(piece)
            self._progress(sent)


class InlineBodies:
    """Makes the body of each send of one create from `source`, which is opened afresh for it.

    How long it is has to be said before it is sent: not every service takes a body of unknown length. So the file is
    read once more than it is sent, and what has changed is noticed before anything leaves.
    """

    def __init__(
        self,
        source: LocalFile,
        pieces: Pieces,
        open_input: Callable[[LocalFile], BinaryIO],
        progress: Callable[[int], Callable[[int], None]],
    ) -> None:
        self._source = source
        self._pieces = pieces
        self._open_input = open_input
        self._progress = progress
        self._length: int | None = None

    def measure(self) -> Rejected | None:
        """Read all of it, once; why it cannot be sent, None where it can. May take seconds."""
        if self._length is not None:
            return None
        file = self._opened()
        if isinstance(file, Rejected):
            return file
        try:
            self._length = sum(map(len, self._pieces(file.lines())))
        except InputProblem as problem:
            return problem.outcome
        finally:
            file.close()
        return None

    def body(self) -> InlineBody | Rejected:
        """The body of the next send, once it was measured, or why there is none."""
        file = self._opened()
        if isinstance(file, Rejected):
            return file
        length = self._length or 0
        return InlineBody(file, self._pieces, length, self._progress(length))

    def _opened(self) -> ProvenFile | Rejected:
        try:
            return ProvenFile(self._open_input(self._source), self._source)
        except Exception as error:  # whoever opens decides what raises
            return unreadable(error, self._source)

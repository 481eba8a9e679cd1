"""One download on its way: result lines to the end of a file, from wherever an earlier attempt left off."""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from batchrunner.events import Downloading
from batchrunner.jobs import Deferred, Download, Downloaded, Outcome, Rejected
from batchrunner.ports import Clock
from batchrunner.providers._asking import deferred, refusal
from batchrunner.providers._calls import Call, Reply, Result
from batchrunner.providers._finding import Ask
from batchrunner.providers._partfile import PartFile, unwritable
from batchrunner.providers._verdicts import Again, Redact

_WRITE_BYTES = 1024 * 1024
_INTERVAL_SECONDS = 0.1
_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")
_BEYOND = re.compile(r"bytes \*/([0-9]{1,18})")
_NUMBER = re.compile(r"[0-9]{1,18}")
_LINES = re.compile(rb"(?:\xef\xbb\xbf)?[\s]*(?:\{|\Z)")
_STRONG = re.compile(r'"[!#-~]{0,200}"')


class Surroundings(NamedTuple):
    """What a download needs of the client it is sent by."""

    redact: Redact
    clock: Clock
    report: Callable[[Downloading], None]


class DownloadingFile:
    """A download, and the sink of its bytes. `call` makes the request from a byte on.

    A file at the provider does not change. Where a reply says otherwise (another size or another ETag), or where no
    range was honoured, what is here is dropped and all of it comes anew. A reply that is whole, but ends within a line,
    is believed to be all there is when it says so twice.
    """

    is_patient = False

    def __init__(self, job: Download, part: PartFile, call: Callable[[int], Call], around: Surroundings) -> None:
        self.address = job.address
        self._part = part
        self._call = call
        self._redact = around.redact
        self._clock = around.clock
        self._report = around.report
        self._path = job.target
        self._pieces: list[bytes] = []
        self._waiting = 0
        self._best = part.size
        self._size: int | None = None
        self._doubted = -1
        self._is_anew = False
        self._etag = ""
        self._problem: Rejected | Deferred | None = None
        self._unwanted: Rejected | Again | None = None
        self._due = time.monotonic() + _INTERVAL_SECONDS

    async def look(self, ask: Ask) -> None:
        """Nothing: what is here was looked at when the file was opened."""

    def next(self, server_time: datetime | None) -> Call | Outcome:
        """The request for what is missing."""
        self._unwanted, self._is_anew = None, False
        call = self._call(self._part.size)
        if self._etag and self._part.size:
            # RFC 9110 §13.1.5: the rest of another file is no use.
            call = call._replace(headers=(*call.headers, ("If-Range", self._etag)))
        return call._replace(sink=self)

    def takes(self, status: int, headers: Mapping[str, str]) -> bool:
        """Whether what follows goes on where the file ends, or is all of it."""
        if status not in {200, 206}:
            return False
        self._unwanted = _unwanted(headers) or (self._rest(headers) if status == 206 else None)
        if status == 200 and self._unwanted is None:
            self._begin_anew(headers)
        return self._unwanted is None and self._problem is None

    async def take(self, piece: bytes) -> None:
        """The next bytes. Raises `OSError` where they cannot be kept, `ValueError` where they are no result lines."""
        if self._is_anew:
            self._look_at(piece)
        self._pieces.append(piece)
        self._waiting += len(piece)
        if self._waiting >= _WRITE_BYTES:
            pieces, self._pieces, self._waiting = self._pieces, [], 0
            try:
                await asyncio.to_thread(self._part.write, pieces)
            except OSError as error:
                self._problem = unwritable(error, self._path)
                raise
            self._tell()

    def judge(self, result: Result) -> Outcome | Again:
        """What `result` settles."""
        self._write_rest()
        if settled := self._problem or self._unwanted:
            return settled
        if not isinstance(result, Reply):
            return Again(result.code, words=self._redact(result.words), has_advanced=self._has_advanced())
        if result.status in {200, 206}:
            return self._received(result)
        if result.status == 416:
            return self._beyond(result)
        return refusal(result, self._redact, self._clock.now())

    def give_up(self, again: Again) -> Outcome:
        """What came is kept for the next time."""
        return deferred(again)

    def _begin_anew(self, headers: Mapping[str, str]) -> None:
        length = headers.get("content-length", "")
        self._size = int(length) if _NUMBER.fullmatch(length) else None
        self._keep(headers)
        self._is_anew = True

    def _look_at(self, first: bytes) -> None:
        """What is here is only given up for something better."""
        if not _LINES.match(first):
            self._unwanted = Again("unusable-reply", 200, "what came in place of results is no JSON")
            raise ValueError(self._unwanted.words)
        self._restart()

    def _rest(self, headers: Mapping[str, str]) -> Again | None:
        span = _RANGE.fullmatch(headers.get("content-range", ""))
        start, size = (int(span[1]), None if span[3] == "*" else int(span[3])) if span else (-1, None)
        is_same = self._size is None or size in {None, self._size}
        if not (is_same and start == self._part.size > 0):
            self._restart()
            return Again("unusable-range", 206, "the provider sent another part than was asked for")
        self._size = size
        self._keep(headers)
        return None

    def _keep(self, headers: Mapping[str, str]) -> None:
        etag = headers.get("etag", "")
        self._etag = etag if _STRONG.fullmatch(etag) else ""

    def _received(self, reply: Reply) -> Outcome | Again:
        if self._is_anew:
            self._restart()
        if self._size is not None and self._part.size != self._size:
            words = f"{self._part.size} of {self._size} bytes came"
            if self._part.size > self._size:
                self._restart()
            return Again("cut-short", reply.status, words, has_advanced=self._has_advanced())
        if self._doubted != self._part.size and self._part.ends_within_a_line():
            self._doubted, self._size = self._part.size, None
            return Again("cut-short", reply.status, "the results end within a line", has_advanced=self._has_advanced())
        self._tell(is_end=True)
        return Downloaded(size=self._part.size, sha256=self._part.digest)

    def _beyond(self, reply: Reply) -> Outcome | Again:
        """Nothing is left where the file that is here is as long as the provider's (RFC 9110 §15.5.17)."""
        total = _BEYOND.fullmatch(reply.headers.get("content-range", ""))
        if total and int(total[1]) == self._part.size:
            self._size = self._doubted = self._part.size
            return self._received(reply)
        self._restart()
        return self._problem or Again("unusable-range", 416, "the provider has fewer bytes than are here")

    def _restart(self) -> None:
        self._is_anew = False
        if self._part.size:
            try:
                self._part.restart()
            except OSError as error:
                self._problem = unwritable(error, self._path)

    def _write_rest(self) -> None:
        pieces, self._pieces, self._waiting = self._pieces, [], 0
        if self._problem is None:
            try:
                self._part.write(pieces)
            except OSError as error:
                self._problem = unwritable(error, self._path)

    def _has_advanced(self) -> bool:
        before, self._best = self._best, max(self._best, self._part.size)
        return self._best > before

    def _tell(self, *, is_end: bool = False) -> None:
        now = time.monotonic()
        if is_end or now >= self._due:
            self._due = now + _INTERVAL_SECONDS
            self._report(Downloading(address=self.address, received=self._part.size, size=self._size or 0))


def _unwanted(headers: Mapping[str, str]) -> Rejected | None:
    """Why a body is no use whatever is in it: a decoder is an easy way to be sent a disk full."""
    coding = headers.get("content-encoding", "identity")
    if coding.lower() == "identity":
        return None
    words = f"the results came encoded ({coding[:40]}), which was not asked for"
    return Rejected(code="encoded-reply", status=200, words=words)

"""One file upload on its way: its file opened afresh for each send, its progress, and what a result means for it."""

from collections.abc import Callable
from datetime import datetime
from typing import BinaryIO

from batchrunner.events import Uploading
from batchrunner.jobs import Deferred, Outcome, Rejected, Upload, Uploaded
from batchrunner.manifest import LocalFile
from batchrunner.moments import time_of
from batchrunner.ports import Clock
from batchrunner.providers._calls import Call, Reply, Result
from batchrunner.providers._dialect import Dialect
from batchrunner.providers._filebody import FileBody, unreadable
from batchrunner.providers._finding import Ask, FileFinder
from batchrunner.providers._verdicts import Again, Redact, Unusable, judge

UPLOAD_NOT_OFFERED = "upload-not-offered"


class Progress:
    """Reports an upload of `size` bytes at most every 100 ms, and once more when all of it is handed over."""

    INTERVAL_SECONDS = 0.1

    def __init__(
        self, address: str, size: int, report: Callable[[Uploading], None], seconds: Callable[[], float]
    ) -> None:
        self._address = address
        self._size = size
        self._report = report
        self._seconds = seconds
        self._due = seconds() + self.INTERVAL_SECONDS

    def __call__(self, sent: int) -> None:
        """`sent` bytes of the file have been handed over."""
        now = self._seconds()
        if sent < self._size and now < self._due:
            return
        self._due = now + self.INTERVAL_SECONDS
        self._report(Uploading(address=self._address, sent=sent, size=self._size))


class UploadingFile:
    """An upload. Repeating it is free, so whatever is not refused is sent again, with the same key.

    What may have arrived before is looked for first: sending it again would take time, and leave a file that nobody
    uses.
    """

    is_patient = False

    def __init__(
        self,
        job: Upload,
        dialect: Dialect,
        *,
        clock: Clock,
        redact: Redact,
        finder: FileFinder,
        open_input: Callable[[LocalFile], BinaryIO],
        progress: Progress,
    ) -> None:
        self.address = job.address
        self._job = job
        self._dialect = dialect
        self._clock = clock
        self._redact = redact
        self._finder = finder
        self._open_input = open_input
        self._progress = progress
        self._body: FileBody | None = None
        self._since = time_of(job.since)
        self._may_be_there = self._since is not None
        self._doubted = 0
        self._unaccounted = False

    async def look(self, ask: Ask) -> Uploaded | None:
        """The file, where an earlier send that is not accounted for has brought it to the provider."""
        self._since = self._since or self._clock.now()
        if not self._may_be_there:
            return None
        return await self._finder.find(self._job, self._since, self._doubted, ask)

    def next(self, server_time: datetime | None) -> Call | Outcome:
        """The upload with its file opened afresh, or why the file cannot be read."""
        try:
            file = self._open_input(self._job.source)
        except Exception as error:  # whoever opens decides what raises
            return unreadable(error, self._job.source)
        frame = self._dialect.upload_frame(self._job)
        self._body = FileBody(file, self._job.source, frame, self._progress)
        return self._dialect.upload_call(self._job, frame, self._body)

    def judge(self, result: Result) -> Outcome | Again:
        """What `result` settles. A changed file settles it whatever the provider said."""
        if self._body is not None and self._body.problem is not None:
            return self._body.problem
        if isinstance(result, Reply) and result.status in {404, 405}:
            return Rejected(code=UPLOAD_NOT_OFFERED, status=result.status, words=self._dialect.upload_missing)
        verdict = judge(result, in_doubt=self._unaccounted, read=self._read, redact=self._redact, now=self._clock.now())
        if isinstance(verdict, Again) and verdict.ambiguous:
            self._unaccounted = True
            # Without its last piece no file is what it should be, and none is worth looking for.
            self._may_be_there = self._may_be_there or (self._body is not None and self._body.is_verified)
            self._doubted = self._finder.walks
        return verdict

    def give_up(self, again: Again) -> Outcome:
        """An upload that is given up costs nothing and can be done later."""
        return Deferred(code=again.code, status=again.status, words=again.words, retry_after=again.retry_after or 0.0)

    def _read(self, body: bytes) -> Uploaded | Unusable:
        if self._body is None or not self._body.is_verified:
            return Unusable("the reply came before the file was all sent")
        return self._dialect.read_file(body)

"""The follow-up jobs of one provider: what was submitted is looked at, listed, stopped, downloaded, cleared away."""

import asyncio
from collections.abc import Callable
from functools import partial

from batchrunner.events import Event
from batchrunner.facts import ProviderFacts
from batchrunner.jobs import (
    NOT_OFFERED,
    Cancel,
    Deferred,
    Download,
    Downloaded,
    FilesSurveyed,
    FollowUp,
    Look,
    Outcome,
    Rejected,
    RemoteFile,
    Removed,
    RemoveFile,
    Seen,
    Survey,
    Surveyed,
    SurveyFiles,
)
from batchrunner.moments import time_of
from batchrunner.ports import Clock
from batchrunner.providers._asking import Asking, Read
from batchrunner.providers._calls import Call
from batchrunner.providers._dialect import Dialect
from batchrunner.providers._downloading import DownloadingFile, Surroundings
from batchrunner.providers._finding import ListedFile
from batchrunner.providers._http import Client
from batchrunner.providers._partfile import Busy, PartFile, unwritable
from batchrunner.providers._surveying import Surveyor, not_offered
from batchrunner.providers._verdicts import Unusable
from batchrunner.remote import RemoteBatch

MOST_DOWNLOADS = 8
WORTH_GOING_ON = 1024 * 1024
"""How many bytes a run of attempts must bring for another one to follow."""


class FollowUps:
    """Does follow-up jobs by what `dialect` says of them, through `client`."""

    def __init__(
        self,
        dialect: Dialect,
        client: Client,
        *,
        surveyor: Surveyor,
        facts: ProviderFacts,
        clock: Clock,
        report: Callable[[Event], None],
    ) -> None:
        self._dialect = dialect
        self._client = client
        self._surveyor = surveyor
        self._facts = facts
        self._clock = clock
        self._report = report
        # A download takes long, and must leave room for those that only ask.
        self._downloads = asyncio.Semaphore(max(1, min(MOST_DOWNLOADS, client.in_flight // 2)))

    async def run(self, job: FollowUp) -> Outcome:
        """Run one job to an outcome."""
        match job:
            case Look():
                return await self._look(job.address, job.batch_id)
            case Cancel():
                return await self._cancel(job)
            case Survey():
                return await self._survey(job)
            case SurveyFiles():
                return await self._survey_files(job)
            case RemoveFile():
                call = self._dialect.remove_call(job.file_id)
                return await self._ask(job.address, call, lambda _: Removed(), "deleting files")
            case Download():
                return await self._download(job)

    async def _ask(self, address: str, call: Call | None, read: Read, what: str) -> Outcome:
        if call is None:
            return not_offered(what)
        return await self._client.run(Asking(address, call, read, self._client.redact, self._clock))

    async def _look(self, address: str, batch_id: str) -> Outcome:
        return await self._ask(address, self._dialect.look_call(batch_id), partial(self._seen, batch_id), "looking")

    def _seen(self, batch_id: str, body: bytes) -> Seen | Unusable:
        batch = self._dialect.read_batch(body)
        if isinstance(batch, Unusable):
            return batch
        # What a confused gateway says of another batch must not end this one, or have that one's results fetched.
        return Seen(batch=batch) if batch.batch_id == batch_id else Unusable("the reply is about another batch")

    async def _cancel(self, job: Cancel) -> Outcome:
        """Some refuse to stop what has ended: a look tells."""
        read = partial(self._seen, job.batch_id)
        said = await self._ask(job.address, self._dialect.cancel_call(job.batch_id), read, "cancelling")
        if not isinstance(said, Rejected) or said.code == NOT_OFFERED:
            return said
        now = await self._look(job.address, job.batch_id)
        return now if isinstance(now, Seen) and now.batch.is_terminal else said

    async def _download(self, job: Download) -> Outcome:
        if self._dialect.content_call(job.batch_id, job.file, 0) is None:
            return not_offered("downloading results")
        async with self._downloads:
            part = PartFile(job.target)
            try:
                await asyncio.to_thread(part.open)
                said = await self._receive(job, part)
                if isinstance(said, Downloaded):
                    await asyncio.to_thread(part.sync)
            except (OSError, Busy) as error:
                return unwritable(error, job.target)
            finally:
                part.close()
        return said

    async def _receive(self, job: Download, part: PartFile) -> Outcome:
        """All of it, in as many runs of attempts as it takes, while each of them brings something."""
        idle = self._facts.timeouts.download_idle_seconds

        def call(start: int) -> Call:
            made = self._dialect.content_call(job.batch_id, job.file, start)
            assert made is not None  # noqa: S101 - it was offered from the first byte on
            return made._replace(deadline=idle)

        receiving = DownloadingFile(job, part, call, Surroundings(self._client.redact, self._clock, self._report))
        while True:
            before = part.size
            said = await self._client.run(receiving)
            if not isinstance(said, Deferred) or self._client.stopping or part.size - before < WORTH_GOING_ON:
                return said

    async def _survey(self, job: Survey) -> Outcome:
        found: dict[str, RemoteBatch] = {}

        def take(batch: RemoteBatch) -> None:
            # A batch that moved to a later page while the list was walked is there twice.
            found.setdefault(batch.batch_id, batch)

        stopped = await self._surveyor.batches(job.address, time_of(job.since), take)
        if stopped is not None and not found:
            return stopped
        return Surveyed(batches=tuple(found.values()), is_complete=stopped is None)

    async def _survey_files(self, job: SurveyFiles) -> Outcome:
        found: dict[str, RemoteFile] = {}

        def take(file: ListedFile) -> None:
            found.setdefault(file.uploaded.file_id, _remote_file(file))

        stopped = await self._surveyor.files(job.address, take)
        if stopped is not None and not found:
            return stopped
        return FilesSurveyed(files=tuple(found.values()), is_complete=stopped is None)


def _remote_file(file: ListedFile) -> RemoteFile:
    created, expires = (time.isoformat() if time else "" for time in (file.created_at, file.expires_at))
    return RemoteFile(file_id=file.uploaded.file_id, name=file.name, size=file.size, created_at=created,
                      expires_at=expires)  # fmt: skip

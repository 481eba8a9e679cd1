"""One provider as the verbs see it: a dialect's shapes, sent by the one client."""

import time
from collections.abc import Callable
from functools import partial
from typing import BinaryIO, cast

from batchrunner.events import Event
from batchrunner.facts import ProviderFacts
from batchrunner.jobs import Create, FollowUp, Outcome, Rejected, Settling, Upload
from batchrunner.manifest import LocalFile
from batchrunner.ports import Clock
from batchrunner.providers._creating import Creating
from batchrunner.providers._dialect import Dialect
from batchrunner.providers._finding import FileFinder
from batchrunner.providers._following import FollowUps
from batchrunner.providers._http import Client
from batchrunner.providers._inline import InlineBodies
from batchrunner.providers._matching import Resolver
from batchrunner.providers._surveying import Surveyor
from batchrunner.providers._uploading import UPLOAD_NOT_OFFERED, Progress, UploadingFile
from batchrunner.remote import Tags
from batchrunner.state import Intent


class Service:
    """The `Provider` port. Belongs to one event loop; `aclose` when the run is over."""

    def __init__(
        self,
        dialect: Dialect,
        client: Client,
        facts: ProviderFacts,
        *,
        open_input: Callable[[LocalFile], BinaryIO],
        clock: Clock,
        report: Callable[[Event], None],
    ) -> None:
        self._dialect = dialect
        self._client = client
        self._facts = facts
        self._open_input = open_input
        self._clock = clock
        self._report = report
        surveyor = Surveyor(dialect, client, clock)
        self._resolver = Resolver(client, surveyor, facts, clock)
        self._follow_ups = FollowUps(dialect, client, surveyor=surveyor, facts=facts, clock=clock, report=report)
        self._finder = FileFinder(dialect, clock, facts.timeouts.create_seconds)

    @property
    def is_inline(self) -> bool:
        """Whether a create holds all requests itself."""
        return self._dialect.is_inline

    def create_request(self, intent: Intent, file_id: str, tags: Tags) -> str:
        """The exact JSON body of the create of `intent`, once its file is `file_id`."""
        return self._dialect.create_request(intent, file_id, tags)

    async def upload(self, job: Upload) -> Settling:
        """Upload the job's file: `Uploaded`, `Rejected`, `Denied` or `Deferred`."""
        if self._dialect.upload_path is None:
            return Rejected(code=UPLOAD_NOT_OFFERED, words=self._dialect.upload_missing)
        sending = UploadingFile(
            job,
            self._dialect,
            clock=self._clock,
            redact=self._client.redact,
            finder=self._finder,
            open_input=self._open_input,
            progress=Progress(job.address, job.source.size, self._report, time.monotonic),
        )
        return cast("Settling", await self._client.run(sending))

    async def create(self, job: Create) -> Settling:
        """Create the remote batch: any outcome but `Uploaded`."""
        bodies = None
        if job.source is not None:
            progress = partial(Progress, job.address, report=self._report, seconds=time.monotonic)
            bodies = InlineBodies(job.source, self._dialect.inline_pieces, self._open_input, progress)
        sending = Creating(
            job, self._dialect, facts=self._facts, clock=self._clock, redact=self._client.redact, bodies=bodies
        )
        return await self._resolver.settle(job, sending)

    async def follow(self, job: FollowUp) -> Outcome:
        """Do what is free: see the port."""
        return await self._follow_ups.run(job)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()

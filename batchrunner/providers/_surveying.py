"""Lists of a provider, walked page by page: back to a time, or to their end."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from batchrunner.jobs import NOT_OFFERED, Deferred, NotFound, Outcome, Rejected, Removed
from batchrunner.moments import time_of
from batchrunner.ports import Clock
from batchrunner.providers._asking import Asking
from batchrunner.providers._calls import Call
from batchrunner.providers._dialect import BatchesPage, Dialect
from batchrunner.providers._finding import SKEW, FilesPage, ListedFile, behind
from batchrunner.providers._http import Client
from batchrunner.providers._verdicts import Unusable
from batchrunner.remote import RemoteBatch

MOST_PAGES = 10_000
MOST_LIST_BYTES = 16 << 20
"""Honest pages of a hundred batches reach 5 MiB: 16 entries of metadata and a hundred errors each, in escapes."""
_UNORDERED = timedelta(minutes=1)
_MISSING = frozenset({404, 405, 410, 501})
_BROKEN = Deferred(code="list-incomplete", words="the provider's list could not be read to its end")

TakeBatches = Callable[[RemoteBatch], None]
TakeFiles = Callable[[ListedFile], None]


class Surveyor:
    """Walks the lists that `dialect` knows how to ask for."""

    def __init__(self, dialect: Dialect, client: Client, clock: Clock) -> None:
        self._dialect = dialect
        self._client = client
        self._clock = clock

    async def batches(self, address: str, since: datetime | None, take: TakeBatches) -> Outcome | None:
        """Give `take` every batch back to those created at `since`, some of them twice.

        Returns what broke the walk off, None where it missed nothing.
        """
        age = _Age(since)
        server_time = self._client.server_time
        # Who leaves out what is older does it by a clock of its own: unless that is known, nothing may be left out.
        oldest = since - behind(server_time, self._clock) if since and server_time else None

        def read(after: str, body: bytes) -> "_End | Unusable":
            page = self._dialect.read_survey(body, after)
            if isinstance(page, Unusable):
                return page
            for batch in page.batches:
                take(batch)
            if not after:
                age.begin()
            return _End(page.after, page.is_whole, age.is_reached(page, behind(self._client.server_time, self._clock)))

        return await self._walk(address, lambda after: self._dialect.survey_call(after, oldest), read)

    async def files(self, address: str, take: TakeFiles) -> Outcome | None:
        """Give `take` every uploaded file, some of them twice; returns as `batches` does."""

        def call(after: str) -> Call | None:
            return None if self._dialect.list_path is None else self._dialect.list_call(after)

        def read(after: str, body: bytes) -> "_End | Unusable":
            page: FilesPage | Unusable = self._dialect.read_page(body, after)
            if isinstance(page, Unusable):
                return page
            for file in page.files:
                take(file)
            return _End(page.after, True, False)

        return await self._walk(address, call, read)

    async def _walk(
        self, address: str, call: Callable[[str], Call | None], read: "Callable[[str, bytes], _End | Unusable]"
    ) -> Outcome | None:
        asked: set[str] = set()
        after, may_restart, is_whole = "", True, True
        while after not in asked and len(asked) < MOST_PAGES:
            asked.add(after)
            end = await self._page(address, call(after), partial(read, after))
            if after and may_restart and isinstance(end, NotFound | Rejected):
                # The batch or file that the cursor names is gone. The list has a beginning still.
                after, may_restart = "", False
                asked.clear()
                continue
            if not isinstance(end, _End):
                return end if after else _not_there(end)
            is_whole = is_whole and end.is_whole
            if not end.after or end.is_past:
                return None if is_whole else _BROKEN
            after = end.after
        return _BROKEN

    async def _page(
        self, address: str, call: Call | None, read: "Callable[[bytes], _End | Unusable]"
    ) -> "_End | Outcome":
        if call is None:
            return not_offered("listing")
        reader = _Reader(read)
        call = call._replace(max_reply_bytes=MOST_LIST_BYTES)
        said = await self._client.run(Asking(address, call, reader, self._client.redact, self._clock))
        return reader.end if isinstance(said, Removed) and reader.end is not None else said


class _End(NamedTuple):
    """How a page ends: what the next is asked for by, whether nothing of it was missed, whether it is old enough."""

    after: str
    is_whole: bool
    is_past: bool


class _Age:
    """Tells when a walk has come far enough back. A list is taken to be newest first only once it has shown that."""

    def __init__(self, since: datetime | None) -> None:
        self._since = since
        self.begin()

    def begin(self) -> None:
        """The first page is next."""
        self._latest: datetime | None = None
        self._falls = self._rises = False

    def is_reached(self, page: BatchesPage, late: timedelta) -> bool:
        """Whether nothing after `page`, by a clock that is `late`, can be of interest."""
        if self._since is None:
            return False
        for batch in page.batches:
            self._compare(time_of(batch.created_at))
        is_old = page.oldest is not None and self._since - page.oldest > SKEW + late
        return is_old and self._falls and not self._rises

    def _compare(self, time: datetime | None) -> None:
        if time is not None and self._latest is not None:
            self._falls = self._falls or time < self._latest
            self._rises = self._rises or time - self._latest > _UNORDERED
        self._latest = time or self._latest


class _Reader:
    """Takes a page, and keeps how it ends."""

    def __init__(self, read: Callable[[bytes], _End | Unusable]) -> None:
        self.end: _End | None = None
        self._take = read

    def __call__(self, body: bytes) -> Outcome | Unusable:
        end = self._take(body)
        if isinstance(end, Unusable):
            return end
        self.end = end
        return Removed()


def not_offered(what: str) -> Rejected:
    """The outcome where a provider has no call for `what`."""
    return Rejected(code=NOT_OFFERED, words=f"the provider does not offer {what}")


def _not_there(said: Outcome) -> Outcome:
    """A list that has no first page is none."""
    status = getattr(said, "status", 0)
    return not_offered("listing") if status in _MISSING else said

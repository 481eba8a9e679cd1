"""Files that an earlier upload left at the provider: found again by name instead of being sent a second time."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from batchrunner.jobs import Upload, Uploaded
from batchrunner.ports import Clock
from batchrunner.providers._calls import Call, Reply, Result
from batchrunner.providers._times import http_date
from batchrunner.providers._verdicts import Unusable

Ask = Callable[[Call], Awaitable[Result]]

MOST_PAGES = 100
SKEW = timedelta(minutes=15)
"""How far the provider's clock may be from ours."""
LIFE_LEFT = timedelta(hours=1)
"""How long a file must still be there to be worth a batch."""


def behind(server_time: datetime | None, clock: Clock) -> timedelta:
    """How far the provider's clock, which shows `server_time`, is behind ours; nothing where that is not known.

    A time that is read late makes it longer, and a walk over a list too long, which misses nothing.
    """
    return timedelta() if server_time is None else max(timedelta(), clock.now() - server_time)


_NOT_OFFERED = frozenset({404, 405, 501})


class ListedFile(NamedTuple):
    """A file in a provider's list; times are None where they are not said."""

    name: str
    size: int
    created_at: datetime | None
    expires_at: datetime | None
    uploaded: Uploaded


class FilesPage(NamedTuple):
    """Part of a list, newest first; `after` is what asks for the next one, empty at the end."""

    files: tuple[ListedFile, ...]
    oldest: datetime | None
    after: str


class Listing(Protocol):
    """The part of a dialect that lists files. `list_path` is None where the provider does not offer it."""

    list_path: str | None

    def upload_name(self, job: Upload) -> str:
        """What the file of `job` is called at the provider."""
        ...

    def list_call(self, after: str) -> Call:
        """A page of the list, the first one or that which follows `after`."""
        ...

    def read_page(self, body: bytes, after: str = "") -> FilesPage | Unusable:
        """The page in a 2xx to that: only files that could be used."""
        ...


class FileFinder:
    """Walks the list of files back, for one run. Many who ask share a walk.

    A list that is not offered, fails or makes no sense finds nothing: an upload is free to repeat. `walks` counts those
    begun; who doubts a send remembers the number, and is served by any later walk.
    """

    def __init__(self, listing: Listing, clock: Clock, seconds: float) -> None:
        self.walks = 0
        self._listing = listing
        self._clock = clock
        self._seconds = seconds
        self._server_time: datetime | None = None
        self._is_offered = listing.list_path is not None
        self._reach: datetime | None = None
        self._files: dict[tuple[str, int], ListedFile] = {}
        self._lock = asyncio.Lock()

    async def find(self, job: Upload, since: datetime, doubted: int, ask: Ask) -> Uploaded | None:
        """The file of `job`, uploaded at `since` or later; None where it must be uploaded (again)."""
        async with self._lock:
            is_known = self.walks > doubted and self._reach is not None and self._reach <= since
            if self._is_offered and not is_known:
                await self._walk(since, ask)
        found = self._files.get((self._listing.upload_name(job), job.source.size))
        return found.uploaded if found is not None and self._will_last(found) else None

    def _will_last(self, file: ListedFile) -> bool:
        return file.expires_at is None or file.expires_at - self._clock.now() > LIFE_LEFT

    async def _walk(self, since: datetime, ask: Ask) -> None:
        self.walks += 1
        found: dict[tuple[str, int], ListedFile] = {}
        try:
            async with asyncio.timeout(self._seconds):
                await self._collect(since, ask, found)
        except TimeoutError:
            pass  # what was found until then is there all the same
        # As if it had come to its end: the next who asks for no more than this is not to wait for as long.
        self._reach = since
        self._files |= found

    async def _collect(self, since: datetime, ask: Ask, found: dict[tuple[str, int], ListedFile]) -> None:
        after, asked = "", {""}
        for _ in range(MOST_PAGES):
            page = self._page(await ask(self._listing.list_call(after)), after)
            if page is None:
                return
            for file in page.files:
                found.setdefault((file.name, file.size), file)
            after = page.after
            if after in asked or (
                page.oldest is not None and since - page.oldest > SKEW + behind(self._server_time, self._clock)
            ):
                return
            asked.add(after)

    def _page(self, result: Result, after: str) -> FilesPage | None:
        if not isinstance(result, Reply):
            return None
        self._is_offered = result.status not in _NOT_OFFERED
        self._server_time = http_date(result.headers.get("date", "")) or self._server_time
        if result.status != 200:
            return None
        page = self._listing.read_page(result.body, after)
        return None if isinstance(page, Unusable) else page

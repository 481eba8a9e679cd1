"""Creates that were never answered, looked for in the provider's list of batches before they are sent again.

A send is repeated only where the list, walked to its end twice, shows no batch that could be of it, the second time
after the provider had time to settle. A list that fails, ends early or makes no sense proves nothing.
"""

import asyncio
import math
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple, cast

from batchrunner.facts import ProviderFacts
from batchrunner.jobs import Accepted, Create, Deferred, Denied, InDoubt, Outcome, Settling
from batchrunner.matching import SKEW, Trail, hits, is_alive, preferred
from batchrunner.moments import time_of
from batchrunner.ports import Clock
from batchrunner.providers._creating import Creating
from batchrunner.providers._finding import behind
from batchrunner.providers._http import Client
from batchrunner.providers._surveying import Surveyor
from batchrunner.records import replace
from batchrunner.remote import RemoteBatch, key_in

_LOOKED_FOR = "key-expired"
_MOST_NAMED = 10


class Walk(NamedTuple):
    """A list as it was, from `begun` (the event loop's time) on, back to `since`. `stopped` is what cut it short.

    `by_mark` are its batches by key and by input file, and those without either under "".
    """

    begun: float
    since: datetime
    stopped: Outcome | None
    by_mark: dict[str, list[RemoteBatch]]

    def near(self, job: Create) -> Iterator[RemoteBatch]:
        """What has the key or the file of `job`, or nothing to tell it by."""
        for mark in {job.idempotency_key, job.input_file_id, ""}:
            yield from self.by_mark.get(mark, ())


class Walks:
    """Walks of one run's list, shared: who comes while one is under way waits for the next, with all the others."""

    def __init__(self, surveyor: Surveyor) -> None:
        self._surveyor = surveyor
        self._latest: Walk | None = None
        self._wanted: list[datetime] = []
        self._lock = asyncio.Lock()

    async def since(self, since: datetime, address: str, begun: float) -> Walk:
        """A walk that reaches back to `since` and was not begun before `begun`."""
        self._wanted.append(since)
        try:
            async with self._lock:
                latest = self._latest
                if latest is None or latest.begun < begun or latest.since > since:
                    latest = self._latest = await self._walk(min(self._wanted), address)
                return latest
        finally:
            self._wanted.remove(since)

    async def _walk(self, since: datetime, address: str) -> Walk:
        begun = asyncio.get_running_loop().time()
        found: dict[str, RemoteBatch] = {}

        def take(batch: RemoteBatch) -> None:
            found.setdefault(batch.batch_id, batch)

        stopped = await self._surveyor.batches(address, since, take)
        by_mark: dict[str, list[RemoteBatch]] = {}
        for batch in found.values():
            for mark in {key_in(batch.metadata), batch.input_file_id} - {""} or {""}:
                by_mark.setdefault(mark, []).append(batch)
        return Walk(begun, since, stopped, by_mark)


class Resolver:
    """Sends creates, and settles by the list what sending left in doubt, where the provider has one that tells."""

    def __init__(self, client: Client, surveyor: Surveyor, facts: ProviderFacts, clock: Clock) -> None:
        self._client = client
        self._facts = facts
        self._walks = Walks(surveyor)
        self._clock = clock

    async def settle(self, job: Create, sending: Creating) -> Settling:
        """Send `job` until it is settled, given up, or found."""
        sends = 0
        while True:
            sends += 1
            said = cast("Settling", await self._client.run(sending))
            if not isinstance(said, InDoubt) or not self._is_told_by_lists(said):
                return said
            found = await self._look(job, sending.since, said)
            if found is not None:
                return found
            if sends > self._facts.retry.attempts or self._client.stopping:
                return Deferred(code=said.code, status=said.status, words=said.words)
            sending.absolve()

    def _is_told_by_lists(self, said: InDoubt) -> bool:
        facts = self._facts
        if facts.idempotency == "list-match":
            return True
        is_listed = facts.metadata == "sent" and facts.paths.list_batches is not None
        return said.code == _LOOKED_FOR and is_listed

    async def _look(self, job: Create, since: datetime | None, said: InDoubt) -> Settling | None:
        """What became of `job`, which was first sent at `since`; None where the provider does not have it."""
        if since is None:
            return said
        now = asyncio.get_running_loop().time
        doubted = now()
        walk = await self._walks.since(since, job.address, doubted)
        found = _read(walk, job, self._there(since), said)
        if found is not None:
            return found
        settled = doubted + self._facts.polling.settle_seconds
        await self._client.rest(settled - now())
        if self._client.stopping:
            return said
        walk = await self._walks.since(since, job.address, max(settled, math.nextafter(walk.begun, math.inf)))
        return _read(walk, job, self._there(since), said)

    def _there(self, since: datetime) -> datetime:
        """`since` by the provider's clock, where that is behind ours."""
        return since - behind(self._client.server_time, self._clock)


def _read(walk: Walk, job: Create, since: datetime, said: InDoubt) -> Settling | None:
    """What a list tells of `job`; None where it has no batch that may be it."""
    near = list(walk.near(job))
    own_file = job.input_file_id if job.is_own_file else ""
    matched = hits(near, Trail(key=job.idempotency_key, own_file_id=own_file))
    if matched:
        return _adopted(matched)
    if isinstance(walk.stopped, Denied):
        return replace(walk.stopped, in_doubt=True)
    if walk.stopped is not None:
        why = getattr(walk.stopped, "words", "") or getattr(walk.stopped, "code", "")
        return InDoubt(code="list-unreadable", status=said.status, words=_words(said, f"its list does not tell: {why}"))
    possible = [batch for batch in near if _may_be(batch, since)]
    if possible:
        names = _names(possible)
        words = _words(said, f"at the provider is what may have become of it: {names}")
        return InDoubt(code="not-told-apart", status=said.status, words=words, candidates=_ids(possible))
    return None


def _adopted(matched: tuple[RemoteBatch, ...]) -> Settling:
    alive = [batch for batch in matched if is_alive(batch)]
    if len(alive) > 1:
        words = f"the provider has {len(alive)} batches of this submission: {_names(alive)}"
        return InDoubt(code="duplicate-batches", words=words, candidates=_ids(alive))
    batch = preferred(matched)
    return Accepted(batch_id=batch.batch_id, reply=batch.reply, status=batch.said, is_adopted=True)


def _may_be(batch: RemoteBatch, since: datetime) -> bool:
    """Whether a batch with our file, or with nothing to tell it by, is young enough to be ours."""
    created = time_of(batch.created_at)
    return not key_in(batch.metadata) and (created is None or since - created <= SKEW)


def _words(said: InDoubt, more: str) -> str:
    return f"{said.words}; {more}"[:500] if said.words else more[:500]


def _ids(batches: list[RemoteBatch]) -> tuple[str, ...]:
    return tuple(batch.batch_id for batch in batches)


def _names(batches: list[RemoteBatch]) -> str:
    more = f" and {len(batches) - _MOST_NAMED} more" if len(batches) > _MOST_NAMED else ""
    return ", ".join(_ids(batches[:_MOST_NAMED])) + more

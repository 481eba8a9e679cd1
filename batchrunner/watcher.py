"""Looks at remote batches until they have ended, and has what it saw noted in state.

No trouble of a provider or of the network makes a batch fail: it is looked at again, later. Who is killed at any moment
has lost nothing but looks. Each provider is asked on its own, with its own rhythm: one walk over its list, or a look
for each batch where it has no list.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from batchrunner.errors import StateError
from batchrunner.events import Unseen, WatchEvent
from batchrunner.facts import Polling
from batchrunner.jobs import NOT_OFFERED, Deferred, Denied, NotFound, Outcome, Rejected, Seen, Survey, Surveyed
from batchrunner.moments import text_of
from batchrunner.noter import Noter
from batchrunner.polling import look_of, looks, missed, seen, wait_seconds
from batchrunner.ports import Clock, Executor, Recorder, Reporter
from batchrunner.remote import RemoteBatch, Sight
from batchrunner.state import Entry
from batchrunner.watched import Group, Watched, gist_of, groups_of, moved_to, summary_of, word_of

IN_TROUBLE = 3
"""Looks of one cycle that may fail in a row: the rest of it would fare no better."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What watching works with. `polling` is by provider.

    `stopping` says whether to leave; `pause` waits so many seconds, less long then; `lot` draws from 0 up to 1.
    """

    executor: Executor
    recorder: Recorder
    reporter: Reporter
    clock: Clock
    polling: Mapping[str, Polling]
    stopping: Callable[[], bool]
    pause: Callable[[float], Awaitable[None]]
    lot: Callable[[], float]
    concurrency: int = 8


@dataclass(slots=True)
class Report:
    """How watching ended. `entries` are what was watched, in that order, as last seen.

    By provider: `denied` refused the credential, `blind` offer no looking, `troubled` could not be asked in the last
    cycle. `unsaved`: another command holds the lock of the state; `state_error`: it cannot be written. `timed_out`: it
    was given up before all had ended.
    """

    entries: list[Entry] = field(default_factory=list)
    denied: dict[str, Denied] = field(default_factory=dict)
    blind: dict[str, Rejected] = field(default_factory=dict)
    troubled: dict[str, Deferred | Rejected] = field(default_factory=dict)
    unsaved: bool = False
    state_error: StateError | None = None
    timed_out: bool = False


async def refresh(entries: Sequence[Entry], tools: Tools) -> Report:
    """Look once at each of `entries` that has not ended. Never raises for what a provider, a network or a disk does."""
    watching = _Watching(entries, tools, None)
    await asyncio.gather(*(watching.look(group) for group in watching.groups))
    return await watching.finish()


async def watch(entries: Sequence[Entry], tools: Tools, patience: float | None = None) -> Report:
    """Look at `entries` until all have ended, or `patience` seconds are over. Never raises, as `refresh`.

    What is long overdue, and what belongs to a provider that cannot be asked, is waited for no longer.
    """
    watching = _Watching(entries, tools, patience)
    await asyncio.gather(*(watching.follow(group) for group in watching.groups))
    return await watching.finish()


class _Watching:
    def __init__(self, entries: Sequence[Entry], tools: Tools, patience: float | None) -> None:
        self.tools = tools
        self.report = Report()
        self.watched = [Watched(each, tools.polling.get(each.attempt.intent.provider, Polling())) for each in entries]
        self.groups = list(groups_of(self.watched, tools.polling))
        self.patience = patience
        self.begun = tools.clock.now()
        self._noter = Noter(self.watched, tools.recorder, tools.clock)

    async def follow(self, group: Group) -> None:
        """Cycles, and pauses between them."""
        # What is long overdue is looked at once, too: it may have ended since it was seen.
        while not self.tools.stopping():
            await self.look(group)
            now = self.tools.clock.now()
            if self.tools.stopping() or not group.awaited(now):
                break
            if (left := self._time_left(now)) <= 0:
                self.report.timed_out = True
                break
            wait = wait_seconds(group.polling, group.unchanged, self.tools.lot())
            wait = min(max(wait, group.retry_after), left)
            self._tell(summary_of(self.watched, group.provider, now, wait))
            await self.tools.pause(wait)

    def _time_left(self, now: datetime) -> float:
        return float("inf") if self.patience is None else self.patience - (now - self.begun).total_seconds()

    async def look(self, group: Group) -> None:
        """One cycle: every attempt of the group that may show something new, in as few calls as possible."""
        group.has_changed, group.in_trouble, group.retry_after = False, 0, 0.0
        self.report.troubled.pop(group.provider, None)
        due = group.due()
        by_name = {each.name: each for each in due}
        unlisted = {group.provider} if group.unlisted else set()
        jobs = looks([each.entry for each in due if each.attempt.is_open], unlisted, {group.provider: group.listed})
        walk = next((job for job in jobs if isinstance(job, Survey)), None)
        left = await self._survey(group, walk, due) if walk else due
        await self._look_each(group, [by_name[each.name] for each in left])
        group.unchanged = 0 if group.has_changed else group.unchanged + 1
        if trouble := self.report.troubled.get(group.provider):
            self._tell(Unseen(provider=group.provider, code=trouble.code, words=trouble.words, status=trouble.status))
        await self._noter.note_when_due()

    async def _survey(self, group: Group, walk: Survey, due: Sequence[Watched]) -> list[Watched]:
        """Walk the list; what is left to be looked at: what it did not show, or not in full."""
        at = self._now()
        said = await self.tools.executor.run(walk)
        if isinstance(said, Surveyed):
            group.listed = len(said.batches)
            by_id = {batch.batch_id: batch for batch in said.batches}
            return [each for each in due if not self._shown(group, each, by_id.get(each.attempt.batch_id), at)]
        self._take_trouble(group, said, listing=True)
        return [] if group.is_off or group.retry_after else list(due)

    def _shown(self, group: Group, watched: Watched, batch: RemoteBatch | None, at: str) -> bool:
        """Take in what a list showed; whether that is all that there is to know."""
        if batch is None:
            return False
        self._see(group, watched, seen(watched.attempt.sight, batch, at, listed=True), direct=False)
        # Some lists leave out what is wanted of a batch that ended.
        return not (batch.is_terminal and not (batch.problems if batch.status == "failed" else batch.files))

    async def _look_each(self, group: Group, watched: Sequence[Watched]) -> None:
        waiting = iter(watched)
        workers = min(self.tools.concurrency, len(watched))
        await asyncio.gather(*(self._look_in_turn(group, waiting) for _ in range(workers)))

    async def _look_in_turn(self, group: Group, waiting: Iterator[Watched]) -> None:
        for watched in waiting:
            if self.tools.stopping() or group.is_off or group.in_trouble >= IN_TROUBLE:
                return
            await self._look_at(group, watched)

    async def _look_at(self, group: Group, watched: Watched) -> None:
        at, before = self._now(), watched.attempt.sight
        said = await self.tools.executor.run(look_of(watched.entry))
        watched.late_looks += watched.is_late
        if isinstance(said, Seen):
            group.in_trouble = 0
            self._see(group, watched, seen(before, said.batch, at))
        elif isinstance(said, NotFound):
            group.in_trouble = 0
            self._see(group, watched, missed(before, at, group.polling))
        else:
            self._take_trouble(group, said)

    def _take_trouble(self, group: Group, said: Outcome, *, listing: bool = False) -> None:
        """What an answer that shows nothing says of its provider. It says nothing of a batch."""
        match said:
            case Denied():
                self.report.denied[group.provider] = said
                group.is_off = True
            case Rejected() if said.code == NOT_OFFERED and not listing:
                self.report.blind[group.provider] = said
                group.is_off = True
            case Rejected() | NotFound() if listing:
                group.unlisted = True
            case Deferred() | Rejected():
                self.report.troubled[group.provider] = said
                group.in_trouble += isinstance(said, Deferred) and not listing
                group.retry_after = max(group.retry_after, getattr(said, "retry_after", 0.0))
            case _:
                raise AssertionError(f"{type(said).__name__} is no answer to a look")

    def _see(self, group: Group, watched: Watched, sight: Sight, *, direct: bool = True) -> None:
        before = watched.attempt.sight
        watched.see(sight, direct=direct)
        group.has_changed = group.has_changed or gist_of(before) != gist_of(sight)
        if word_of(before) != word_of(sight):
            self._tell(moved_to(watched.entry, sight))

    async def finish(self) -> Report:
        """The report, once all that was seen is noted, or cannot be."""
        self.report.unsaved = not await self._noter.note_all(self.tools.pause, self.tools.stopping)
        self.report.state_error = self._noter.error
        self.report.entries = [each.entry for each in self.watched]
        return self.report

    def _tell(self, event: WatchEvent) -> None:
        self.tools.reporter.report(event)

    def _now(self) -> str:
        return text_of(self.tools.clock.now())

"""A world in which time passes only when somebody waits, with a provider that shows what its script says."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from support.builders import DAY, NOW, attempt, intent

from batchrunner.events import Event
from batchrunner.facts import Polling
from batchrunner.jobs import Job, Look, NotFound, Outcome, Rejected, Seen, Survey, Surveyed
from batchrunner.ports import AttemptName
from batchrunner.records import replace
from batchrunner.remote import RemoteBatch
from batchrunner.state import Attempt, Entry
from batchrunner.watcher import Report, Tools, refresh, watch

Show = Callable[[float, str], RemoteBatch | Outcome]
"""What a look shows, by the seconds since the beginning and the id of the batch."""


def entry(number: int = 1, provider: str = "p", **changes: object) -> Entry:
    """A submitted attempt of its own address."""
    found = attempt(batch_id=f"batch-{number}", **{"intent": intent(provider=provider), **changes})
    return Entry(address=f"nightly/b{number}", run_key=DAY, attempt=found)


def entries(count: int, provider: str = "p") -> list[Entry]:
    return [entry(number, provider) for number in range(1, count + 1)]


@dataclass
class Clock:
    at: datetime = NOW

    def now(self) -> datetime:
        return self.at

    @property
    def seconds(self) -> float:
        return (self.at - NOW).total_seconds()


@dataclass
class Notes:
    """A recorder over a dict; `locked` and `failing` say by second what a flush meets."""

    clock: Clock
    attempts: dict[AttemptName, Attempt] = field(default_factory=dict)
    waiting: list[tuple[AttemptName, Callable[[Attempt], Attempt]]] = field(default_factory=list)
    locked: Callable[[float], bool] = lambda second: False
    error: Exception | None = None
    flushes: int = 0
    most_waiting: int = 0

    def record(self, name: AttemptName, change: Callable[[Attempt], Attempt]) -> None:
        self.waiting.append((name, change))
        self.most_waiting = max(self.most_waiting, len(self.waiting))

    async def flush(self) -> bool:
        await asyncio.sleep(0)
        if not self.waiting:
            return True
        if self.error:
            raise self.error
        if self.locked(self.clock.seconds):
            return False
        self.flushes += 1
        for name, change in self.waiting:
            self.attempts[name] = change(self.attempts[name])
        self.waiting.clear()
        return True


@dataclass
class Stage:
    """Watches `entries`. `show` answers looks, and lists too where `lists`; `listing` answers them otherwise."""

    entries: Sequence[Entry]
    show: Show
    lists: bool = True
    listing: Callable[[float], Outcome] | None = None
    polling: Mapping[str, Polling] = field(default_factory=lambda: {"p": Polling(), "q": Polling()})
    stop_at: float = 10**9
    clock: Clock = field(default_factory=Clock)
    jobs: list[tuple[float, Job]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    running: int = 0
    most: int = 0

    def __post_init__(self) -> None:
        self.notes = Notes(self.clock)
        self.notes.attempts = {
            AttemptName(each.address, each.run_key, each.attempt.number): each.attempt for each in self.entries
        }

    def report(self, event: Event) -> None:
        self.events.append(event)

    async def run(self, job: Job) -> Outcome:
        self.jobs.append((self.clock.seconds, job))
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0)
        self.running -= 1
        if isinstance(job, Survey):
            return self._survey(job)
        assert isinstance(job, Look)
        shown = self.show(self.clock.seconds, job.batch_id)
        return Seen(batch=shown) if isinstance(shown, RemoteBatch) else shown

    def _survey(self, job: Survey) -> Outcome:
        if self.listing:
            return self.listing(self.clock.seconds)
        if not self.lists:
            return Rejected(code="not-offered")
        ids = [each.attempt.batch_id for each in self.entries if each.attempt.intent.provider == job.provider]
        shown = [self.show(self.clock.seconds, each) for each in ids]
        return Surveyed(batches=tuple(each for each in shown if isinstance(each, RemoteBatch)), is_complete=True)

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.clock.at += timedelta(seconds=seconds)
        await asyncio.sleep(0)

    @property
    def tools(self) -> Tools:
        return Tools(
            executor=self,
            recorder=self.notes,
            reporter=self,
            clock=self.clock,
            polling=self.polling,
            stopping=lambda: self.clock.seconds >= self.stop_at,
            pause=self.pause,
            lot=random.Random(1).random,
        )

    def watch(self, patience: float | None = None) -> Report:
        return asyncio.run(watch(self.entries, self.tools, patience))

    def refresh(self) -> Report:
        return asyncio.run(refresh(self.entries, self.tools))

    @property
    def surveys(self) -> list[float]:
        return [second for second, job in self.jobs if isinstance(job, Survey)]

    @property
    def looks(self) -> list[float]:
        return [second for second, job in self.jobs if isinstance(job, Look)]


NOT_FOUND = NotFound(code="not-found", status=404)


def remote(batch_id: str, status: str = "in_progress", **changes: object) -> RemoteBatch:
    """A remote batch in `status`."""
    return replace(RemoteBatch(batch_id=batch_id, status="unknown"), status=status, said=status, **changes)

"""Working stand-ins for the ports: a clock that is set, a state in memory, an executor that does as it is told."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from support.builders import LINEAGE, NOW

from batchrunner.applier import Brake, Report, Tools, apply_plan
from batchrunner.errors import StateError
from batchrunner.events import Event
from batchrunner.jobs import Accepted, Create, FollowUp, Job, Outcome, Settling, Upload, Uploaded
from batchrunner.plans import Plan
from batchrunner.records import Raw
from batchrunner.remote import Tags
from batchrunner.state import Entry, Intent, State

Answer = Callable[[Job], Awaitable[Outcome]]


class SetClock:
    """A clock that moves a millisecond each time it is read, so that no two records are of one moment."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def now(self) -> datetime:
        self.at += timedelta(milliseconds=1)
        return self.at


class Memory:
    """A durable state: what was committed survives whoever committed it."""

    def __init__(self) -> None:
        self.lineage = LINEAGE
        self.serial = 0
        self.entries: list[Entry] = []

    def append(self, entry: Entry) -> None:
        self.serial += 1
        self.entries.append(entry)

    def load(self) -> State:
        """A state of its own, that nothing committed later changes."""
        state = State(self.lineage, self.serial)
        state.record(self.entries)
        return state


@dataclass
class Committer:
    """Commits to `memory`; the commits whose number is in `failing` fail, and all after them."""

    memory: Memory
    log: list[str] = field(default_factory=list)
    failing: frozenset[int] = frozenset()
    asked: int = 0
    broken: bool = False

    async def commit(self, entry: Entry) -> None:
        await asyncio.sleep(0)
        self.asked += 1
        self.broken = self.broken or self.asked in self.failing
        if self.broken:
            raise StateError("state-not-written", "the disk is full")
        self.memory.append(entry)
        self.log.append(f"commit {entry.attempt.status} {entry.address}")


class PlainProvider:
    """Builds create bodies as a provider would."""

    is_inline = False

    def create_request(self, intent: Intent, file_id: str, tags: Tags) -> str:
        body = {"input_file_id": file_id, "endpoint": intent.endpoint, "completion_window": intent.completion_window}
        return json.dumps(body, sort_keys=True)

    async def upload(self, job: Upload) -> Settling:
        raise AssertionError("jobs go through the executor")

    async def create(self, job: Create) -> Settling:
        raise AssertionError("jobs go through the executor")

    async def follow(self, job: FollowUp) -> Outcome:
        raise AssertionError("jobs go through the executor")


def accepted(batch_id: str) -> Accepted:
    """A created batch."""
    return Accepted(batch_id=batch_id, reply=Raw(json.dumps({"id": batch_id}).encode()))


def uploaded(file_id: str) -> Uploaded:
    """A stored file."""
    return Uploaded(file_id=file_id, reply=Raw(json.dumps({"id": file_id}).encode()))


async def obliging(job: Job) -> Outcome:
    """The answer of a provider on a good day."""
    name = job.address.rpartition("/")[2]
    return uploaded(f"file-of-{name}") if isinstance(job, Upload) else accepted(f"batch-of-{name}")


@dataclass
class Executor:
    """Answers every job with `answer`; notes the jobs, and how many ran at one time."""

    answer: Answer = obliging
    log: list[str] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    running: int = 0
    most: int = 0

    async def run(self, job: Job) -> Outcome:
        self.log.append(f"{'upload' if isinstance(job, Upload) else 'create'} {job.address}")
        self.jobs.append(job)
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0)
        try:
            return await self.answer(job)
        finally:
            self.running -= 1


@dataclass
class EventLog:
    """Keeps events."""

    log: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def report(self, event: Event) -> None:
        self.events.append(event)
        self.log.append(f"tell {type(event).__name__.lower()} {getattr(event, 'address', '')}".rstrip())


class Bench:
    """An apply with all its tools; `log` is the order in which anything happened."""

    def __init__(
        self,
        answer: Answer = obliging,
        *,
        memory: Memory | None = None,
        failing: Iterable[int] = (),
        concurrency: int = 16,
        providers: Mapping[str, PlainProvider] | None = None,
    ) -> None:
        self.log: list[str] = []
        self.memory = memory or Memory()
        self.committer = Committer(self.memory, self.log, frozenset(failing))
        self.executor = Executor(answer, self.log)
        self.reporter = EventLog(self.log)
        self.brake = Brake()
        self.tools = Tools(
            providers={"p": PlainProvider()} if providers is None else providers,
            executor=self.executor,
            committer=self.committer,
            reporter=self.reporter,
            clock=SetClock(),
            brake=self.brake,
            concurrency=concurrency,
        )

    def apply(self, plan: Plan) -> Report:
        """Apply `plan` to what the memory holds now."""
        states = {spec.name: self.memory.load() for spec in plan.specs}
        return asyncio.run(apply_plan(plan, states, self.tools))

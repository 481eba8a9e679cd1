"""A small world for histories: files on a disk, batch services that lie and stall, and a tool that may be killed.

A service honours keys for a day, or not at all. Whatever it does is counted where nobody can talk it away.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from support.builders import sha256
from support.doubles import EventLog, Memory, PlainProvider, accepted, uploaded

from batchrunner.address import whole_of
from batchrunner.applier import Brake, Report, Tools, apply_plan
from batchrunner.errors import StaleError
from batchrunner.facts import ProviderFacts
from batchrunner.jobs import Create, Deferred, Denied, InDoubt, Job, Outcome, Rejected, Upload
from batchrunner.manifest import LocalFile, Source
from batchrunner.plans import Plan, Replace, Sendable
from batchrunner.staleness import check_current
from batchrunner.state import Attempt, Entry, State, moved

Fault = Literal["none", "lost-request", "lost-reply", "late", "busy", "refused", "denied"]
FAULTS: Sequence[Fault] = ("none", "none", "lost-request", "lost-reply", "late", "busy", "refused", "denied")
KEY_LIFE = timedelta(hours=24)


class Killed(BaseException):
    """The process is gone. Not an `Exception`, as nothing in the code under test may handle it."""


@dataclass(frozen=True)
class Made:
    """A batch that exists at a provider and is paid for."""

    batch_id: str
    key: str
    address: str
    at: datetime
    file_id: str


@dataclass
class Service:
    """A provider's side of the wire. `late` are creates it has accepted and not acted on yet.

    `bodies` are the requests it has taken in, by key.
    """

    name: str
    honours_keys: bool
    made: list[Made] = field(default_factory=list)
    late: list[Made] = field(default_factory=list)
    bodies: dict[str, str] = field(default_factory=dict)

    def known(self, key: str, now: datetime) -> Made | None:
        """The batch that `key` already made, as long as the service remembers it."""
        if not self.honours_keys:
            return None
        return next((made for made in self.made if made.key == key and now - made.at < KEY_LIFE), None)

    def make(self, job: Create, now: datetime) -> Made:
        """Create the batch of `job`, or find the one its key made."""
        made = self.known(job.idempotency_key, now)
        if made is None:
            made = self._new(job, now)
            self.made.append(made)
        return made

    def put_off(self, job: Create, now: datetime) -> None:
        """Take the create of `job` in, and act on it some time later."""
        self.late.append(self._new(job, now))

    def land(self) -> None:
        """Act on everything that was put off."""
        for made in self.late:
            if self.known(made.key, made.at) is None:
                self.made.append(made)
        self.late.clear()

    def _new(self, job: Create, now: datetime) -> Made:
        number = len(self.made) + len(self.late) + 1
        self.bodies[job.idempotency_key] = job.request
        return Made(f"{self.name}-{number}", job.idempotency_key, job.address, now, job.input_file_id)


@dataclass
class Fuse:
    """Kills the process at the `steps`-th point from now at which it could die; `None` lets it live."""

    steps: int | None = None
    dead: bool = False

    def burn(self) -> None:
        if self.dead:
            raise Killed
        if self.steps is not None:
            self.steps -= 1
            if self.steps < 0:
                self.dead = True
                raise Killed


class World:
    """Everything outside the tool: disk, clock, services by origin, durable state."""

    def __init__(self) -> None:
        self.now = datetime.fromisoformat("2026-11-22T02:30:00+00:00")
        self.disk: dict[str, str] = {}
        self.memory = Memory()
        self.services = {
            "https://one.example": Service("one", honours_keys=True),
            "https://two.example": Service("two", honours_keys=True),
            "https://plain.example": Service("plain", honours_keys=False),
        }
        self.requests = 0
        self.run_of_key: dict[str, tuple[str, str]] = {}
        self.replacing_keys: set[str] = set()
        self.replacing: set[tuple[str, str]] = set()
        self.uploads: set[tuple[str, int]] = set()
        self.files: dict[str, str] = {}

    def pass_time(self, hours: float) -> None:
        """Let time pass; what a service put off does not stay put off longer than it remembers keys."""
        self.land()
        self.now += timedelta(hours=hours)

    def land(self) -> None:
        for service in self.services.values():
            service.land()

    def at_providers(self) -> dict[tuple[str, str], list[Made]]:
        """The batches that are paid for, by address and run key."""
        found: dict[tuple[str, str], list[Made]] = {}
        for service in self.services.values():
            for made in service.made:
                found.setdefault(self.run_of_key[made.key], []).append(made)
        return found

    def paid_requests(self) -> dict[tuple[str, str], Counter[str]]:
        """How often each request was paid for, by batch and run: a character of an input, or a file there already."""
        found: dict[tuple[str, str], Counter[str]] = {}
        for service in self.services.values():
            for made in service.made:
                address, run_key = self.run_of_key[made.key]
                found.setdefault((whole_of(address), run_key), Counter()).update(self.requests_in(made.file_id))
        return found

    def requests_in(self, file_id: str) -> Sequence[str]:
        """What an uploaded file holds; a file that was there before is one request to us."""
        return self.files.get(file_id, (file_id,))

    def ordered_again(self, family: tuple[str, str]) -> Counter[str]:
        """How often each request of a batch's run was in a replacement or a retry that somebody asked for."""
        return Counter(
            request
            for key, content in self.replacing
            if self.family_of(key) == family
            for request in self.requests_in(content)
        )

    def family_of(self, key: str) -> tuple[str, str]:
        address, run_key = self.run_of_key[key]
        return whole_of(address), run_key

    def ids_in_state(self) -> set[str]:
        return {entry.attempt.batch_id for entry in self.memory.load().entries() if entry.attempt.batch_id}

    def has(self, key: str) -> bool:
        """Whether a service has taken in the create under `key`, acted on or not."""
        return any(made.key == key for service in self.services.values() for made in [*service.made, *service.late])

    def allowed(self, run: tuple[str, str]) -> int:
        """How many batches a run may have cost: one, and one for each replacement and retry that was ordered."""
        return 1 + sum(1 for key in self.replacing_keys if self.run_of_key[key] == run)


@dataclass
class Weather:
    """How one apply fares: what happens to its calls, in order and then no more, and when it is killed."""

    faults: Sequence[Fault] = ()
    killed_after: int | None = None
    seed: int = 0

    @property
    def is_fine(self) -> bool:
        return self.killed_after is None and all(fault == "none" for fault in self.faults)


class Process:
    """One run of the tool: applies one plan, and may not come back."""

    def __init__(self, world: World, providers: Mapping[str, ProviderFacts], weather: Weather) -> None:
        self.world = world
        self.providers = providers
        self.faults = list(weather.faults)
        self.fuse = Fuse(weather.killed_after)
        self.random = random.Random(weather.seed)
        self.stored = {e.attempt.intent.idempotency_key: e.attempt for e in world.memory.load().entries()}

    def apply(self, plan: Plan, loop: asyncio.AbstractEventLoop, concurrency: int) -> Report | None:
        """The report, or nothing where it was killed."""
        for change in plan.sendable:
            self.world.run_of_key[change.idempotency_key] = (change.address, change.run_key)
            if isinstance(change, Replace) or change.retry_of:
                self.world.replacing_keys.add(change.idempotency_key)
                self.world.replacing.add((change.idempotency_key, file_of(change.source)))
        tools = Tools(
            providers=dict.fromkeys(self.providers, PlainProvider()),
            executor=self,
            committer=self,
            reporter=EventLog(),
            clock=self,
            brake=Brake(),
            concurrency=concurrency,
        )
        try:
            return loop.run_until_complete(apply_plan(plan, {"nightly": self.world.memory.load()}, tools))
        except Killed:
            return None

    def now(self) -> datetime:
        self.world.now += timedelta(milliseconds=1)
        return self.world.now

    async def commit(self, entry: Entry) -> None:
        await self._step()
        before = self.stored.get(entry.attempt.intent.idempotency_key)
        if before is not None and before.number == entry.attempt.number:
            assert before.intent == entry.attempt.intent, "a stored intent was changed"
        self.world.memory.append(entry)
        self.stored[entry.attempt.intent.idempotency_key] = entry.attempt
        await self._step()

    async def run(self, job: Job) -> Outcome:
        await self._step()
        stored = self.stored.get(job.idempotency_key)
        assert stored is not None, "a job runs before its intent is durable"
        assert stored.unresolved, "a job runs for what is settled"
        fault = self.faults.pop(0) if self.faults else "none"
        outcome = self._upload(job, stored, fault) if isinstance(job, Upload) else self._create(job, stored, fault)
        await self._step()
        return outcome

    async def _step(self) -> None:
        self.fuse.burn()
        for _ in range(self.random.randrange(3)):
            await asyncio.sleep(0)
        self.fuse.burn()

    def _upload(self, job: Upload, stored: Attempt, fault: Fault) -> Outcome:
        begun = (job.idempotency_key, stored.number)
        assert job.since or begun not in self.world.uploads, "an upload does not say that there was one before"
        self.world.uploads.add(begun)
        content = read(self.world.disk, job.source)
        if content is None:
            return Rejected(code="input-changed")
        self.world.requests += 1
        if fault == "denied":
            return Denied(code="unauthorized", status=401)
        if fault == "refused":
            return Rejected(code="too-large", status=413)
        self.world.files[file_of(job.source)] = content
        return uploaded(file_of(job.source)) if fault == "none" else Deferred(code="server-error")

    def _create(self, job: Create, stored: Attempt, fault: Fault) -> Outcome:
        assert stored.request == job.request, "a create is sent that is not the stored one"
        assert stored.sent_at, "a create is sent before it is recorded that it may have been"
        origin = self.providers[job.provider].origin
        assert stored.intent.origin == origin, "a create goes elsewhere than its intent says"
        service = self.world.services[origin]
        if job.sent_at and not self._may_send_again(job, service):
            return InDoubt(code="held")
        taken_in = service.bodies.get(job.idempotency_key, job.request)
        assert taken_in == job.request, "other bytes under the key of what a service has taken in"
        return self._answer(job, service, fault)

    def _may_send_again(self, job: Create, service: Service) -> bool:
        return service.honours_keys and self.world.now - datetime.fromisoformat(job.sent_at) < KEY_LIFE

    def _answer(self, job: Create, service: Service, fault: Fault) -> Outcome:
        """What comes back; a refusal is never a lie: it refuses what the service has not taken in."""
        self.world.requests += 1
        now, doubt = self.world.now, bool(job.sent_at)
        taken = self.world.has(job.idempotency_key)
        if fault == "none" or (fault == "refused" and taken):
            return accepted(service.make(job, now).batch_id)
        if fault == "refused":
            return Rejected(code="bad-request", status=400)
        if fault == "denied":
            return Denied(code="unauthorized", status=401, in_doubt=doubt)
        if fault == "busy":
            return InDoubt(code="rate-limited") if doubt else Deferred(code="rate-limited", status=429)
        if fault == "lost-reply":
            service.make(job, now)
        elif fault == "late" and not taken:
            service.put_off(job, now)
        return InDoubt(code="no-answer")


def check_ground(plan: Plan, state: State, providers: Mapping[str, ProviderFacts], disk: Mapping[str, str]) -> None:
    """The checks a saved plan goes through before it is applied. Raises `StaleError`."""
    check_current(plan, {"nightly": state})
    for change in plan.sendable:
        facts = providers.get(change.provider)
        if facts is None or facts.origin != change.origin:
            raise StaleError("provider-moved", change.address)
        if _still_to_upload(change, state) and read(disk, change.source) is None:
            raise StaleError("input-changed", change.address)


def read(disk: Mapping[str, str], source: LocalFile) -> str | None:
    """What is sent of a file, nothing where it is no longer what was planned."""
    text = disk.get(source.path, "")
    if source.part and len(text) != source.part.whole_size:
        return None
    content = text[source.start : source.start + source.size]
    return content if sha256(content) == source.sha256 and (source.part or content == text) else None


def file_of(source: Source) -> str:
    """The id that a source has, or will have, at every provider."""
    return f"file-{source.sha256[7:15]}" if isinstance(source, LocalFile) else source.file_id


def _still_to_upload(change: Sendable, state: State) -> bool:
    latest = state.latest(change.address, change.run_key)
    begun = latest is not None and latest.number == change.attempt and bool(latest.request)
    return isinstance(change.source, LocalFile) and not begun


def look_up(world: World, entry: Entry) -> Entry:
    """What a person does about an attempt that is held: look at the provider, then say what is there."""
    world.land()
    service = world.services[entry.attempt.intent.origin]
    made = next((m for m in service.made if m.key == entry.attempt.intent.idempotency_key), None)
    at = world.now.isoformat(timespec="milliseconds")
    if made is None:
        settled = moved(entry.attempt, "deferred", at, sent_at="")
    else:
        settled = moved(entry.attempt, "submitted", at, batch_id=made.batch_id, adopted=True)
    return Entry(address=entry.address, run_key=entry.run_key, attempt=settled)

"""A provider over real sockets, as tests send through it: what it is opened in, and what became of a job."""

import asyncio
import hashlib
import io
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
from support.scripted_server import Answer, Server, reply, serving

from batchrunner.catalog import ALPHAEDGE
from batchrunner.events import Event, Retrying
from batchrunner.facts import ProviderFacts, Retry, Timeouts
from batchrunner.jobs import Create, Outcome, Upload
from batchrunner.manifest import LocalFile
from batchrunner.providers import open_provider
from batchrunner.records import replace

KEY = "sk-canary-0123456789abcdef"
START = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)
GOOD = b'{"id":"batch_1","object":"batch","status":"validating","created_at":1,"input_file_id":"file-1"}'
ACCEPT = reply(200, GOOD, {"Content-Type": "application/json"})
FILE = b'{"custom_id":"1"}\n'
FAST = Retry(attempts=3, base_seconds=0.001, cap_seconds=0.002)
CREATE = Create(
    address="nightly/b",
    provider="alphaedge",
    idempotency_key="br1-abcdefghijklmnopqrstuvwxyz234567",
    request='{"completion_window":"24h","endpoint":"/v1/chat/completions","input_file_id":"file-1"}',
    input_file_id="file-1",
)


@dataclass
class Time:
    """A clock that a test sets."""

    at: datetime = START

    def now(self) -> datetime:
        return self.at


@dataclass
class World:
    """What a provider is opened in, and what it reported."""

    clock: Time = field(default_factory=Time)
    events: list[Event] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    handles: list[io.BytesIO] = field(default_factory=list)
    is_stopping: bool = False
    on_event: Callable[[Event], None] = lambda event: None

    def report(self, event: Event) -> None:
        self.events.append(event)
        self.on_event(event)

    def open_input(self, source: LocalFile) -> io.BytesIO:
        path = source.path
        self.handles.append(io.BytesIO(self.files[path]))
        return self.handles[-1]

    @property
    def waits(self) -> list[float]:
        return [event.wait for event in self.events if isinstance(event, Retrying)]


def facts(origin: str, **changes: object) -> ProviderFacts:
    values = {"origin": origin, "retry": FAST, "timeouts": Timeouts(create_seconds=20, upload_seconds=20), **changes}
    return replace(ALPHAEDGE, **values)


@asynccontextmanager
async def opened(described: ProviderFacts, world: World, transport: httpx.AsyncBaseTransport | None = None):
    provider = open_provider(
        "alphaedge",
        described,
        KEY,
        open_input=world.open_input,
        clock=world.clock,
        report=world.report,
        stopping=lambda: world.is_stopping,
        transport=transport,
    )
    try:
        yield provider
    finally:
        await provider.aclose()


@dataclass
class Story:
    """What became of a job, and what the server and the reporter saw of it."""

    outcome: Outcome
    server: Server
    world: World

    @property
    def sends(self) -> int:
        return len(self.server.seen)


def play(
    *answers: Answer, job: Create | Upload = CREATE, world: World | None = None, early: bool = False, **changes: object
) -> Story:
    """Send one job to a server that gives these answers."""
    world = world or World()

    async def scenario() -> Story:
        async with serving(*answers, early=early) as server, opened(facts(server.origin, **changes), world) as provider:
            send = provider.upload(job) if isinstance(job, Upload) else provider.create(job)
            return Story(await send, server, world)

    return asyncio.run(scenario())


def upload_of(content: bytes, path: str = "in.jsonl") -> Upload:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    source = LocalFile(path=path, sha256=digest, size=len(content), requests=1)
    return Upload(address="nightly/b", provider="alphaedge", idempotency_key="br1-key", source=source)


def with_file(content: bytes = FILE) -> World:
    return World(files={"in.jsonl": content})

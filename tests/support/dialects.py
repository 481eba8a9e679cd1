"""Every built-in provider at a sandbox that speaks as it does."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from batchrunner.catalog import built_in
from batchrunner.events import Event
from batchrunner.facts import Polling, ProviderFacts, Retry, Timeouts
from batchrunner.manifest import LocalFile
from batchrunner.providers import OpenProvider, open_provider, result_reader
from batchrunner.records import replace
from batchrunner.sandbox import Faults, Running, SandboxSettings, Timings, running
from batchrunner.testing import ProviderUnderTest

KEY = "sk-canary-5ba1c0ffee"
DIALECTS = ("alphaedge", "openai", "azure", "groq", "mistral", "together", "anthropic")
FAST = Retry(attempts=4, base_seconds=0.001, cap_seconds=0.01, budget=10_000)
SHORT = Timeouts(connect_seconds=5, create_seconds=5, upload_seconds=5, look_seconds=5, download_idle_seconds=5)
QUICK = Polling(base_seconds=0.01, cap_seconds=0.05, settle_seconds=0.2, gone_looks=2, gone_seconds=0.05)
INSTANT = Timings(validating=0.01, in_progress=0.02, finalizing=0.01, cancelling=0.01)
CHAT = {"model": "gpt-4o-mini", "max_tokens": 9, "messages": [{"role": "user", "content": "one"}]}
BODIES = {
    "/v1/messages": {**CHAT, "model": "claude"},
    "/v1/embeddings": {"model": "embed", "input": "one"},
}


def facts_at(name: str, origin: str, **changes: object) -> ProviderFacts:
    """What is known of a built-in provider, at a server on this machine, in a hurry."""
    known = {"origin": origin, "origin_env": None, "retry": FAST, "timeouts": SHORT, "polling": QUICK}
    return replace(built_in()[name], **{**known, **changes})


def endpoint_of(facts: ProviderFacts) -> str:
    """What requests are sent to: chat completions, where that is offered."""
    chat = "/v1/chat/completions"
    return chat if facts.endpoints is None or chat in facts.endpoints else facts.endpoints[0]


@contextmanager
def sandbox_speaking(name: str, folder: Path, *faults: str, **settings: object) -> Iterator[Running]:
    """A sandbox that speaks as the provider called `name`."""
    chosen = {
        "key": KEY,
        "dialect": "openai" if name == "alphaedge" else name,
        "faults": Faults.parse(faults),
        "timings": INSTANT,
        **settings,
    }
    with running(SandboxSettings(folder / "sandbox.db", **chosen)) as sandbox:  # type: ignore[arg-type]
        yield sandbox


class Now:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class Around:
    """What a provider is opened in: what it reported, and whether it is to stop."""

    events: list[Event] = field(default_factory=list)
    is_stopping: bool = False
    on_event: Callable[[Event], None] = lambda event: None

    def report(self, event: Event) -> None:
        self.events.append(event)
        self.on_event(event)


@asynccontextmanager
async def opened(
    facts: ProviderFacts, open_input: Callable[[LocalFile], BinaryIO], around: Around | None = None, key: str = KEY
) -> AsyncIterator[OpenProvider]:
    """A provider, closed at the end."""
    around = around or Around()
    provider = open_provider(
        "under-test",
        facts,
        key,
        open_input=open_input,
        clock=Now(),
        report=around.report,
        stopping=lambda: around.is_stopping,
    )
    try:
        yield provider
    finally:
        await provider.aclose()


def subject_of(
    facts: ProviderFacts, around: Around | None = None, *, key: str = KEY, model: str = ""
) -> ProviderUnderTest:
    """A provider as the public checks want it."""
    endpoint = endpoint_of(facts)
    body = BODIES.get(endpoint, CHAT)
    return ProviderUnderTest(
        lambda open_input: opened(facts, open_input, around, key),
        facts=facts,
        read_line=result_reader(facts),
        endpoint=endpoint,
        body={**body, "model": model} if model else body,
        seconds=30,
        pause_seconds=0.02,
    )

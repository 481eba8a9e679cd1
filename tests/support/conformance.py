"""A provider under test, the sandbox that speaks its dialect, and what stands between them and lies.

@case("C9")
def test_c9(dialect, tmp_path):
    with bench(dialect, tmp_path, "create:500-after-commit=first") as at:
        outcome = at.create()
"""

import asyncio
import http.client
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest
from support.cli import Desk
from support.dialects import DIALECTS, KEY, Around, endpoint_of, facts_at, sandbox_speaking, subject_of
from support.scripted_server import Answer, Seen, Server, serving

from batchrunner.catalog import built_in
from batchrunner.facts import ProviderFacts
from batchrunner.jobs import Accepted, Cancel, Create, InDoubt, Look, Outcome
from batchrunner.providers import OpenProvider
from batchrunner.records import replace
from batchrunner.remote import RemoteBatch
from batchrunner.sandbox import Ledger
from batchrunner.testing import CASES
from batchrunner.testing.following import ended
from batchrunner.testing.submitting import Submission, Submitter

T = TypeVar("T")
HASTE = {
    "retry": {"attempts": 4, "base_seconds": 0.001, "cap_seconds": 0.01, "budget": 10_000},
    "polling": {
        "base_seconds": 0.02,
        "cap_seconds": 0.1,
        "settle_seconds": 0.2,
        "gone_looks": 2,
        "gone_seconds": 0.05,
        "late_output_seconds": 0,
    },
}
BY_NAME = {case.name: case for case in CASES}
Change = Callable[[int, dict[str, str], bytes], tuple[int, dict[str, str], bytes]]


DAILY = frozenset({"openai", "anthropic"})
"""Requests in files, and requests in the create: what the daily run starts processes for; the campaign has them all."""


def case(name: str, *, is_slow: bool = False, **reasons: str) -> pytest.MarkDecorator:
    """Runs a test for every dialect that the case applies to; for the others its reason is the skip's.

    `reasons` are further ones, by dialect. What `is_slow` starts processes.
    """
    found = BY_NAME[name]

    def parameter(dialect: str) -> Any:
        why = found.absent(built_in()[dialect]) or reasons.get(dialect, "")
        marks = [pytest.mark.skip(reason=why)] if why else []
        if is_slow and dialect not in DAILY:
            marks.append(pytest.mark.campaign)
        return pytest.param(dialect, id=f"{name}-{dialect}", marks=marks)

    return pytest.mark.parametrize("dialect", [parameter(dialect) for dialect in DIALECTS])


@dataclass
class Bench:
    """Everything a case needs. `origin` is where the provider is told to be."""

    facts: ProviderFacts
    ledger: Ledger
    around: Around
    sandbox_origin: str
    answers: Sequence[Answer] = ()
    pages: Sequence[Answer | None] = ()
    change: Change | None = None
    server: Server | None = None
    submitter: Submitter = field(init=False)

    def __post_init__(self) -> None:
        self.submitter = Submitter(subject_of(self.facts))

    @property
    def mode(self) -> str:
        """How what is in doubt is settled."""
        return self.facts.idempotency

    @property
    def made(self) -> list[dict[str, Any]]:
        """The batches that there are."""
        return self.ledger.batches()

    @property
    def creates(self) -> int:
        """How many creates reached the sandbox."""
        return self.ledger.requests().get("creates", 0)

    def run(self, scenario: Callable[[OpenProvider, Submitter], Awaitable[T]]) -> T:
        """Run `scenario` with the provider open."""

        async def opened() -> T:
            if not (self.answers or self.pages or self.change):
                return await self._with_provider(scenario, self.facts)
            async with serving(self._relay) as server:
                self.server = server
                return await self._with_provider(scenario, replace(self.facts, origin=server.origin))

        return asyncio.run(opened())

    async def _with_provider(
        self, scenario: Callable[[OpenProvider, Submitter], Awaitable[T]], facts: ProviderFacts
    ) -> T:
        subject = subject_of(facts, self.around)
        self.submitter.subject = subject
        async with subject.open(self.submitter.open_input) as provider:
            return await scenario(provider, self.submitter)  # type: ignore[arg-type]

    def create(self, **changes: str) -> Outcome:
        """What a good create comes to."""

        async def scenario(provider: OpenProvider, submitter: Submitter) -> Outcome:
            return await provider.create((await submitter.prepared(provider, **changes)).job)

        return self.run(scenario)

    def created(self) -> tuple[Submission, str]:
        """A batch that is there, and its id."""
        return self.run(lambda provider, submitter: submitter.submitted(provider))

    def look(self, batch_id: str) -> Outcome:
        """What a look at a batch comes to."""
        job = Look(address="n/b", provider="under-test", batch_id=batch_id)
        return self.run(lambda provider, _: provider.follow(job))

    def cancel(self, batch_id: str) -> Outcome:
        """What stopping a batch comes to."""
        job = Cancel(address="n/b", provider="under-test", batch_id=batch_id)
        return self.run(lambda provider, _: provider.follow(job))

    def to_the_end(self, batch_id: str) -> RemoteBatch:
        """A batch once it has ended."""
        return self.run(lambda provider, submitter: ended(provider, submitter.subject, batch_id))

    def again(self, job: Create, sent_at: str = "") -> Outcome:
        """What a create comes to that was prepared before."""
        return self.run(lambda provider, _: provider.create(replace(job, sent_at=sent_at)))

    def assert_settled(self, outcome: Outcome, batches: int = 1) -> None:
        """There is one batch and we know it; or we know that we do not know, and there is no more than one."""
        if self.mode == "none":
            assert isinstance(outcome, InDoubt), outcome
            assert self.creates <= 1
            assert len(self.made) <= 1
            return
        assert isinstance(outcome, Accepted), outcome
        assert len(self.made) == batches
        assert outcome.batch_id in {batch["id"] for batch in self.made}

    async def _relay(self, seen: Seen, writer: asyncio.StreamWriter) -> None:
        """The next answer to a create or a look at the list, where there is one left; else what the sandbox answers."""
        is_create = (seen.method, _path(seen)) == ("POST", self.facts.paths.create_batch)
        is_page = (seen.method, _path(seen)) == ("GET", self.facts.paths.create_batch)
        answers = self.answers if is_create else self.pages if is_page else ()
        number = self._count(seen)
        if number < len(answers) and (answer := answers[number]) is not None:
            await answer(seen, writer)
            return
        status, headers, body = await asyncio.to_thread(self._forward, seen)
        if self.change and is_create:
            status, headers, body = self.change(status, headers, body)
        lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    def _count(self, seen: Seen) -> int:
        """How many of its kind came before."""
        assert self.server is not None
        return sum(1 for each in self.server.seen if (each.method, _path(each)) == (seen.method, _path(seen))) - 1

    def _forward(self, seen: Seen) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.sandbox_origin).netloc, timeout=30)
        try:
            connection.request(seen.method, seen.path, seen.body, seen.headers)
            reply = connection.getresponse()
            kept = {
                name: value for name, value in reply.getheaders() if name.lower() in ("content-type", "retry-after")
            }
            return reply.status, kept, reply.read()
        finally:
            connection.close()


def _path(seen: Seen) -> str:
    return seen.path.partition("?")[0]


@contextmanager
def bench(
    dialect: str,
    folder: Path,
    *faults: str,
    answers: Sequence[Answer] = (),
    pages: Sequence[Answer | None] = (),
    change: Change | None = None,
    facts: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Iterator[Bench]:
    """A provider at a sandbox with `faults` and `settings`.

    `answers` are given to its first creates, `pages` to the first looks at its list; None is what the sandbox says.
    """
    with sandbox_speaking(dialect, folder, *faults, **settings) as sandbox:
        known = facts_at(dialect, sandbox.base_url, **(facts or {}))
        ledger = Ledger(sandbox.settings.database)
        yield Bench(known, ledger, Around(), sandbox.base_url, answers, pages, change)


def changed(**fields: Any) -> Change:
    """A reply with these fields in its object, wherever that is."""

    def change(status: int, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        document = json.loads(body)
        within = document.get("job", document)
        within.update(fields)
        return status, headers, json.dumps(document).encode()

    return change


def with_status(status: int) -> Change:
    """The same reply with another status."""
    return lambda _, headers, body: (status, headers, body)


@contextmanager
def desk_at(
    dialect: str,
    folder: Path,
    *faults: str,
    batches: int = 1,
    rows: int = 3,
    custom_ids: Sequence[str] = (),
    **settings: Any,
) -> Iterator[tuple[Desk, Ledger]]:
    """The command line in a folder with a spec of so many batches, for a provider that is only told where it is."""
    known = built_in()[dialect]
    desk = Desk(folder / "desk")
    with sandbox_speaking(dialect, folder, *faults, **settings) as sandbox:
        desk.env = {str(known.api_key.env): KEY}
        desk.write("batchrunner.yaml", json.dumps({"providers": {dialect: {"base_url": sandbox.base_url, **HASTE}}}))
        endpoint = endpoint_of(known)
        declared = [{"name": f"b{number}", "input": "rows.jsonl"} for number in range(batches)]
        run = {"once_per": "day"}
        defaults = {"provider": dialect, "endpoint": endpoint}
        desk.write("s.yaml", json.dumps({"run": run, "defaults": defaults, "batches": declared}))
        write_rows(desk, known, *(custom_ids or (f"row-{number}" for number in range(rows))))
        yield desk, Ledger(sandbox.settings.database)


def write_rows(desk: Desk, facts: ProviderFacts, *custom_ids: str) -> None:
    """The input of a desk."""
    submitter = Submitter(subject_of(facts))
    source = submitter.input_of(custom_ids)
    desk.write("rows.jsonl", submitter.contents[source.path])


__all__ = ["KEY", "Bench", "bench", "case", "changed", "desk_at", "with_status", "write_rows"]

"""Jobs sent to a real sandbox that misbehaves: exactly one batch each, whatever happens on the way."""

import asyncio
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.scripted_server import reply, serving

from batchrunner.catalog import ALPHAEDGE
from batchrunner.executors import LocalExecutor
from batchrunner.facts import ProviderFacts, Retry
from batchrunner.jobs import Accepted, Create, Deferred, Denied, InDoubt, Outcome, Upload, Uploaded
from batchrunner.manifest import LocalFile, ProviderFile
from batchrunner.providers import open_provider
from batchrunner.records import decode, replace
from batchrunner.remote import Tags
from batchrunner.sandbox import Faults, Ledger, SandboxSettings, running
from batchrunner.state import Intent

KEY = "sk-canary-0123456789abcdef"
ENDPOINT = "/v1/chat/completions"
LINE = {"custom_id": "1", "method": "POST", "url": ENDPOINT, "body": {"model": "m", "messages": []}}
CONTENT = json.dumps(LINE).encode() + b"\n"
STORM = [
    "429=0.1:0.01",
    "500=0.05",
    "503-html=0.05",
    "drop-before=0.05",
    "drop-after-commit=0.1",
    "500-after-commit=0.1",
    "late-commit=0.05:0.02",
    "truncated=0.05",
    "junk=0.05",
    "no-id=0.03",
    "hostile-id=0.03",
    "redirect=0.03:/elsewhere",
]


class Wall:
    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True)
class Desk:
    """A sandbox in reach, and the folder its inputs lie in."""

    origin: str
    ledger: Ledger
    folder: Path

    def facts(self, **changes: object) -> ProviderFacts:
        retry = Retry(attempts=3, base_seconds=0.002, cap_seconds=0.01, budget=10_000)
        return replace(ALPHAEDGE, origin=self.origin, retry=retry, **changes)

    async def run(self, jobs: list[Create] | list[Upload], **changes: object) -> list[Outcome]:
        """One run: a provider of its own, every job once, all at the same time."""
        facts = self.facts(**changes)
        provider = open_provider(
            "alphaedge",
            facts,
            KEY,
            open_input=lambda source: (self.folder / source.path).open("rb"),
            clock=Wall(),
            report=lambda event: None,
            stopping=lambda: False,
        )
        try:
            executor = LocalExecutor({"alphaedge": provider})
            return await asyncio.gather(*(executor.run(job) for job in jobs))
        finally:
            await provider.aclose()


@pytest.fixture
def desk(tmp_path: Path):
    def start(*faults: str, seed: int = 0, **settings: object):
        database = tmp_path / "sandbox.db"
        chosen = SandboxSettings(database=database, key=KEY, faults=Faults.parse(faults, seed), **settings)
        return running(chosen), lambda sandbox: Desk(sandbox.base_url, Ledger(database), tmp_path)

    return start


def with_desk(started, act: Callable) -> None:
    context, furnish = started
    with context as sandbox:
        asyncio.run(act(furnish(sandbox)))


def uploads(folder: Path, count: int) -> list[Upload]:
    (folder / "in.jsonl").write_bytes(CONTENT)
    digest = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
    source = LocalFile(path="in.jsonl", sha256=digest, size=len(CONTENT), requests=1)
    return [
        Upload(address=f"s/b{n}", provider="alphaedge", idempotency_key=f"br1-{n}", source=source) for n in range(count)
    ]


def create(number: int, file_id: str) -> Create:
    body = {"completion_window": "24h", "endpoint": ENDPOINT, "input_file_id": file_id}
    request = json.dumps(body, separators=(",", ":"))
    return Create(
        address=f"s/b{number}",
        provider="alphaedge",
        idempotency_key=f"br1-{number}",
        request=request,
        input_file_id=file_id,
    )


async def settled(desk: Desk, jobs: list, kind: type, **changes: object) -> list:
    """Run after run until every job came to a `kind`, as a person would type the command again."""
    done: dict[int, Outcome] = {}
    pending = dict(enumerate(jobs))
    while pending:
        numbers = list(pending)
        sent_at = Wall().now().isoformat()
        for number, outcome in zip(numbers, await desk.run(list(pending.values()), **changes), strict=True):
            if isinstance(outcome, kind):
                done[number] = outcome
                del pending[number]
            elif isinstance(outcome, InDoubt):
                pending[number] = replace(pending[number], sent_at=pending[number].sent_at or sent_at)
            else:
                assert isinstance(outcome, Deferred), outcome
    return [done[number] for number in range(len(jobs))]


@pytest.mark.parametrize("seed", [1, 2])
def test_in_a_storm_every_job_becomes_exactly_one_batch(desk, seed):
    count = 40

    async def act(at: Desk) -> None:
        files = [outcome.file_id for outcome in await settled(at, uploads(at.folder, count), Uploaded)]
        jobs = [create(number, file_id) for number, file_id in enumerate(files)]
        batches = [outcome.batch_id for outcome in await settled(at, jobs, Accepted)]
        held = {batch["id"]: batch for batch in at.ledger.batches()}
        assert sorted(held) == sorted(batches)
        assert [held[batch]["input_file_id"] for batch in batches] == files
        assert [held[batch]["idempotency_key"] for batch in batches] == [job.idempotency_key for job in jobs]
        assert len({file["id"] for file in at.ledger.files()}) == count

    with_desk(desk(*STORM, seed=seed), act)


@pytest.mark.parametrize(
    "fault", ["drop-after-commit", "500-after-commit", "truncated", "junk", "huge", "foreign", "no-id", "hostile-id"]
)
def test_a_commit_that_was_not_reported_is_found_again(desk, fault):
    async def act(at: Desk) -> None:
        (outcome,) = await at.run([create(1, "file-1")])
        assert [batch["id"] for batch in at.ledger.batches()] == [outcome.batch_id]
        assert at.ledger.requests()["replays"] == 1

    with_desk(desk(f"create:{fault}=first"), act)


@pytest.mark.parametrize("fault", ["drop-after-commit", "500-after-commit", "junk"])
def test_a_provider_that_ignores_keys_is_asked_once(desk, fault):
    async def act(at: Desk) -> None:
        job = create(1, "file-1")
        (first,) = await at.run([job], idempotency="none")
        assert isinstance(first, InDoubt)
        (again,) = await at.run([replace(job, sent_at=Wall().now().isoformat())], idempotency="none")
        assert (type(again), again.code) == (InDoubt, "no-idempotency")
        assert len(at.ledger.batches()) == 1
        assert at.ledger.requests()["creates"] == 1

    with_desk(desk(f"create:{fault}=first", honour_keys=False), act)


def test_a_refused_key_is_denied_and_commits_nothing(desk):
    async def act(at: Desk) -> None:
        outcomes = await at.run([create(number, "file-1") for number in range(3)])
        assert {type(outcome) for outcome in outcomes} == {Denied}
        assert at.ledger.batches() == []

    with_desk(desk("401=1.0"), act)


def test_what_the_dialect_builds_is_what_the_provider_keeps(desk):
    async def act(at: Desk) -> None:
        (uploaded,) = await at.run(uploads(at.folder, 1))
        provider = open_provider(
            "alphaedge",
            at.facts(),
            KEY,
            open_input=lambda source: (at.folder / source.path).open("rb"),
            clock=Wall(),
            report=lambda event: None,
            stopping=lambda: False,
        )
        intent = Intent(
            idempotency_key="br1-0",
            fingerprint="sha256:00",
            provider="alphaedge",
            origin=at.origin,
            endpoint=ENDPOINT,
            completion_window="24h",
            source=ProviderFile(file_id=uploaded.file_id),
            created_at="2026-11-22T02:30:00Z",
        )
        tags = Tags("br1-0", "s/b", "day:2026-11-22", "sha256:00", 1)
        request = provider.create_request(intent, uploaded.file_id, tags)
        outcome = await provider.create(replace(create(0, uploaded.file_id), request=request))
        await provider.aclose()
        returned = decode(outcome.reply, dict, what="the reply")
        assert (returned["object"], returned["input_file_id"], returned["endpoint"]) == (
            "batch",
            uploaded.file_id,
            ENDPOINT,
        )
        (file,) = at.ledger.files()
        assert (file["bytes"], file["purpose"], file["filename"]) == (
        len(CONTENT), "batch", f"br1-0-{hashlib.sha256(CONTENT).hexdigest()[:16]}.jsonl",
    )  # fmt: skip

    with_desk(desk(), act)


UPLOADER = """
import asyncio, hashlib, json, resource, sys
from datetime import UTC, datetime
from batchrunner.catalog import ALPHAEDGE
from batchrunner.jobs import Upload
from batchrunner.manifest import LocalFile
from batchrunner.providers import open_provider
from batchrunner.records import replace

class Wall:
    def now(self): return datetime.now(UTC)

def job(path):
    digest, size = hashlib.sha256(), 0
    with open(path, "rb") as file:
        while piece := file.read(65536):
            digest.update(piece)
            size += len(piece)
    source = LocalFile(path=path, sha256="sha256:" + digest.hexdigest(), size=size, requests=1)
    return Upload(address="s/b", provider="p", idempotency_key="br1-x", source=source)

async def main(origin, small, large):
    provider = open_provider("p", replace(ALPHAEDGE, origin=origin), "key",
        open_input=lambda source: open(source.path, "rb"), clock=Wall(),
        report=lambda event: None, stopping=lambda: False)
    jobs = [job(small), job(large)]
    peaks, outcomes = [], []
    for each in jobs:
        outcomes.append(type(await provider.upload(each)).__name__)
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    await provider.aclose()
    print(json.dumps({"outcomes": outcomes, "grown_kib": peaks[1] - peaks[0]}))

asyncio.run(main(*sys.argv[1:]))
"""


def test_an_upload_takes_no_memory(tmp_path):
    size = 64 << 20
    small, large = tmp_path / "small.jsonl", tmp_path / "large.jsonl"
    small.write_bytes(CONTENT)
    with large.open("wb") as file:
        file.truncate(size)

    async def scenario() -> dict:
        async with serving(reply(200, b'{"id":"file-9"}')) as server:
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-c", UPLOADER, server.origin, str(small), str(large), stdout=subprocess.PIPE
            )
            out, _ = await child.communicate()
            assert [seen.is_whole for seen in server.seen] == [True, True]
            assert server.seen[1].size > size
            return json.loads(out)

    report = asyncio.run(scenario())
    assert report["outcomes"] == ["Uploaded", "Uploaded"]
    assert report["grown_kib"] < 16 * 1024

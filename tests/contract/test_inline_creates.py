"""Creates that hold their requests themselves: streamed from the file, proven before their end, never sent twice."""

import asyncio
import hashlib
import json
import resource
from pathlib import Path
from typing import Any

import pytest
from support.scripted_server import Answer, Server, hang_up, raw, reply, serving
from support.sending import FAST, START, World, opened

from batchrunner.catalog import ANTHROPIC
from batchrunner.events import Uploading
from batchrunner.facts import ProviderFacts, Timeouts
from batchrunner.jobs import Accepted, Create, Deferred, Denied, InDoubt, Outcome, Rejected
from batchrunner.manifest import LocalFile
from batchrunner.providers import open_provider
from batchrunner.records import replace

LINES = [json.dumps({"custom_id": f"r{number}", "params": {"model": "m", "x": "ü" * number}}) for number in range(50)]
CONTENT = ("\n".join(LINES) + "\n").encode()
MADE = reply(200, b'{"id":"msgbatch_1","type":"message_batch","processing_status":"in_progress","request_counts":{}}')


def create(content: bytes = CONTENT, **changes: Any) -> Create:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    source = LocalFile(path="in.jsonl", sha256=digest, size=len(content), requests=content.count(b"\n"))
    return Create(
        **{
            "address": "nightly/b",
            "provider": "alphaedge",
            "idempotency_key": "br1-x",
            "request": '{"requests":{"content":"…","count":50}}',
            "input_file_id": "",
            "source": source,
            **changes,
        }
    )


def described(origin: str, **changes: Any) -> ProviderFacts:
    known = {"retry": FAST, "timeouts": Timeouts(create_seconds=0.3, upload_seconds=20), **changes}
    return replace(ANTHROPIC, origin=origin, **known)


def sent(
    *answers: Answer, job: Create | None = None, world: World | None = None, early: bool = False
) -> tuple[Outcome, Server]:
    world = world or World(files={"in.jsonl": CONTENT})

    async def scenario() -> tuple[Outcome, Server]:
        async with serving(*answers, early=early) as server, opened(described(server.origin), world) as provider:
            return await provider.create(job or create()), server

    return asyncio.run(scenario())


def test_the_requests_are_the_body() -> None:
    world = World(files={"in.jsonl": CONTENT})
    outcome, server = sent(MADE, world=world)
    assert isinstance(outcome, Accepted)
    assert (outcome.batch_id, outcome.status) == ("msgbatch_1", "in_progress")
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", "/v1/messages/batches")
    assert json.loads(seen.body) == {"requests": [json.loads(line) for line in LINES]}
    assert seen.headers["content-length"] == str(len(seen.body))
    assert "transfer-encoding" not in seen.headers
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["x-api-key"] or seen.headers["authorization"]
    assert [handle.closed for handle in world.handles] == [True, True]
    assert world.events == [Uploading(address="nightly/b", sent=len(seen.body), size=len(seen.body))]


@pytest.mark.parametrize(
    "content",
    [
        b"".join(CONTENT.splitlines(keepends=True)[:1]),
        CONTENT.rstrip(b"\n"),
        CONTENT.replace(b"\n", b"\r\n"),
        b"\n\n" + CONTENT.replace(b"\n", b"\n \n"),
        CONTENT.replace(b'"params":', b'"params":\r'),
        b'{"custom_id":"1","params":"%s"}\n' % (b"x" * 1_000_000) + CONTENT,
    ],
    ids=["one", "no last line break", "CRLF", "blank lines", "a bare CR within a line", "a long line"],
)
def test_lines_however_they_are_broken(content: bytes) -> None:
    outcome, server = sent(MADE, job=create(content), world=World(files={"in.jsonl": content}))
    assert isinstance(outcome, Accepted)
    assert server.seen[0].is_whole
    if len(content) < 1 << 20 and server.seen[0].size < 1 << 20:
        lines = [line for line in content.split(b"\n") if line.strip()]
        assert json.loads(server.seen[0].body) == {"requests": [json.loads(line) for line in lines]}


CHANGED = {
    "shorter": CONTENT[:-10],
    "longer": CONTENT + b"{}\n",
    "other": CONTENT.replace(b"r7", b"r8"),
    "none": b"",
}


@pytest.mark.parametrize("content", CHANGED.values(), ids=CHANGED.keys())
def test_a_file_that_changed_is_noticed_before_anything_is_sent(content: bytes) -> None:
    outcome, server = sent(MADE, world=World(files={"in.jsonl": content}))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, server.seen) == ("input-changed", [])


@pytest.mark.parametrize("content", CHANGED.values(), ids=CHANGED.keys())
def test_a_file_that_changes_while_it_is_sent_never_arrives_whole(content: bytes) -> None:
    world = World(files={"in.jsonl": CONTENT})

    class Fickle(dict[str, bytes]):
        def __getitem__(self, path: str) -> bytes:
            return content if world.handles else CONTENT

    world.files = Fickle()
    outcome, server = sent(MADE, world=world)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "input-changed"
    assert not any(seen.is_whole for seen in server.seen)


def test_a_file_that_is_gone() -> None:
    outcome, server = sent(MADE, world=World())
    assert isinstance(outcome, Rejected)
    assert (outcome.code, server.seen) == ("input-unreadable", [])


@pytest.mark.parametrize("answer", [reply(429), reply(529), hang_up()], ids=["429", "529", "hang up"])
def test_what_is_safe_is_sent_again_in_full(answer: Answer) -> None:
    outcome, server = sent(answer, MADE)
    if isinstance(outcome, Accepted):
        assert [seen.is_whole for seen in server.seen] == [True, True]
        assert server.seen[0].body == server.seen[1].body
    else:
        assert isinstance(outcome, InDoubt)
        assert len(server.seen) == 1


LOST: dict[str, Answer] = {
    "500": reply(500),
    "hang up": hang_up(),
    "half": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"),
    "html": reply(200, b"<html>"),
    "no id": reply(200, b'{"type":"message_batch"}'),
    "a hostile id": reply(200, b'{"id":"../../x","processing_status":"in_progress"}'),
}


@pytest.mark.parametrize("answer", LOST.values(), ids=LOST.keys())
def test_what_may_have_been_made_is_never_sent_again(answer: Answer) -> None:
    outcome, server = sent(answer, MADE)
    assert isinstance(outcome, InDoubt)
    assert len(server.seen) == 1


def test_what_an_earlier_run_may_have_made_is_not_even_read() -> None:
    world = World(files={"in.jsonl": CONTENT})
    outcome, server = sent(MADE, job=create(sent_at=START.isoformat()), world=world)
    assert isinstance(outcome, InDoubt)
    assert (outcome.code, server.seen, world.handles) == ("no-idempotency", [], [])


@pytest.mark.parametrize(
    ("status", "kind"), [(400, Rejected), (413, Rejected), (401, Denied), (403, Denied), (429, Deferred)]
)
def test_a_refusal_before_the_end_is_heard(status: int, kind: type) -> None:
    content = b'{"custom_id":"1","params":"%s"}\n' % (b"x" * 12_000_000)
    world = World(files={"in.jsonl": content})
    outcome, _ = sent(reply(status, b'{"error":{"message":"no"}}'), job=create(content), world=world, early=True)
    assert isinstance(outcome, kind)


def test_an_acceptance_before_the_end_is_none() -> None:
    content = b'{"custom_id":"1","params":"%s"}\n' % (b"x" * 100_000) * 300
    outcome, _ = sent(MADE, job=create(content), world=World(files={"in.jsonl": content}), early=True)
    assert isinstance(outcome, InDoubt)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    line = b'{"custom_id":"%06d","params":"' + b"x" * 9_000 + b'"}\n'
    path = tmp_path / "in.jsonl"
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for number in range(20_000):
            digest.update(line % number)
            file.write(line % number)
    source = LocalFile(
        path="in.jsonl", sha256=f"sha256:{digest.hexdigest()}", size=path.stat().st_size, requests=20_000
    )

    async def scenario() -> Outcome:
        async with serving(MADE) as server:
            provider = open_provider(
                "a", described(server.origin), "sk-0123456789abcdefghij", open_input=lambda _: path.open("rb"),
                clock=World().clock, report=lambda _: None, stopping=lambda: False,
            )  # fmt: skip
            try:
                return await provider.create(create(source=source))
            finally:
                await provider.aclose()

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert isinstance(asyncio.run(scenario()), Accepted)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024

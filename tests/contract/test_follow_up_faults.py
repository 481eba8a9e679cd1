"""Whatever a provider does wrong when it is asked what became of a batch: the right answer, or none, never a wrong."""

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.scripted_server import Answer, Server, drip, hang_up, raw, reply, reset, say_nothing, serving
from support.sending import CREATE, FAST, KEY, World, facts, opened, upload_of

from batchrunner.facts import ProviderFacts, Timeouts
from batchrunner.jobs import (
    Accepted,
    Cancel,
    Deferred,
    Denied,
    Download,
    Downloaded,
    FilesSurveyed,
    FollowUp,
    Look,
    NotFound,
    Outcome,
    Rejected,
    Removed,
    RemoveFile,
    Seen,
    Survey,
    Surveyed,
    SurveyFiles,
    Uploaded,
)
from batchrunner.records import replace
from batchrunner.remote import ResultFile
from batchrunner.sandbox import Faults, SandboxSettings, Timings, running
from batchrunner.sandbox.faults import FAULT_TYPES

LINE = b'{"custom_id":"1","method":"POST","url":"/v1/embeddings","body":{"model":"m","input":"%s"}}\n' % (b"x" * 9000)
KINDS = ("look", "survey", "content", "cancel", "remove", "list")
PATIENT = Timeouts(create_seconds=5, look_seconds=3, download_idle_seconds=3)
"""For what is answered: a busy machine may take its time."""
HASTY = Timeouts(create_seconds=1, look_seconds=0.5, download_idle_seconds=0.5)
"""For what need not be answered: what hangs is waited for several times."""
ANSWERS = (Seen, Surveyed, Downloaded, Removed, FilesSurveyed)


def described(origin: str, timeouts: Timeouts = PATIENT) -> ProviderFacts:
    return facts(origin, metadata="sent", timeouts=timeouts)


def ask(kind: str, batch: str, files: dict[str, str], target: Path) -> FollowUp:
    about = {"address": "nightly/b", "provider": "alphaedge"}
    results = ResultFile(kind="output", file_id=files["output"])
    return {
        "look": Look(batch_id=batch, **about),
        "survey": Survey(**about),
        "cancel": Cancel(batch_id=batch, **about),
        "content": Download(batch_id=batch, file=results, target=str(target), **about),
        "remove": RemoveFile(file_id=files["input"], **about),
        "list": SurveyFiles(**about),
    }[kind]


async def submitted(origin: str) -> tuple[str, dict[str, str]]:
    """A batch that is done, and its files."""
    async with opened(described(origin), World(files={"in.jsonl": LINE})) as provider:
        uploaded = await provider.upload(upload_of(LINE))
        assert isinstance(uploaded, Uploaded)
        request = {"input_file_id": uploaded.file_id, "endpoint": "/v1/embeddings", "completion_window": "24h"}
        job = replace(CREATE, request=json.dumps(request), input_file_id=uploaded.file_id)
        accepted = await provider.create(job)
        assert isinstance(accepted, Accepted)
        while True:
            seen = await provider.follow(ask("look", accepted.batch_id, {"output": "", "input": ""}, Path()))
            assert isinstance(seen, Seen)
            if seen.batch.is_terminal:
                return accepted.batch_id, {"output": seen.batch.files[0].file_id, "input": uploaded.file_id}


def at_the_sandbox(folder: Path, kind: str, rule: str, timeouts: Timeouts) -> tuple[Outcome, Outcome, str]:
    """What becomes of one follow-up where all is well, and where `rule` applies; the batch it is about."""
    database = folder / "sandbox.db"
    honest = SandboxSettings(database, key=KEY, timings=Timings(0, 0, 0, 0))
    with running(honest) as sandbox:
        batch, files = asyncio.run(submitted(sandbox.base_url))
        right = (
            None if kind == "remove" else asyncio.run(_asked(sandbox.base_url, kind, batch, files, folder / "right"))
        )
    settings = SandboxSettings(database, key=KEY, timings=Timings(0, 0, 0, 0), faults=Faults.parse([rule]))
    with running(settings) as sandbox:
        said = asyncio.run(_asked(sandbox.base_url, kind, batch, files, folder / "said", timeouts))
    return right or Removed(), said, batch


async def _asked(
    origin: str, kind: str, batch: str, files: dict[str, str], target: Path, timeouts: Timeouts = PATIENT
) -> Outcome:
    async with opened(described(origin, timeouts), World()) as provider:
        return await provider.follow(ask(kind, batch, files, target))


AIMED = [(kind, fault) for fault, known in FAULT_TYPES.items() for kind in KINDS if kind in known.kinds]
HARMLESS = {"slow", "ansi", "foreign-url", "foreign"}


@pytest.mark.parametrize(("kind", "fault"), AIMED, ids=lambda each: str(each))
def test_a_fault_that_passes_does_no_harm(kind: str, fault: str, tmp_path: Path) -> None:
    how = {"slow": "1.0:0.01", "401": "0.0", "404": "0.0", "redirect": "first:1:http://127.0.0.1:9/"}.get(
        fault, "first"
    )
    right, said, _ = at_the_sandbox(tmp_path, kind, f"{kind}:{fault}={how}", PATIENT)
    if fault in HARMLESS or (kind, fault) in {("content", "huge"), ("survey", "hostile-id"), ("list", "hostile-id")}:
        assert isinstance(said, (*ANSWERS, Rejected))
    elif isinstance(said, Rejected):
        assert (kind, fault) == ("content", "gzip")
    elif kind == "remove":
        # Done the first time, whose answer was lost.
        assert isinstance(said, Removed | NotFound)
    else:
        assert said == right


@pytest.mark.parametrize(("kind", "fault"), AIMED, ids=lambda each: str(each))
def test_a_fault_that_stays_is_never_taken_for_an_answer(kind: str, fault: str, tmp_path: Path) -> None:
    argument = {"slow": ":0.01", "redirect": ":http://127.0.0.1:9/"}.get(fault, "")
    right, said, batch = at_the_sandbox(tmp_path, kind, f"{kind}:{fault}=1.0{argument}", HASTY)
    assert isinstance(said, (*ANSWERS, Deferred, Denied, NotFound, Rejected))
    expected = {"401": Denied, "404": NotFound}.get(fault)
    if expected is not None and kind not in {"survey", "list"}:
        assert isinstance(said, expected)
    if isinstance(said, Seen):
        assert said.batch.batch_id == batch
        assert isinstance(right, Seen)
        assert said.batch.status == right.batch.status
        assert all(file.file_id.isascii() and "/" not in file.file_id for file in said.batch.files)
    if isinstance(said, Surveyed) and fault != "ansi":
        assert not said.is_complete or [each.batch_id for each in said.batches] == [batch]


# Replies that no sandbox gives

BATCH = {"id": "batch_1", "status": "completed", "output_file_id": "file-2"}
BAD: dict[str, Answer] = {
    **{str(status): reply(status, b"oops") for status in (204, 301, 302, 307, 408, 429, 500, 501, 502, 503, 504, 520)},
    "not JSON": reply(200, b"<html>"),
    "empty": reply(200),
    "a list": reply(200, b"[]"),
    "null": reply(200, b"null"),
    "deep": reply(200, b'{"id":"batch_1","status":' + b"[" * 200_000),
    "no id": reply(200, b'{"status":"completed"}'),
    "an id that is none": reply(200, b'{"id":7,"status":"completed"}'),
    "a hostile id": reply(200, b'{"id":"../../files/x?y=1#","status":"completed"}'),
    "no status": reply(200, b'{"id":"batch_1"}'),
    "a status that is none": reply(200, b'{"id":"batch_1","status":["completed"]}'),
    "NaN": reply(200, b'{"id":"batch_1","status":"completed","n":NaN}'),
    "a number out of range": reply(200, b'{"id":"batch_1","status":"completed","n":1e999}'),
    "invalid UTF-8": reply(200, b'{"id":"batch_1","status":"\xff"}'),
    "half a head": raw(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "half a body": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + json.dumps(BATCH).encode()),
    "ten megabytes": reply(200, json.dumps({**BATCH, "x": "x" * 10_000_000}).encode()),
    "ten megabytes of refusal": reply(500, b"x" * 10_000_000),
    "gzip": reply(200, gzip.compress(json.dumps(BATCH).encode()), {"Content-Encoding": "gzip"}),
    "a bomb": reply(200, gzip.compress(b" " * 50_000_000), {"Content-Encoding": "gzip"}),
    "a flood of headers": raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000),
    "an endless header": raw(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1_000_000),
    "a flood of 1xx": raw(b"HTTP/1.1 103 Early\r\n\r\n" * 10_000),
    "one byte at a time": drip(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{", 0.01),
    "silence": say_nothing(),
    "hang up": hang_up(),
    "reset": reset(),
    "not HTTP": raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
}
JOBS: dict[str, FollowUp] = {
    kind: ask(kind, "batch_1", {"output": "file-2", "input": "file-1"}, Path("/nonexistent/x"))
    for kind in ("look", "cancel", "survey", "list")
}


def asked(*answers: Answer, job: FollowUp, **changes: object) -> tuple[Outcome, Server]:
    async def scenario() -> tuple[Outcome, Server]:
        async with serving(*answers) as server:
            about = facts(server.origin, timeouts=HASTY, **changes)
            async with opened(about, World()) as provider:
                return await provider.follow(job), server

    return asyncio.run(scenario())


@pytest.mark.parametrize("kind", JOBS)
@pytest.mark.parametrize("answer", BAD.values(), ids=BAD.keys())
def test_what_makes_no_sense_is_asked_again_and_then_later(kind: str, answer: Answer) -> None:
    outcome, server = asked(answer, job=JOBS[kind])
    if kind in {"survey", "list"} and isinstance(outcome, Rejected):
        assert (outcome.code, len(server.seen)) == ("not-offered", FAST.attempts)
        return
    assert isinstance(outcome, Deferred)
    assert len(server.seen) == FAST.attempts
    assert len(outcome.words) <= 500


@pytest.mark.parametrize("kind", ["look", "cancel"])
def test_what_else_a_batch_may_say_is_tolerated(kind: str) -> None:
    odd = {
        **BATCH,
        "output_file_id": "https://evil.example/x",
        "error_file_id": "../../etc/passwd",
        "created_at": 10**30,
        "expires_at": "soon",
        "request_counts": {"total": -5, "completed": "x", "failed": 10**30},
        "usage": [],
        "errors": {"data": [{"message": "\x1b[31mred\x1b[0m", "code": 7, "line": "x"}, 5, None]},
        "metadata": {"a": 1, "batchrunner_key": "x"},
    }
    outcome, _ = asked(reply(200, json.dumps(odd).encode()), job=JOBS[kind])
    assert isinstance(outcome, Seen)
    batch = outcome.batch
    assert (batch.files, batch.created_at, batch.expires_at, batch.usage) == ((), "", "", None)
    assert json.loads(bytes(batch.reply)) == odd
    assert batch.problems[0].message == "\x1b[31mred\x1b[0m"


@pytest.mark.parametrize("identity", ["../x", "a/b", "a?b", "a#b", "", "x" * 200, "a b", "a\r\nX: y", "é"])
def test_no_url_is_made_of_an_id_that_could_lead_elsewhere(identity: str, tmp_path: Path) -> None:
    files = {"output": identity, "input": identity}
    for kind in ("look", "cancel", "content", "remove"):
        outcome, server = asked(reply(200), job=ask(kind, identity, files, tmp_path / "x"))
        assert isinstance(outcome, Rejected)
        assert server.seen == []


@pytest.mark.parametrize("broken", [reply(500), hang_up(), reply(200, b"<html>"), reply(401), reply(400)])
def test_a_survey_that_breaks_off_says_so(broken: Answer) -> None:
    first = {"object": "list", "data": [BATCH], "has_more": True}
    outcome, _ = asked(reply(200, json.dumps(first).encode()), broken, job=JOBS["survey"])
    assert isinstance(outcome, Surveyed)
    assert ([each.batch_id for each in outcome.batches], outcome.is_complete) == (["batch_1"], False)


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_may_not_is_denied(status: int) -> None:
    for job in JOBS.values():
        outcome, server = asked(reply(status, b'{"error":{"message":"no"}}'), job=job)
        assert (type(outcome), len(server.seen)) == (Denied, 1)


@settings(deadline=None, max_examples=150)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("batch_1"),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["data", "id", "status", "has_more", "created_at", "errors", "metadata", "request_counts", "usage"]
                ),
                inner,
            )
        ),
    ),
    st.sampled_from(sorted(JOBS)),
)
def test_whatever_is_said_comes_to_an_outcome(document: Any, kind: str) -> None:
    outcome, _ = asked(reply(200, json.dumps(document).encode()), job=JOBS[kind])
    assert isinstance(outcome, (*ANSWERS, Deferred))

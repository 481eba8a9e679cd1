"""The clients that Anthropic, Groq, Mistral and Together publish, as judges: of the sandbox, and of what we send.

The `dev` extra has the first two. The others bring a telemetry and a command line along, and are skipped where they are
not installed; `pip install mistralai together` does that.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import ConfigDict, TypeAdapter

from batchrunner.catalog import built_in
from batchrunner.manifest import LocalFile
from batchrunner.providers._dialects import dialect_of
from batchrunner.remote import RemoteBatch, Tags
from batchrunner.sandbox import Running, SandboxSettings, running
from batchrunner.state import Intent

KEY = "sk-canary-91ab"
CHAT = "/v1/chat/completions"
TAGS = Tags("br1-" + "a" * 32, "nightly/summaries[lang=fr]#2", "day:2026-11-22", "sha256:" + "0" * 64, 1)
MESSAGES = [{"role": "user", "content": "Hi"}]


class Moment:
    """Time that moves when told to."""

    now = 1_795_354_841.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def moment() -> Moment:
    return Moment()


@contextmanager
def sandbox(dialect: Any, folder: Path, moment: Moment) -> Iterator[Running]:
    with running(SandboxSettings(folder / "sandbox.db", key=KEY, clock=moment, dialect=dialect)) as started:
        yield started


def created(provider: str) -> dict[str, Any]:
    intent = Intent(
        idempotency_key=TAGS.idempotency_key,
        fingerprint="sha256:00",
        provider=provider,
        origin="https://x.example.com",
        endpoint=CHAT,
        completion_window="24h",
        source=LocalFile(path="in.jsonl", sha256="sha256:00", size=3, requests=1, models=("m",)),
        metadata={"team": "support"},
        created_at="2026-11-22T02:30:00Z",
    )
    body: dict[str, Any] = json.loads(dialect_of(built_in()[provider]).create_request(intent, "file-1", TAGS))
    return body


def read(provider: str, document: Any) -> RemoteBatch:
    batch = dialect_of(built_in()[provider]).read_batch(document.model_dump_json(by_alias=True).encode())
    assert isinstance(batch, RemoteBatch), batch
    return batch


def outcomes(provider: str, lines: str) -> dict[str, str]:
    found = map(dialect_of(built_in()[provider]).read_line, lines.encode().splitlines())
    return {line.custom_id: line.outcome for line in found if line}


def strict(params: Any) -> TypeAdapter[Any]:
    """What a create may hold, and nothing else."""
    return TypeAdapter(type("Strict", (params,), {"__pydantic_config__": ConfigDict(extra="forbid")}))


def rows(count: int, **more: Any) -> bytes:
    body = {"model": "m", "max_tokens": 9, "messages": MESSAGES}
    return b"".join(json.dumps({"custom_id": f"r{n}", **more, "body": body}).encode() + b"\n" for n in range(count))


def test_anthropic(tmp_path: Path, moment: Moment) -> None:
    anthropic = pytest.importorskip("anthropic", reason="Anthropic's client is not installed")
    params = {"model": "m", "max_tokens": 9, "messages": MESSAGES}
    with (
        sandbox("anthropic", tmp_path, moment) as at,
        anthropic.Anthropic(api_key=KEY, base_url=at.base_url, max_retries=0) as client,
    ):
        requests = [{"custom_id": f"r{number}", "params": params} for number in range(3)]
        batch = client.messages.batches.create(requests=requests)
        assert read("anthropic", batch).status == "in_progress"
        moment.now += 60
        done = client.messages.batches.retrieve(batch.id)
        assert done.processing_status == "ended"
        seen = read("anthropic", done)
        assert (seen.status, seen.counts and seen.counts.completed) == ("completed", 3)
        lines = "\n".join(line.model_dump_json() for line in client.messages.batches.results(batch.id))
        assert outcomes("anthropic", lines) == {f"r{number}": "ok" for number in range(3)}
        assert [each.id for each in client.messages.batches.list()] == [batch.id]


def test_groq(tmp_path: Path, moment: Moment) -> None:
    groq = pytest.importorskip("groq", reason="Groq's client is not installed")
    from groq.types import BatchCreateParams  # type: ignore[import-not-found, unused-ignore]

    assert strict(BatchCreateParams).validate_python(created("groq"))
    with (
        sandbox("groq", tmp_path, moment) as at,
        groq.Groq(api_key=KEY, base_url=at.base_url, max_retries=0) as client,
    ):
        file = client.files.create(file=("in.jsonl", rows(2, method="POST", url=CHAT)), purpose="batch")
        batch = client.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h")
        moment.now += 60
        done = client.batches.retrieve(batch.id)
        seen = read("groq", done)
        assert (seen.status, seen.input_file_id) == ("completed", file.id)
        lines = client.files.content(done.output_file_id).text()
        assert outcomes("groq", lines) == {"r0": "ok", "r1": "ok"}


def test_mistral(tmp_path: Path, moment: Moment) -> None:
    client_module = pytest.importorskip("mistralai.client", reason="Mistral's client is not installed")
    from mistralai.client.models import CreateBatchJobRequest  # type: ignore[import-not-found, unused-ignore]

    body = created("mistral")
    assert CreateBatchJobRequest.model_validate(body).model == "m"
    assert body.keys() <= CreateBatchJobRequest.model_fields.keys()
    with (
        sandbox("mistral", tmp_path, moment) as at,
        client_module.Mistral(api_key=KEY, server_url=at.base_url) as client,
    ):
        file = client.files.upload(file={"file_name": "in.jsonl", "content": rows(2)}, purpose="batch")
        job = client.batch.jobs.create(input_files=[file.id], endpoint=CHAT, model="m", metadata={"team": "support"})
        assert read("mistral", job).metadata == {"team": "support"}
        moment.now += 60
        done = client.batch.jobs.get(job_id=job.id)
        seen = read("mistral", done)
        assert (seen.said, seen.status, seen.input_file_id) == ("SUCCESS", "completed", file.id)
        lines = client.files.download(file_id=done.output_file).read().decode()
        assert outcomes("mistral", lines) == {"r0": "ok", "r1": "ok"}
        assert [each.id for each in client.batch.jobs.list().data] == [job.id]


def test_together(tmp_path: Path, moment: Moment) -> None:
    together = pytest.importorskip("together", reason="Together's client is not installed")
    from together.types import BatchCreateParams  # type: ignore[import-not-found, unused-ignore]

    assert strict(BatchCreateParams).validate_python(created("together"))
    with (
        sandbox("together", tmp_path, moment) as at,
        together.Together(api_key=KEY, base_url=at.base_url, max_retries=0) as client,
    ):
        upload = f"{at.base_url}/v1/files/upload"
        form = {"purpose": "batch-api", "file_name": "in.jsonl", "file_type": "jsonl"}
        file = client._client.post(
            upload, data=form, files={"file": ("in.jsonl", rows(2))}, headers={"Authorization": f"Bearer {KEY}"}
        ).json()
        job = client.batches.create(input_file_id=file["id"], endpoint=CHAT).job
        moment.now += 60
        done = client.batches.retrieve(job.id)
        seen = read("together", done)
        assert (seen.said, seen.status, seen.input_file_id) == ("COMPLETED", "completed", file["id"])
        lines = client.files.content(done.output_file_id).read().decode()
        assert outcomes("together", lines) == {"r0": "ok", "r1": "ok"}
        assert [each.id for each in client.batches.list()] == [job.id]

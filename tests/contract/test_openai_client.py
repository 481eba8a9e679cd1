"""OpenAI's own client as the judge: it works against the sandbox, and its types describe what we send and answer."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import openai
import pytest
from openai.types import Batch, BatchCreateParams, BatchListParams, FileListParams, FileObject
from pydantic import ConfigDict, TypeAdapter, ValidationError
from support.builders import intent
from support.scripted_server import reply, serving
from support.sending import World, opened

from batchrunner.catalog import built_in
from batchrunner.facts import ProviderFacts, Retry
from batchrunner.jobs import Survey, SurveyFiles
from batchrunner.records import replace
from batchrunner.remote import Tags
from batchrunner.sandbox import Running, SandboxSettings, Timings, running

KEY = "sk-canary-91ab"
CHAT = "/v1/chat/completions"
FAMILY = ("openai", "azure", "groq")
TAGS = Tags("br1-" + "a" * 32, "nightly/summaries[lang=fr]#2", "day:2026-11-22", "sha256:" + "0" * 64, 1)


class Moment:
    """Time that moves when told to."""

    now = 1_795_354_841.0

    def __call__(self) -> float:
        return self.now


class StrictBatchCreateParams(BatchCreateParams):
    """What a create may hold, and nothing else."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]


CREATE_BODY: TypeAdapter[Any] = TypeAdapter(StrictBatchCreateParams)


@pytest.fixture
def moment() -> Moment:
    return Moment()


@pytest.fixture
def sandbox(tmp_path: Path, moment: Moment) -> Iterator[Running]:
    timings = Timings(10, 100, 10, 5)
    with running(SandboxSettings(tmp_path / "sandbox.db", key=KEY, clock=moment, timings=timings)) as sandbox:
        yield sandbox


@pytest.fixture
def client(sandbox: Running) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=KEY, base_url=f"{sandbox.base_url}/v1", max_retries=0) as client:
        yield client


def rows(count: int, **changes: Any) -> bytes:
    line = {"method": "POST", "url": CHAT, "body": {"model": "gpt-4o-mini", "messages": []}, **changes}
    return b"".join(json.dumps({"custom_id": f"r{number}", **line}).encode() + b"\n" for number in range(count))


def submitted(client: openai.OpenAI, content: bytes) -> Batch:
    file = client.files.create(file=("in.jsonl", content), purpose="batch")
    return client.batches.create(
        input_file_id=file.id, endpoint=CHAT, completion_window="24h", metadata={"team": "support"}
    )


# The client at the sandbox


def test_the_client_goes_all_the_way(client: openai.OpenAI, moment: Moment) -> None:
    batch = submitted(client, rows(3))
    assert (batch.status, batch.metadata) == ("validating", {"team": "support"})
    statuses = []
    for _ in range(4):
        statuses.append(client.batches.retrieve(batch.id).status)
        moment.now += 50
    done = client.batches.retrieve(batch.id)
    assert statuses[0] == "validating"
    assert (done.status, done.request_counts and done.request_counts.completed) == ("completed", 3)
    assert done.output_file_id
    results = [json.loads(line) for line in client.files.content(done.output_file_id).text.splitlines()]
    assert sorted(each["custom_id"] for each in results) == ["r0", "r1", "r2"]
    assert all(each["response"]["status_code"] == 200 for each in results)


def test_the_client_lists_page_by_page(client: openai.OpenAI, moment: Moment) -> None:
    made = [submitted(client, rows(1)).id for _ in range(5)]
    assert [batch.id for batch in client.batches.list(limit=2)] == made[::-1]
    files = [file.id for file in client.files.list(purpose="batch", order="asc", limit=2)]
    assert len(set(files)) == len(files) == 5


def test_the_client_cancels(client: openai.OpenAI, moment: Moment) -> None:
    batch = submitted(client, rows(2))
    moment.now += 20
    assert client.batches.cancel(batch.id).status == "cancelling"
    moment.now += 10
    assert client.batches.retrieve(batch.id).status == "cancelled"


def test_the_client_deletes_files(client: openai.OpenAI) -> None:
    file = client.files.create(file=("in.jsonl", rows(1)), purpose="batch")
    assert client.files.retrieve(file.id).id == file.id
    assert client.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(file.id)


def test_the_client_knows_the_errors(sandbox: Running, client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        client.batches.retrieve("batch-none")
    with pytest.raises(openai.BadRequestError):
        client.batches.create(input_file_id="file-1", endpoint=CHAT, completion_window="soon")  # type: ignore[arg-type]
    with (
        openai.OpenAI(api_key="sk-wrong", base_url=f"{sandbox.base_url}/v1", max_retries=0) as stranger,
        pytest.raises(openai.AuthenticationError),
    ):
        stranger.batches.list()


# Its types describe what the sandbox answers


def known(batch: Batch | FileObject) -> None:
    """What was answered is what the type says: every field valid, and none that it does not have."""
    again = type(batch).model_validate_json(batch.model_dump_json(warnings="error"))
    assert again == batch
    assert not batch.model_extra, batch


def test_every_reply_is_what_the_client_says_it_is(client: openai.OpenAI, moment: Moment) -> None:
    good, bad = submitted(client, rows(2)), submitted(client, rows(1) + b"{\n")
    stopped = submitted(client, rows(1))
    seen = {good.status}
    for step in range(9):
        for each in (good, bad, stopped):
            raw = client.batches.with_raw_response.retrieve(each.id)
            batch = Batch.model_validate_json(raw.text)
            known(batch)
            seen.add(batch.status)
        if step == 1:
            cancelled = client.batches.cancel(stopped.id)
            known(cancelled)
            seen.add(cancelled.status)
        moment.now += 16
    assert seen == {"validating", "in_progress", "finalizing", "completed", "failed", "cancelling", "cancelled"}
    for listed in client.batches.list():
        known(listed)
    for file in client.files.list():
        known(file)
        known(FileObject.model_validate_json(client.files.with_raw_response.retrieve(file.id).text))


def test_an_expired_batch_is_what_the_client_says_it_is(tmp_path: Path, moment: Moment) -> None:
    slow = SandboxSettings(tmp_path / "slow.db", key=KEY, clock=moment, timings=Timings(10, 200_000))
    with (
        running(slow) as sandbox,
        openai.OpenAI(api_key=KEY, base_url=f"{sandbox.base_url}/v1", max_retries=0) as client,
    ):
        batch = submitted(client, rows(2))
        moment.now += 86_401
        expired = Batch.model_validate_json(client.batches.with_raw_response.retrieve(batch.id).text)
        assert expired.status == "expired"
        known(expired)


# Its types describe what we send


def created(facts: ProviderFacts) -> dict[str, Any]:
    async def scenario() -> str:
        async with opened(replace(facts, origin="http://127.0.0.1:9"), World()) as provider:
            return provider.create_request(intent(metadata={"team": "support"}), "file-1", TAGS)

    body: dict[str, Any] = json.loads(asyncio.run(scenario()))
    return body


@pytest.mark.parametrize("name", [*FAMILY, "alphaedge"])
def test_a_create_holds_what_the_client_knows_and_nothing_else(name: str) -> None:
    body = created(built_in()[name])
    assert CREATE_BODY.validate_python(body) == body
    assert ("metadata" in body) == (name != "alphaedge")


def test_metadata_is_within_the_bounds_of_the_api() -> None:
    metadata = created(built_in()["openai"])["metadata"]
    assert len(metadata) <= 16
    assert all(len(key) <= 64 and len(value) <= 512 for key, value in metadata.items())
    assert metadata["team"] == "support"


def test_a_key_in_the_body_is_the_one_field_more() -> None:
    body = created(replace(built_in()["openai"], idempotency="body"))
    with pytest.raises(ValidationError):
        CREATE_BODY.validate_python(body)
    assert body.pop("idempotency_key")
    CREATE_BODY.validate_python(body)


EMPTY_LIST = reply(200, b'{"object":"list","data":[],"has_more":false}')


@pytest.mark.parametrize("job", [Survey(provider="p"), SurveyFiles(provider="p")], ids=["batches", "files"])
def test_lists_are_asked_for_with_what_the_client_knows(job: Survey | SurveyFiles) -> None:
    params = BatchListParams if isinstance(job, Survey) else FileListParams

    async def scenario() -> str:
        async with serving(EMPTY_LIST) as server:
            facts = replace(built_in()["openai"], origin=server.origin, retry=Retry(attempts=1))
            async with opened(facts, World()) as provider:
                await provider.follow(job)
            return server.seen[0].path

    query = parse_qs(urlsplit(asyncio.run(scenario())).query)
    assert query
    assert query.keys() <= params.__annotations__.keys()

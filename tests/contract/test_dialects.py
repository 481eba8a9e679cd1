"""Every dialect that is built in, against the checks for everybody's; and what each of them says in its own words."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.catalog import built_in
from batchrunner.facts import ProviderFacts
from batchrunner.jobs import Accepted, Create, Upload
from batchrunner.manifest import LocalFile
from batchrunner.providers._dialects import dialect_of
from batchrunner.providers._verdicts import Unusable
from batchrunner.records import replace
from batchrunner.remote import Counts, RemoteBatch, ResultFile, Tags
from batchrunner.state import Intent
from batchrunner.testing import DIALECT_CHECKS, DialectUnderTest, check_dialect

PROVIDERS = built_in()
UUID = "2f0c9d4e-0001-4b7e-9a55-0123456789ab"
KEY = "br1-abcdefghijklmnopqrstuvwxyz234567"
TAGS = Tags(KEY, "s/b", "day:2026-11-22", "sha256:00", 1)
SINCE = datetime(2026, 11, 22, 12, tzinfo=UTC)
each_provider = pytest.mark.parametrize("provider", PROVIDERS)


def dialect(provider: str, **changes: Any) -> Any:
    return dialect_of(replace(PROVIDERS[provider], **changes))


def intent(**changes: Any) -> Intent:
    fields = {
        "idempotency_key": KEY,
        "fingerprint": "sha256:00",
        "provider": "p",
        "origin": "https://x.example.com",
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
        "source": LocalFile(path="in.jsonl", sha256="sha256:" + "ab" * 32, size=3, requests=2, models=("m-1",)),
        "metadata": {"team": "support"},
        "created_at": "2026-11-22T02:30:00Z",
    }
    return Intent(**{**fields, **changes})


def created(provider: str, **changes: Any) -> Any:
    return json.loads(dialect(provider).create_request(intent(**changes), "f-1", TAGS))


def seen(provider: str, **document: Any) -> RemoteBatch:
    found = dialect(provider).read_batch(json.dumps(document).encode())
    assert isinstance(found, RemoteBatch), found
    return found


@each_provider
@pytest.mark.parametrize("check", DIALECT_CHECKS, ids=lambda check: check.__name__)
def test_it_does_what_every_dialect_must(provider: str, check: Any) -> None:
    check(DialectUnderTest(dialect_of, PROVIDERS[provider]))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)
NAMES = st.sampled_from(
    [
        "id",
        "status",
        "processing_status",
        "created_at",
        "expires_at",
        "data",
        "has_more",
        "total",
        "job",
        "errors",
        "error",
        "metadata",
        "request_counts",
        "usage",
        "output_file_id",
        "output_file",
        "input_files",
        "results_url",
        "filename",
        "bytes",
        "purpose",
    ]
)
SHAPED = st.recursive(JSON | st.just("a-1"), lambda inner: st.dictionaries(NAMES, inner, max_size=6), max_leaves=12)


@each_provider
@given(
    body=st.binary(max_size=60) | (SHAPED | st.lists(SHAPED, max_size=3)).map(lambda value: json.dumps(value).encode())
)
def test_no_reply_makes_it_raise(provider: str, body: bytes) -> None:
    speaking = dialect(provider)
    for read in (speaking.read_batch, speaking.read_file, speaking.read_survey, speaking.read_page):
        read(body)
    speaking.read_created(body, "f-1")


def test_a_broken_dialect_is_told_which_duty_it_does_not_do() -> None:
    class Careless:
        is_inline = False

        def create_request(self, *_: Any) -> str:
            return f'{{"at": {id(self)}}}'

    made = []

    def make(_: ProviderFacts) -> Careless:
        made.append(Careless())
        return made[-1]

    with pytest.raises(AssertionError, match="two creates of one intent differ"):
        check_dialect(make, PROVIDERS["openai"])


# Creates.


def test_a_mistral_job_names_its_model_and_its_hours() -> None:
    said = created("mistral", completion_window="7d")
    assert said == {
        "endpoint": "/v1/chat/completions",
        "input_files": ["f-1"],
        "metadata": {"team": "support", **TAGS.as_metadata()},
        "model": "m-1",
        "timeout_hours": 168,
    }


def test_a_mistral_job_of_a_file_that_nobody_read_names_no_model() -> None:
    from batchrunner.manifest import ProviderFile

    assert "model" not in created("mistral", source=ProviderFile(file_id="f-1"))


def test_together_takes_no_metadata() -> None:
    assert created("together") == {
        "completion_window": "24h",
        "endpoint": "/v1/chat/completions",
        "input_file_id": "f-1",
    }


def test_what_an_anthropic_create_holds_is_described() -> None:
    assert created("anthropic") == {"requests": {"content": "sha256:" + "ab" * 32, "count": 2}}


def test_a_together_upload_says_what_it_is_for() -> None:
    speaking = dialect("together")
    job = Upload(address="s/b", provider="p", idempotency_key=KEY, source=intent().source)
    call = speaking.upload_call(job, speaking.upload_frame(job), None)
    assert call.path == "/v1/files/upload"
    assert b'name="purpose"\r\n\r\nbatch-api\r\n' in speaking.upload_frame(job).head
    assert b'name="file_name"\r\n\r\n' + speaking.upload_name(job).encode() in speaking.upload_frame(job).head


@pytest.mark.parametrize(
    ("provider", "reply", "status"),
    [
        ("mistral", {"id": UUID, "input_files": ["f-1"], "status": "QUEUED"}, "QUEUED"),
        ("mistral", {"id": UUID, "status": "QUEUED"}, "QUEUED"),
        (
            "together",
            {"job": {"id": UUID, "input_file_id": "f-1", "status": "VALIDATING"}, "warning": "w"},
            "VALIDATING",
        ),
        ("together", {"id": UUID, "input_file_id": "f-1", "status": "VALIDATING"}, "VALIDATING"),
        ("anthropic", {"id": UUID, "processing_status": "in_progress"}, "in_progress"),
        ("openai", {"id": UUID, "input_file_id": "f-1", "status": "scheduling"}, "scheduling"),
    ],
)
def test_the_batch_in_a_reply_to_a_create_is_found(provider: str, reply: Any, status: str) -> None:
    found = dialect(provider).read_created(json.dumps(reply).encode(), "f-1")
    assert isinstance(found, Accepted), found
    assert (found.batch_id, found.status, json.loads(bytes(found.reply))) == (UUID, status, reply)


@pytest.mark.parametrize(
    ("provider", "reply"),
    [
        ("mistral", {"id": UUID, "input_files": ["f-2"]}),
        ("mistral", {"id": UUID, "input_files": ["f-1", "f-2"]}),
        ("together", {"job": {"id": UUID, "input_file_id": "f-2"}}),
        ("together", {"job": None, "warning": "w"}),
        ("anthropic", {"processing_status": "in_progress"}),
    ],
)
def test_a_reply_about_something_else_is_not_believed(provider: str, reply: Any) -> None:
    assert isinstance(dialect(provider).read_created(json.dumps(reply).encode(), "f-1"), Unusable)


# Batches.


@pytest.mark.parametrize(
    ("provider", "said", "status"),
    [
        *[("openai", word, word) for word in ("validating", "in_progress", "finalizing", "completed", "failed")],
        ("openai", "scheduling", "validating"),
        ("openai", "PROGRESS", "in_progress"),
        ("openai", "Completed", "completed"),
        ("openai", "ended", "unknown"),
        ("mistral", "QUEUED", "validating"),
        ("mistral", "RUNNING", "in_progress"),
        ("mistral", "SUCCESS", "completed"),
        ("mistral", "FAILED", "failed"),
        ("mistral", "TIMEOUT_EXCEEDED", "expired"),
        ("mistral", "CANCELLATION_REQUESTED", "cancelling"),
        ("mistral", "CANCELLED", "cancelled"),
        ("together", "IN_PROGRESS", "in_progress"),
        ("together", "EXPIRED", "expired"),
    ],
)
def test_each_word_for_a_status_is_understood(provider: str, said: str, status: str) -> None:
    batch = seen(provider, id=UUID, status=said)
    assert (batch.status, batch.said) == (status, said)


def test_a_mistral_job_says_all_there_is_to_know() -> None:
    batch = seen(
        "mistral",
        id=UUID,
        object="batch",
        input_files=["f-1"],
        status="SUCCESS",
        created_at=1700000000,
        completed_at=1700003600,
        total_requests=3,
        completed_requests=3,
        succeeded_requests=2,
        failed_requests=1,
        output_file="out",
        error_file="err",
        errors=[{"message": "no", "count": 1}],
        metadata={"batchrunner_key": KEY, "n": 5},
    )
    assert batch.counts == Counts(total=3, completed=2, failed=1)
    assert batch.files == (ResultFile(kind="output", file_id="out"), ResultFile(kind="errors", file_id="err"))
    assert (batch.created_at, batch.ended_at) == ("2023-11-14T22:13:20+00:00", "2023-11-14T23:13:20+00:00")
    assert (batch.input_file_id, batch.metadata, batch.problems[0].message) == ("f-1", {"batchrunner_key": KEY}, "no")


def test_a_together_job_says_all_there_is_to_know() -> None:
    batch = seen(
        "together",
        id=UUID,
        status="FAILED",
        created_at="2026-11-22T02:30:00.5Z",
        job_deadline="2026-11-23T02:30:00Z",
        input_file_id="f-1",
        error_file_id="err",
        progress=40.0,
        error="no such model",
    )
    assert (batch.status, batch.counts, batch.problems[0].message) == ("failed", None, "no such model")
    assert (batch.created_at, batch.expires_at) == ("2026-11-22T02:30:00+00:00", "2026-11-23T02:30:00+00:00")
    assert batch.files == (ResultFile(kind="errors", file_id="err"),)


@pytest.mark.parametrize(
    ("counts", "status"),
    [
        ({"succeeded": 3}, "completed"),
        ({"succeeded": 2, "errored": 1}, "completed"),
        ({"errored": 3}, "completed"),
        ({"succeeded": 2, "canceled": 1}, "cancelled"),
        ({"succeeded": 2, "expired": 1}, "expired"),
        (None, "completed"),
    ],
)
def test_how_a_message_batch_ended_is_told_by_its_counts(counts: Any, status: str) -> None:
    batch = seen("anthropic", id="msgbatch_1", processing_status="ended", request_counts=counts)
    assert batch.status == status


def test_results_of_a_message_batch_are_never_fetched_from_elsewhere() -> None:
    url = "https://attacker.example.com/results"
    batch = seen(
        "anthropic",
        id="msgbatch_1",
        processing_status="ended",
        results_url=url,
        request_counts={"processing": 0, "succeeded": 1, "errored": 1},
    )
    assert batch.files == (ResultFile(kind="all"),)
    assert batch.counts == Counts(total=2, completed=1, failed=1)
    call = dialect("anthropic").content_call("msgbatch_1", batch.files[0], 7)
    assert (call.path, call.headers) == ("/v1/messages/batches/msgbatch_1/results", (("Range", "bytes=7-"),))
    archived = {
        "id": "msgbatch_1",
        "processing_status": "ended",
        "results_url": url,
        "archived_at": "2026-11-22T02:30:00Z",
    }
    assert seen("anthropic", **archived).files == ()


# Calls.


@pytest.mark.parametrize(
    ("provider", "look", "cancel", "content"),
    [
        ("openai", "/v1/batches/b", "/v1/batches/b/cancel", "/v1/files/f/content"),
        ("azure", "/openai/v1/batches/b", "/openai/v1/batches/b/cancel", "/openai/v1/files/f/content"),
        ("groq", "/openai/v1/batches/b", "/openai/v1/batches/b/cancel", "/openai/v1/files/f/content"),
        ("alphaedge", "/v1/batch/b", "/v1/batch/b/cancel", "/v1/files/f/content"),
        ("mistral", "/v1/batch/jobs/b", "/v1/batch/jobs/b/cancel", "/v1/files/f/content"),
        ("together", "/v1/batches/b", "/v1/batches/b/cancel", "/v1/files/f/content"),
        (
            "anthropic",
            "/v1/messages/batches/b",
            "/v1/messages/batches/b/cancel",
            "/v1/messages/batches/b/results",
        ),
    ],
)
def test_each_provider_has_its_paths(provider: str, look: str, cancel: str, content: str) -> None:
    speaking = dialect(provider)
    file = ResultFile(kind="all" if speaking.is_inline else "output", file_id="" if speaking.is_inline else "f")
    calls = speaking.look_call("b"), speaking.cancel_call("b"), speaking.content_call("b", file, 0)
    assert tuple(call.path for call in calls) == (look, cancel, content)
    assert [call.method for call in calls] == ["GET", "POST", "GET"]


def pages(provider: str, *replies: Any) -> list[str]:
    """The queries that walk a list with these pages."""
    speaking, after, queries = dialect(provider), "", []
    for reply in replies:
        queries.append(speaking.survey_call(after, SINCE).query)
        after = speaking.read_survey(json.dumps(reply).encode(), after).after
    return [*queries, after]


def batches(first: int, count: int) -> list[dict[str, Any]]:
    return [{"id": f"b-{n}", "status": "QUEUED", "created_at": 1} for n in range(first, first + count)]


def test_lists_of_openai_go_on_after_an_id() -> None:
    assert pages("openai", {"data": batches(0, 2), "has_more": True}, {"data": batches(2, 1), "has_more": False}) == [
        "limit=100",
        "limit=100&after=b-1",
        "",
    ]


def test_lists_of_mistral_are_numbered() -> None:
    query = "page_size=100&order_by=-created&created_after=2026-11-22T11:45:00Z"
    assert pages("mistral", {"data": batches(0, 100), "total": 101}, {"data": batches(100, 1), "total": 101}) == [
        f"page=0&{query}",
        f"page=1&{query}",
        "",
    ]
    assert pages("mistral", {"data": batches(0, 100)}, {"data": []})[1:] == [f"page=1&{query}", ""]


def test_the_list_of_together_is_an_array() -> None:
    assert pages("together", batches(0, 3)) == ["", ""]
    page = dialect("together").read_survey(json.dumps(batches(0, 3)).encode())
    assert [batch.batch_id for batch in page.batches] == ["b-0", "b-1", "b-2"]
    assert page.oldest is None


def test_lists_of_anthropic_go_on_after_an_id_of_their_own_spelling() -> None:
    data = [{"id": "msgbatch_1", "processing_status": "ended", "created_at": "2026-11-22T02:30:00Z"}]
    assert pages("anthropic", {"data": data, "has_more": True, "last_id": "msgbatch_1"}, {"data": []}) == [
        "limit=100",
        "limit=100&after_id=msgbatch_1",
        "",
    ]


def test_uploaded_files_of_mistral_come_in_pages() -> None:
    speaking = dialect("mistral")
    files = [
        {"id": f"f-{n}", "object": "file", "bytes": 3, "created_at": 1, "filename": f"{n}.jsonl", "purpose": "batch"}
        for n in range(100)
    ]
    page = speaking.read_page(json.dumps({"data": files, "object": "list", "total": 150}).encode(), "")
    assert (len(page.files), page.after) == (100, "1")
    assert speaking.list_call("1").query == "purpose=batch&page=1&page_size=100"


def test_uploaded_files_of_together_have_a_purpose_of_their_own() -> None:
    file = {"id": "f", "object": "file", "bytes": 3, "created_at": 1, "filename": "a", "FileType": "jsonl"}
    reply = json.dumps({"data": [{**file, "purpose": "batch-api"}, {**file, "purpose": "fine-tune"}]}).encode()
    assert len(dialect("together").read_page(reply, "").files) == 1


def test_requests_travel_in_pieces() -> None:
    lines = [b'{"custom_id":"a"}\r\n', b"\n", b'{"custom_id":"b"}']
    assert b"".join(dialect("anthropic").inline_pieces(iter(lines))) == (
        b'{"requests":[{"custom_id":"a"},{"custom_id":"b"}]}'
    )
    many = [b'{"custom_id":"%d","params":{}}\n' % n for n in range(20_000)]
    pieces = [*dialect("anthropic").inline_pieces(iter(many))]
    assert 5 < len(pieces) < 50
    assert max(map(len, pieces)) < 80_000


def test_the_stored_description_is_not_what_is_sent() -> None:
    job = Create(
        address="s/b", provider="p", idempotency_key=KEY, request="{}", input_file_id="", source=intent().source
    )
    call = dialect("anthropic").create_call(job)
    assert (call.method, call.path) == ("POST", "/v1/messages/batches")

"""The bytes that are sent: deterministic, as documented, and readable by somebody else's parser."""

import email.parser
import email.policy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.catalog import ALPHAEDGE
from batchrunner.facts import Paths, ProviderFacts, SecretReference
from batchrunner.jobs import Create, Upload
from batchrunner.manifest import LocalFile, ProviderFile
from batchrunner.providers._multipart import framing
from batchrunner.providers.alphaedge import AlphaEdge
from batchrunner.providers.openai import OpenAI
from batchrunner.records import replace
from batchrunner.remote import Tags
from batchrunner.state import Intent

KEY = "br1-abcdefghijklmnopqrstuvwxyz234567"
OPENAI = ProviderFacts(dialect="openai", origin="https://api.openai.com", api_key=SecretReference(env="K"))


def intent(**changes: object) -> Intent:
    values = {
        "idempotency_key": KEY,
        "fingerprint": "sha256:00",
        "provider": "alphaedge",
        "origin": "https://api.alphaedge-ai.com",
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
        "source": ProviderFile(file_id="file-abc123"),
        "metadata": {"team": "support", "a": "é"},
        "created_at": "2026-11-22T02:30:00Z",
    }
    return Intent(**{**values, **changes})


TAGS = Tags(KEY, "s/b", "day:2026-11-22", "sha256:00", 2, 1)


def create(request: str = "{}") -> Create:
    return Create(address="s/b", provider="p", idempotency_key=KEY, request=request, input_file_id="file-abc123")


def upload() -> Upload:
    source = LocalFile(path="in.jsonl", sha256="sha256:00", size=3, requests=1)
    return Upload(address="s/b", provider="p", idempotency_key=KEY, source=source)


def facts(base: ProviderFacts = ALPHAEDGE, **changes: object) -> ProviderFacts:
    return replace(base, **changes)


def test_alphaedge_sends_the_three_documented_fields():
    assert AlphaEdge(ALPHAEDGE).create_request(intent(), "file-abc123", TAGS) == (
        '{"completion_window":"24h","endpoint":"/v1/chat/completions","input_file_id":"file-abc123"}'
    )


def test_metadata_is_sent_where_the_provider_takes_it():
    assert OpenAI(OPENAI).create_request(intent(), "f", TAGS) == (
        '{"completion_window":"24h","endpoint":"/v1/chat/completions","input_file_id":"f",'
        '"metadata":{"a":"\\u00e9","batchrunner_address":"s/b","batchrunner_attempt":"2/1",'
        '"batchrunner_content":"sha256:00","batchrunner_key":"' + KEY + '","batchrunner_run":"day:2026-11-22",'
        '"team":"support"}}'
    )


def test_a_body_key_is_part_of_the_request():
    body = json.loads(OpenAI(facts(OPENAI, idempotency="body")).create_request(intent(), "f", TAGS))
    assert body["idempotency_key"] == KEY


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=5), st.text(max_size=10))
def test_a_request_is_the_same_every_time(metadata, file_id):
    backwards = dict(reversed(metadata.items()))
    first = OpenAI(OPENAI).create_request(intent(metadata=metadata), file_id, TAGS)
    assert first == OpenAI(OPENAI).create_request(intent(metadata=backwards), file_id, TAGS)
    assert first.isascii()
    assert "\n" not in first


@pytest.mark.parametrize("mode", ["header", "body", "none"])
def test_the_key_header_is_sent_where_it_is_the_mode(mode):
    dialect = AlphaEdge(facts(idempotency=mode))
    created = dict(dialect.create_call(create()).headers)
    uploaded = dict(dialect.upload_call(upload(), dialect.upload_frame(upload()), None).headers)
    assert created.get("Idempotency-Key") == (KEY if mode == "header" else None)
    assert uploaded.get("Idempotency-Key") == (f"{KEY}-{upload().source.sha256[7:23]}" if mode == "header" else None)


def test_the_stored_request_is_sent_byte_for_byte():
    call = AlphaEdge(ALPHAEDGE).create_call(create('{"b":1, "a":"é"}'))
    assert (call.method, call.path, call.body) == ("POST", "/v1/batch", '{"b":1, "a":"é"}'.encode())
    assert call.deadline == ALPHAEDGE.timeouts.create_seconds
    assert dict(call.headers)["Content-Type"] == "application/json"


def test_each_dialect_has_its_path_and_facts_override_it():
    assert OpenAI(OPENAI).create_call(create()).path == "/v1/batches"
    assert OpenAI(facts(OPENAI, paths=Paths(create_batch="/openai/v1/batches"))).create_call(create()).path == (
        "/openai/v1/batches"
    )
    assert AlphaEdge(facts(paths=Paths(upload_file=None))).upload_path is None


def parts_of(content_type: str, body: bytes) -> list[tuple[dict[str, str], bytes]]:
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(
        b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body
    )
    return [(dict(part.items()), part.get_payload(decode=True)) for part in message.iter_parts()]


@given(st.binary(max_size=300))
def test_an_upload_is_read_back_by_another_parser(content):
    frame = framing(f"{KEY}.jsonl", {"purpose": "batch"})
    purpose, file = parts_of(frame.content_type, frame.head + content.replace(b"\r", b"") + frame.tail)
    assert purpose == ({"Content-Disposition": 'form-data; name="purpose"'}, b"batch")
    assert file[0] == {
        "Content-Disposition": f'form-data; name="file"; filename="{KEY}.jsonl"',
        "Content-Type": "application/jsonl",
    }
    assert file[1].replace(b"\r", b"") == content.replace(b"\r", b"")


def test_a_file_is_named_by_its_key_and_content_and_expires_where_facts_say_so():
    lasting, passing = (OpenAI(facts(OPENAI, input_expires_after_seconds=each)) for each in (None, 86_400))
    name = f"{KEY}-{upload().source.sha256[7:23]}"
    assert lasting.upload_name(upload()) == passing.upload_name(upload()) == f"{name}.jsonl"
    frame = passing.upload_frame(upload())
    fields = parts_of(frame.content_type, frame.head + frame.tail)[:-1]
    assert [(part["Content-Disposition"].partition("name=")[2], value) for part, value in fields] == [
        ('"purpose"', b"batch"),
        ('"expires_after[anchor]"', b"created_at"),
        ('"expires_after[seconds]"', b"86400"),
    ]
    # Another lifetime is another request: the key of the first must not stand for both.
    keyed = OpenAI(facts(OPENAI, idempotency="header", input_expires_after_seconds=86_400))
    assert dict(keyed.upload_call(upload(), frame, None).headers)["Idempotency-Key"] == f"{name}-86400"


def test_the_boundary_depends_on_the_name_alone():
    assert framing(KEY, {}) == framing(KEY, {})
    assert framing(KEY, {}).boundary != framing(KEY + "x", {}).boundary
    assert len(framing("x" * 300, {}).boundary) <= 70

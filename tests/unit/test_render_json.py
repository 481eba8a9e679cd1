"""Documents mean exactly what was put in, and are safe to print."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.plans import Orphan, Plan
from batchrunner.records import Raw, decode
from batchrunner.render.json import dumps, envelope, plan_document, reply_value


def test_every_document_has_a_version_and_a_command() -> None:
    assert envelope("plan", count=1) == {"format_version": "1.0", "command": "plan", "count": 1}


@given(st.dictionaries(st.text(st.characters()), st.text(st.characters())))
def test_documents_round_trip_and_hold_nothing_a_terminal_acts_on(document: dict[str, str]) -> None:
    written = dumps(document)
    assert json.loads(written) == document
    assert all(character == "\n" or character.isprintable() for character in written)


def test_words_stay_readable() -> None:
    assert dumps({"é": "日本"}) == '{\n  "é": "日本"\n}\n'


def test_characters_beyond_16_bits_and_half_ones_are_escaped_as_json_does() -> None:
    assert json.loads(dumps({"a": "\U000e0001\ud800\x9b"})) == {"a": "\U000e0001\ud800\x9b"}
    assert "\\udb40\\udc01\\ud800\\u009b" in dumps({"a": "\U000e0001\ud800\x9b"})


def test_a_plan_document_is_a_saved_plan() -> None:
    plan = Plan(
        created_at="t",
        tool_version="1",
        plan_id="p",
        specs=(),
        changes=(Orphan(address="a/b", run_key="r", reason="x"),),
    )
    document = plan_document(plan)
    assert (document["format"], document["format_version"]) == ("batchrunner.plan", "1.3")
    assert document["changes"][0]["action"] == "orphan"
    assert decode(dumps(document).encode(), Plan, what="it") == plan


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        (b'{"id":"batch_1","n":1.5}', {"id": "batch_1", "n": 1.5}),
        (b'{"n":1e400}', {"n": "1e400"}),
        (b'{"n":NaN}', {"n": "NaN"}),
        (b"null", None),
        (b"not json", "not json"),
        (b"\xff", "\\xff"),
        (b"[" * 100_000, "[" * 100_000),
        (b"9" * 5000, "9" * 5000),
    ],
    ids=["object", "infinite", "nan", "null", "junk", "bytes", "deep", "long"],
)
def test_any_reply_can_be_shown(reply: bytes, value: object) -> None:
    assert reply_value(Raw(reply)) == value
    json.loads(dumps({"reply": value}))

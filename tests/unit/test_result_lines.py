"""Result lines as providers write them: what became of a request, and what it used. Never an exception."""

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.catalog import ALPHAEDGE
from batchrunner.providers import result_reader
from batchrunner.records import replace
from batchrunner.remote import Usage
from batchrunner.rows import ResultLine

DIALECTS = ["alphaedge", "openai", "mistral", "together", "anthropic"]
CHAT = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9, "prompt_tokens_details": {"cached_tokens": 3}}
RESPONSES = {"input_tokens": 7, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 3}}
USED = Usage(input_tokens=7, cached_tokens=3, output_tokens=2)


def read(line: Any, dialect: str = "openai") -> ResultLine | None:
    text = line if isinstance(line, bytes) else json.dumps(line).encode()
    return result_reader(replace(ALPHAEDGE, dialect=dialect))(text)


def answer(body: Any, status: Any = 200, **more: Any) -> dict[str, Any]:
    return {"id": "r", "custom_id": "a", "response": {"status_code": status, "body": body}, "error": None} | more


OK = ResultLine("a", "ok", 200)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (answer({"usage": CHAT}), OK._replace(usage=USED)),
        (answer({"usage": RESPONSES}), OK._replace(usage=USED)),
        (answer(json.dumps({"usage": CHAT})), OK._replace(usage=USED)),
        (answer({"usage": {"prompt_tokens": 4, "total_tokens": 4}}), OK._replace(usage=Usage(input_tokens=4))),
        (answer({"usage": {**CHAT, "prompt_tokens_details": None}}), OK._replace(usage=replace(USED, cached_tokens=0))),
        (answer({"usage": {"prompt_tokens": "many"}}), OK._replace(usage=Usage())),
        (answer({"usage": {"prompt_tokens": 10**30}}), OK._replace(usage=Usage())),
        (answer({"usage": None}), OK),
        (answer({"usage": "free"}), OK),
        (answer({}, 201), OK._replace(status_code=201)),
        (answer({}, "200"), OK),
        (answer(None), OK),
        (answer("not JSON"), OK),
        (answer({}, error={"code": None, "message": ""}), OK),
        (answer({}, error={}), OK),
        ({"custom_id": "a", "response": {"id": "c", "choices": [], "usage": CHAT}}, OK._replace(usage=USED)),
        (
            answer({"error": {"code": "rate_limit_exceeded", "message": "slow"}}, 429),
            ResultLine("a", "error", 429, "rate_limit_exceeded", "slow"),
        ),
        (answer({"error": "no such model"}, 400), ResultLine("a", "error", 400, "", "no such model")),
        (answer('{"error": {"type": "t", "message": "m"}}', 500), ResultLine("a", "error", 500, "t", "m")),
        (
            answer({"object": "error", "message": "m", "type": "invalid", "code": None}, 422),
            ResultLine("a", "error", 422, "invalid", "m"),
        ),
        (answer({"detail": "not here"}, 404), ResultLine("a", "error", 404, "", "not here")),
        (answer({}, 500), ResultLine("a", "error", 500)),
        (
            {"custom_id": "a", "response": None, "error": {"code": "batch_expired", "message": "late"}},
            ResultLine("a", "expired", 0, "batch_expired", "late"),
        ),
        ({"custom_id": "a", "error": {"code": "batch_cancelled"}}, ResultLine("a", "missing", 0, "batch_cancelled")),
        ({"custom_id": "a", "error": {"type": "t", "message": "m"}}, ResultLine("a", "error", 0, "t", "m")),
        ({"custom_id": "a"}, ResultLine("a", "error")),
        ({"custom_id": "a", "response": [1]}, ResultLine("a", "error")),
        ({"custom_id": None}, None),
        ({}, None),
        ([], None),
        (b"", None),
        (b'{"custom_id": "a", "response": {', None),
        (b'{"custom_id": "\xff"}', None),
        (b"[" * 5000, None),
    ],
    ids=lambda value: str(value)[:60],
)
def test_lines_of_the_openai_family(line: Any, expected: ResultLine | None) -> None:
    assert read(line) == expected
    assert read(line, "mistral") == read(line, "together") == expected


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (
            {
                "type": "succeeded",
                "message": {
                    "id": "msg_1",
                    "usage": {
                        "input_tokens": 3,
                        "cache_read_input_tokens": 3,
                        "cache_creation_input_tokens": 1,
                        "output_tokens": 2,
                    },
                },
            },
            OK._replace(usage=USED),
        ),
        (
            {"type": "succeeded", "message": {"usage": {"input_tokens": 7, "cache_read_input_tokens": None}}},
            OK._replace(usage=Usage(input_tokens=7)),
        ),
        ({"type": "succeeded", "message": None}, OK),
        (
            {
                "type": "errored",
                "error": {"type": "error", "error": {"type": "invalid_request_error", "message": "max_tokens"}},
            },
            ResultLine("a", "error", 0, "invalid_request_error", "max_tokens"),
        ),
        ({"type": "canceled"}, ResultLine("a", "missing", 0, "canceled")),
        ({"type": "expired"}, ResultLine("a", "expired", 0, "expired")),
        ({"type": "something-new"}, ResultLine("a", "error")),
        (None, ResultLine("a", "error")),
    ],
    ids=lambda value: str(value)[:60],
)
def test_lines_of_message_batches(result: Any, expected: ResultLine) -> None:
    assert read({"custom_id": "a", "result": result}, "anthropic") == expected


def test_a_message_of_any_length_is_cut() -> None:
    line = read({"custom_id": "a", "error": {"code": "c" * 9999, "message": "m" * 9999}})
    assert line is not None
    assert len(line.code) == 128
    assert len(line.message) == 500


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)
NAMES = st.sampled_from(["custom_id", "response", "error", "result", "status_code", "body", "usage", "message", "type"])
SHAPED = st.recursive(JSON, lambda inner: st.dictionaries(NAMES, inner, max_size=5), max_leaves=9)


@pytest.mark.parametrize("dialect", DIALECTS)
@given(line=st.binary(max_size=50) | SHAPED.map(lambda value: json.dumps(value).encode()))
def test_nothing_that_a_line_holds_is_raised(dialect: str, line: bytes) -> None:
    found = read(line, dialect)
    assert found is None or found.usage is None or found.usage.input_tokens >= 0


def test_reading_lines_loads_no_client() -> None:
    code = (
        "import sys; from batchrunner.catalog import ALPHAEDGE; from batchrunner.providers import result_reader;"
        "result_reader(ALPHAEDGE); print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"httpx", "httptools", "tenacity"} & {*loaded}

"""Answers: of the right shape, always the same for the same request, and an input file judged as a whole."""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.sandbox.fates import Failure
from batchrunner.sandbox.processing import PROBLEMS_SHOWN, process
from batchrunner.sandbox.records import Batch, Result
from batchrunner.sandbox.responder import ENDPOINTS, answer, invented_lines

CHAT = "/v1/chat/completions"
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def reply(endpoint: str, body: dict[str, Any]) -> dict[str, Any]:
    said = answer(endpoint, "row-1", body)
    assert (said.custom_id, said.status, said.is_ok) == ("row-1", 200, True)
    return said.body


@given(st.sampled_from(list(ENDPOINTS)), st.text(), st.dictionaries(st.text(), JSON_VALUES))
def test_any_body_has_one_answer_that_never_changes(endpoint: str, custom_id: str, body: dict[str, Any]) -> None:
    first = answer(endpoint, custom_id, body)
    assert first == answer(endpoint, custom_id, json.loads(json.dumps(body)))
    assert first.custom_id == custom_id
    json.dumps(first.body).encode("ascii")


def test_another_request_has_another_answer() -> None:
    one = reply(CHAT, {"model": "m", "messages": [{"role": "user", "content": "a"}]})
    other = reply(CHAT, {"model": "m", "messages": [{"role": "user", "content": "b"}]})
    assert one["id"] != other["id"]


def test_chat() -> None:
    body = reply(CHAT, {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]})
    (choice,) = body["choices"]
    assert body["object"] == "chat.completion"
    assert body["model"] == "gpt-4o-mini"
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["content"]
    usage = body["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 1


def test_responses() -> None:
    body = reply("/v1/responses", {"model": "m", "input": "hello"})
    assert body["object"] == "response"
    assert body["output"][0]["content"][0]["text"]
    assert body["usage"]["total_tokens"] == body["usage"]["input_tokens"] + body["usage"]["output_tokens"]


def test_completions() -> None:
    body = reply("/v1/completions", {"model": "m", "prompt": "hello"})
    assert body["object"] == "text_completion"
    assert body["choices"][0]["text"]


def test_embeddings_are_unit_vectors_one_for_each_text() -> None:
    body = reply("/v1/embeddings", {"model": "m", "input": ["a", "b", "c"], "dimensions": 32})
    assert [entry["index"] for entry in body["data"]] == [0, 1, 2]
    for entry in body["data"]:
        assert len(entry["embedding"]) == 32
        assert math.isclose(math.hypot(*entry["embedding"]), 1, abs_tol=1e-4)


def test_moderations() -> None:
    (result,) = reply("/v1/moderations", {"input": "hello"})["results"]
    assert result["flagged"] is False
    assert result["categories"].keys() == result["category_scores"].keys()


@pytest.mark.parametrize(
    ("failure", "message", "code"),
    [
        (Failure(400), "This line asked to fail.", "sandbox_error"),
        (Failure(404, "no such model"), "no such model", "sandbox_error"),
        (Failure(429), "This line asked to fail.", "rate_limit_exceeded"),
        (Failure(503), "This line asked to fail.", "server_error"),
    ],
)
def test_a_failure_has_its_status_and_code(failure: Failure, message: str, code: str) -> None:
    said = answer(CHAT, "row-1", {}, failure)
    assert not said.is_ok
    assert (said.status, said.tokens) == (failure.status, (0, 0))
    assert (said.body["error"]["message"], said.body["error"]["code"]) == (message, code)


@given(st.text(min_size=1), st.sampled_from(list(ENDPOINTS)))
def test_an_input_that_was_never_uploaded_has_lines_of_its_own(file_id: str, endpoint: str) -> None:
    lines = list(invented_lines(file_id, endpoint))
    assert lines == list(invented_lines(file_id, endpoint))
    assert len({json.loads(line)["custom_id"] for line in lines}) == len(lines) >= 2


def processed(folder: Path, lines: Iterable[bytes]) -> tuple[Batch, Result]:
    batch = Batch("batch_1", 0.0, "file-1", CHAT, "24h")
    return batch, process(batch, lines, folder)


def row(custom_id: str, **body: object) -> bytes:
    return json.dumps({"custom_id": custom_id, "method": "POST", "url": CHAT, "body": body}).encode() + b"\n"


def test_good_and_failing_lines_go_to_their_files(tmp_path: Path) -> None:
    batch, result = processed(tmp_path, [row("a"), row("b", sandbox_error=500), b"\n", row("c")])
    assert (result.total, result.completed, result.failed) == (3, 2, 1)
    written = (tmp_path / batch.output_file_id).read_bytes().splitlines()
    assert {json.loads(line)["custom_id"] for line in written} == {"a", "c"}
    (failed,) = (tmp_path / batch.error_file_id).read_bytes().splitlines()
    assert json.loads(failed)["custom_id"] == "b"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (b"{not json\n", "invalid_json_line"),
        (b"\xff\xfe\n", "invalid_json_line"),
        (b"[" * 100_000, "invalid_json_line"),
        (b"[]\n", "invalid_json_line"),
        (b'{"url": "/v1/chat/completions", "body": {}}\n', "missing_required_parameter"),
        (b'{"url": "/v1/chat/completions", "custom_id": "a"}\n', "missing_required_parameter"),
        (b'{"url": "/v1/embeddings", "custom_id": "a", "body": {}}\n', "mismatched_url"),
    ],
)
def test_one_unusable_line_fails_the_whole_file_and_leaves_nothing(tmp_path: Path, bad: bytes, code: str) -> None:
    _, result = processed(tmp_path, [row("a"), bad, row("c")])
    assert [(problem.code, problem.line) for problem in result.problems] == [(code, 2)]
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_fails(tmp_path: Path) -> None:
    _, result = processed(tmp_path, [b"\n", b"  \n"])
    assert [problem.code for problem in result.problems] == ["empty_file"]


def test_a_hopeless_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    def endless() -> Iterable[bytes]:
        while True:
            yield b"nonsense\n"

    _, result = processed(tmp_path, endless())
    assert len(result.problems) == PROBLEMS_SHOWN

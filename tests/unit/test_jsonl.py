"""One line of an input: what it must be, and words for whatever it is instead."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batchrunner.jsonl import check_line
from batchrunner.linerules import LineProblem, LineRules

ENDPOINT = "/v1/chat/completions"
RULES = LineRules(ENDPOINT)
MAX_CUSTOM_ID = RULES.max_custom_id
GOOD: dict[str, Any] = {"custom_id": "a", "method": "POST", "url": ENDPOINT, "body": {"model": "m", "messages": []}}


def line(**changes: Any) -> bytes:
    kept = {key: value for key, value in {**GOOD, **changes}.items() if value is not ...}
    return json.dumps(kept).encode()


def problem(data: bytes) -> LineProblem:
    with pytest.raises(LineProblem) as caught:
        check_line(data, RULES)
    return caught.value


def test_a_good_line() -> None:
    request = check_line(line(extra={"deep": [1]}), RULES)
    assert (request.custom_id, request.body.model, request.body.stream) == ("a", "m", None)


@pytest.mark.parametrize(
    "data",
    [
        line(body={"model": "m", "stream": False}),
        line(body={"model": "m", "stream": None}),
        line(custom_id="x" * MAX_CUSTOM_ID),
        line(custom_id="é 😀"),
        line(body={"model": "m", "max_tokens": None, "n": 3, "max_output_tokens": 2**31 - 1}),
        line(extra="?").replace(b'"?"', b"1e999"),
        json.dumps(GOOD, ensure_ascii=False, indent=None, separators=(" ,", " : ")).encode(),
        line() + b" \t\r",
        line(custom_id="日本").replace(b"\\u65e5", "日".encode()),
    ],
)
def test_more_good_lines(data: bytes) -> None:
    check_line(data, RULES)


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (b"", "blank-line", "blank"),
        (b" \t\r", "blank-line", "blank"),
        (b"\xff", "not-utf-8", "byte 1"),
        (line(custom_id="?").replace(b"?", b"\xe9"), "not-utf-8", "byte 16"),
        (line(extra="?").replace(b"?", b"\xed\xa0\x80"), "not-utf-8", "not UTF-8"),
        (b"{", "invalid-json-line", "not JSON"),
        (line() + b"x", "invalid-json-line", "Extra data"),
        (b"{'custom_id': 'a'}", "invalid-json-line", "double quotes"),
        (line().replace(b'"a"', b'"a\x00"'), "invalid-json-line", "control character"),
        (line().replace(b"[]", b"[NaN]"), "invalid-json-line", "finite"),
        (line().replace(b'"a"', b'"\\ud800"'), "invalid-json-line", "well-formed"),
        (b"[" * 25_000, "too-deep", "deeply"),
        (line(extra=...).replace(b"[]", b"[" * 25_000 + b"]" * 25_000), "too-deep", "deeply"),
        (b"[]", "not-an-object", "JSON object"),
        (b"null", "not-an-object", "JSON object"),
        (b'"text"', "not-an-object", "JSON object"),
        (line(custom_id=...), "missing-required-parameter", "`custom_id` is missing"),
        (line(method=...), "missing-required-parameter", "`method` is missing"),
        (line(url=...), "missing-required-parameter", "`url` is missing"),
        (line(body=...), "missing-required-parameter", "`body` is missing"),
        (line(custom_id=...)[:-1] + b',"n":' + b"9" * 5000 + b"}", "missing-required-parameter", "`custom_id`"),
        (line(custom_id=7), "wrong-type", "`custom_id` must be a string"),
        (line(url=None), "wrong-type", "`url` must be a string"),
        (line(body=[]), "wrong-type", "`body` must be an object"),
        (line(custom_id=""), "bad-custom-id", "1 to 512"),
        (line(custom_id="x" * (MAX_CUSTOM_ID + 1)), "bad-custom-id", "1 to 512"),
        (line(method="GET"), "bad-method", "'GET'"),
        (line(method="post"), "bad-method", "'post'"),
        (line(url="/v1/embeddings"), "url-mismatch", "'/v1/embeddings'"),
        (line(url=f"https://api.openai.com{ENDPOINT}"), "url-mismatch", "endpoint '/v1/chat/completions'"),
        (line(body={}), "missing-required-parameter", "`body.model` is missing"),
        (line(body={"model": None}), "wrong-type", "`body.model` must be a string"),
        (line(body={"model": "m", "stream": True}), "streaming-unsupported", "`stream: true`"),
        (line(body={"model": ""}), "missing-required-parameter", "`body.model` is empty"),
        (line(body={"model": "m", "max_tokens": "5"}), "wrong-type", "`body.max_tokens` must be a whole number"),
        (line(body={"model": "m", "max_completion_tokens": 5.0}), "wrong-type", "`body.max_completion_tokens`"),
        (line(body={"model": "m", "max_output_tokens": -1}), "wrong-type", "`body.max_output_tokens`"),
        (line(body={"model": "m", "n": 2**31}), "wrong-type", "from 0 to 2,147,483,647"),
        (line(body={"model": "m", "n": True}), "wrong-type", "`body.n`"),
        (line(body={"model": "m", "best_of": -1}), "wrong-type", "`body.best_of`"),
        (line(body={"model": "m", "n": "?"}).replace(b'"?"', b"9" * 5000), "wrong-type", "`body.n`"),
        (line(body={"model": "m", "n": "?"}).replace(b'"?"', b"1e999"), "wrong-type", "`body.n`"),
        (line(body={"model": "m", "stream": "yes"}), "wrong-type", "`body.stream` must be a boolean"),
        (line(body={"model": "m", "stream": 1}), "wrong-type", "`body.stream` must be a boolean"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, code: str, words: str) -> None:
    found = problem(data)
    assert (found.code, words in found.message) == (code, True), found.message


def test_a_line_that_lacks_a_field_is_told_which_there_are() -> None:
    assert problem(line(url=...)).hint == "a line has `custom_id`, `method`, `url` and `body`"


@pytest.mark.parametrize("data", [b"[", b"{", b'  "custom_id": "a",', b"{'custom_id': 'a'}", b"[{}]", line() + b","])
def test_a_list_or_json_over_several_lines_is_told_what_a_file_holds(data: bytes) -> None:
    assert problem(data).hint == "one request object a line, as JSON"


@pytest.mark.parametrize(
    ("data", "column"),
    [(b"\xff", 1), (b'{"custom_id": "caf\xe9"}', 19), ('{"custom_id": "é😀'.encode() + b"\xe9", 18)],
)
def test_a_byte_that_is_not_utf8_is_pointed_at(data: bytes, column: int) -> None:
    found = problem(data)
    assert (found.code, found.column) == ("not-utf-8", column)


def test_words_stay_short_whatever_is_quoted() -> None:
    for data in (line(url="x" * 10_000), line(method="x" * 10_000)):
        assert len(problem(data).message) < 300


near_misses = st.fixed_dictionaries(
    {},
    optional={
        "custom_id": st.one_of(st.text(), st.integers()),
        "method": st.sampled_from(["POST", "GET", None]),
        "url": st.sampled_from([ENDPOINT, "/v1/x", 1]),
        "body": st.one_of(
            st.none(),
            st.fixed_dictionaries(
                {}, optional={"model": st.one_of(st.text(), st.none()), "stream": st.one_of(st.booleans(), st.text())}
            ),
        ),
    },
).map(lambda document: json.dumps(document).encode())


@given(st.binary() | near_misses | st.tuples(near_misses, st.binary(max_size=3)).map(b"".join))
@example(
    b'{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"m"},"x":' + b"9" * 5000 + b"}"
)
@example(b"\xef\xbb\xbf{}")
def test_any_bytes_are_a_request_or_a_problem(data: bytes) -> None:
    try:
        request = check_line(data, RULES)
    except LineProblem:
        return
    document = json.loads(data, parse_int=lambda digits: 0)
    assert (document["custom_id"], document["body"]["model"]) == (request.custom_id, request.body.model)

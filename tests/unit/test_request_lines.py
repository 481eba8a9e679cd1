"""The forms that request lines have: in full, without method and url, and with params in the place of a body."""

import json
from io import BytesIO
from typing import Any

import pytest

from batchrunner.catalog import built_in
from batchrunner.inputs.scan import Scan, scan_lines
from batchrunner.jsonl import check_line
from batchrunner.linerules import LineProblem, LineRules
from batchrunner.manifest import Template
from batchrunner.renderer import Renderer
from batchrunner.sharder import Sharding

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
BODY = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
FULL = {"custom_id": "a", "method": "POST", "url": CHAT, "body": BODY}
BARE = {"custom_id": "a", "body": BODY}
PARAMS = {"custom_id": "a", "params": {**BODY, "max_tokens": 9}}


def rules(provider: str) -> LineRules:
    return LineRules.of(MESSAGES if provider == "anthropic" else CHAT, built_in()[provider])


def check(provider: str, line: Any) -> None:
    check_line(json.dumps(line).encode(), rules(provider))


def scan(provider: str, *lines: Any) -> Scan:
    data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    return scan_lines(BytesIO(data), path="in.jsonl", shown="in.jsonl", rules=rules(provider), sharding=Sharding())


@pytest.mark.parametrize(
    ("provider", "line"),
    [
        ("openai", FULL),
        ("mistral", FULL),
        ("mistral", BARE),
        ("mistral", {**BARE, "url": CHAT}),
        ("together", BARE),
        ("anthropic", PARAMS),
    ],
)
def test_a_provider_takes_lines_of_its_form(provider: str, line: Any) -> None:
    check(provider, line)


@pytest.mark.parametrize(
    ("provider", "line", "code", "words"),
    [
        ("openai", BARE, "missing-required-parameter", "`method`"),
        ("openai", PARAMS, "missing-required-parameter", "`method`"),
        ("mistral", PARAMS, "missing-required-parameter", "`body`"),
        ("mistral", {**BARE, "url": "/v1/ocr"}, "url-mismatch", "/v1/ocr"),
        ("mistral", {**BARE, "url": 5}, "wrong-type", "`url`"),
        ("mistral", {**BARE, "method": "GET"}, "bad-method", "GET"),
        ("mistral", {**BARE, "method": None}, "wrong-type", "`method`"),
        ("together", {**BARE, "custom_id": "a" * 65}, "bad-custom-id", "64"),
        ("anthropic", BARE, "missing-required-parameter", "`params`"),
        ("anthropic", FULL, "missing-required-parameter", "`params`"),
        ("anthropic", {**PARAMS, "method": "POST"}, "unknown-key", "`method`"),
        ("anthropic", {**PARAMS, "method": 5, "params": []}, "wrong-type", "`params` must be an object"),
        ("anthropic", {**PARAMS, "params": {}}, "missing-required-parameter", "`params.model`"),
        ("anthropic", {**PARAMS, "params": {"model": "m", "stream": True}}, "streaming-unsupported", "stream"),
        ("anthropic", {**PARAMS, "custom_id": "a b"}, "bad-custom-id", "letters"),
    ],
)
def test_other_lines_are_told_what_is_wrong_with_them(provider: str, line: Any, code: str, words: str) -> None:
    with pytest.raises(LineProblem) as caught:
        check(provider, line)
    assert caught.value.code == code
    assert words in caught.value.message


def test_keys_of_params_come_once() -> None:
    with pytest.raises(LineProblem) as caught:
        check_line(b'{"custom_id":"a","params":{"model":"m","model":"n"}}', rules("anthropic"))
    assert (caught.value.code, caught.value.message) == ("duplicate-key", "`model` comes twice in `params`")


@pytest.mark.parametrize(("provider", "line"), [("mistral", BARE), ("anthropic", PARAMS)])
def test_thousands_of_lines_are_read_as_one_is(provider: str, line: Any) -> None:
    found = scan(provider, *({**line, "custom_id": f"row-{number}"} for number in range(5000)))
    assert not found.diagnostics
    assert found.parts[0].file.requests == 5000
    assert found.parts[0].file.models == ("m",)
    again = scan(provider, *({**line, "custom_id": f"row-{number % 4999}"} for number in range(5000)))
    assert [each.code for each in again.diagnostics] == ["duplicate-custom-id"]


def test_what_is_asked_in_params_is_counted() -> None:
    assert scan("anthropic", PARAMS).notices == ()
    empty = scan("anthropic", {"custom_id": "a", "params": {"model": "m", "max_tokens": 9}})
    assert [notice.code for notice in empty.notices] == ["no-prompt"]


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ("full", '{"custom_id":"r-1","method":"POST","url":"/v1/x","body":{"model":"m"}}\n'),
        ("bare", '{"custom_id":"r-1","body":{"model":"m"}}\n'),
        ("params", '{"custom_id":"r-1","params":{"model":"m"}}\n'),
    ],
)
def test_rows_are_rendered_in_the_form_of_the_provider(form: Any, line: str) -> None:
    template = Template(custom_id="r-${row.id}", body={"model": "m"}, url="/v1/x", form=form)
    assert Renderer(template).line([1]) == line

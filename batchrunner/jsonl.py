"""What one line of a batch input must be. Pure: bytes in, the line's identity or a problem out.

The shape is that of the OpenAI Batch API's input file: one JSON object a line, with `custom_id`, `method`, `url` and
`body` (platform.openai.com, "Batch API", input file format).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from batchrunner.facts import Limits, ProviderFacts
from batchrunner.records import MALFORMED, Tolerant, decoder

BOM = b"\xef\xbb\xbf"
_EACH_LINE = "one request object a line, as JSON"


@dataclass(frozen=True, slots=True)
class LineRules:
    """What every line of an input must keep to: its `url` is `endpoint`, the rest is its provider's.

    `max_custom_id` is in characters, `max_line_bytes` without the line end.
    """

    endpoint: str
    max_line_bytes: int = Limits().max_line_bytes
    max_custom_id: int = Limits().max_custom_id
    custom_ids: Literal["text", "word"] = "text"
    one_model: bool = False

    @classmethod
    def of(cls, endpoint: str, facts: ProviderFacts) -> "LineRules":
        """The rules of a provider for a batch that is sent to `endpoint`."""
        return cls(
            endpoint=endpoint,
            max_line_bytes=facts.limits.max_line_bytes,
            max_custom_id=facts.limits.max_custom_id,
            custom_ids=facts.custom_ids,
            one_model=facts.one_model,
        )


class LineProblem(Exception):
    """One thing wrong with a line: a kebab-case `code`, a `message`, what to do about it, and the `column` from 1."""

    def __init__(self, code: str, message: str, hint: str = "", *, column: int = 1) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.column = column


class RequestBody(Tolerant):
    """What is read of a request's body."""

    model: str
    stream: bool | None = None


class RequestLine(Tolerant):
    """What is read of a request line."""

    custom_id: str
    method: str
    url: str
    body: RequestBody


_decode = decoder(RequestLine).decode


def check_line(line: bytes, rules: LineRules) -> RequestLine:
    """The request on `line` (without its line end). Raises `LineProblem` for the first thing wrong."""
    try:
        if not line.isascii():
            line.decode("utf-8")
        request = _decode(line)
    except MALFORMED:
        raise _diagnosed(line) from None
    if request.url != rules.endpoint or request.method != "POST" or request.body.stream:
        raise _misdirected(request, rules.endpoint)
    if not 0 < len(request.custom_id) <= rules.max_custom_id:
        raise LineProblem("bad-custom-id", f"`custom_id` must have 1 to {rules.max_custom_id} characters")
    if rules.custom_ids == "word" and not _is_word(request.custom_id):
        raise LineProblem("bad-custom-id", "`custom_id` may hold letters, digits, `_` and `-` only")
    return request


def _is_word(text: str) -> bool:
    return text.isascii() and text.replace("_", "a").replace("-", "a").isalnum()


def _misdirected(request: RequestLine, endpoint: str) -> LineProblem:
    if request.method != "POST":
        return LineProblem("bad-method", f"`method` must be POST, not {request.method[:20]!r}")
    if request.url != endpoint:
        hint = "set the batch's `endpoint` to it, or write the lines for this endpoint"
        return LineProblem("url-mismatch", f"`url` is {request.url[:80]!r}, the batch's endpoint {endpoint!r}", hint)
    return LineProblem("streaming-unsupported", "`stream: true` cannot be batched", "leave `stream` out")


def _diagnosed(line: bytes) -> LineProblem:
    """Why `line` could not be decoded, in the words of the person who wrote it."""
    if not line.strip():
        return LineProblem("blank-line", "the line is blank", "delete it")
    try:
        # Numbers are not looked at, and reading a long one would be refused for its length.
        value = json.loads(line.decode("utf-8"), parse_int=lambda _digits: 0)
    except UnicodeDecodeError as error:
        column = len(line[: error.start].decode("utf-8")) + 1
        message = f"byte {error.start + 1} of the line is not UTF-8"
        return LineProblem("not-utf-8", message, "save the file as UTF-8", column=column)
    except RecursionError:
        return LineProblem("too-deep", "the JSON is nested too deeply")
    except json.JSONDecodeError as error:
        return LineProblem("invalid-json-line", f"not JSON: {error.msg}", _EACH_LINE, column=error.colno)
    return _misshapen(value)


def _misshapen(value: Any) -> LineProblem:
    if not isinstance(value, Mapping):
        return LineProblem("not-an-object", "the line must be a JSON object", _EACH_LINE)
    for name, kind, words in (
        ("custom_id", str, "a string"),
        ("method", str, "a string"),
        ("url", str, "a string"),
        ("body", Mapping, "an object"),
    ):
        if name not in value:
            return LineProblem("missing-required-parameter", f"`{name}` is missing")
        if not isinstance(value[name], kind):
            return LineProblem("wrong-type", f"`{name}` must be {words}")
    return _misshapen_body(value["body"])


def _misshapen_body(body: Mapping[str, Any]) -> LineProblem:
    if "model" not in body:
        return LineProblem("missing-required-parameter", "`body.model` is missing")
    if not isinstance(body["model"], str):
        return LineProblem("wrong-type", "`body.model` must be a string")
    if not isinstance(body.get("stream"), bool | None):
        return LineProblem("wrong-type", "`body.stream` must be a boolean")
    return LineProblem("invalid-json-line", "not JSON: numbers and text must be finite and well-formed")

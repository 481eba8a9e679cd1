"""What one line of a batch input must be. Pure: bytes in, the request or a problem out.

The shape is that of the OpenAI Batch API's input file: one JSON object a line, with `custom_id`, `method`, `url` and
`body` (platform.openai.com, "Batch API", input file format).
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from batchrunner.facts import Limits, ProviderFacts
from batchrunner.records import MALFORMED, Meta, Raw, Tolerant, decoder

BOM = b"\xef\xbb\xbf"
MAX_COUNT, MAX_MODEL = 2**31 - 1, 512
BULKS = ("messages", "input", "prompt")
"""The fields of a body that hold what is asked, which makes up most of a line."""
PROVIDER_CODES = {
    "invalid-json-line": "invalid_json_line",
    "not-utf-8": "invalid_json_line",
    "too-deep": "invalid_json_line",
    "not-an-object": "invalid_json_line",
    "missing-required-parameter": "missing_required_parameter",
    "duplicate-custom-id": "duplicate_custom_id",
    "url-mismatch": "url_mismatch",
    "model-mismatch": "model_mismatch",
    "streaming-unsupported": "streaming_unsupported",
    "empty-file": "empty_file",
    "too-many-tasks": "too_many_tasks",
}
"""What batch services call our codes in their own replies, where they have a word for them."""

_MODEL = 'name the model in quotes, as in `"model": "gpt-4o-mini"`'
_POST = 'write `"method": "POST"`'
_EACH_LINE = "one request object a line, as JSON"
_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_LIMITS_OF = {"/chat/completions": _LIMITS[:2], "/completions": _LIMITS[:1], "/responses": _LIMITS[2:]}
_STRINGS = ("custom_id", "method", "url")
_PROMPTED = ("/completions", "/embeddings", "/responses")
_NO_OUTPUT = ("/embeddings", "/moderations")


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

    @property
    def is_embedding(self) -> bool:
        """Whether requests hold texts to embed, which services count."""
        return self.endpoint.endswith("/embeddings")

    @property
    def is_prompted(self) -> bool:
        """Whether requests have to hold what a model is asked, or is to embed."""
        return self.endpoint.endswith(_PROMPTED)

    def are_ids(self, custom_ids: Sequence[str]) -> bool:
        """Whether each of these is as ids must be."""
        lengths = [*map(len, custom_ids)]
        sized = min(lengths) > 0 and max(lengths) <= self.max_custom_id
        return sized and (self.custom_ids == "text" or _is_word("".join(custom_ids)))


class LineProblem(Exception):
    """One thing wrong with a line: a kebab-case `code`, a `message`, what to do about it, and the `column` from 1."""

    def __init__(self, code: str, message: str, hint: str = "", *, column: int = 1) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.column = column


Count = Annotated[int, Meta(ge=0, le=MAX_COUNT)]


class RequestBody(Tolerant):
    """What is read of a request's body."""

    model: Annotated[str, Meta(max_length=MAX_MODEL)]
    stream: bool | None = None
    n: Count | None = None
    best_of: Count | None = None
    max_tokens: Count | None = None
    max_completion_tokens: Count | None = None
    max_output_tokens: Count | None = None
    messages: Raw = Raw()
    input: Raw = Raw()
    prompt: Raw = Raw()


class RequestLine(Tolerant):
    """What is read of a request line."""

    custom_id: str
    method: str
    url: str
    body: RequestBody


_decode = decoder(RequestLine).decode
_items = decoder(list[Raw]).decode


def check_line(line: bytes, rules: LineRules) -> RequestLine:
    """The request on `line` (without its line end). Raises `LineProblem` for the first thing wrong."""
    request = read_line(line, rules)
    check_keys(line)
    return request


def read_line(line: bytes, rules: LineRules) -> RequestLine:
    """The request on `line`, checked but for keys that come twice. Raises `LineProblem` for the first thing wrong.

    A number that is too large for a double is JSON, and accepted where it is not looked at.
    """
    try:
        if not line.isascii():
            line.decode("utf-8")
        request = _decode(line)
    except MALFORMED:
        raise _diagnosed(line) from None
    if request.url != rules.endpoint or request.method != "POST" or request.body.stream:
        raise _misdirected(request, rules.endpoint)
    if not rules.are_ids((request.custom_id,)):
        raise _misnamed(request.custom_id, rules)
    if not request.body.model:
        raise LineProblem("missing-required-parameter", "`body.model` is empty", _MODEL)
    return request


def check_keys(line: bytes) -> None:
    """Check that no key of the object on `line`, which is JSON, comes twice, nor one of its `body`.

    Services differ in which of the two they take. Deeper down, what a key means is not ours to say.
    """
    try:
        members = json.loads(line.decode("utf-8"), object_pairs_hook=tuple, parse_int=len, parse_float=len)
    except RecursionError:
        raise _too_deep() from None
    _check_single(members, "in the line")
    _check_single(dict(members)["body"], "in `body`")


def output_tokens(body: RequestBody, rules: LineRules) -> int | None:
    """The most tokens that can be answered to a request; None where it sets no limit."""
    if rules.endpoint.endswith(_NO_OUTPUT):
        return 0
    # A service may pass over a limit that its endpoint does not have.
    names = next((names for end, names in _LIMITS_OF.items() if rules.endpoint.endswith(end)), _LIMITS)
    most = max((limit for name in names if (limit := getattr(body, name)) is not None), default=None)
    return None if most is None else int(most) * max(body.n or 1, body.best_of or 1)


def embedding_inputs(value: Raw) -> int:
    """How many texts an `input` holds: a text or an array of tokens is one, a list of such holds as many."""
    if not bytes(value).startswith(b"["):
        return 1 if bytes(value) else 0
    items = _items(value)
    is_tokens = bool(items) and bytes(items[0])[:1] in b"-0123456789"
    return 1 if is_tokens else len(items)


def _check_single(members: tuple[tuple[str, Any], ...], where: str) -> None:
    keys = [key for key, _ in members]
    if len(set(keys)) < len(keys):
        key, _ = Counter(keys).most_common(1)[0]
        raise LineProblem("duplicate-key", f"`{key[:80]}` comes twice {where}", "keep one of the two")


def _is_word(text: str) -> bool:
    return text.isascii() and text.replace("_", "a").replace("-", "a").isalnum()


def _misnamed(custom_id: str, rules: LineRules) -> LineProblem:
    if 0 < len(custom_id) <= rules.max_custom_id:
        return LineProblem("bad-custom-id", "`custom_id` may hold letters a to z, digits, `_` and `-` only")
    return LineProblem("bad-custom-id", f"`custom_id` must have 1 to {rules.max_custom_id} characters")


def _misdirected(request: RequestLine, endpoint: str) -> LineProblem:
    if request.method != "POST":
        return LineProblem("bad-method", f"`method` must be POST, not {request.method[:20]!r}", _POST)
    if request.url != endpoint:
        hint = "set the batch's `endpoint` to it, or write the lines for this endpoint"
        return LineProblem("url-mismatch", f"`url` is {request.url[:80]!r}, the batch's endpoint {endpoint!r}", hint)
    return LineProblem("streaming-unsupported", "`stream: true` cannot be batched", "leave `stream` out")


def _too_deep() -> LineProblem:
    return LineProblem("too-deep", "the JSON is nested too deeply")


def _diagnosed(line: bytes) -> LineProblem:
    """Why `line` could not be decoded, in the words of the person who wrote it."""
    if not line.strip():
        return LineProblem("blank-line", "the line is blank", "delete it")
    try:
        # Reading a long number would be refused for its length.
        value = json.loads(line.decode("utf-8"), parse_int=lambda digits: int(digits[:20]))
    except UnicodeDecodeError as error:
        column = len(line[: error.start].decode("utf-8")) + 1
        message = f"byte {error.start + 1} of the line is not UTF-8"
        return LineProblem("not-utf-8", message, "save the file as UTF-8", column=column)
    except RecursionError:
        return _too_deep()
    except json.JSONDecodeError as error:
        return LineProblem("invalid-json-line", f"not JSON: {error.msg}", _EACH_LINE, column=error.colno)
    return _misshapen(value)


def _misshapen(value: Any) -> LineProblem:
    if not isinstance(value, Mapping):
        return LineProblem("not-an-object", "the line must be a JSON object", _EACH_LINE)
    for name in (*_STRINGS, "body"):
        if name not in value:
            return LineProblem("missing-required-parameter", f"`{name}` is missing")
        if not isinstance(value[name], Mapping if name == "body" else str):
            return LineProblem("wrong-type", f"`{name}` must be {'an object' if name == 'body' else 'a string'}")
    return _misshapen_body(value["body"])


def _misshapen_body(body: Mapping[str, Any]) -> LineProblem:
    if "model" not in body:
        return LineProblem("missing-required-parameter", "`body.model` is missing", _MODEL)
    if not isinstance(body["model"], str) or len(body["model"]) > MAX_MODEL:
        return LineProblem("wrong-type", f"`body.model` must be a string of at most {MAX_MODEL} characters", _MODEL)
    if not isinstance(body.get("stream"), bool | None):
        return LineProblem("wrong-type", "`body.stream` must be a boolean")
    for name in ("n", "best_of", *_LIMITS):
        if not _is_count(body.get(name)):
            return LineProblem("wrong-type", f"`body.{name}` must be a whole number from 0 to {MAX_COUNT:,}")
    return LineProblem("invalid-json-line", "not JSON: numbers and text must be finite and well-formed")


def _is_count(value: Any) -> bool:
    return value is None or (type(value) is int and 0 <= value <= MAX_COUNT)

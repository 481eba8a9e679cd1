"""What one line of a batch input must be. Pure: bytes in, the request or a problem out.

The shape is that of the OpenAI Batch API's input file: one JSON object a line, with `custom_id`, `method`, `url` and
`body` (platform.openai.com, "Batch API", input file format). Where the endpoint is named on the job alone, `method` and
`url` may be left out (Mistral, Together); Anthropic's Message Batches API has `custom_id` and `params`.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from batchrunner.linerules import LineProblem, LineRules, misnamed
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
_FIELDS = "a line has `custom_id`, `method`, `url` and `body`"
_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_LIMITS_OF = {"/chat/completions": _LIMITS[:2], "/completions": _LIMITS[:1], "/responses": _LIMITS[2:]}
_STRINGS = ("custom_id", "method", "url")
_PARAMS_KEYS = frozenset({"custom_id", "params"})
_NO_OUTPUT = ("/embeddings", "/moderations")


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


class BareLine(Tolerant):
    """A request line whose `method` and `url` may be left out."""

    custom_id: str
    body: RequestBody
    method: str = "POST"
    url: str = ""


class ParamsLine(Tolerant, rename={"body": "params"}):
    """A request line that names what is asked `params`."""

    custom_id: str
    body: RequestBody


AnyLine = RequestLine | BareLine | ParamsLine
_DECODE: Mapping[str, Callable[[bytes], AnyLine]] = {
    "full": decoder(RequestLine).decode,
    "bare": decoder(BareLine).decode,
    "params": decoder(ParamsLine).decode,
}
_items = decoder(list[Raw]).decode

Explain = Callable[[bytes, LineRules], LineProblem]
"""Why a line could not be decoded."""


def check_line(line: bytes, rules: LineRules) -> AnyLine:
    """The request on `line` (without its line end). Raises `LineProblem` for the first thing wrong."""
    request = read_line(line, rules)
    check_keys(line, rules)
    return request


def read_line(line: bytes, rules: LineRules, explain: Explain | None = None) -> AnyLine:
    """The request on `line`, checked but for keys that come twice. Raises `LineProblem` for the first thing wrong.

    `explain` says why a line cannot be decoded, as `diagnosed` does where it is not given. A number that is too large
    for a double is JSON, and accepted where it is not looked at.
    """
    try:
        if not line.isascii():
            line.decode("utf-8")
        request = _DECODE[rules.form](line)
    except MALFORMED:
        raise (explain or diagnosed)(line, rules) from None
    if request.body.stream or not (isinstance(request, ParamsLine) or _is_directed(request, rules.endpoint)):
        raise _misdirected(request, rules)
    if not rules.are_ids((request.custom_id,)):
        raise misnamed(request.custom_id, rules)
    if not request.body.model:
        raise LineProblem("missing-required-parameter", f"`{rules.body}.model` is empty", _MODEL)
    return request


def _is_directed(request: RequestLine | BareLine, endpoint: str) -> bool:
    return request.method == "POST" and request.url in {endpoint, ""}


def check_keys(line: bytes, rules: LineRules) -> None:
    """Check that no key of the object on `line`, which is JSON, comes twice, nor one of its `body`.

    Services differ in which of the two they take. Deeper down, what a key means is not ours to say. A line of `params`
    may have no other key: the service would refuse all of the batch.
    """
    try:
        members = _MEMBERS.decode(line.decode("utf-8"))
    except RecursionError:
        raise _too_deep() from None
    _check_single(members, "in the line")
    _check_single(dict(members)[rules.body], f"in `{rules.body}`")
    if rules.form == "params" and (strangers := dict(members).keys() - _PARAMS_KEYS):
        words = f"`{min(strangers)[:80]}` is no key of a request line of this provider"
        raise LineProblem("unknown-key", words, "a line has `custom_id` and `params` only")


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


def _misdirected(request: AnyLine, rules: LineRules) -> LineProblem:
    endpoint = rules.endpoint
    if not isinstance(request, ParamsLine) and request.method != "POST":
        return LineProblem("bad-method", f"`method` must be POST, not {request.method[:20]!r}", _POST)
    if not isinstance(request, ParamsLine) and request.url not in {"", endpoint}:
        hint = "set the batch's `endpoint` to it, or write the lines for this endpoint"
        return LineProblem("url-mismatch", f"`url` is {request.url[:80]!r}, the batch's endpoint {endpoint!r}", hint)
    return LineProblem("streaming-unsupported", "`stream: true` cannot be batched", "leave `stream` out")


# Made once: a file may be wrong in each of its lines.
_MEMBERS = json.JSONDecoder(object_pairs_hook=tuple, parse_int=len, parse_float=len)
# Reading a long number would be refused for its length.
_VALUE = json.JSONDecoder(parse_int=lambda digits: int(digits[:20]))


def _too_deep() -> LineProblem:
    return LineProblem("too-deep", "the JSON is nested too deeply")


def undiagnosed(line: bytes, rules: LineRules) -> LineProblem:
    """That `line` could not be decoded, where nobody will be told why: finding out takes longer than all the rest."""
    return LineProblem("invalid-json-line", "not JSON, or not a request")


def diagnosed(line: bytes, rules: LineRules) -> LineProblem:
    """Why `line` could not be decoded, in the words of the person who wrote it."""
    if not line.strip():
        return LineProblem("blank-line", "the line is blank", "delete it")
    try:
        value = _VALUE.decode(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        column = len(line[: error.start].decode("utf-8")) + 1
        message = f"byte {error.start + 1} of the line is not UTF-8"
        return LineProblem("not-utf-8", message, "save the file as UTF-8", column=column)
    except RecursionError:
        return _too_deep()
    except json.JSONDecodeError as error:
        return LineProblem("invalid-json-line", f"not JSON: {error.msg}", _EACH_LINE, column=error.colno)
    return _misshapen(value, rules)


def _misshapen(value: Any, rules: LineRules) -> LineProblem:
    if not isinstance(value, Mapping):
        return LineProblem("not-an-object", "the line must be a JSON object", _EACH_LINE)
    for name in (*_STRINGS, rules.body):
        if rules.form != "full" and name in {"method", "url"} and _may_be(value.get(name), name in value, rules):
            continue
        if name not in value:
            return LineProblem(
                "missing-required-parameter", f"`{name}` is missing", _FIELDS if rules.form == "full" else ""
            )
        kind = Mapping if name == rules.body else str
        if not isinstance(value[name], kind):
            return LineProblem("wrong-type", f"`{name}` must be {'an object' if kind is Mapping else 'a string'}")
    return _misshapen_body(value[rules.body], rules.body)


def _may_be(value: Any, is_there: bool, rules: LineRules) -> bool:
    """Whether a field that may be left out is as it can be."""
    return rules.form == "params" or not is_there or isinstance(value, str)


def _misshapen_body(body: Mapping[str, Any], where: str) -> LineProblem:
    if "model" not in body:
        return LineProblem("missing-required-parameter", f"`{where}.model` is missing", _MODEL)
    if not isinstance(body["model"], str) or len(body["model"]) > MAX_MODEL:
        return LineProblem("wrong-type", f"`{where}.model` must be a string of at most {MAX_MODEL} characters", _MODEL)
    if not isinstance(body.get("stream"), bool | None):
        return LineProblem("wrong-type", f"`{where}.stream` must be a boolean")
    for name in ("n", "best_of", *_LIMITS):
        if not _is_count(body.get(name)):
            return LineProblem("wrong-type", f"`{where}.{name}` must be a whole number from 0 to {MAX_COUNT:,}")
    return LineProblem("invalid-json-line", "not JSON: numbers and text must be finite and well-formed")


def _is_count(value: Any) -> bool:
    return value is None or (type(value) is int and 0 <= value <= MAX_COUNT)

"""Result lines of the OpenAI family.

`{"custom_id", "response": {"status_code", "body"} | null, "error": {"code", "message"} | null}`; some servers write the
body as a JSON string, leave `response` out beside an error, or put the answer itself in its place, without a
`status_code`. There may be millions: what is usual is decoded straight into what is kept of it, anything else a second
time, value by value.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from batchrunner.printable import is_unicode
from batchrunner.providers._usage import SpentTokens, usage_of, usage_said
from batchrunner.records import MALFORMED, Tolerant, decoder
from batchrunner.remote import Usage
from batchrunner.rows import ResultLine, RowOutcome

MOST_WORDS = 500
_LARGEST_STATUS = 999
_OUTCOMES: dict[str, RowOutcome] = {
    "batch_expired": "expired",
    "batch_cancelled": "missing",
    "batch_canceled": "missing",
}


class _Body(Tolerant):
    usage: SpentTokens | None = None


class _Response(Tolerant):
    status_code: int
    body: _Body | str


class _Line(Tolerant):
    custom_id: str
    response: _Response
    error: None = None


class _AnyLine(Tolerant):
    custom_id: str
    response: Any = None
    error: Any = None


_Answer = TypeVar("_Answer")

_read = decoder(_Line).decode
_read_any_line = decoder(_AnyLine).decode
_read_body = decoder(_Body).decode
_read_any = decoder(Any).decode


def read_line(line: bytes) -> ResultLine | None:
    """One line of results; None for what is none."""
    try:
        found = _read(line)
        status, body = found.response.status_code, found.response.body
        if 200 <= status < 300:
            usage = (_read_body(body) if isinstance(body, str) else body).usage
            return ResultLine(found.custom_id, "ok", status, "", "", None if usage is None else usage_of(usage))
    except MALFORMED:
        pass
    return _read_unusual(line)


def _read_unusual(line: bytes) -> ResultLine | None:
    found = read_leniently(line, _read_any_line, _AnyLine)
    if found is None:
        return None
    response = found.response if isinstance(found.response, Mapping) else None
    status = _status(response)
    body = _document(response.get("body", response)) if response is not None else None
    if _is_silent(found.error) and response is not None and (not status or 200 <= status < 300):
        return ResultLine(found.custom_id, "ok", status or 200, "", "", _spent(body))
    code, message = words_of(body if _is_silent(found.error) else found.error)
    return ResultLine(found.custom_id, _OUTCOMES.get(code, "error"), status, code, message)


def read_leniently(line: bytes, read: Callable[[bytes], _Answer], kind: type[_Answer]) -> _Answer | None:
    """`line` by `read`, else as JSON is written by many: as a `kind`, which has a `custom_id`; None for what is none.

    Half a surrogate pair, where an answer was cut within a character, and numbers such as NaN and -Infinity make no
    answer that was paid for one that never came.
    """
    try:
        return read(line)
    except MALFORMED:
        pass
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return None
    custom_id = said.get("custom_id") if isinstance(said, dict) else None
    if not isinstance(custom_id, str) or not is_unicode(custom_id):
        return None
    return kind(**{name: said[name] for name in said if name in kind.__annotations__})


def _status(response: Mapping[str, Any] | None) -> int:
    said = response.get("status_code") if response is not None else None
    if isinstance(said, str) and len(said) == len("200") and said.isascii() and said.isdigit():
        said = int(said)
    return said if isinstance(said, int) and 0 < said <= _LARGEST_STATUS else 0


def _document(body: Any) -> Any:
    """The body of an answer, which may be a JSON string of itself."""
    if not isinstance(body, str):
        return body
    try:
        return _read_any(body)
    except (*MALFORMED, UnicodeEncodeError):
        return body


def _spent(body: Any) -> Usage | None:
    return usage_said(body.get("usage")) if isinstance(body, Mapping) else None


def _is_silent(error: Any) -> bool:
    """Whether an error says nothing: some servers write one with empty fields beside an answer."""
    return not any(error.values()) if isinstance(error, Mapping) else not error


def words_of(error: Any) -> tuple[str, str]:
    """The code and the message of an error, in whatever form: a text, an object, an object within an object."""
    for name in ("error", "detail"):
        if isinstance(error, Mapping) and error.get(name):
            error = error[name]
    if not isinstance(error, Mapping):
        return "", _kept(error, MOST_WORDS) if isinstance(error, str) else ""
    code = error.get("code") or error.get("type") or ""
    message = error.get("message") or ""
    return _kept(code, 128), _kept(message, MOST_WORDS)


def _kept(said: Any, most: int) -> str:
    """The beginning of what was said, which can be written as UTF-8."""
    try:
        text = str(said)[:most]
    except (RecursionError, ValueError):  # too deep, or a number of thousands of digits
        return ""
    return text if is_unicode(text) else text.encode("utf-8", "replace").decode()

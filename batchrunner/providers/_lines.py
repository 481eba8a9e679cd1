"""Result lines of the OpenAI family.

`{"custom_id", "response": {"status_code", "body"} | null, "error": {"code", "message"} | null}`; some servers write the
body as a JSON string, leave `response` out beside an error, or write it without a `status_code`.
"""

from typing import Any

from batchrunner.records import MALFORMED, Raw, Tolerant, decoder
from batchrunner.rows import ResultLine, RowOutcome

MOST_WORDS = 500
_OUTCOMES: dict[str, RowOutcome] = {
    "batch_expired": "expired",
    "batch_cancelled": "missing",
    "batch_canceled": "missing",
}


class _Response(Tolerant):
    status_code: int | None = None
    body: Raw = Raw()


class _Line(Tolerant):
    custom_id: str
    response: _Response | None = None
    error: Any = None


class _Refusal(Tolerant):
    error: Any = None


_read = decoder(_Line).decode
_read_refusal = decoder(_Refusal).decode
_read_text = decoder(str).decode


def read_line(line: bytes) -> ResultLine | None:
    """One line of results; None for what is none."""
    try:
        found = _read(line)
    except MALFORMED:
        return None
    response = found.response
    if found.error is None and response is not None and (response.status_code is None or response.status_code < 300):
        return ResultLine(found.custom_id, "ok", response.status_code or 200)
    code, message = _said(found.error if found.error is not None else _refusal(response))
    status = response.status_code or 0 if response is not None else 0
    return ResultLine(found.custom_id, _OUTCOMES.get(code, "error"), status, code, message)


def _refusal(response: _Response | None) -> Any:
    """The error in the body of an answer that is one. The body may be a JSON string of itself."""
    if response is None:
        return None
    body = bytes(response.body)
    try:
        if body.startswith(b'"'):
            body = _read_text(body).encode()
        return _read_refusal(body).error
    except MALFORMED:
        return None


def _said(error: Any) -> tuple[str, str]:
    if not isinstance(error, dict):
        return "", error[:MOST_WORDS] if isinstance(error, str) else ""
    code = error.get("code") or error.get("type") or ""
    message = error.get("message") or ""
    return str(code)[:128], str(message)[:MOST_WORDS]

"""Result lines of Anthropic's Message Batches API.

`{"custom_id", "result": {"type": "succeeded", "message"}}`, or `errored` with an `error`, `canceled`, `expired`
(docs.anthropic.com, "Message Batches", results). What is usual is decoded straight into what is kept of it.
"""

from collections.abc import Mapping
from typing import Any

from batchrunner.providers._lines import read_leniently, words_of
from batchrunner.providers._usage import SpentTokens, usage_of, usage_said
from batchrunner.records import MALFORMED, Tolerant, decoder
from batchrunner.rows import ResultLine, RowOutcome

_ANSWERED = 200
_UNPROCESSED: dict[str, RowOutcome] = {"expired": "expired", "canceled": "missing", "cancelled": "missing"}


class _Message(Tolerant):
    usage: SpentTokens | None = None


class _Result(Tolerant):
    type: str
    message: _Message


class _Line(Tolerant):
    custom_id: str
    result: _Result


class _AnyLine(Tolerant):
    custom_id: str
    result: Any = None


_read = decoder(_Line).decode
_read_any_line = decoder(_AnyLine).decode


def read_line(line: bytes) -> ResultLine | None:
    """One line of results; None for what is none."""
    try:
        found = _read(line)
        if found.result.type == "succeeded":
            usage = found.result.message.usage
            return ResultLine(found.custom_id, "ok", _ANSWERED, "", "", None if usage is None else usage_of(usage))
    except MALFORMED:
        pass
    return _read_unusual(line)


def _read_unusual(line: bytes) -> ResultLine | None:
    found = read_leniently(line, _read_any_line, _AnyLine)
    if found is None:
        return None
    result = found.result if isinstance(found.result, Mapping) else {}
    kind = result.get("type")
    if kind == "succeeded":
        message = result.get("message")
        usage = usage_said(message.get("usage")) if isinstance(message, Mapping) else None
        return ResultLine(found.custom_id, "ok", _ANSWERED, "", "", usage)
    code, words = words_of(result.get("error"))
    if isinstance(kind, str) and kind in _UNPROCESSED:
        return ResultLine(found.custom_id, _UNPROCESSED[kind], 0, code or kind, words)
    return ResultLine(found.custom_id, "error", 0, code, words)

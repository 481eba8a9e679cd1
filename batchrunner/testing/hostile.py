"""Replies that no provider should send, and some do: everything that reading must survive."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

HOSTILE_IDS = (
    "",
    ".",
    "..",
    "../../v1/files",
    "a/b",
    "a?b=c",
    "a#b",
    "a b",
    "a\n",
    "a\r\nHost: example.com",
    "%2e%2e",
    "é",
    "a" * 129,
    "https://example.com/",
)
"""Ids that must never get into a path."""

_VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    1e308,
    2**70,
    "",
    "x" * 2000,
    "\x1b[31m",
    "9999-99-99T99:99:99Z",
    "0001-01-01T00:00:00+23:59",
    [],
    [None],
    [[1], {"id": 5}],
    {},
    {"a": {"b": []}},
    *HOSTILE_IDS,
)
_BATCHES: tuple[Mapping[str, Any], ...] = (
    {
        "id": "batch_1",
        "object": "batch",
        "endpoint": "/v1/chat/completions",
        "input_file_id": "file-abc123",
        "completion_window": "24h",
        "status": "completed",
        "created_at": 1711471533,
        "expires_at": 1711557933,
        "completed_at": 1711493163,
        "output_file_id": "file-out",
        "error_file_id": "file-err",
        "errors": {"object": "list", "data": [{"code": "invalid_json_line", "message": "no", "line": 2}]},
        "request_counts": {"total": 3, "completed": 2, "failed": 1},
        "usage": {"input_tokens": 7, "input_tokens_details": {"cached_tokens": 1}, "output_tokens": 2},
        "metadata": {"batchrunner_key": "br1-x"},
    },
    {
        "id": "2f0c9d4e-0001-4b7e-9a55-0123456789ab",
        "object": "batch",
        "input_files": ["file-abc123"],
        "endpoint": "/v1/chat/completions",
        "errors": [{"message": "no", "count": 2}],
        "status": "SUCCESS",
        "created_at": 1711471533,
        "completed_at": 1711493163,
        "total_requests": 3,
        "completed_requests": 3,
        "succeeded_requests": 2,
        "failed_requests": 1,
        "output_file": "out",
        "error_file": "err",
        "metadata": {"batchrunner_key": "br1-x"},
    },
    {
        "id": "2f0c9d4e-0002-4b7e-9a55-0123456789ab",
        "status": "COMPLETED",
        "created_at": "2026-11-22T02:30:00.123Z",
        "job_deadline": "2026-11-23T02:30:00Z",
        "input_file_id": "file-abc123",
        "output_file_id": "file-out",
        "progress": 100.0,
        "error": "no",
    },
    {
        "id": "msgbatch_1",
        "type": "message_batch",
        "processing_status": "ended",
        "request_counts": {"processing": 0, "succeeded": 2, "errored": 1, "canceled": 0, "expired": 0},
        "created_at": "2026-11-22T02:30:00Z",
        "expires_at": "2026-11-23T02:30:00Z",
        "ended_at": "2026-11-22T03:30:00Z",
        "cancel_initiated_at": None,
        "archived_at": None,
        "results_url": "https://example.com/results",
    },
    {
        "id": "file-abc123",
        "object": "file",
        "bytes": 3,
        "created_at": 1711471533,
        "expires_at": 1711557933,
        "filename": "br1-x.jsonl",
        "purpose": "batch",
        "status": "processed",
    },
)
_LINES: tuple[Mapping[str, Any], ...] = (
    {
        "id": "r",
        "custom_id": "a",
        "response": {"status_code": 200, "body": {"usage": {"prompt_tokens": 7, "completion_tokens": 2}}},
        "error": None,
    },
    {"custom_id": "a", "response": {"status_code": 200, "body": '{"usage":{"input_tokens":7}}'}},
    {"custom_id": "a", "response": {"status_code": 400, "body": {"error": {"code": "c", "message": "m"}}}},
    {"custom_id": "a", "error": {"code": "batch_expired", "message": "m"}},
    {"custom_id": "a", "result": {"type": "succeeded", "message": {"usage": {"input_tokens": 7}}}},
    {"custom_id": "a", "result": {"type": "errored", "error": {"error": {"type": "t", "message": "m"}}}},
)
_NO_JSON = (
    b"",
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf{}",
    b"<html>",
    b"{",
    b'{"id":',
    b'{"id":"batch_1","status":"completed","created_at":1e999}',
    b'{"id":"batch_1","status":"completed","n":NaN}',
    b'{"id":"batch_1","status":"completed","n":' + b"9" * 5000 + b"}",
    b'{"id":"batch_1","id":"batch_2","status":"completed","status":5}',
    b'{"id":"batch_1","status":"completed","text":"\\ud800"}',
    b'{"id":"batch_1","status":"completed","text":"\xff"}',
    b"[" * 20_000,
    b'{"id":"batch_1","status":"completed","a":' + b"[" * 900 + b"]" * 900 + b"}",
)


def replies() -> Iterator[bytes]:
    """Bodies of replies: objects and lists of all dialects, every field spoilt in turn, and what is no JSON."""
    yield from _NO_JSON
    for document in _spoilt(_BATCHES):
        for wrapped in (document, [document], {"data": [document], "has_more": True, "total": 500}, {"job": document}):
            yield json.dumps(wrapped).encode()


def result_lines() -> Iterator[bytes]:
    """Lines of results, each with every field spoilt in turn."""
    for document in _spoilt(_LINES):
        yield json.dumps(document).encode()


def _spoilt(documents: tuple[Mapping[str, Any], ...]) -> Iterator[Any]:
    yield from _VALUES
    for document in documents:
        yield document
        yield from _each_spoilt(document)


def _each_spoilt(document: Mapping[str, Any]) -> Iterator[Any]:
    for name, value in document.items():
        yield {key: each for key, each in document.items() if key != name}
        for worse in _VALUES:
            yield {**document, name: worse}
        if isinstance(value, Mapping):
            yield from ({**document, name: each} for each in _each_spoilt(value))

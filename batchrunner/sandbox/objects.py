"""The JSON the sandbox answers with, in OpenAI's shapes; AlphaEdge's documented reply is a subset of its batch.

https://platform.openai.com/docs/api-reference/batch/object and …/files/object
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from batchrunner.sandbox import lifecycle
from batchrunner.sandbox.records import LineProblem, StoredFile
from batchrunner.sandbox.standing import Standing

Json = dict[str, Any]
MOMENTS = ("in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled")


@dataclass(frozen=True, slots=True)
class Page:
    """A slice of a list: the objects in order, and whether more follow."""

    data: Sequence[Json]
    has_more: bool


class ApiError(Exception):
    """A request the sandbox refuses, answered in OpenAI's error shape."""

    def __init__(self, status: int, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code


def encode(value: Json) -> bytes:
    """JSON in ASCII, so that whatever text a client sent comes back encodable."""
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def error_object(error: ApiError) -> Json:
    """`{"error": {"message", "type", "param", "code"}}`."""
    kind = {429: "rate_limit_error"}.get(error.status, "server_error" if error.status >= 500 else "")
    return {
        "error": {
            "message": error.message,
            "type": kind or "invalid_request_error",
            "param": error.param,
            "code": error.code,
        }
    }


def batch_object(now: Standing) -> Json:
    """The whole batch as it stands, with every optional field of the shape present."""
    batch = now.batch
    return {
        "id": batch.id,
        "object": "batch",
        "endpoint": batch.endpoint,
        "model": batch.model,
        "errors": _errors(now.problems) if now.status == "failed" else None,
        "input_file_id": batch.input_file_id,
        "completion_window": batch.completion_window,
        "status": now.status,
        "output_file_id": now.output_file_id,
        "error_file_id": now.error_file_id,
        "created_at": int(batch.created_at),
        "expires_at": int(lifecycle.expires_at(batch)),
        **{f"{moment}_at": int(now.times[moment]) if moment in now.times else None for moment in MOMENTS},
        "request_counts": {"total": now.total, "completed": now.completed, "failed": now.failed},
        "usage": None if now.tokens is None else _usage(*now.tokens),
        "metadata": None if batch.metadata is None else dict(batch.metadata),
    }


def file_object(file: StoredFile) -> Json:
    """A file's metadata."""
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.bytes,
        "created_at": int(file.created_at),
        "expires_at": None if file.expires_at is None else int(file.expires_at),
        "filename": file.filename,
        "purpose": file.purpose,
        "status": "processed",
    }


def list_object(page: Page) -> Json:
    """A page with the cursors its ends give: the next one is asked for with `after=<last_id>`."""
    return {
        "object": "list",
        "data": list(page.data),
        "first_id": page.data[0]["id"] if page.data else None,
        "last_id": page.data[-1]["id"] if page.data else None,
        "has_more": page.has_more,
    }


def _usage(asked: int, answered: int) -> Json:
    return {
        "input_tokens": asked,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": answered,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": asked + answered,
    }


def _errors(problems: Sequence[LineProblem]) -> Json:
    data = [{"code": one.code, "message": one.message, "param": None, "line": one.line} for one in problems]
    return {"object": "list", "data": data}

"""As Anthropic speaks: requests travel in the create, results come by the id of the batch.

Read off the published client (anthropic 2.12.0). That `x-api-key` and `anthropic-version` are required, and the form of
errors, are from memory.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from batchrunner.sandbox import lifecycle
from batchrunner.sandbox.dialects.openai import OpenAI
from batchrunner.sandbox.habits import iso_time
from batchrunner.sandbox.lines import Asked, Unasked, Written, read_bare
from batchrunner.sandbox.objects import ApiError, Json, Page
from batchrunner.sandbox.orders import Order, Survey, read_number
from batchrunner.sandbox.responder import Answer
from batchrunner.sandbox.speech import Place
from batchrunner.sandbox.standing import Standing

BASE = "/v1/messages/batches"
PAGE_DEFAULT, PAGE_MOST = 20, 1000
ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    529: "overloaded_error",
}


class AnthropicLines:
    """One file for all that became of the requests."""

    def read(self, raw: bytes, endpoint: str) -> Asked:
        """`{"custom_id", "params"}`."""
        return read_bare(raw, "params")

    def answered(self, answer: Answer) -> Written:
        """`{"custom_id", "result": {"type": "succeeded", "message"}}`, or `errored` with its `error`."""
        if answer.is_ok:
            return _result(answer.custom_id, {"type": "succeeded", "message": answer.body})
        message = answer.body["error"]["message"]
        error = _error(answer.status, message, f"req_{answer.digest[24:48]}")
        return _result(answer.custom_id, {"type": "errored", "error": error})

    def unasked(self, custom_id: str, why: Unasked) -> Written:
        """`expired` or `canceled`."""
        return _result(custom_id, {"type": {"batch_expired": "expired", "batch_cancelled": "canceled"}[why]})


class Anthropic(OpenAI):
    """`/v1/messages/batches`."""

    places: Sequence[Place] = (
        Place("create", "POST", BASE),
        Place("survey", "GET", BASE),
        Place("look", "GET", f"{BASE}/{{id}}"),
        Place("cancel", "POST", f"{BASE}/{{id}}/cancel"),
        Place("results", "GET", f"{BASE}/{{id}}/results"),
    )
    is_inline = True
    keys = (b"x-api-key", b"authorization")
    endpoints = ("/v1/messages",)

    def __init__(self, habits: frozenset[str] = frozenset()) -> None:
        super().__init__(habits)
        self.lines = AnthropicLines()

    def refused(self, headers: Mapping[bytes, bytes]) -> ApiError | None:
        """For a missing version."""
        if b"anthropic-version" in headers:
            return None
        return ApiError(400, "anthropic-version: header is required")

    def batch_id(self, path: str) -> str:
        """`msgbatch_…`."""
        return self._new_id("msgbatch_")

    def read_order(self, body: bytes) -> Order:
        """Nothing is in the body beside the requests; `body` is the id of the file they were written to."""
        return Order(body.decode(), "/v1/messages", "24h")

    def read_survey(self, query: Mapping[str, str]) -> Survey:
        """`after_id`, `before_id`, `limit` (1 to 1000)."""
        limit = read_number(query, "limit", PAGE_DEFAULT, (1, PAGE_MOST))
        return Survey(limit, after=query.get("after_id") or None, before=query.get("before_id") or None)

    def batch(self, now: Standing, origin: str) -> Json:
        """The message batch. Counts stay at `processing` until all have ended."""
        batch = now.batch
        cancelled = now.times.get("cancelling", now.times.get("cancelled"))
        return {
            "id": batch.id,
            "type": "message_batch",
            "processing_status": _status(now),
            "request_counts": _counts(now),
            "created_at": iso_time(batch.created_at),
            "expires_at": iso_time(lifecycle.expires_at(batch)),
            "ended_at": iso_time(now.times[now.status]) if now.is_over else None,
            "cancel_initiated_at": None if cancelled is None else iso_time(cancelled),
            "archived_at": None,
            "results_url": f"{origin}{BASE}/{batch.id}/results" if now.is_over else None,
        }

    def batches(self, page: Page, total: Callable[[], int]) -> Any:
        """`{"data", "has_more", "first_id", "last_id"}`."""
        ends = (page.data[0]["id"], page.data[-1]["id"]) if page.data else (None, None)
        return {"data": list(page.data), "has_more": page.has_more, "first_id": ends[0], "last_id": ends[1]}

    def error(self, error: ApiError) -> Json:
        """`{"type": "error", "error": {"type", "message"}}`."""
        return _error(error.status, error.message, None)


def _status(now: Standing) -> str:
    if now.is_over:
        return "ended"
    return "canceling" if now.status == "cancelling" else "in_progress"


def _counts(now: Standing) -> Mapping[str, int]:
    if not now.is_over:
        return {"processing": now.total, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0}
    return {
        "processing": 0,
        "succeeded": now.completed,
        "errored": now.failed - now.unasked,
        "canceled": now.unasked if now.status == "cancelled" else 0,
        "expired": now.unasked if now.status == "expired" else 0,
    }


def _result(custom_id: str, result: Json) -> Written:
    return Written("output", {"custom_id": custom_id, "result": result})


def _error(status: int, message: str, request_id: str | None) -> Json:
    kind = ERRORS.get(status, "api_error" if status >= 500 else "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": request_id}

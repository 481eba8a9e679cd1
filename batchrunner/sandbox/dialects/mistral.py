"""As Mistral speaks: jobs that name their model, pages by number, a list that is filtered by metadata.

Read off the published client (mistralai 3.7.0). The form of errors other than 422 is from memory.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from batchrunner.sandbox.dialects.openai import OpenAI, batch_places, file_places
from batchrunner.sandbox.lines import Asked, OpenAILines, read_bare
from batchrunner.sandbox.objects import ApiError, Json, Page
from batchrunner.sandbox.orders import (
    Cursor,
    Order,
    Survey,
    read_endpoint,
    read_metadata,
    read_number,
    read_object,
    read_text,
)
from batchrunner.sandbox.records import StoredFile, new_uuid
from batchrunner.sandbox.speech import Place
from batchrunner.sandbox.standing import Standing

PAGE_DEFAULT, PAGE_MOST = 100, 1000
METADATA_KEY = 32
HOURS = 168
STATUSES = {
    "validating": "QUEUED",
    "in_progress": "RUNNING",
    "finalizing": "RUNNING",
    "completed": "SUCCESS",
    "failed": "FAILED",
    "expired": "TIMEOUT_EXCEEDED",
    "cancelling": "CANCELLATION_REQUESTED",
    "cancelled": "CANCELLED",
}
FILTERS = frozenset(
    {"page", "page_size", "model", "agent_id", "metadata", "created_after", "created_by_me", "status", "order_by"}
)


class MistralLines(OpenAILines):
    """Lines of inputs need no method and url."""

    def read(self, raw: bytes, endpoint: str) -> Asked:
        """`{"custom_id", "body"}`."""
        return read_bare(raw, "body")


class Mistral(OpenAI):
    """`/v1/batch/jobs`."""

    places: Sequence[Place] = (*batch_places("/v1/batch/jobs"), *file_places("/v1/files"))
    endpoints = ("/v1/chat/completions", "/v1/embeddings", "/v1/fim/completions", "/v1/moderations")

    def __init__(self, habits: frozenset[str] = frozenset()) -> None:
        super().__init__(habits)
        self.lines = MistralLines(habits)

    def batch_id(self, path: str) -> str:
        """A UUID."""
        return new_uuid()

    def file_id(self) -> str:
        """A UUID."""
        return new_uuid()

    def read_order(self, body: bytes) -> Order:
        """`input_files` (one here), `endpoint`, `model`, `metadata`, `timeout_hours` (1 to 168, 24 where not given)."""
        fields = read_object(body)
        files, hours = fields.get("input_files"), fields.get("timeout_hours", 24)
        if not isinstance(files, list) or len(files) != 1:
            raise ApiError(422, "Value error, input_files must name one file.", param="input_files")
        if not isinstance(hours, int) or not 1 <= hours <= HOURS:
            raise ApiError(422, f"Input should be between 1 and {HOURS}.", param="timeout_hours")
        return Order(
            read_text({"input_files": files[0]}, "input_files"),
            read_endpoint(read_text(fields, "endpoint"), self.endpoints),
            f"{hours}h",
            read_metadata(fields.get("metadata"), METADATA_KEY),
            model=read_text(fields, "model") if fields.get("model") is not None else None,
        )

    def read_survey(self, query: Mapping[str, str]) -> Survey:
        """`page` from 0, `page_size`, `metadata`, `created_after`, `status`."""
        size = read_number(query, "page_size", PAGE_DEFAULT, (1, PAGE_MOST))
        page = read_number(query, "page", 0, (0, 10**7))
        after = query.get("created_after")
        asked = query.get("status", "").split(",")
        return Survey(
            size,
            offset=page * size,
            since=_moment(after) if after else None,
            metadata=_filter(query),
            statuses=frozenset(word for word, said in STATUSES.items() if said in asked),
        )

    def read_cursor(self, query: Mapping[str, str]) -> Cursor:
        """`page` from 0 and `page_size`: the sandbox shows all files on the first page."""
        is_first = read_number(query, "page", 0, (0, 10**7)) == 0
        return Cursor(None, 10**6 if is_first else 0)

    def batch(self, now: Standing, origin: str) -> Json:
        """The job."""
        batch = now.batch
        over = [at for status, at in now.times.items() if status in ("completed", "failed", "expired", "cancelled")]
        started = now.times.get("in_progress")
        return {
            "id": batch.id,
            "object": "batch",
            "input_files": [batch.input_file_id],
            "metadata": None if batch.metadata is None else dict(batch.metadata),
            "endpoint": batch.endpoint,
            "model": batch.model,
            "agent_id": None,
            "output_file": now.output_file_id,
            "error_file": now.error_file_id,
            "outputs": None,
            "errors": [{"message": problem.message, "count": 1} for problem in now.problems],
            "status": STATUSES[now.status],
            "created_at": int(batch.created_at),
            "total_requests": now.total,
            "completed_requests": now.completed + now.failed - now.unasked,
            "succeeded_requests": now.completed,
            "failed_requests": now.failed - now.unasked,
            "started_at": None if started is None else int(started),
            "completed_at": int(over[0]) if over else None,
        }

    def batches(self, page: Page, total: Callable[[], int]) -> Any:
        """`{"data", "object", "total"}`."""
        return {"data": list(page.data), "object": "list", "total": total()}

    def file(self, file: StoredFile) -> Json:
        """A file."""
        is_ours = file.origin == "output"
        return {
            "id": file.id,
            "object": "file",
            "bytes": file.bytes,
            "created_at": int(file.created_at),
            "filename": file.filename,
            "purpose": "batch" if is_ours else file.purpose,
            "sample_type": "batch_result" if is_ours else "batch_request",
            "num_lines": None,
            "mimetype": "application/jsonl",
            "source": "mistral" if is_ours else "upload",
            "signature": None,
            "expires_at": None if file.expires_at is None else int(file.expires_at),
            "visibility": "workspace",
        }

    def files(self, page: Page) -> Json:
        """`{"data", "object", "total"}`."""
        return {"data": list(page.data), "object": "list", "total": len(page.data)}

    def error(self, error: ApiError) -> Json:
        """`{"detail": […]}` for 422, else `{"object": "error", "message", …}`."""
        if error.status == 422:
            return {"detail": [{"type": "value_error", "loc": ["body", error.param], "msg": error.message}]}
        kind = "invalid_request_error" if error.status < 500 else "internal_error"
        return {"object": "error", "message": error.message, "type": kind, "param": error.param, "code": error.code}


def _filter(query: Mapping[str, str]) -> Mapping[str, str]:
    """Metadata asked for: as JSON under its name, or as the client writes it, one parameter for each pair."""
    pairs = {name: value for name, value in query.items() if name not in FILTERS}
    try:
        said = json.loads(query.get("metadata") or "{}")
    except ValueError:
        raise ApiError(422, "Input should be a valid dictionary.", param="metadata") from None
    if not isinstance(said, dict):
        raise ApiError(422, "Input should be a valid dictionary.", param="metadata")
    return {**pairs, **{str(name): str(value) for name, value in said.items()}}


def _moment(text: str) -> float:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ApiError(422, "Input should be a valid datetime.", param="created_after") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()

"""As Together speaks: creates are wrapped, the list is bare, batches have neither metadata nor counts.

Read off the published client (together 3.1.1). The form of error lines, and the status while a batch is being
cancelled, are from memory.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from batchrunner.sandbox import lifecycle
from batchrunner.sandbox.dialects.openai import OpenAI, batch_places, file_places
from batchrunner.sandbox.habits import iso_time
from batchrunner.sandbox.lines import WHY_UNASKED, Asked, OpenAILines, Unasked, Written, read_bare
from batchrunner.sandbox.objects import ApiError, Json, Page
from batchrunner.sandbox.orders import Survey
from batchrunner.sandbox.records import StoredFile, new_uuid
from batchrunner.sandbox.responder import Answer
from batchrunner.sandbox.speech import Place
from batchrunner.sandbox.standing import Standing

ALL = 1_000_000
STATUSES = {"finalizing": "IN_PROGRESS", "cancelling": "IN_PROGRESS"}


class TogetherLines(OpenAILines):
    """Lines of inputs need no method and url; lines of errors have no response."""

    def read(self, raw: bytes, endpoint: str) -> Asked:
        """`{"custom_id", "body"}`."""
        return read_bare(raw, "body")

    def answered(self, answer: Answer) -> Written:
        """`{"custom_id", "response"}` or `{"custom_id", "error"}`."""
        if answer.is_ok:
            return super().answered(answer)
        error = {"message": answer.body["error"]["message"], "code": answer.body["error"]["code"]}
        return Written("error", {"custom_id": answer.custom_id, "error": error})

    def unasked(self, custom_id: str, why: Unasked) -> Written:
        """`{"custom_id", "error"}`."""
        return Written("error", {"custom_id": custom_id, "error": {"message": WHY_UNASKED[why], "code": why}})


class Together(OpenAI):
    """`POST /v1/batches` answers 201 with `{"job", "warning"}`; `GET` answers an array of all."""

    places: Sequence[Place] = (*batch_places("/v1/batches"), *file_places("/v1/files", "/v1/files/upload"))
    created_status = 201
    endpoints = ("/v1/chat/completions",)

    def __init__(self, habits: frozenset[str] = frozenset()) -> None:
        super().__init__(habits)
        self.lines = TogetherLines(habits)

    def batch_id(self, path: str) -> str:
        """A UUID."""
        return new_uuid()

    def read_survey(self, query: Mapping[str, str]) -> Survey:
        """All: there are no pages."""
        return Survey(ALL)

    def batch(self, now: Standing, origin: str) -> Json:
        """The job: dates as ISO 8601, progress in percent."""
        batch = now.batch
        done = 100.0 * (now.completed + now.failed) / now.total if now.total else 0.0
        over = next((at for status, at in now.times.items() if status in lifecycle.TERMINAL), None)
        return {
            "id": batch.id,
            "user_id": "user-sandbox",
            "input_file_id": batch.input_file_id,
            "file_size_bytes": batch.tokens * 4,
            "status": STATUSES.get(now.status, now.status.upper()),
            "job_deadline": iso_time(lifecycle.expires_at(batch)),
            "created_at": iso_time(batch.created_at),
            "endpoint": batch.endpoint,
            "progress": round(done, 2),
            "model_id": batch.model or "",
            "output_file_id": now.output_file_id,
            "error_file_id": now.error_file_id,
            "error": "; ".join(problem.message for problem in now.problems) or None,
            "completed_at": None if over is None else iso_time(over),
        }

    def created(self, batch: Json) -> Json:
        """`{"job", "warning"}`."""
        return {"job": batch, "warning": ""}

    def batches(self, page: Page, total: Callable[[], int]) -> Any:
        """A bare array."""
        return list(page.data)

    def file(self, file: StoredFile) -> Json:
        """A file; its type is under `FileType`."""
        return {
            "id": file.id,
            "object": "file",
            "created_at": int(file.created_at),
            "filename": file.filename,
            "bytes": file.bytes,
            "purpose": file.purpose,
            "FileType": "jsonl",
            "Processed": True,
            "LineCount": 0,
        }

    def files(self, page: Page) -> Json:
        """`{"data"}`: all of them."""
        return {"data": list(page.data)}

    def error(self, error: ApiError) -> Json:
        """`{"error": "words"}`."""
        return {"error": error.message}

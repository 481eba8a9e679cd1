"""Together's batch API as shapes: as OpenAI's, wrapped when it is created, listed without pages or metadata.

POST /v1/files/upload (purpose `batch-api`, file_name, file_type), POST /v1/batches (201 `{job, warning}`), GET
/v1/batches (a bare array), as in the client that Together publishes (together, `BatchCreateParams`, `BatchJob`).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from batchrunner.digest import JsonValue
from batchrunner.jobs import Upload
from batchrunner.providers import _objects
from batchrunner.providers._calls import Call
from batchrunner.providers._dialect import BatchesPage
from batchrunner.providers._multipart import Framing, framing
from batchrunner.providers._verdicts import Unusable
from batchrunner.providers.openai import OpenAI
from batchrunner.records import Raw, replace
from batchrunner.remote import RemoteBatch, RemoteProblem, Tags
from batchrunner.state import Intent


class Together(OpenAI):
    """POST /v1/batches, and what follows."""

    purpose = "batch-api"

    def create_body(self, intent: Intent, file_id: str, tags: Tags) -> dict[str, JsonValue]:
        """What the create of `intent` says. The model is named by each request."""
        return {
            "input_file_id": file_id,
            "endpoint": intent.endpoint,
            "completion_window": intent.completion_window,
        }

    def upload_frame(self, job: Upload) -> Framing:
        """What goes around the file of `job`."""
        name = self.upload_name(job)
        return framing(name, {"purpose": self.purpose, "file_name": name, "file_type": "jsonl"})

    def created(self, document: dict[str, Any]) -> Any:
        """The job, which stands beside a warning."""
        return document.get("job", document)

    def batch_of(self, document: Mapping[str, Any], reply: Raw) -> RemoteBatch | Unusable:
        """The batch that a job is: it says how far it is in percent only, and one error in words."""
        batch = _objects.batch_of(document, reply, self._facts.statuses)
        if isinstance(batch, Unusable):
            return batch
        words = _objects.text(document.get("error"))[:500]
        problems = (RemoteProblem(message=words),) if words else batch.problems
        expires = batch.expires_at or _objects.time_text(document.get("job_deadline"))
        return replace(batch, problems=problems, expires_at=expires)

    def list_call(self, after: str) -> Call:
        """The list of files, all of it."""
        return Call("GET", self.list_path or "", (), b"", self._facts.timeouts.create_seconds)

    def survey_call(self, after: str, since: datetime | None) -> Call | None:
        """The list of batches, all of it."""
        return self._asking("GET", self._facts.paths.list_batches, "")

    def read_survey(self, body: bytes, after: str = "") -> BatchesPage | Unusable:
        """The batches in a 2xx, in whatever order: a bare array."""
        page = _objects.read_page(b'{"has_more":false,"data":' + body + b"}", self.batch_of)
        return page if isinstance(page, Unusable) else page._replace(oldest=None)

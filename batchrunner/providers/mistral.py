"""Mistral's batch jobs as shapes: a model and hours of its own on each job, lists in numbered pages.

POST /v1/batch/jobs (input_files, endpoint, model, metadata, timeout_hours), GET /v1/batch/jobs (page, page_size,
order_by, created_after) and the files API, as in the client that Mistral publishes (mistralai, `CreateBatchJobRequest`,
`BatchJob`, `ListBatchJobsResponse`).
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from batchrunner.catalog import MISTRAL
from batchrunner.digest import JsonValue
from batchrunner.facts import ProviderFacts
from batchrunner.manifest import LocalFile
from batchrunner.providers import _objects
from batchrunner.providers._calls import Call
from batchrunner.providers._dialect import BatchesPage
from batchrunner.providers._finding import SKEW, FilesPage
from batchrunner.providers._listing import is_usable_id
from batchrunner.providers._verdicts import Unusable
from batchrunner.providers.openai import OpenAI
from batchrunner.records import MALFORMED, Raw, Tolerant, decoder
from batchrunner.remote import Counts, RemoteBatch, RemoteProblem, ResultFile, Tags
from batchrunner.state import Intent
from batchrunner.windows import hours

PAGE_SIZE = 100
USUAL_HOURS = 24


class _Page(Tolerant):
    data: tuple[Raw, ...]
    total: int | None = None


_read_page = decoder(_Page).decode


class Mistral(OpenAI):
    """POST /v1/batch/jobs, and what follows."""

    default_create_path = "/v1/batch/jobs"

    def __init__(self, facts: ProviderFacts) -> None:
        super().__init__(facts)
        self._statuses = {**MISTRAL.statuses, **facts.statuses}

    def create_body(self, intent: Intent, file_id: str, tags: Tags) -> dict[str, JsonValue]:
        """What the create of `intent` says: the model is the one that its requests name."""
        body: dict[str, JsonValue] = {
            "input_files": [file_id],
            "endpoint": intent.endpoint,
            "timeout_hours": hours(intent.completion_window) or USUAL_HOURS,
        }
        if isinstance(intent.source, LocalFile) and len(intent.source.models) == 1:
            body["model"] = intent.source.models[0]
        if self._facts.metadata == "sent":
            body["metadata"] = {**intent.metadata, **tags.as_metadata()}
        return body

    def echoed(self, document: dict[str, Any], input_file_id: str) -> Any:
        """The input file that a job names, one of several where it has them."""
        named = document.get("input_files")
        return named[0] if isinstance(named, list) and len(named) == 1 else input_file_id if named is None else None

    def batch_of(self, document: Mapping[str, Any], reply: Raw) -> RemoteBatch | Unusable:
        """The batch that a job is."""
        identity, said = document.get("id"), document.get("status")
        if not isinstance(identity, str) or not is_usable_id(identity):
            return Unusable("the reply has no usable id")
        if not isinstance(said, str):
            return Unusable("the reply has no status")
        inputs = document.get("input_files")
        return RemoteBatch(
            batch_id=identity,
            status=_objects.status_of(said, self._statuses),
            said=said[:64],
            created_at=_objects.time_text(document.get("created_at")),
            ended_at=_objects.time_text(document.get("completed_at")),
            input_file_id=_objects.text(inputs[0]) if isinstance(inputs, list) and len(inputs) == 1 else "",
            files=tuple(_files(document)),
            counts=_counts(document),
            problems=tuple(_problems(document.get("errors"))),
            metadata=_objects.metadata(document.get("metadata")),
            reply=reply,
        )

    def survey_call(self, after: str, since: datetime | None) -> Call | None:
        """A numbered page of the list of jobs, newest first, and none that are much older than `since`."""
        oldest = f"&created_after={(since - SKEW).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if since else ""
        query = f"page={after or 0}&page_size={PAGE_SIZE}&order_by=-created{oldest}"
        return self._asking("GET", self._facts.paths.list_batches, "", query)

    def read_survey(self, body: bytes, after: str = "") -> BatchesPage | Unusable:
        """The page of jobs in a 2xx."""
        page = _objects.read_page(body, self.batch_of, PAGE_SIZE + 1)
        return page if isinstance(page, Unusable) else page._replace(after=_next(body, after))

    def list_call(self, after: str) -> Call:
        """A numbered page of the list of files."""
        query = f"purpose={self.purpose}&page={after or 0}&page_size={PAGE_SIZE}"
        return Call("GET", self.list_path or "", (), b"", self._facts.timeouts.create_seconds, query)

    def read_page(self, body: bytes, after: str = "") -> FilesPage | Unusable:
        """The page of files in a 2xx."""
        page = super().read_page(body)
        return page if isinstance(page, Unusable) else page._replace(after=_next(body, after))


def _next(body: bytes, after: str) -> str:
    """The number of the page that follows page `after`, empty where it was the last one."""
    try:
        page = _read_page(body)
    except MALFORMED:
        return ""
    number = int(after or 0) + 1
    goes_on = len(page.data) >= PAGE_SIZE if page.total is None else number * PAGE_SIZE < page.total
    return str(number) if goes_on and page.data else ""


def _files(document: Mapping[str, Any]) -> Iterator[ResultFile]:
    output, errors = (_objects.text(document.get(name)) for name in ("output_file", "error_file"))
    if is_usable_id(output):
        yield ResultFile(kind="output", file_id=output)
    if is_usable_id(errors):
        yield ResultFile(kind="errors", file_id=errors)


def _counts(document: Mapping[str, Any]) -> Counts | None:
    names = ("total_requests", "succeeded_requests", "failed_requests")
    total, succeeded, failed = (_objects.number(document.get(name)) for name in names)
    return Counts(total=total, completed=succeeded, failed=failed) if names[0] in document else None


def _problems(said: object) -> Iterator[RemoteProblem]:
    for one in said[: _objects.MOST_PROBLEMS] if isinstance(said, list) else ():
        if isinstance(one, dict):
            yield RemoteProblem(message=_objects.text(one.get("message"))[:500])

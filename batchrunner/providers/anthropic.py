"""Anthropic's Message Batches API as shapes: requests travel in the create, results come by the id of the batch.

POST /v1/messages/batches (`requests`), GET …/{id}, GET …/{id}/results, POST …/{id}/cancel and lists by `after_id`, as
in the client that Anthropic publishes (anthropic, `MessageBatch`). The `results_url` of a batch is not followed: a key
goes to the origin that was configured, and nowhere else.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from batchrunner.catalog import ANTHROPIC
from batchrunner.digest import JsonValue
from batchrunner.facts import ProviderFacts
from batchrunner.manifest import LocalFile
from batchrunner.providers import _messages, _objects
from batchrunner.providers._calls import Call
from batchrunner.providers._listing import is_usable_id
from batchrunner.providers._verdicts import Unusable
from batchrunner.providers.openai import PAGE_BATCHES, OpenAI
from batchrunner.records import Raw
from batchrunner.remote import Counts, RemoteBatch, RemoteStatus, ResultFile, Tags
from batchrunner.rows import ResultLine
from batchrunner.state import Intent

_PIECE = 1 << 16
_FAILED = ("errored", "canceled", "expired")


class Anthropic(OpenAI):
    """POST /v1/messages/batches with all requests in it, and what follows."""

    is_inline = True
    default_create_path = "/v1/messages/batches"
    status_field = "processing_status"
    upload_missing = "this provider takes no files: requests travel in the create"

    def __init__(self, facts: ProviderFacts) -> None:
        super().__init__(facts)
        self.upload_path = self.list_path = None
        self._statuses = {**ANTHROPIC.statuses, **facts.statuses}
        self._results = facts.paths.results or ANTHROPIC.paths.results

    def create_body(self, intent: Intent, file_id: str, tags: Tags) -> dict[str, JsonValue]:
        """Which requests the create of `intent` holds: they are streamed into its body by `inline_pieces`."""
        source = intent.source
        count = source.requests if isinstance(source, LocalFile) else 0
        return {"requests": {"content": source.content, "count": count}}

    def inline_pieces(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        """`{"requests":[…]}` with the request on each line, in pieces of some 64 KiB or a line."""
        parts, size, separator = [b'{"requests":['], 0, b""
        for line in lines:
            if not (text := line.strip()):
                continue
            parts += (separator, text)
            size, separator = size + len(text), b","
            if size >= _PIECE:
                yield b"".join(parts)
                parts, size = [], 0
        yield b"".join((*parts, b"]}"))

    def batch_of(self, document: Mapping[str, Any], reply: Raw) -> RemoteBatch | Unusable:
        """The batch that `document` describes. What it came to is told by its counts: all end as `ended`."""
        identity, said = document.get("id"), document.get("processing_status")
        if not isinstance(identity, str) or not is_usable_id(identity):
            return Unusable("the reply has no usable id")
        if not isinstance(said, str):
            return Unusable("the reply has no status")
        status = _end_of(document, _objects.status_of(said, self._statuses))
        has_results = bool(document.get("results_url")) and not document.get("archived_at")
        return RemoteBatch(
            batch_id=identity,
            status=status,
            said=said[:64],
            created_at=_objects.time_text(document.get("created_at")),
            expires_at=_objects.time_text(document.get("expires_at")),
            ended_at=_objects.time_text(document.get("ended_at")),
            files=(ResultFile(kind="all"),) if has_results else (),
            counts=_counts(document.get("request_counts")),
            reply=reply,
        )

    def survey_call(self, after: str, since: datetime | None) -> Call | None:
        """A page of the list of batches, newest first. `after` is an id that `read_survey` gave."""
        query = f"limit={PAGE_BATCHES}" + (f"&after_id={after}" if after else "")
        return self._asking("GET", self._facts.paths.list_batches, "", query)

    def content_call(self, batch_id: str, file: ResultFile, start: int) -> Call | None:
        """What downloads the results of a batch, from byte `start` on."""
        call = self._asking("GET", self._results, batch_id)
        ranged = (("Range", f"bytes={start}-"),) if start else ()
        return call._replace(headers=ranged) if call else None

    def read_line(self, line: bytes) -> ResultLine | None:
        """One line of results."""
        return _messages.read_line(line)


def _counts(said: object) -> Counts | None:
    if not isinstance(said, dict):
        return None
    failed, succeeded = sum(_objects.number(said.get(name)) for name in _FAILED), _objects.number(said.get("succeeded"))
    total = _objects.number(said.get("processing")) + succeeded + failed
    return Counts(total=total, completed=succeeded, failed=failed)


def _end_of(document: Mapping[str, Any], status: RemoteStatus) -> RemoteStatus:
    counts = document.get("request_counts")
    if status != "completed" or not isinstance(counts, dict):
        return status
    if _objects.number(counts.get("canceled")):
        return "cancelled"
    return "expired" if _objects.number(counts.get("expired")) else "completed"

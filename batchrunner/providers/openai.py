"""The OpenAI batch API as shapes: requests to build, replies to read. No network.

POST /v1/files (multipart: purpose, file, expires_after), GET /v1/files (purpose, order, limit, after) and
POST /v1/batches (input_file_id, endpoint, completion_window, metadata), as in OpenAI's OpenAPI description; many other
servers speak the same.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from pydantic_core import from_json

from batchrunner.digest import JsonValue, canonical_json
from batchrunner.facts import ProviderFacts
from batchrunner.jobs import Accepted, Create, Upload, Uploaded
from batchrunner.providers import _lines, _objects
from batchrunner.providers._calls import Call, Stream
from batchrunner.providers._dialect import BatchesPage
from batchrunner.providers._finding import FilesPage
from batchrunner.providers._listing import PAGE_FILES, PURPOSE, is_usable_id, read_page
from batchrunner.providers._multipart import Framing, framing
from batchrunner.providers._verdicts import Unusable
from batchrunner.records import Raw
from batchrunner.remote import RemoteBatch, ResultFile, Tags
from batchrunner.rows import ResultLine
from batchrunner.state import Intent

IDEMPOTENCY_HEADER = "Idempotency-Key"
IDEMPOTENCY_FIELD = "idempotency_key"
PAGE_BATCHES = 100


class OpenAI:
    """Builds and reads the two calls, as `facts` say where they are and what they take."""

    is_inline = False
    purpose = PURPOSE
    status_field = "status"
    default_create_path = "/v1/batches"
    upload_missing = "this provider offers no file upload; upload the file yourself and use input_file_id"

    def __init__(self, facts: ProviderFacts) -> None:
        paths = facts.paths
        self.upload_path = paths.upload_file
        self.list_path = paths.list_files
        self._create_path = paths.create_batch or self.default_create_path
        self._facts = facts

    def create_request(self, intent: Intent, file_id: str, tags: Tags) -> str:
        """The body of the create of `intent`: compact ASCII JSON with sorted keys."""
        return canonical_json(self.create_body(intent, file_id, tags)).decode("ascii")

    def create_body(self, intent: Intent, file_id: str, tags: Tags) -> dict[str, JsonValue]:
        """What the create of `intent` says."""
        body: dict[str, JsonValue] = {
            "input_file_id": file_id,
            "endpoint": intent.endpoint,
            "completion_window": intent.completion_window,
        }
        if self._facts.metadata == "sent":
            body["metadata"] = {**intent.metadata, **tags.as_metadata()}
        if self._facts.idempotency == "body":
            body[IDEMPOTENCY_FIELD] = intent.idempotency_key
        return body

    def create_call(self, job: Create) -> Call:
        """The create of `job`, its request as it was stored."""
        headers = (("Content-Type", "application/json"), *self._key_header(job.idempotency_key))
        return Call("POST", self._create_path, headers, job.request.encode(), self._facts.timeouts.create_seconds)

    def upload_frame(self, job: Upload) -> Framing:
        """What goes around the file of `job`."""
        fields = {"purpose": self.purpose}
        if (seconds := self._facts.input_expires_after_seconds) is not None:
            fields |= {"expires_after[anchor]": "created_at", "expires_after[seconds]": str(seconds)}
        return framing(self.upload_name(job), fields)

    def upload_name(self, job: Upload) -> str:
        """The name of the file of `job`: whose it is, and what is in it."""
        return f"{_upload_key(job)}.jsonl"

    def upload_call(self, job: Upload, frame: Framing, body: Stream) -> Call:
        """The upload of `job`, `body` being its file within `frame`.

        Its key names the content too: an upload is free, and other content under the key of the create must be noticed
        where it would be paid for.
        """
        expiry = self._facts.input_expires_after_seconds
        key = _upload_key(job) + (f"-{expiry}" if expiry is not None else "")
        headers = (("Content-Type", frame.content_type), *self._key_header(key))
        path = self.upload_path or ""
        return Call("POST", path, headers, body, self._facts.timeouts.upload_seconds)

    def read_created(self, body: bytes, input_file_id: str) -> Accepted | Unusable:
        """The batch object in a 2xx. Believed when it has an id and, where it echoes the input file, ours."""
        found = _object(body, self.created)
        if isinstance(found, Unusable):
            return found
        document, reply, identity = found
        if self.echoed(document, input_file_id) != input_file_id:
            return Unusable("the reply is about another input file")
        return Accepted(batch_id=identity, reply=reply, status=_objects.text(document.get(self.status_field)))

    def created(self, document: dict[str, Any]) -> Any:
        """The batch object in the reply to a create."""
        return document

    def echoed(self, document: dict[str, Any], input_file_id: str) -> Any:
        """The input file that a batch object names; where it names none, `input_file_id`."""
        return document.get("input_file_id", input_file_id)

    def read_file(self, body: bytes) -> Uploaded | Unusable:
        """The file object in a 2xx."""
        found = _object(body)
        return found if isinstance(found, Unusable) else Uploaded(file_id=found[2], reply=found[1])

    def list_call(self, after: str) -> Call:
        """A page of the list of files, newest first. `after` is an id that `read_page` gave."""
        query = f"purpose={self.purpose}&order=desc&limit={PAGE_FILES}" + (f"&after={after}" if after else "")
        return Call("GET", self.list_path or "", (), b"", self._facts.timeouts.create_seconds, query)

    def read_page(self, body: bytes, after: str = "") -> FilesPage | Unusable:
        """The page of files in a 2xx."""
        return read_page(body, self.read_file, self.purpose)

    def look_call(self, batch_id: str) -> Call | None:
        """What asks for one batch."""
        return self._asking("GET", self._facts.paths.batch, batch_id)

    def cancel_call(self, batch_id: str) -> Call | None:
        """What asks to stop a batch."""
        return self._asking("POST", self._facts.paths.cancel_batch, batch_id)

    def read_batch(self, body: bytes) -> RemoteBatch | Unusable:
        """The batch object in a 2xx."""
        return _objects.read_batch(body, self.batch_of)

    def batch_of(self, document: Mapping[str, Any], reply: Raw) -> RemoteBatch | Unusable:
        """The batch that a batch object describes; `reply` is its text."""
        return _objects.batch_of(document, reply, self._facts.statuses)

    def survey_call(self, after: str, since: datetime | None) -> Call | None:
        """A page of the list of batches, newest first. `after` is an id that `read_survey` gave."""
        query = f"limit={PAGE_BATCHES}" + (f"&after={after}" if after else "")
        return self._asking("GET", self._facts.paths.list_batches, "", query)

    def read_survey(self, body: bytes, after: str = "") -> BatchesPage | Unusable:
        """The page of batches in a 2xx."""
        return _objects.read_page(body, self.batch_of)

    def content_call(self, batch_id: str, file: ResultFile, start: int) -> Call | None:
        """What downloads result lines, from byte `start` on."""
        paths = self._facts.paths
        path, identity = (paths.file_content, file.file_id) if file.file_id else (paths.results, batch_id)
        call = self._asking("GET", path, identity)
        ranged = (("Range", f"bytes={start}-"),) if start else ()
        return call._replace(headers=ranged) if call else None

    def remove_call(self, file_id: str) -> Call | None:
        """What deletes an uploaded file."""
        return self._asking("DELETE", self._facts.paths.file, file_id)

    def inline_pieces(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        """Requests do not travel in the create."""
        raise NotImplementedError

    def read_line(self, line: bytes) -> ResultLine | None:
        """One line of results."""
        return _lines.read_line(line)

    def _asking(self, method: str, path: str | None, identity: str, query: str = "") -> Call | None:
        if path is None or ("{id}" in path and not is_usable_id(identity)):
            return None
        where = path.replace("{batches}", self._create_path).replace("{id}", identity)
        return Call(method, where, (), b"", self._facts.timeouts.look_seconds, query)

    def _key_header(self, key: str) -> tuple[tuple[str, str], ...]:
        return ((IDEMPOTENCY_HEADER, key),) if self._facts.idempotency == "header" else ()


def _upload_key(job: Upload) -> str:
    return f"{job.idempotency_key}-{job.source.sha256.removeprefix('sha256:')[:16]}"


def _object(
    body: bytes, within: Callable[[dict[str, Any]], Any] = lambda document: document
) -> tuple[dict[str, Any], Raw, str] | Unusable:
    """The object in `body` that `within` finds there, the text of all of it, and its id."""
    try:
        document = from_json(body, allow_inf_nan=False)
    except ValueError:
        return Unusable("the reply is not JSON")
    document = within(document) if isinstance(document, dict) else None
    if not isinstance(document, dict):
        return Unusable("the reply is not an object")
    identity = document.get("id")
    if not isinstance(identity, str) or not is_usable_id(identity):
        return Unusable("the reply has no usable id")
    reply = _objects.kept(body)
    return _objects.UNKEPT if reply is None else (document, reply, identity)

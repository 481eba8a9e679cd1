"""Jobs, and what became of them. A job is one remote effect as picklable data; any executor can run it.

Outcomes say what is known of the effect, never how the wire said it.
"""

from batchrunner.manifest import LocalFile
from batchrunner.records import Raw, Record
from batchrunner.remote import RemoteBatch, ResultFile


class Upload(Record, tag="upload", tag_field="job"):
    """Send a local file to the provider. Repeating it costs nothing but storage.

    `since` is when an earlier upload of it that is not accounted for may have begun, empty for none; RFC 3339 UTC.
    """

    address: str
    provider: str
    idempotency_key: str
    source: LocalFile
    since: str = ""


class Create(Record, tag="create", tag_field="job"):
    """Create the remote batch: the one call that is paid for.

    `request` is the exact body, or with a `source` a description of it: then the requests of the source are the body,
    which is made as it is sent. `input_file_id` is what the reply must echo; `is_own_file` where that was uploaded for
    this create alone. `sent_at` is when an earlier send that is not accounted for may have left, empty for a first
    send; RFC 3339 UTC.
    """

    address: str
    provider: str
    idempotency_key: str
    request: str
    input_file_id: str
    sent_at: str = ""
    source: LocalFile | None = None
    is_own_file: bool = False


class Look(Record, tag="look", tag_field="job"):
    """Ask for one remote batch."""

    address: str
    provider: str
    batch_id: str


class Survey(Record, tag="survey", tag_field="job"):
    """Walk the provider's list of batches back to those created at `since` (RFC 3339 UTC); empty: to its end."""

    provider: str
    since: str = ""
    address: str = ""


class Cancel(Record, tag="cancel", tag_field="job"):
    """Ask the provider to stop a remote batch. Of one that has ended this changes nothing."""

    address: str
    provider: str
    batch_id: str


class Download(Record, tag="download", tag_field="job"):
    """Bring result lines to the disk, to the end of the file `target`; bytes that are there already are kept."""

    address: str
    provider: str
    batch_id: str
    file: ResultFile
    target: str


class SurveyFiles(Record, tag="survey-files", tag_field="job"):
    """Walk the provider's list of uploaded files to its end."""

    provider: str
    address: str = ""


class RemoveFile(Record, tag="remove-file", tag_field="job"):
    """Delete a file at the provider."""

    provider: str
    file_id: str
    address: str = ""


FollowUp = Look | Survey | Cancel | Download | SurveyFiles | RemoveFile
"""What is done about batches that were submitted. None of it is paid for, and all of it can be repeated."""

Job = Upload | Create | FollowUp


class Uploaded(Record, tag="uploaded", tag_field="outcome"):
    """The provider has the file."""

    file_id: str
    reply: Raw


class Accepted(Record, tag="accepted", tag_field="outcome"):
    """The provider has the batch; `reply` is the returned batch object, or what a list says where it `is_adopted`."""

    batch_id: str
    reply: Raw
    status: str = ""
    is_adopted: bool = False


NOT_OFFERED = "not-offered"
"""The code of what is rejected because the provider has no such call."""


class Rejected(Record, tag="rejected", tag_field="outcome"):
    """The provider, the input or the disk said no for good. Nothing was created."""

    code: str
    status: int = 0
    words: str = ""


class Denied(Record, tag="denied", tag_field="outcome"):
    """The credential was refused (401, 403), or is missing: nothing else of this run would fare better.

    `in_doubt` when an earlier send of the same key is still not accounted for.
    """

    code: str
    status: int = 0
    words: str = ""
    in_doubt: bool = False


class Deferred(Record, tag="deferred", tag_field="outcome"):
    """Known not to have been accepted, and worth another run later. `retry_after` is in seconds, 0 where not said."""

    code: str
    status: int = 0
    words: str = ""
    retry_after: float = 0.0


class InDoubt(Record, tag="in-doubt", tag_field="outcome"):
    """Sent, and nobody knows whether the provider has it. `candidates` are batches at the provider that may be it."""

    code: str
    status: int = 0
    words: str = ""
    candidates: tuple[str, ...] = ()


class Seen(Record, tag="seen", tag_field="outcome"):
    """A remote batch as it is now."""

    batch: RemoteBatch


class NotFound(Record, tag="not-found", tag_field="outcome"):
    """The provider says that there is no such batch or file. That may be true only for a moment."""

    code: str
    status: int = 0
    words: str = ""


class Surveyed(Record, tag="surveyed", tag_field="outcome"):
    """Remote batches in the order of the provider's list, each once. Not `is_complete` where the walk broke off."""

    batches: tuple[RemoteBatch, ...]
    is_complete: bool


class RemoteFile(Record):
    """An uploaded file in a provider's list; `size` in bytes, times in RFC 3339 UTC, empty where they were not said."""

    file_id: str
    name: str
    size: int
    created_at: str = ""
    expires_at: str = ""


class FilesSurveyed(Record, tag="files-surveyed", tag_field="outcome"):
    """Uploaded files in the order of the provider's list. Not `is_complete` where the walk broke off."""

    files: tuple[RemoteFile, ...]
    is_complete: bool


class Downloaded(Record, tag="downloaded", tag_field="outcome"):
    """All of it is on the disk: `size` bytes."""

    size: int
    sha256: str


class Removed(Record, tag="removed", tag_field="outcome"):
    """The provider no longer has the file."""


Settling = Uploaded | Accepted | Rejected | Denied | Deferred | InDoubt
"""What moves an attempt on."""

Outcome = Settling | Seen | NotFound | Surveyed | FilesSurveyed | Downloaded | Removed

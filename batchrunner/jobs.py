"""Jobs, and what became of them. A job is one remote effect as picklable data; any executor can run it.

Outcomes say what is known of the effect, never how the wire said it.
"""

from batchrunner.manifest import LocalFile
from batchrunner.records import Raw, Record


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

    `request` is the exact body. `input_file_id` is what the reply must echo. `sent_at` is when an earlier send that is
    not accounted for may have left, empty for a first send; RFC 3339 UTC.
    """

    address: str
    provider: str
    idempotency_key: str
    request: str
    input_file_id: str
    sent_at: str = ""


Job = Upload | Create


class Uploaded(Record, tag="uploaded", tag_field="outcome"):
    """The provider has the file."""

    file_id: str
    reply: Raw


class Accepted(Record, tag="accepted", tag_field="outcome"):
    """The provider has the batch; `reply` is the returned batch object."""

    batch_id: str
    reply: Raw
    status: str = ""


class Rejected(Record, tag="rejected", tag_field="outcome"):
    """The provider, or the input itself, said no for good. Nothing was created."""

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
    """Sent, and nobody knows whether the provider has it."""

    code: str
    status: int = 0
    words: str = ""


Outcome = Uploaded | Accepted | Rejected | Denied | Deferred | InDoubt

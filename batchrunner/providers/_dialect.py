"""What a dialect is: the shapes of one family of providers. Pure."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple, Protocol

from batchrunner.jobs import Accepted, Create, Upload, Uploaded
from batchrunner.providers._calls import Call, Stream
from batchrunner.providers._finding import Listing
from batchrunner.providers._multipart import Framing
from batchrunner.providers._verdicts import Unusable
from batchrunner.remote import RemoteBatch, ResultFile, Tags
from batchrunner.rows import ResultLine
from batchrunner.state import Intent


class BatchesPage(NamedTuple):
    """Part of a list of batches, newest first; `after` is what asks for the next one, empty at the end.

    `oldest` is when the last one was created, read or not; None where that is not said. `is_whole` where every batch in
    it could be read, and it is known whether another page follows: without that, no batch is said not to be there.
    """

    batches: tuple[RemoteBatch, ...]
    oldest: datetime | None
    after: str
    is_whole: bool = True


class Dialect(Listing, Protocol):
    """Builds requests and reads replies. `upload_path` is None, and `upload_missing` says so, where there is none.

    `is_inline` where the requests themselves travel in the create: `inline_pieces` makes its body of them.
    """

    is_inline: bool
    upload_path: str | None
    upload_missing: str

    def create_request(self, intent: Intent, file_id: str, tags: Tags) -> str:
        """The body of a create, or where requests travel in it a description of that."""
        ...

    def create_call(self, job: Create) -> Call:
        """The create, ready to be sent."""
        ...

    def inline_pieces(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        """The body of an inline create, piece by piece, of request lines with or without their line ends."""
        ...

    def upload_frame(self, job: Upload) -> Framing:
        """What goes around an uploaded file."""
        ...

    def upload_call(self, job: Upload, frame: Framing, body: Stream) -> Call:
        """The upload, ready to be sent."""
        ...

    def read_created(self, body: bytes, input_file_id: str) -> Accepted | Unusable:
        """The reply to a create."""
        ...

    def read_file(self, body: bytes) -> Uploaded | Unusable:
        """The file object of a 2xx."""
        ...

    def look_call(self, batch_id: str) -> Call | None:
        """What asks for one batch; None where that is not offered, here and below."""
        ...

    def cancel_call(self, batch_id: str) -> Call | None:
        """What asks to stop a batch."""
        ...

    def read_batch(self, body: bytes) -> RemoteBatch | Unusable:
        """The batch object in a 2xx to a look or a cancel."""
        ...

    def survey_call(self, after: str, since: datetime | None) -> Call | None:
        """A page of the list of batches, newest first: the first one or that which follows `after`.

        `since` may be used to ask for no older ones.
        """
        ...

    def read_survey(self, body: bytes, after: str = "") -> BatchesPage | Unusable:
        """The page in a 2xx to that: only batches that can be read. `after` is what the page was asked for by."""
        ...

    def content_call(self, batch_id: str, file: ResultFile, start: int) -> Call | None:
        """What downloads result lines, from byte `start` on."""
        ...

    def remove_call(self, file_id: str) -> Call | None:
        """What deletes an uploaded file."""
        ...

    def read_line(self, line: bytes) -> ResultLine | None:
        """One line of results; None for what is none. Never raises."""
        ...

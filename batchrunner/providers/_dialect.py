"""What a dialect is: the shapes of one family of providers. Pure."""

from typing import Protocol

from batchrunner.jobs import Accepted, Create, Upload, Uploaded
from batchrunner.providers._calls import Call, Stream
from batchrunner.providers._finding import Listing
from batchrunner.providers._multipart import Framing
from batchrunner.providers._verdicts import Unusable
from batchrunner.state import Intent


class Dialect(Listing, Protocol):
    """Builds requests and reads replies. `upload_path` is None, and `upload_missing` says so, where there is none."""

    upload_path: str | None
    upload_missing: str

    def create_request(self, intent: Intent, file_id: str) -> str:
        """The body of a create."""
        ...

    def create_call(self, job: Create) -> Call:
        """The create, ready to be sent."""
        ...

    def upload_frame(self, job: Upload) -> Framing:
        """What goes around an uploaded file."""
        ...

    def upload_call(self, job: Upload, frame: Framing, body: Stream) -> Call:
        """The upload, ready to be sent."""
        ...

    def read_batch(self, body: bytes, input_file_id: str) -> Accepted | Unusable:
        """The batch object of a 2xx."""
        ...

    def read_file(self, body: bytes) -> Uploaded | Unusable:
        """The file object of a 2xx."""
        ...

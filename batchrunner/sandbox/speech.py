"""What the sandbox needs to know to speak as one family of providers does. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from batchrunner.sandbox.lines import Lines
from batchrunner.sandbox.objects import ApiError, Json, Page
from batchrunner.sandbox.orders import Cursor, Order, Survey
from batchrunner.sandbox.records import StoredFile
from batchrunner.sandbox.standing import Standing

Call = Literal["create", "survey", "look", "cancel", "results", "upload", "list", "file", "remove", "content"]


class Place(NamedTuple):
    """Where a call is answered. `path` has `{id}` in it for the batch or file that is meant."""

    call: Call
    method: Literal["GET", "POST", "DELETE"]
    path: str


class Speech(Protocol):
    """Reads requests and words replies. `is_inline` where the requests of a batch travel in its create.

    `created_status` is what a create is answered with; `keys` are the headers that the key may come in, lower case.
    """

    places: Sequence[Place]
    lines: Lines
    is_inline: bool
    created_status: int
    keys: Sequence[bytes]

    def refused(self, headers: Mapping[bytes, bytes]) -> ApiError | None:
        """Why a request with the right key is refused for its headers all the same."""
        ...

    def batch_id(self, path: str) -> str:
        """A new id for a batch whose create came to `path`."""
        ...

    def file_id(self) -> str:
        """A new id for a file."""
        ...

    def read_order(self, body: bytes) -> Order:
        """The body of a create, which names a file. Raises ApiError."""
        ...

    def read_survey(self, query: Mapping[str, str]) -> Survey:
        """Which slice of the list of batches. Raises ApiError."""
        ...

    def read_cursor(self, query: Mapping[str, str]) -> Cursor:
        """Which slice of the list of files. Raises ApiError."""
        ...

    def batch(self, now: Standing, origin: str) -> Json:
        """A batch as it stands; `origin` is where the client found us."""
        ...

    def created(self, batch: Json) -> Json:
        """The reply to a create."""
        ...

    def batches(self, page: Page, total: Callable[[], int]) -> Any:
        """Part of the list of batches, of which there are `total` on all pages."""
        ...

    def file(self, file: StoredFile) -> Json:
        """A file."""
        ...

    def files(self, page: Page) -> Json:
        """Part of the list of files."""
        ...

    def error(self, error: ApiError) -> Json:
        """A refusal."""
        ...

"""As OpenAI speaks, and AlphaEdge, whose documented call is a subset of it; Azure and Groq on other paths.

openai-openapi (2.3.0), `Batch` and `OpenAIFile`; Azure's and Groq's paths are those of their clients.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from batchrunner.sandbox import responder
from batchrunner.sandbox.habits import dressed
from batchrunner.sandbox.lines import Lines, OpenAILines
from batchrunner.sandbox.objects import ApiError, Json, Page, batch_object, error_object, file_object, list_object
from batchrunner.sandbox.orders import Cursor, Order, Survey, read_cursor, read_number, read_order
from batchrunner.sandbox.records import StoredFile, new_id, new_uuid
from batchrunner.sandbox.speech import Place
from batchrunner.sandbox.standing import Standing

BATCHES_DEFAULT, BATCHES_MOST = 20, 100
FILES_MOST = 10_000
ALPHAEDGE: Final = "/v1/batch"
ENDPOINTS: Final = (
    "/v1/chat/completions",
    "/v1/responses",
    "/v1/embeddings",
    "/v1/completions",
    "/v1/moderations",
)


def batch_places(base: str) -> tuple[Place, ...]:
    """The calls about batches below `base`."""
    return (
        Place("create", "POST", base),
        Place("survey", "GET", base),
        Place("look", "GET", f"{base}/{{id}}"),
        Place("cancel", "POST", f"{base}/{{id}}/cancel"),
    )


def file_places(base: str, upload: str = "") -> tuple[Place, ...]:
    """The calls about files below `base`."""
    return (
        Place("upload", "POST", upload or base),
        Place("list", "GET", base),
        Place("content", "GET", f"{base}/{{id}}/content"),
        Place("file", "GET", f"{base}/{{id}}"),
        Place("remove", "DELETE", f"{base}/{{id}}"),
    )


class OpenAI:
    """OpenAI's words on OpenAI's and AlphaEdge's paths. The others start from here."""

    places: Sequence[Place] = (*batch_places(ALPHAEDGE), *batch_places("/v1/batches"), *file_places("/v1/files"))
    is_inline = False
    created_status = 200
    keys: Sequence[bytes] = (b"authorization",)
    endpoints: Collection[str] = ENDPOINTS

    def __init__(self, habits: frozenset[str] = frozenset()) -> None:
        self._habits = habits
        self.lines: Lines = OpenAILines(habits)
        if "any-lines" in habits:
            answered = {*self.endpoints, *responder.ENDPOINTS}
            self.endpoints = {*answered, *(each.removeprefix("/v1") for each in answered)}

    def refused(self, headers: Mapping[bytes, bytes]) -> ApiError | None:
        """Never."""
        return None

    def batch_id(self, path: str) -> str:
        """AlphaEdge's ids have a dash where OpenAI's have an underscore."""
        return self._new_id("batch-" if path == ALPHAEDGE else "batch_")

    def file_id(self) -> str:
        """`file-…`."""
        return self._new_id("file-")

    def read_order(self, body: bytes) -> Order:
        """`input_file_id`, `endpoint`, `completion_window`, `metadata`."""
        return read_order(body, self.endpoints)

    def read_survey(self, query: Mapping[str, str]) -> Survey:
        """`after`, `limit` (1 to 100)."""
        limit = read_number(query, "limit", BATCHES_DEFAULT, (1, BATCHES_MOST))
        return Survey(limit, after=query.get("after") or None)

    def read_cursor(self, query: Mapping[str, str]) -> Cursor:
        """`after`, `limit` (1 to 10,000), `order`."""
        return read_cursor(query, FILES_MOST, FILES_MOST)

    def batch(self, now: Standing, origin: str) -> Json:
        """The batch object, as the habits have it."""
        return dressed(batch_object(now), self._habits)

    def created(self, batch: Json) -> Json:
        """The batch itself."""
        return batch

    def batches(self, page: Page, total: Callable[[], int]) -> Any:
        """A list with its cursors."""
        return list_object(page)

    def file(self, file: StoredFile) -> Json:
        """The file object."""
        return file_object(file)

    def files(self, page: Page) -> Json:
        """A list with its cursors."""
        return list_object(page)

    def error(self, error: ApiError) -> Json:
        """`{"error": {"message", "type", "param", "code"}}`."""
        return error_object(error)

    def _new_id(self, prefix: str) -> str:
        return new_uuid() if "uuid-ids" in self._habits else new_id(prefix)


class Groq(OpenAI):
    """Below `/openai/v1`."""

    places = (*batch_places("/openai/v1/batches"), *file_places("/openai/v1/files"))


class Azure(Groq):
    """The key comes in `api-key`, or as a bearer; endpoints are written without `/v1` too."""

    keys = (b"api-key", b"authorization")
    endpoints = tuple(name for full in ENDPOINTS for name in (full, full.removeprefix("/v1")))

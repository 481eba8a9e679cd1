"""Looking at batches and files that are there, cancelling and deleting them. Nothing here is paid for."""

from starlette.requests import Request
from starlette.responses import Response

from batchrunner.sandbox import lifecycle
from batchrunner.sandbox.gate import Gate, Submission, Told
from batchrunner.sandbox.objects import ApiError, Json, Page, batch_object, encode, file_object, list_object
from batchrunner.sandbox.orders import Cursor, read_cursor
from batchrunner.sandbox.records import Batch, StoredFile
from batchrunner.sandbox.replies import json_reply
from batchrunner.sandbox.settings import SandboxSettings
from batchrunner.sandbox.settling import Settler
from batchrunner.sandbox.standing import standing
from batchrunner.sandbox.storage import Committed, Storage

BATCHES_DEFAULT, BATCHES_MOST = 20, 100
FILES_MOST = 10_000


class Shelf:
    """Reads what was committed. A batch's lines are answered when it is first looked at after validating."""

    def __init__(self, settings: SandboxSettings, storage: Storage, gate: Gate) -> None:
        self._settings = settings
        self._storage = storage
        self._gate = gate
        self._settler = Settler(settings, storage)

    async def batch(self, request: Request) -> Response:
        """`GET /v1/batch/{id}`, `GET /v1/batches/{id}`."""
        return await self._gate.take("look", request, self._read_batch)

    async def batches(self, request: Request) -> Response:
        """`GET /v1/batch`, `GET /v1/batches`, with `after` and `limit` (1 to 100), newest first."""
        return await self._gate.take("survey", request, self._read_batches)

    async def cancel(self, request: Request) -> Response:
        """`POST …/{id}/cancel`: again is no error; a batch at its end is 409, if so set."""
        return await self._gate.take("cancel", request, self._read_cancel)

    async def files(self, request: Request) -> Response:
        """`GET /v1/files`, with `purpose`, `order`, `after` and `limit` (1 to 10,000), newest first."""
        return await self._gate.take("list", request, self._read_files)

    async def content(self, request: Request) -> Response:
        """`GET /v1/files/{id}/content`: the bytes; ranges are served."""
        return await self._gate.take("content", request, self._read_content)

    async def delete_file(self, request: Request) -> Response:
        """`DELETE /v1/files/{id}`."""
        return await self._gate.take("remove", request, self._read_removal)

    async def file(self, request: Request) -> Response:
        """`GET /v1/files/{id}`."""
        return json_reply(encode(file_object(self._find_file(request))))

    async def _read_batch(self, request: Request) -> Submission:
        return _told(self._show(await self._find(request)))

    async def _read_batches(self, request: Request) -> Submission:
        cursor = read_cursor(request.query_params, BATCHES_DEFAULT, BATCHES_MOST)
        found = self._storage.batches(cursor)
        if found is None:
            raise _no_such("batch", cursor)
        shown = [self._show(batch) for batch in await self._settler.settled(found[: cursor.limit])]
        return _told(list_object(Page(shown, len(found) > cursor.limit)))

    async def _read_cancel(self, request: Request) -> Submission:
        batch = await self._find(request)
        now = self._settings.clock()
        status = lifecycle.status(batch, self._settings.timings, now)
        is_over = status in lifecycle.TERMINAL - {"cancelled"}
        if is_over and self._settings.terminal_cancel != 200:
            raise ApiError(409, f"Cannot cancel a batch with status '{status}'.", code="batch_not_cancellable")
        if not is_over:
            self._storage.cancel(batch.id, now)
        return _told(self._show(await self._find(request)))

    async def _read_files(self, request: Request) -> Submission:
        cursor = read_cursor(request.query_params, FILES_MOST, FILES_MOST)
        found = self._storage.files(cursor, request.query_params.get("purpose"), self._settings.clock())
        if found is None:
            raise _no_such("file", cursor)
        shown = [file_object(file) for file in found[: cursor.limit]]
        return _told(list_object(Page(shown, len(found) > cursor.limit)))

    async def _read_content(self, request: Request) -> Submission:
        path = self._storage.path(self._find_file(request).id)
        return Told(Committed(path=path, takes_ranges="no-ranges" not in self._settings.habits))

    async def _read_removal(self, request: Request) -> Submission:
        file = self._find_file(request)
        self._storage.delete_file(file.id)
        return _told({"id": file.id, "object": "file", "deleted": True})

    async def _find(self, request: Request) -> Batch:
        batch_id = request.path_params["id"]
        batch = self._storage.batch(batch_id)
        if batch is None:
            raise ApiError(404, f"No batch found with id '{batch_id}'.", code="batch_not_found")
        (settled,) = await self._settler.settled([batch])
        return settled

    def _find_file(self, request: Request) -> StoredFile:
        file_id = request.path_params["id"]
        file = self._storage.file(file_id, self._settings.clock())
        if file is None:
            raise ApiError(404, f"No such File object: {file_id}", param="id", code="file_not_found")
        return file

    def _show(self, batch: Batch) -> Json:
        return batch_object(standing(batch, self._settings.timings, self._settings.clock()))


def _told(value: Json) -> Submission:
    return Told(Committed(encode(value)))


def _no_such(what: str, cursor: Cursor) -> ApiError:
    return ApiError(404, f"No {what} found with id '{cursor.after}'.", param="after", code="invalid_cursor")

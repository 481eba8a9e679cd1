"""Looking at batches and files that are there, cancelling and deleting them. Nothing here is paid for."""

import math
from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response

from batchrunner.sandbox import lifecycle
from batchrunner.sandbox.gate import Gate, Submission, Told
from batchrunner.sandbox.habits import number_of
from batchrunner.sandbox.objects import ApiError, Json, Page, encode
from batchrunner.sandbox.orders import Survey
from batchrunner.sandbox.records import Batch, StoredFile
from batchrunner.sandbox.replies import json_reply
from batchrunner.sandbox.settings import SandboxSettings
from batchrunner.sandbox.settling import Settler
from batchrunner.sandbox.speech import Speech
from batchrunner.sandbox.standing import standing
from batchrunner.sandbox.storage import Committed, Storage


class Shelf:
    """Reads what was committed. A batch's lines are answered when it is first looked at after validating."""

    def __init__(self, settings: SandboxSettings, storage: Storage, gate: Gate, speech: Speech) -> None:
        self._settings = settings
        self._storage = storage
        self._gate = gate
        self._speech = speech
        self._settler = Settler(settings, storage, speech)
        self._counts_looks = bool(number_of(settings.habits, "late-output") or number_of(settings.habits, "404-young"))

    async def batch(self, request: Request) -> Response:
        """One batch."""
        return await self._gate.take("look", request, self._read_batch)

    async def batches(self, request: Request) -> Response:
        """Part of the list of batches, newest first."""
        return await self._gate.take("survey", request, self._read_batches)

    async def cancel(self, request: Request) -> Response:
        """Stop a batch: again is no error; a batch at its end is 409, if so set."""
        return await self._gate.take("cancel", request, self._read_cancel)

    async def results(self, request: Request) -> Response:
        """All that became of a batch, by its own id."""
        return await self._gate.take("content", request, self._read_results)

    async def files(self, request: Request) -> Response:
        """Part of the list of files, newest first, of one `purpose` or of all."""
        return await self._gate.take("list", request, self._read_files)

    async def content(self, request: Request) -> Response:
        """The bytes of a file; ranges are served."""
        return await self._gate.take("content", request, self._read_content)

    async def delete_file(self, request: Request) -> Response:
        """A file is not wanted any more."""
        return await self._gate.take("remove", request, self._read_removal)

    async def file(self, request: Request) -> Response:
        """One file."""
        return json_reply(encode(self._speech.file(self._find_file(request))))

    async def _read_batch(self, request: Request) -> Submission:
        now = self._settings.clock()
        batch, now = await self._find(request, now)
        shown = self._show(batch, request, now)
        if batch.looks < number_of(self._settings.habits, "404-young"):
            raise _no_such_batch(batch.id)
        return _told(shown)

    async def _read_batches(self, request: Request) -> Submission:
        survey = self._speech.read_survey(_query(request))
        created = self._listed()
        found = self._storage.batches(survey, created)
        if found is None:
            mark = survey.before or survey.after
            raise ApiError(404, f"No batch found with id '{mark}'.", param="after", code="invalid_cursor")
        page, has_more = _cut(found, survey)
        now = self._settings.clock()
        settled = await self._settler.settled(page, now)
        shown = [self._show(batch, request, at) for batch, at in settled if self._is_asked_for(batch, survey, at)]
        return Told(
            Committed(
                encode(
                    self._speech.batches(Page(shown, has_more), lambda: self._storage.count_batches(survey, created))
                )
            )
        )

    async def _read_cancel(self, request: Request) -> Submission:
        now = self._settings.clock()
        batch, at = await self._find(request, now)
        status = lifecycle.status(batch, self._settings.pace, at)
        is_over = status in lifecycle.TERMINAL - {"cancelled"}
        if is_over and self._settings.terminal_cancel != 200:
            raise ApiError(409, f"Cannot cancel a batch with status '{status}'.", code="batch_not_cancellable")
        if not is_over:
            self._storage.cancel(batch.id, now)
        batch, at = await self._find(request, now)
        return _told(self._show(batch, request, at))

    async def _read_results(self, request: Request) -> Submission:
        batch, at = await self._find(request, self._settings.clock())
        if lifecycle.status(batch, self._settings.pace, at) not in lifecycle.TERMINAL:
            raise ApiError(404, f"Batch '{batch.id}' has no available results.", code="results_not_available")
        return self._sent(batch.output_file_id)

    async def _read_files(self, request: Request) -> Submission:
        cursor = self._speech.read_cursor(_query(request))
        found = self._storage.files(cursor, request.query_params.get("purpose"), self._settings.clock())
        if found is None:
            raise ApiError(404, f"No file found with id '{cursor.after}'.", param="after", code="invalid_cursor")
        shown = [self._speech.file(file) for file in found[: cursor.limit]]
        return _told(self._speech.files(Page(shown, len(found) > cursor.limit)))

    async def _read_content(self, request: Request) -> Submission:
        return self._sent(self._find_file(request).id)

    async def _read_removal(self, request: Request) -> Submission:
        file = self._find_file(request)
        self._storage.delete_file(file.id)
        return _told({"id": file.id, "object": "file", "deleted": True})

    def _sent(self, file_id: str) -> Submission:
        return Told(Committed(path=self._storage.path(file_id), takes_ranges="no-ranges" not in self._settings.habits))

    async def _find(self, request: Request, now: float) -> tuple[Batch, float]:
        """The batch that is meant, and the moment up to `now` that it can be shown as of."""
        batch_id = request.path_params["id"]
        batch = self._storage.batch(batch_id)
        if batch is None or self._has_vanished(batch):
            raise _no_such_batch(batch_id)
        (found,) = await self._settler.settled([batch], now)
        return found

    def _listed(self) -> tuple[float, float]:
        """When the batches were created that the list has."""
        now, habits = self._settings.clock(), self._settings.habits
        hidden, vanishing = number_of(habits, "slow-list"), number_of(habits, "vanishing")
        return now - vanishing if vanishing else -math.inf, now - hidden if hidden else math.inf

    def _has_vanished(self, batch: Batch) -> bool:
        after = number_of(self._settings.habits, "vanishing")
        return bool(after) and batch.created_at + after <= self._settings.clock()

    def _find_file(self, request: Request) -> StoredFile:
        file_id = request.path_params["id"]
        file = self._storage.file(file_id, self._settings.clock())
        if file is None:
            raise ApiError(404, f"No such File object: {file_id}", param="id", code="file_not_found")
        return file

    def _show(self, batch: Batch, request: Request, now: float) -> Json:
        found = standing(batch, self._settings.pace, now, self._settings.habits)
        if self._counts_looks:
            self._storage.looked_at(batch.id, is_over=found.is_over)
        return self._speech.batch(found, str(request.base_url).rstrip("/"))

    def _is_asked_for(self, batch: Batch, survey: Survey, now: float) -> bool:
        status = lifecycle.status(batch, self._settings.pace, now)
        return not survey.statuses or status in survey.statuses


def _query(request: Request) -> Mapping[str, str]:
    """Parameters by name; of one that is there several times the values are joined by commas."""
    return {name: ",".join(request.query_params.getlist(name)) for name in request.query_params}


def _cut(found: Sequence[Batch], survey: Survey) -> tuple[Sequence[Batch], bool]:
    """A page, newest first, and whether more follow in the direction that was asked for."""
    page = found[: survey.limit]
    return page[::-1] if survey.before else page, len(found) > survey.limit


def _told(value: Json) -> Submission:
    return Told(Committed(encode(value)))


def _no_such_batch(batch_id: str) -> ApiError:
    return ApiError(404, f"No batch found with id '{batch_id}'.", code="batch_not_found")

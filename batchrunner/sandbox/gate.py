"""Where requests come in that may go wrong: each is numbered, has its fate picked, and is answered accordingly."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response

from batchrunner.sandbox.faults import Fault, Kind
from batchrunner.sandbox.misbehaviour import AFTER, BEFORE
from batchrunner.sandbox.objects import ApiError
from batchrunner.sandbox.replies import FileReply, HangUp, json_reply
from batchrunner.sandbox.settings import SandboxSettings
from batchrunner.sandbox.storage import Committed, KeyReused, Storage


class Submission(Protocol):
    """A request that was read and checked; nothing is kept of it until it is committed."""

    def commit(self) -> Committed:
        """Keep it, durably, or answer with what its key already made. Raises KeyReused."""
        ...

    def release(self) -> None:
        """It is not committed any more: let go of what was received with it."""
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """A request that is answered without keeping anything."""

    committed: Committed

    def commit(self) -> Committed:
        """The answer."""
        return self.committed

    def release(self) -> None:
        """There is nothing."""


Reader = Callable[[Request], Awaitable[Submission]]


class Gate:
    """Takes requests one by one, and lets happen to them what the faults say."""

    def __init__(self, settings: SandboxSettings, storage: Storage) -> None:
        self._faults = settings.faults
        self._habits = settings.habits
        self._storage = storage
        self._late: dict[asyncio.TimerHandle, Submission] = {}

    async def take(self, kind: Kind, request: Request, read: Reader) -> Response:
        """Answer a request of that kind, which `read` understands."""
        number = self._storage.arrive(kind)
        response = await self._answer(kind, self._faults.pick(kind, *number), request, read)
        delay = self._faults.delay(kind, *number)
        if delay:
            await asyncio.sleep(delay)
        return response

    def close(self) -> None:
        """Commit now what was to be committed late: a provider that shuts down loses no order."""
        for timer in list(self._late):
            timer.cancel()
            self._commit_late(timer)

    async def _answer(self, kind: Kind, fault: Fault | None, request: Request, read: Reader) -> Response:
        name = fault.name if fault else ""
        if fault and name in BEFORE:
            return BEFORE[name](fault)
        submission = await read(request)
        if fault and name == "late-commit":
            self._commit_later(submission, fault.number)
            return HangUp()
        committed = _commit(submission, 2 if name == "duplicate" or self._is_doubled(kind) else 1)
        if fault and name in AFTER:
            return AFTER[name](fault, committed)
        if committed.path is not None:
            return FileReply(committed.path, takes_ranges=committed.takes_ranges)
        headers = {"Idempotency-Replayed": "true"} if committed.replayed else None
        return json_reply(committed.body, committed.status, headers)

    def _is_doubled(self, kind: Kind) -> bool:
        return kind == "create" and "duplicate-create" in self._habits

    def _commit_later(self, submission: Submission, seconds: float) -> None:
        def run() -> None:
            self._commit_late(timer)

        timer = asyncio.get_running_loop().call_later(seconds, run)
        self._late[timer] = submission

    def _commit_late(self, timer: asyncio.TimerHandle) -> None:
        try:
            _commit(self._late.pop(timer), 1)
        except ApiError:
            return  # nobody is left to be told


def _commit(submission: Submission, times: int) -> Committed:
    try:
        return [submission.commit() for _ in range(times)][-1]
    except KeyReused:
        message = "This Idempotency-Key was used before with a different request."
        raise ApiError(422, message, param="Idempotency-Key", code="idempotency_key_reused") from None
    finally:
        submission.release()

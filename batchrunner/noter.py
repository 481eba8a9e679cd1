"""Has what was seen of remote batches noted in state, and never more often than is worth it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from batchrunner.errors import StateError
from batchrunner.ports import Clock, Recorder
from batchrunner.watched import Watched

SECONDS_EACH = 0.03
"""Seconds between two writes, for each batch watched: writing ten thousand of them costs more than looking does."""
LAST_FLUSHES = 5


class Noter:
    """Notes the sights of `watched` by way of `recorder`. What cannot be noted is kept for the next time.

    `error` is why the state cannot be written, None while it can.
    """

    def __init__(self, watched: Sequence[Watched], recorder: Recorder, clock: Clock) -> None:
        self.error: StateError | None = None
        self._watched = watched
        self._recorder = recorder
        self._clock = clock
        self._flushed = clock.now()
        self._turn = asyncio.Lock()

    async def note_when_due(self) -> None:
        """Note what is news, where the last write is long enough ago."""
        now = self._clock.now()
        if (now - self._flushed).total_seconds() >= SECONDS_EACH * len(self._watched):
            await self._note([each for each in self._watched if each.is_due(now)])

    async def note_all(self, pause: Callable[[float], Awaitable[None]], stopping: Callable[[], bool]) -> bool:
        """Note all that was seen; False where another command holds the lock of the state for too long."""
        noted = await self._note([each for each in self._watched if each.unnoted])
        for _ in range(LAST_FLUSHES):
            if noted or stopping():
                break
            await pause(1.0)
            noted = await self._note([each for each in self._watched if each.unnoted])
        return noted

    async def _note(self, watched: Sequence[Watched]) -> bool:
        async with self._turn:
            self._flushed = self._clock.now()
            try:
                # What another command's lock held up goes first; until then nothing is added to it.
                return self.error is not None or (await self._recorder.flush() and await self._record(watched))
            except StateError as error:
                self.error = error
                return True

    async def _record(self, watched: Sequence[Watched]) -> bool:
        for each in watched:
            self._recorder.record(each.name, each.noting(self._flushed))
        return await self._recorder.flush()

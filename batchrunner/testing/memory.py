"""A store in memory: what a state store does, in the fewest lines."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from uuid import uuid4

from batchrunner.errors import StateError, TryAgain
from batchrunner.state import Entry, State


class MemoryPlace:
    """What a file is to a file store: several stores may be opened on one place, and see the same state.

    While `failure` is not empty, every append fails and gives it as the reason.
    """

    def __init__(self) -> None:
        self.lineage = ""
        self.frames: list[tuple[Entry, ...]] = []
        self.lock = threading.Lock()
        self.failure = ""


class MemoryStore:
    """A `StateStore` that lasts as long as its place. `place` is one of its own by default."""

    def __init__(self, place: MemoryPlace | None = None) -> None:
        self.place = place or MemoryPlace()
        self._newborn = str(uuid4())
        self._is_holder = False
        self._failure = ""

    @property
    def url(self) -> str:
        """`memory:` and nothing else: there is no way to open it by name."""
        return "memory:"

    def load(self) -> State:
        """The state as of now, the caller's own."""
        frames = self.place.frames
        state = State(self.place.lineage or self._newborn, len(frames))
        for entries in frames:
            state.record(entries)
        return state

    @contextmanager
    def lock(self, timeout: float, waiting: Callable[[str], None]) -> Iterator[None]:
        """Hold the exclusive right to write. Raises `TryAgain` `lock-held` after `timeout` seconds."""
        self._acquire(timeout, waiting)
        self._is_holder = True
        try:
            yield
        finally:
            self._is_holder = False
            self.place.lock.release()

    def append(self, entries: Sequence[Entry]) -> None:
        """Keep entries as one revision. Raises `StateError`, for ever after the first time the place fails."""
        if not self._is_holder:
            raise StateError("lock-not-held", "the state is written by the holder of its lock only", where=self.url)
        self._failure = self._failure or self.place.failure
        if self._failure:
            raise StateError("state-not-written", "the state could not be written", why=self._failure)
        if entries:
            self.place.lineage = self.place.lineage or self._newborn
            self.place.frames.append(tuple(entries))

    def fold(self) -> None:
        """Nothing to do: there is no journal apart from the state."""

    def _acquire(self, timeout: float, waiting: Callable[[str], None]) -> None:
        if self.place.lock.acquire(blocking=False):
            return
        held = "held by another store on the same place"
        waiting(held)
        deadline = time.monotonic() + timeout
        if not self.place.lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise TryAgain("lock-held", "the state is locked", where=self.url, why=held)

"""Notes in state by commands that hold no lock while they wait for a provider."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Sequence

from batchrunner.errors import TryAgain
from batchrunner.ports import AttemptName
from batchrunner.state import Attempt, Entry, State
from batchrunner.stores import FileStore

Change = Callable[[Attempt], Attempt]


class StateRecorder:
    """The `Recorder` port over stores: the lock is taken for a moment, and only when there is something to write.

    `patience` is how many seconds to wait for it, `store_of` where an address is kept.
    """

    def __init__(self, store_of: Callable[[str], FileStore], patience: float = 1.0) -> None:
        self._store_of = store_of
        self._patience = patience
        self._waiting: list[tuple[AttemptName, Change]] = []
        self._writing = threading.Lock()

    @property
    def is_behind(self) -> bool:
        """Whether something that was recorded is not in state yet."""
        return bool(self._waiting)

    def record(self, name: AttemptName, change: Change) -> None:
        """Have `change` applied to the attempt called `name` as it stands when it is written."""
        self._waiting.append((name, change))

    async def flush(self) -> bool:
        """Write what was recorded; False where some of it must wait, as another command holds a lock.

        Raises `StateError` where a state cannot be written.
        """
        # What another flush has taken is not in state before that is over.
        return await asyncio.to_thread(self.write) if self._waiting or self._writing.locked() else True

    def write(self) -> bool:
        """As `flush`, from a thread that may block."""
        with self._writing:
            # More is recorded while this writes: only what was taken is replaced by what is left of it.
            taken, self._waiting = self._waiting, []
            left: Sequence[tuple[AttemptName, Change]] = taken
            try:
                left = self._left(taken)
            finally:
                self._waiting = [*left, *self._waiting]
            return not left

    def _left(self, taken: Sequence[tuple[AttemptName, Change]]) -> Sequence[tuple[AttemptName, Change]]:
        by_store: dict[str, tuple[FileStore, list[tuple[AttemptName, Change]]]] = {}
        for name, change in taken:
            store = self._store_of(name.address)
            by_store.setdefault(store.url, (store, []))[1].append((name, change))
        return [note for store, notes in by_store.values() for note in self._unwritten(store, notes)]

    def _unwritten(
        self, store: FileStore, notes: Sequence[tuple[AttemptName, Change]]
    ) -> Iterable[tuple[AttemptName, Change]]:
        try:
            with store.lock(self._patience, lambda _holder: None):
                entries = _changed(store.load(), notes)
                if entries:
                    store.append(entries)
                    store.fold()
        except TryAgain:
            return notes
        return ()


def _changed(state: State, notes: Sequence[tuple[AttemptName, Change]]) -> list[Entry]:
    """The entries that `notes` make of `state`. An attempt that somebody removed from it is let go."""
    changed: dict[AttemptName, Attempt] = {}
    for name, change in notes:
        before = changed.get(name) or state.numbered(*name)
        if before is not None:
            changed[name] = change(before)
    return [
        Entry(address=name.address, run_key=name.run_key, attempt=attempt)
        for name, attempt in changed.items()
        if attempt != state.numbered(*name)
    ]

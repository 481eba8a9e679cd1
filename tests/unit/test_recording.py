"""Notes of what was seen: whatever is recorded while others are written is kept, and in state in the end."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from batchrunner.ports import AttemptName
from batchrunner.records import replace
from batchrunner.state import Attempt
from batchrunner.testing import MemoryStore, example_entry
from batchrunner.wiring.recording import StateRecorder

FIRST, SECOND = example_entry("s/a"), example_entry("s/b")


class BusyStore(MemoryStore):
    """A store that something happens to whenever its lock was taken."""

    happens: Callable[[], None] = staticmethod(lambda: None)

    @contextmanager
    def lock(self, timeout: float, waiting: Callable[[str], None]) -> Iterator[None]:
        with super().lock(timeout, waiting):
            self.happens()
            yield


def noted(attempt: Attempt) -> Attempt:
    return replace(attempt, input_removed_at="2026-11-22T02:30:00Z")


def test_what_is_recorded_during_a_write_is_written_next() -> None:
    store = BusyStore()
    with store.lock(1, print):
        store.append([FIRST, SECOND])
    recorder = StateRecorder(lambda address: store)  # type: ignore[arg-type]
    names = [AttemptName(each.address, each.run_key, each.attempt.number) for each in (FIRST, SECOND)]
    recorder.record(names[0], noted)
    store.happens = lambda: recorder.record(names[1], noted)
    assert asyncio.run(recorder.flush())
    store.happens = lambda: None
    assert recorder.is_behind
    assert asyncio.run(recorder.flush())
    state = store.load()
    assert [state.latest(name.address, name.run_key).input_removed_at != "" for name in names] == [True, True]

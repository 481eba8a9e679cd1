"""Every store passes the checks, and the checks notice a store that does not."""

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from batchrunner.ports import StateStore
from batchrunner.state import Entry, State
from batchrunner.stores import FileStore
from batchrunner.testing import STORE_CHECKS, MemoryPlace, MemoryStore, StoreUnderTest, check_store, example_entry

Check = Callable[[StoreUnderTest], None]
each_check = pytest.mark.parametrize("check", STORE_CHECKS, ids=lambda check: check.__name__)


@contextmanager
def no_sync() -> Iterator[None]:
    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fdatasync", fail)
        patch.setattr(os, "fsync", fail)
        yield


@each_check
def test_the_file_store(check: Check, tmp_path: Path) -> None:
    check(StoreUnderTest(lambda name: FileStore(tmp_path / f"{name}.state.json"), no_sync))


class Memory:
    """Stores in memory by name, and a way to make them fail."""

    def __init__(self) -> None:
        self.places: dict[str, MemoryPlace] = {}

    def open(self, name: str) -> MemoryStore:
        return MemoryStore(self.places.setdefault(name, MemoryPlace()))

    @contextmanager
    def failing(self) -> Iterator[None]:
        for place in self.places.values():
            place.failure = "No space left on device"
        yield
        for place in self.places.values():
            place.failure = ""


@each_check
def test_the_memory_store(check: Check) -> None:
    memory = Memory()
    check(StoreUnderTest(memory.open, memory.failing))


def test_all_checks_at_once(tmp_path: Path) -> None:
    check_store(lambda name: FileStore(tmp_path / name / "x.json"), no_sync)


class Forgetful(MemoryStore):
    def append(self, entries: Sequence[Entry]) -> None:
        super().append(entries[:1])


class Eager(MemoryStore):
    def append(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            super().append([entry])


class Unlocked(MemoryStore):
    @contextmanager
    def lock(self, timeout: float, waiting: Callable[[str], None]) -> Iterator[None]:
        self._is_holder = True
        yield


class Lenient(MemoryStore):
    def append(self, entries: Sequence[Entry]) -> None:
        self._is_holder = True
        super().append(entries)


class Stubborn(MemoryStore):
    def append(self, entries: Sequence[Entry]) -> None:
        self._failure = ""
        super().append(entries)


class Shared(MemoryStore):
    def load(self) -> State:
        state = super().load()
        if self.place.frames and not hasattr(self, "state"):
            self.state = state
        return getattr(self, "state", state)


class Reborn(MemoryStore):
    def load(self) -> State:
        state = super().load()
        return State("always the same", state.serial, state.batches)


@pytest.mark.parametrize("kind", [Forgetful, Eager, Unlocked, Lenient, Stubborn, Shared, Reborn])
def test_a_store_that_breaks_a_duty_is_found_out(kind: type[MemoryStore]) -> None:
    memory = Memory()

    def open_store(name: str) -> StateStore:
        return kind(memory.open(name).place)

    with pytest.raises(AssertionError):
        check_store(open_store, memory.failing)


def test_two_memory_stores_have_two_states() -> None:
    store = MemoryStore()
    with store.lock(0, print):
        store.append([example_entry()])
    assert MemoryStore().load().batches == {}
    assert len(store.load().batches) == 1

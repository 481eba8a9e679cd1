"""Many senders, few syncs, and nobody left waiting."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from batchrunner.errors import StateError
from batchrunner.state import Entry
from batchrunner.stores import FileStore
from batchrunner.stores.committer import GroupCommitter, by_spec
from batchrunner.testing import MemoryStore, example_entry


class Gated(MemoryStore):
    """A store whose appends wait until they are let through, and are written down."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.appended: list[list[str]] = []
        self._is_holder = True

    def append(self, entries: Sequence[Entry]) -> None:
        self.entered.set()
        assert self.gate.wait(30)
        super().append(entries)
        self.appended.append([entry.address for entry in entries])


def entry(name: str) -> Entry:
    return example_entry(f"nightly/{name}")


def run(main: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        await asyncio.wait_for(main(), 60)

    asyncio.run(limited())


async def entered(store: Gated) -> None:
    assert await asyncio.to_thread(store.entered.wait, 30)


def test_what_comes_during_an_append_is_one_append() -> None:
    store = Gated()

    async def main() -> None:
        async with GroupCommitter(lambda _: store) as committer:
            first = asyncio.create_task(committer.commit(entry("first")))
            await entered(store)
            others = [asyncio.create_task(committer.commit(entry(f"{number}"))) for number in range(100)]
            await asyncio.sleep(0)
            assert not first.done()
            store.gate.set()
            await asyncio.gather(first, *others)

    run(main)
    assert store.appended == [["nightly/first"], [f"nightly/{number}" for number in range(100)]]


def test_a_commit_returns_when_its_entry_is_on_disk(tmp_path: Path) -> None:
    store, reader = FileStore(tmp_path / "a.json"), FileStore(tmp_path / "a.json")

    async def main() -> None:
        async with GroupCommitter(lambda _: store) as committer:

            async def sender(number: int) -> None:
                for step in range(5):
                    await committer.commit(entry(f"{number}-{step}"))
                    assert f"nightly/{number}-{step}" in reader.load().batches

            await asyncio.gather(*(sender(number) for number in range(10)))

    with store.lock(0, print):
        run(main)
    assert len(reader.load().batches) == 50
    assert reader.load().serial <= 50


def test_entries_go_to_the_store_of_their_spec() -> None:
    stores = {"nightly": Gated(), "weekly": Gated()}
    for store in stores.values():
        store.gate.set()

    async def main() -> None:
        async with GroupCommitter(by_spec({**stores})) as committer:
            await asyncio.gather(
                *(committer.commit(example_entry(f"{spec}/{n}")) for n in range(3) for spec in ("nightly", "weekly"))
            )
            with pytest.raises(KeyError):
                await committer.commit(example_entry("unknown/a"))

    run(main)
    assert {spec: len(store.load().batches) for spec, store in stores.items()} == {"nightly": 3, "weekly": 3}


def test_after_a_failure_everyone_is_told(tmp_path: Path) -> None:
    store = Gated()

    async def main() -> None:
        committer = GroupCommitter(lambda _: store)
        waiting = [asyncio.create_task(committer.commit(entry("first")))]
        await entered(store)
        waiting += [asyncio.create_task(committer.commit(entry(f"{number}"))) for number in range(5)]
        await asyncio.sleep(0)
        store.place.failure = "No space left on device"
        store.gate.set()
        errors = await asyncio.gather(*waiting, return_exceptions=True)
        assert [(type(error), getattr(error, "why", "")) for error in errors] == [
            (StateError, "No space left on device")
        ] * 6
        assert len({id(error) for error in errors}) == 6
        store.place.failure = ""
        with pytest.raises(StateError, match="written"):
            await committer.commit(entry("later"))
        await committer.flush()
        await committer.aclose()

    run(main)
    assert store.load().batches == {}


def test_one_store_failing_does_not_undo_what_another_did() -> None:
    good, bad = Gated(), Gated()
    bad.place.failure = "Read-only file system"
    for store in (good, bad):
        store.gate.set()

    async def main() -> None:
        async with GroupCommitter(by_spec({"good": good, "bad": bad})) as committer:
            results = await asyncio.gather(
                committer.commit(example_entry("good/a")),
                committer.commit(example_entry("bad/a")),
                return_exceptions=True,
            )
            assert results[0] is None
            assert isinstance(results[1], StateError)
            with pytest.raises(StateError):
                await committer.commit(example_entry("good/b"))

    run(main)
    assert list(good.load().batches) == ["good/a"]


def test_an_unexpected_error_is_a_failure_too() -> None:
    class Broken(MemoryStore):
        def append(self, entries: Sequence[Entry]) -> None:
            raise ZeroDivisionError("a bug")

    async def main() -> None:
        async with GroupCommitter(lambda _: Broken()) as committer:
            with pytest.raises(StateError) as caught:
                await committer.commit(entry("a"))
            assert "a bug" in caught.value.why

    run(main)


def test_closing_finishes_what_was_committed_and_takes_nothing_more() -> None:
    store = Gated()

    async def main() -> None:
        committer = GroupCommitter(lambda _: store)
        tasks = [asyncio.create_task(committer.commit(entry(f"{number}"))) for number in range(10)]
        await entered(store)
        closing = asyncio.create_task(committer.aclose())
        await asyncio.sleep(0)
        with pytest.raises(StateError) as caught:
            await committer.commit(entry("late"))
        assert caught.value.code == "committer-closed"
        store.gate.set()
        await asyncio.gather(closing, *tasks)
        await committer.aclose()
        await committer.flush()

    run(main)
    assert len(store.load().batches) == 10


def test_flush_waits_for_what_was_committed_before() -> None:
    store = Gated()

    async def main() -> None:
        async with GroupCommitter(lambda _: store) as committer:
            await committer.flush()
            tasks = [asyncio.create_task(committer.commit(entry(f"{number}"))) for number in range(3)]
            await entered(store)
            flushing = asyncio.create_task(committer.flush())
            await asyncio.sleep(0)
            store.gate.set()
            await flushing
            assert len(store.load().batches) == 3
            await asyncio.gather(*tasks)

    run(main)


def test_a_cancelled_commit_is_still_made() -> None:
    store = Gated()

    async def main() -> None:
        async with GroupCommitter(lambda _: store) as committer:
            task = asyncio.create_task(committer.commit(entry("a")))
            await entered(store)
            task.cancel()
            await asyncio.wait([task])
            store.gate.set()

    run(main)
    assert list(store.load().batches) == ["nightly/a"]


def test_the_thread_ends_with_the_committer() -> None:
    def committers() -> set[int | None]:
        return {thread.ident for thread in threading.enumerate() if thread.name == "committer"}

    async def main() -> None:
        before = committers()
        for _ in range(50):
            store = Gated()
            store.gate.set()
            async with GroupCommitter(lambda _, store=store: store) as committer:  # type: ignore[misc]
                await asyncio.gather(*(committer.commit(entry(f"{number}")) for number in range(3)))
        started = committers() - before
        for thread in threading.enumerate():
            if thread.ident in started:
                await asyncio.to_thread(thread.join, 30)
                assert not thread.is_alive()

    run(main)


def test_a_committer_nobody_used_has_no_thread() -> None:
    before = threading.active_count()

    async def main() -> None:
        async with GroupCommitter(lambda _: MemoryStore()):
            assert threading.active_count() == before

    run(main)

"""Many senders, one thread that makes their entries durable together."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType
from typing import Self

from batchrunner.address import spec_of
from batchrunner.errors import StateError
from batchrunner.ports import StateStore
from batchrunner.state import Entry

Route = Callable[[Entry], StateStore]
_Future = asyncio.Future[None]
_Outcome = tuple[StateError | None, list[_Future]]


class GroupCommitter:
    """Appends what many coroutines of one event loop commit, in as few syncs as the disk allows.

    While one append is under way the next entries gather, and are appended together as soon as it is done; nobody waits
    for a timer. `route` names the store of an entry. Leaving it as an async context manager waits for everything that
    was committed. The thread starts with the first commit and does not keep a process alive.
    """

    def __init__(self, route: Route) -> None:
        self._route = route
        self._queue: deque[tuple[StateStore | None, Entry | None, _Future]] = deque()
        # A lock is the cheapest thing to wait for; it is free whenever there is work the thread has not seen.
        self._work = threading.Lock()
        self._work.acquire()
        self._has_work = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._failure: StateError | None = None
        self._is_closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def commit(self, entry: Entry) -> None:
        """Return when `entry` is durable.

        Raises `StateError` when it is not, then and for every later commit. Cancelling takes nothing back.
        """
        if self._failure is not None:
            raise _again(self._failure)
        if self._is_closed:
            raise StateError("committer-closed", "nothing more can be committed", where=entry.address)
        await self._enqueued(self._route(entry), entry)

    async def flush(self) -> None:
        """Return when everything committed so far is durable, or has failed."""
        if self._loop is not None and not self._is_closed:
            await self._enqueued(None, None)

    async def aclose(self) -> None:
        """Take nothing more, finish what was committed, end the thread. Raises nothing."""
        if self._loop is None or self._is_closed:
            self._is_closed = True
            return
        finished = self._push(None, None)
        # Between the push and the wake: the thread then always sees one of the two, and never ends with work left.
        self._is_closed = True
        self._wake()
        await finished

    def _enqueued(self, store: StateStore | None, entry: Entry | None) -> _Future:
        future = self._push(store, entry)
        self._wake()
        return future

    def _push(self, store: StateStore | None, entry: Entry | None) -> _Future:
        future = (self._loop or self._start()).create_future()
        self._queue.append((store, entry, future))
        return future

    def _wake(self) -> None:
        if not self._has_work:
            self._has_work = True
            self._work.release()

    def _start(self) -> asyncio.AbstractEventLoop:
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._serve, args=(self._loop,), name="committer", daemon=True).start()
        return self._loop

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._is_closed or self._queue:
            self._work.acquire()
            # Before the queue is read: what comes after this line frees the lock again.
            self._has_work = False
            outcomes = self._append_all()
            with suppress(RuntimeError):  # the loop was closed, and nobody waits
                loop.call_soon_threadsafe(_resolve, outcomes)

    def _append_all(self) -> list[_Outcome]:
        """Append everything queued, one append a store."""
        batches: dict[int, tuple[StateStore | None, list[Entry], list[_Future]]] = {}
        for _ in range(len(self._queue)):
            store, entry, future = self._queue.popleft()
            batch = batches.get(id(store)) or batches.setdefault(id(store), (store, [], []))
            batch[2].append(future)
            if entry is not None:
                batch[1].append(entry)
        return [(self._append(store, entries), futures) for store, entries, futures in batches.values()]

    def _append(self, store: StateStore | None, entries: list[Entry]) -> StateError | None:
        if store is None:
            return None
        if self._failure is None:
            try:
                store.append(entries)
            except StateError as error:
                self._failure = error
            except Exception as error:  # whatever it is, those who wait must hear of it
                self._failure = StateError("state-not-written", "the state could not be written", why=repr(error))
        return self._failure


def by_spec(stores: dict[str, StateStore]) -> Route:
    """Routes by the name of the spec in an address. The route raises `KeyError` for a spec it does not know."""
    return lambda entry: stores[spec_of(entry.address)]


def _resolve(outcomes: Iterable[_Outcome]) -> None:
    for failure, futures in outcomes:
        for future in futures:
            if future.done():
                continue
            if failure is None:
                future.set_result(None)
            else:
                future.set_exception(_again(failure))


def _again(failure: StateError) -> StateError:
    """A copy for one more waiter: one exception raised in many tasks would gather all their tracebacks."""
    copy = StateError(failure.code, failure.message, where=failure.where, why=failure.why, hint=failure.hint)
    copy.__cause__ = failure
    return copy

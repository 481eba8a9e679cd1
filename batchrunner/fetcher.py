"""Brings results of remote batches to the disk: what is here whole is left alone, what broke off goes on.

A file has its name only once all of it is here, so whoever is killed at any moment has lost nothing but time.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from batchrunner.errors import BatchrunnerError
from batchrunner.jobs import Deferred, Denied, Download, Downloaded, NotFound, Outcome, Rejected
from batchrunner.ports import Executor
from batchrunner.remote import ResultFile
from batchrunner.state import Entry, FetchedFile


class Wanted(NamedTuple):
    """Files of an attempt that should be here."""

    entry: Entry
    files: tuple[ResultFile, ...]


class Shelf(Protocol):
    """Where files are put. Every call may block, and raises `BatchrunnerError` for what a disk does."""

    def found(self, entry: Entry, file: ResultFile) -> FetchedFile | None:
        """The file, where it is here whole; None otherwise."""
        ...

    def target(self, entry: Entry, file: ResultFile) -> str:
        """The path that its bytes are added to until it is whole."""
        ...

    def keep(self, entry: Entry, file: ResultFile, whole: Downloaded) -> FetchedFile:
        """Give what is whole its name."""
        ...


class Trouble(NamedTuple):
    """Why something could not be brought: a kebab-case `code`, the HTTP `status` (0: none), the provider's `words`.

    `kind` is `denied` for a refused key, `gone` for what the provider no longer has, `later` for what another run may
    bring, and `refused` for what the provider, or the disk, said no to.
    """

    kind: str
    code: str
    status: int = 0
    words: str = ""


@dataclass(slots=True)
class Brought:
    """What is here of an attempt. `size` are bytes that came over the network in this run."""

    entry: Entry
    files: list[FetchedFile] = field(default_factory=list)
    size: int = 0
    trouble: Trouble | None = None
    error: BatchrunnerError | None = None
    left: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether all that was wanted is here."""
        return self.trouble is None and self.error is None and not self.left


@dataclass(frozen=True, slots=True)
class Tools:
    """What fetching works with. `stopping` says whether to leave; `brought` is told of each attempt that is done."""

    executor: Executor
    shelf: Shelf
    stopping: Callable[[], bool]
    brought: Callable[[Brought], None] = lambda _: None
    concurrency: int = 8


async def fetch(wanted: Sequence[Wanted], tools: Tools) -> list[Brought]:
    """Bring all files of `wanted`; what came of each, in that order. Never raises for one of them: the rest goes on."""
    return await _Fetching(tools).run(wanted)


class _Fetching:
    def __init__(self, tools: Tools) -> None:
        self.tools = tools
        self.denied: set[str] = set()

    async def run(self, wanted: Sequence[Wanted]) -> list[Brought]:
        all_brought = [Brought(each.entry) for each in wanted]
        waiting = iter(list(zip(wanted, all_brought, strict=True)))
        workers = min(self.tools.concurrency, len(wanted))
        await asyncio.gather(*(self._in_turn(waiting) for _ in range(workers)))
        return all_brought

    async def _in_turn(self, waiting: Iterator[tuple[Wanted, Brought]]) -> None:
        for each, brought in waiting:
            try:
                await self._bring_all(each, brought)
            except BatchrunnerError as error:
                brought.error = error
            self.tools.brought(brought)

    async def _bring_all(self, wanted: Wanted, brought: Brought) -> None:
        for file in wanted.files:
            found = await asyncio.to_thread(self.tools.shelf.found, wanted.entry, file)
            if found is not None:
                brought.files.append(found)
            elif self.tools.stopping() or wanted.entry.attempt.intent.provider in self.denied:
                brought.left = True
            else:
                await self._bring(wanted.entry, file, brought)

    async def _bring(self, entry: Entry, file: ResultFile, brought: Brought) -> None:
        attempt, shelf = entry.attempt, self.tools.shelf
        target = await asyncio.to_thread(shelf.target, entry, file)
        job = Download(address=entry.address, provider=attempt.intent.provider, batch_id=attempt.batch_id, file=file,
                       target=target)  # fmt: skip
        said = await self.tools.executor.run(job)
        if isinstance(said, Downloaded):
            brought.size += said.size
            brought.files.append(await asyncio.to_thread(shelf.keep, entry, file, said))
            return
        brought.trouble = trouble_of(said)
        if isinstance(said, Denied):
            self.denied.add(attempt.intent.provider)


def trouble_of(said: Outcome) -> Trouble:
    """What an outcome that is no success means for whoever fetches."""
    match said:
        case Denied():
            return Trouble("denied", said.code, said.status, said.words)
        case NotFound():
            return Trouble("gone", said.code, said.status, said.words)
        case Deferred():
            return Trouble("later", said.code, said.status, said.words)
        case Rejected():
            return Trouble("refused", said.code, said.status, said.words)
        case _:
            raise AssertionError(f"{type(said).__name__} is no answer to a download")

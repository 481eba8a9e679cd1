"""Asks providers to stop remote batches, and has what they answered noted in state.

Nothing is lost by being killed: a batch that was asked to stop already is asked once more, which changes nothing.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from batchrunner.facts import Polling
from batchrunner.jobs import Cancel, Deferred, Denied, NotFound, Outcome, Rejected, Seen
from batchrunner.moments import text_of
from batchrunner.polling import missed, reconciled, seen
from batchrunner.ports import AttemptName, Clock, Executor, Recorder
from batchrunner.records import replace
from batchrunner.remote import RemoteBatch
from batchrunner.state import Attempt, Entry

Word = Literal["cancelled", "cancelling", "asked", "ended", "not-found", "refused", "denied", "deferred", "left"]

STOPPING: frozenset[Word] = frozenset({"cancelled", "cancelling", "asked"})


@dataclass(frozen=True, slots=True)
class Tools:
    """What cancelling works with. `polling` is by provider."""

    executor: Executor
    recorder: Recorder
    clock: Clock
    polling: Mapping[str, Polling]
    concurrency: int = 8


@dataclass(frozen=True, slots=True)
class Stray:
    """A remote batch that no state knows."""

    provider: str
    batch_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one request to stop.

    cancelled, cancelling   it has stopped, or will
    asked                   the provider took the request and says nothing of it yet
    ended                   there was nothing to stop: `batch` says how it ended
    not-found, refused, deferred, denied    `code`, `status` and `words` say why; it may still run
    left                    it was not asked
    """

    entry: Entry | Stray
    word: Word
    batch: RemoteBatch | None = None
    code: str = ""
    status: int = 0
    words: str = ""


@dataclass(slots=True)
class Report:
    """What became of each, in the order in which they were named. Not `noted` where state is still to hear of it."""

    answers: list[Answer] = field(default_factory=list)
    noted: bool = True


async def cancel(targets: Iterable[Entry | Stray], tools: Tools) -> Report:
    """Ask for each of `targets` to be stopped. Never raises for what a provider or a network does.

    Raises `StateError` where state cannot be written: what was stopped is stopped then.
    """
    room = asyncio.Semaphore(tools.concurrency)
    off: set[str] = set()

    async def one(target: Entry | Stray) -> Answer:
        async with room:
            job = _job(target)
            if job.provider in off:
                return Answer(target, "left")
            at = text_of(tools.clock.now())
            said = await tools.executor.run(job)
            if isinstance(said, Denied):
                off.add(job.provider)
            if isinstance(target, Entry):
                _note(target, said, at, tools)
            return _answer(target, said)

    answers = await asyncio.gather(*(one(target) for target in targets))
    return Report(answers, noted=await tools.recorder.flush())


def _job(target: Entry | Stray) -> Cancel:
    if isinstance(target, Stray):
        return Cancel(address="", provider=target.provider, batch_id=target.batch_id)
    attempt = target.attempt
    return Cancel(address=target.address, provider=attempt.intent.provider, batch_id=attempt.batch_id)


def _note(entry: Entry, said: Outcome, at: str, tools: Tools) -> None:
    if not isinstance(said, Seen | NotFound):
        return
    before, polling = entry.attempt.sight, tools.polling[entry.attempt.intent.provider]
    sight = seen(before, said.batch, at) if isinstance(said, Seen) else missed(before, at, polling)

    def change(attempt: Attempt) -> Attempt:
        return replace(attempt, sight=reconciled(attempt.sight, sight, direct=True))

    tools.recorder.record(AttemptName(entry.address, entry.run_key, entry.attempt.number), change)


def _answer(target: Entry | Stray, said: Outcome) -> Answer:
    if isinstance(said, Seen):
        return Answer(target, _word_of(said.batch), said.batch)
    assert isinstance(said, NotFound | Denied | Deferred | Rejected)  # noqa: S101 - see the port
    return Answer(target, _WORDS[type(said)], None, said.code, said.status, said.words)


_WORDS: Mapping[type, Word] = {NotFound: "not-found", Denied: "denied", Deferred: "deferred", Rejected: "refused"}


def _word_of(batch: RemoteBatch) -> Word:
    return _STOPPED.get(batch.status, "ended" if batch.is_terminal else "asked")


_STOPPED: Mapping[str, Word] = {"cancelled": "cancelled", "cancelling": "cancelling"}


def ended(entry: Entry) -> Answer:
    """The answer for what is known to have ended: nobody has to be asked."""
    batch = entry.attempt.sight.batch if entry.attempt.sight else None
    return Answer(entry, "ended", batch)

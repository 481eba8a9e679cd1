"""Looks, at the end of an apply that met ambiguity, whether a provider has more of it than was sent.

A send that is repeated without idempotency keys, a gateway that repeats one behind our back, a reply that was lost:
each may leave a batch that nobody knows of and somebody pays for. An apply in which nothing was ambiguous asks nothing.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from batchrunner.events import Duplicated, Event, Retrying, SharedBatch
from batchrunner.jobs import Accepted, Create, InDoubt, Job, Outcome, Survey, Surveyed
from batchrunner.matching import Duplicate, Trail, duplicates, is_alive
from batchrunner.moments import text_of
from batchrunner.ports import Clock, Executor, Reporter
from batchrunner.remote import key_in
from batchrunner.state import State

CLEAR = frozenset({"rate-limited", "connect-failed", "connect-timeout"})
"""Why a send is repeated that the provider cannot have acted on."""
PATIENCE = 30.0
"""Seconds for one list: nobody is to wait for a provider that is down when all is sent."""


@dataclass(slots=True)
class _Sent:
    """The creates of one provider, by key, and the keys that each batch was the answer to.

    `since` is when the first of them left, RFC 3339 UTC.
    """

    since: str
    is_ambiguous: bool = False
    trails: dict[str, Trail] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    answers: dict[str, list[str]] = field(default_factory=dict)


class Lookout:
    """An executor and a reporter that pass everything on, and remember what was sent and whether it was ambiguous."""

    def __init__(self, reporter: Reporter, clock: Clock) -> None:
        self._reporter = reporter
        self._clock = clock
        self._sent: dict[str, _Sent] = {}
        self._provider_of: dict[str, str] = {}

    def report(self, event: Event) -> None:
        """Pass an event on."""
        if isinstance(event, Retrying) and event.code not in CLEAR and event.address in self._provider_of:
            self._sent[self._provider_of[event.address]].is_ambiguous = True
        self._reporter.report(event)

    def beside(self, executor: Executor) -> Executor:
        """`executor`, with what it creates remembered."""
        return _Watched(self, executor)

    def sending(self, job: Create) -> None:
        """Note a create that is about to leave."""
        sent = self._sent.get(job.provider)
        if sent is None:
            sent = self._sent[job.provider] = _Sent(since=text_of(self._clock.now()))
        sent.since = min(sent.since, job.sent_at or sent.since)
        own_file = job.input_file_id if job.is_own_file else ""
        sent.addresses[job.idempotency_key] = job.address
        sent.trails[job.idempotency_key] = Trail(key=job.idempotency_key, own_file_id=own_file)
        self._provider_of[job.address] = job.provider

    def answered(self, job: Create, outcome: Outcome) -> None:
        """Note what became of a create."""
        self._provider_of.pop(job.address, None)
        sent = self._sent[job.provider]
        sent.is_ambiguous |= isinstance(outcome, InDoubt) or (isinstance(outcome, Accepted) and outcome.is_adopted)
        if isinstance(outcome, Accepted):
            sent.answers.setdefault(outcome.batch_id, []).append(job.idempotency_key)

    async def sweep(
        self, executor: Executor, run_keys: Mapping[str, str], states: Iterable[State]
    ) -> tuple[Duplicated | SharedBatch, ...]:
        """What providers have too much of: one look at each that something was ambiguous at, and none at the others.

        `run_keys` are by key, of what was sent; `states` as they were before. A list that cannot be read tells
        nothing.
        """
        alarms: list[Duplicated | SharedBatch] = []
        for provider, sent in self._sent.items():
            alarms += _shared(provider, sent)
            if sent.is_ambiguous:
                said = await _survey(executor, Survey(provider=provider, since=sent.since, address=provider))
                if said is not None:
                    known = _recorded(states)
                    alarms += [_alarm(provider, sent, each, run_keys) for each in _doubled(said, sent, known)]
        for alarm in alarms:
            self._reporter.report(alarm)
        return tuple(alarms)


async def _survey(executor: Executor, job: Survey) -> Surveyed | None:
    try:
        async with asyncio.timeout(PATIENCE):
            said = await executor.run(job)
    except TimeoutError:
        return None
    return said if isinstance(said, Surveyed) else None


class _Watched:
    def __init__(self, lookout: Lookout, executor: Executor) -> None:
        self._lookout = lookout
        self._executor = executor

    async def run(self, job: Job) -> Outcome:
        if not isinstance(job, Create):
            return await self._executor.run(job)
        self._lookout.sending(job)
        outcome = await self._executor.run(job)
        self._lookout.answered(job, outcome)
        return outcome


def _recorded(states: Iterable[State]) -> Mapping[str, str]:
    """The key of each batch that states had before."""
    return {
        entry.attempt.batch_id: entry.attempt.intent.idempotency_key
        for state in states
        for entry in state.entries()
        if entry.attempt.batch_id
    }


def _doubled(said: Surveyed, sent: _Sent, known: Mapping[str, str]) -> Iterable[Duplicate]:
    for found in duplicates(said.batches, sent.trails.values()):
        # A provider that gives equal files one id has batches of ours that read it, and were not sent now.
        key = found.trail.key
        ours = [each for each in found.batches if key_in(each.metadata) or known.get(each.batch_id, key) == key]
        if sum(map(is_alive, ours)) > 1:
            yield Duplicate(found.trail, tuple(ours))


def _alarm(provider: str, sent: _Sent, found: Duplicate, run_keys: Mapping[str, str]) -> Duplicated:
    key = found.trail.key
    ids = [each.batch_id for each in found.batches if is_alive(each)]
    kept = next((each for each in ids if key in sent.answers.get(each, ())), "")
    return Duplicated(
        address=sent.addresses[key],
        run_key=run_keys.get(key, ""),
        provider=provider,
        kept=kept,
        others=tuple(each for each in ids if each != kept),
    )


def _shared(provider: str, sent: _Sent) -> Iterable[SharedBatch]:
    """Batches that several creates were answered with: only one of those can have been."""
    for batch_id, keys in sent.answers.items():
        if len(keys) > 1:
            yield SharedBatch(
                provider=provider, batch_id=batch_id, addresses=tuple(map(sent.addresses.__getitem__, keys))
            )

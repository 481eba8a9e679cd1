"""Waves: what is sent of a plan where a provider's queue takes only so much. What is open is looked at first."""

from collections.abc import Callable, Mapping

from batchrunner import applier, watcher
from batchrunner.facts import ProviderFacts
from batchrunner.plans import Import, Plan
from batchrunner.ports import AttemptName, Committer
from batchrunner.queues import Room, enqueued
from batchrunner.staleness import outstanding
from batchrunner.state import Attempt, Entry, State
from batchrunner.wiring.silence import Silent

Change = Callable[[Attempt], Attempt]


async def room_for(
    plan: Plan, states: Mapping[str, State], providers: Mapping[str, ProviderFacts], tools: applier.Tools
) -> Room:
    """What the queues of the providers that `plan` sends to take, beside what `states` say is open.

    Where not all of the plan fits, what is open is looked at first, and states hear of what has ended.
    """
    sendable = [change for change in outstanding(plan, states) if not isinstance(change, Import)]
    names = {change.provider for change in sendable}
    known = {name: providers[name].limits.max_enqueued_tokens for name in names if name in providers}
    limits = {name: limit for name, limit in known.items() if limit is not None}
    room = _room(limits, states)
    if limits and not all(room.take(change) for change in sendable):
        await _look(states, limits, providers, tools)
    return _room(limits, states)


def _room(limits: Mapping[str, int], states: Mapping[str, State]) -> Room:
    return Room(limits, (entry.attempt.intent for entry in enqueued(states.values(), limits)))


async def _look(
    states: Mapping[str, State], limits: Mapping[str, int], providers: Mapping[str, ProviderFacts], tools: applier.Tools
) -> None:
    found = [entry for entry in enqueued(states.values(), limits) if entry.attempt.is_open]
    looking = watcher.Tools(
        executor=tools.executor,
        recorder=_Recorder(states, tools.committer),
        reporter=Silent(),
        clock=tools.clock,
        polling={name: facts.polling for name, facts in providers.items()},
        stopping=lambda: tools.brake.pulled,
        pause=_no_pause,
        lot=lambda: 0.0,
    )
    await watcher.refresh(found, looking)


async def _no_pause(_: float) -> None:
    """Who holds the locks waits for nobody."""


class _Recorder:
    """The `Recorder` port of one that holds the locks: states in memory and on the disk move together."""

    def __init__(self, states: Mapping[str, State], committer: Committer) -> None:
        self._states = states
        self._committer = committer
        self._notes: list[tuple[AttemptName, Change]] = []

    def record(self, name: AttemptName, change: Change) -> None:
        """See the port."""
        self._notes.append((name, change))

    async def flush(self) -> bool:
        """See the port; True, as nobody else holds a lock."""
        notes, self._notes = self._notes, []
        for name, change in notes:
            for state in self._states.values():
                before = state.numbered(*name)
                if before is not None and (after := change(before)) != before:
                    entry = Entry(address=name.address, run_key=name.run_key, attempt=after)
                    await self._committer.commit(entry)
                    state.record([entry])
        return True

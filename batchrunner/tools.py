"""What an apply works with, and how it ended."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from batchrunner.brake import Brake
from batchrunner.errors import StateError
from batchrunner.events import AlarmEvent, Failed
from batchrunner.ports import Clock, Committer, Executor, Provider, Reporter
from batchrunner.queues import Room
from batchrunner.state import Entry


@dataclass(frozen=True, slots=True)
class Tools:
    """What an apply works with. `providers` build requests; the executor is what sends them.

    `room` is what the queues of providers take; the rest of a plan is put off before any of it is written or sent.
    """

    providers: Mapping[str, Provider]
    executor: Executor
    committer: Committer
    reporter: Reporter
    clock: Clock
    brake: Brake
    concurrency: int = 16
    room: Room = field(default_factory=lambda: Room({}))


@dataclass(slots=True)
class Report:
    """How an apply ended. `already` were done before by the same plan; `left` came to no outcome in this run. `moved`
    was renamed in state before anything was sent.

    `unsaved` are outcomes that could not be written to state, with `state_error` saying why. `alarms` are what a
    provider was found to have too much of.
    """

    submitted: int = 0
    imported: int = 0
    moved: int = 0
    already: int = 0
    left: int = 0
    failed: list[Failed] = field(default_factory=list)
    unsaved: list[Entry] = field(default_factory=list)
    state_error: StateError | None = None
    alarms: tuple[AlarmEvent, ...] = ()

    @property
    def outcomes(self) -> Counter[str]:
        """How many changes failed, by outcome."""
        return Counter(failure.outcome for failure in self.failed)

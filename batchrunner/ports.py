"""The seams: what the verbs need of the world, and the duties of whoever provides it."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import NamedTuple, Protocol

from batchrunner.events import Event
from batchrunner.jobs import Create, FollowUp, Job, Outcome, Settling, Upload
from batchrunner.remote import Tags
from batchrunner.state import Attempt, Entry, Intent, State


class AttemptName(NamedTuple):
    """Which attempt is meant."""

    address: str
    run_key: str
    number: int


class StateReader(Protocol):
    """The read-only half of a store. Takes no lock and writes nothing, not even to repair."""

    @property
    def url(self) -> str:
        """Where the state is, as a person would name it."""
        ...

    def load(self) -> State:
        """The state as of now, an unfinished journal included; a new lineage where there is none.

        Raises `StateError` for what cannot be read, is newer than this version, or is corrupt.
        """
        ...


class StateStore(StateReader, Protocol):
    """A store with one writer, the holder of its lock. Synchronous: a committing thread serves it."""

    def lock(self, timeout: float, waiting: Callable[[str], None]) -> AbstractContextManager[None]:
        """Hold the exclusive right to write.

        Calls `waiting` once with who holds it; raises `TryAgain` `lock-held` after `timeout` seconds.
        """
        ...

    def append(self, entries: Sequence[Entry]) -> None:
        """Make entries durable, all or none, before returning.

        Raises `StateError` once and for all when that fails: a failed sync is never tried again.
        """
        ...

    def fold(self) -> None:
        """Bring what was appended into the snapshot. Losing power at any moment loses nothing."""
        ...


class Committer(Protocol):
    """Makes entries durable for many senders at once."""

    async def commit(self, entry: Entry) -> None:
        """Return when `entry` is durable. Raises `StateError` when it is not; nothing further may be sent then."""
        ...


class Recorder(Protocol):
    """Notes in state what was seen of attempts that were submitted, by verbs that hold no lock while they wait."""

    def record(self, name: AttemptName, change: Callable[[Attempt], Attempt]) -> None:
        """Have `change` applied to the attempt as it then stands in state, at the next `flush`."""
        ...

    async def flush(self) -> bool:
        """Make durable what was recorded. False where another holds the lock: it is kept, and the next flush tries.

        Raises `StateError` where the state cannot be written.
        """
        ...


class Provider(Protocol):
    """A batch service as the verbs see it. `is_inline` where requests travel in the create, and no file is uploaded."""

    @property
    def is_inline(self) -> bool:
        """Whether a create holds all requests itself."""
        ...

    def create_request(self, intent: Intent, file_id: str, tags: Tags) -> str:
        """The exact JSON body of the create of `intent`, once its file is `file_id`. Pure: always the same bytes.

        Where the provider `is_inline` it only describes the body.
        """
        ...

    async def upload(self, job: Upload) -> Settling:
        """Upload the job's file; `Uploaded`, `Rejected`, `Denied` or `Deferred`.

        Retries by itself; never raises for anything the wire does.
        """
        ...

    async def create(self, job: Create) -> Settling:
        """Create the remote batch; any outcome but `Uploaded`. Resends only what its idempotency mode makes safe."""
        ...

    async def follow(self, job: FollowUp) -> Outcome:
        """Do what is free. `Rejected` `not-offered` for what the provider has no call for, `Denied`, `Deferred`, else

        Look         Seen, NotFound                  Survey       Surveyed
        Cancel       Seen, NotFound, Rejected        Download     Downloaded, NotFound, Rejected (the disk)
        SurveyFiles  FilesSurveyed                   RemoveFile   Removed, NotFound
        """
        ...


class TokenCounter(Protocol):
    """Counts the tokens of texts, offline."""

    def name(self, model: str) -> str:
        """What counts for `model`: a tokenizer's name; empty where there is none for it."""
        ...

    def count(self, text: str, model: str) -> int:
        """The tokens of `text` for `model`, which has a tokenizer."""
        ...


class Executor(Protocol):
    """Runs jobs somewhere. Jobs and outcomes are picklable; a job touches only its provider."""

    async def run(self, job: Job) -> Outcome:
        """Run one job to an outcome, retries included. Never raises for anything a provider or a network does."""
        ...


class Reporter(Protocol):
    """Shows events. Must not raise and must not block for long."""

    def report(self, event: Event) -> None:
        """Show one event."""
        ...


class Clock(Protocol):
    """Tells the time, so that tests can."""

    def now(self) -> datetime:
        """The time now, aware, in UTC."""
        ...

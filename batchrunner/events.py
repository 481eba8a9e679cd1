"""What happens during an apply, or while one waits, as values a reporter shows."""

from batchrunner.records import Record


class Started(Record, tag="started", tag_field="event"):
    """An apply begins; `total` changes send something."""

    total: int


class Uploading(Record, tag="uploading", tag_field="event"):
    """A local input is on its way; `sent` of `size` bytes."""

    address: str
    sent: int
    size: int


class Downloading(Record, tag="downloading", tag_field="event"):
    """Result lines are on their way; `received` of `size` bytes are here. `size` is 0 where it was not said."""

    address: str
    received: int
    size: int


class Uploaded(Record, tag="uploaded", tag_field="event"):
    """A local input is at the provider."""

    address: str
    run_key: str
    file_id: str


class Submitted(Record, tag="submitted", tag_field="event"):
    """The provider returned a batch object and it is in state."""

    address: str
    run_key: str
    batch_id: str


class Imported(Record, tag="imported", tag_field="event"):
    """A batch that was at its provider already is in state."""

    address: str
    run_key: str
    batch_id: str


class Renamed(Record, tag="renamed", tag_field="event"):
    """What state had as `previous`, every run and shard of it, it has as `address` now."""

    address: str
    previous: str


class Retrying(Record, tag="retrying", tag_field="event"):
    """A send is repeated after `wait` seconds; `attempt` counts from 2 to `attempts`."""

    address: str
    code: str
    wait: float
    attempt: int
    attempts: int


class Failed(Record, tag="failed", tag_field="event"):
    """A change did not end in a batch. `outcome` is rejected, denied, deferred, in-doubt or not-imported."""

    address: str
    run_key: str
    outcome: str
    code: str
    words: str = ""
    status: int = 0


class Stopping(Record, tag="stopping", tag_field="event"):
    """Nothing more is started; what is in flight is finished."""

    reason: str
    in_flight: int


class Moved(Record, tag="moved", tag_field="event"):
    """A remote batch has another status than it was last seen with; `gone` is one of them.

    Of `total` requests so many `completed` and `failed`; all 0 where nothing was said.
    """

    address: str
    run_key: str
    batch_id: str
    status: str
    completed: int = 0
    failed: int = 0
    total: int = 0


class Looked(Record, tag="looked", tag_field="event"):
    """All remote batches of a provider were looked at once. The numbers are of all that is watched.

    `open` of `batches` have not ended, and `done` of their `requests` are processed. `left` is in seconds until the
    last of them should have ended, 0 where that is not known; `wait` until the next look at this provider.
    """

    provider: str
    open: int
    batches: int
    done: int
    requests: int
    left: float
    wait: float


class Unseen(Record, tag="unseen", tag_field="event"):
    """Remote batches of a provider could not be looked at, for now. That says nothing of them."""

    provider: str
    code: str
    words: str = ""
    status: int = 0


class Duplicated(Record, tag="duplicated", tag_field="event"):
    """A provider has more batches of one submission than one: `kept` is the one in state, empty for none."""

    address: str
    run_key: str
    provider: str
    kept: str
    others: tuple[str, ...]


class SharedBatch(Record, tag="shared-batch", tag_field="event"):
    """A provider answered the creates of several submissions with one batch, which can be that of one of them only."""

    provider: str
    batch_id: str
    addresses: tuple[str, ...]


class Finished(Record, tag="finished", tag_field="event"):
    """An apply is over and its state is saved."""

    submitted: int
    failed: int
    left: int


WatchEvent = Moved | Looked | Unseen
AlarmEvent = Duplicated | SharedBatch
SendEvent = Started | Uploading | Uploaded | Submitted | Imported | Renamed | Retrying | Failed | Stopping | Finished
Event = SendEvent | Downloading | WatchEvent | AlarmEvent

"""What happens during an apply, as values a reporter shows."""

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


class Retrying(Record, tag="retrying", tag_field="event"):
    """A send is repeated after `wait` seconds; `attempt` counts from 2 to `attempts`."""

    address: str
    code: str
    wait: float
    attempt: int
    attempts: int


class Failed(Record, tag="failed", tag_field="event"):
    """A change did not end in a batch. `outcome` is rejected, denied, deferred or in-doubt."""

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


class Finished(Record, tag="finished", tag_field="event"):
    """An apply is over and its state is saved."""

    submitted: int
    failed: int
    left: int


Event = Started | Uploading | Downloading | Uploaded | Submitted | Retrying | Failed | Stopping | Finished

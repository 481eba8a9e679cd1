"""Where what was sent stands, and the last lines of the event stream."""

from typing import Annotated, Literal

from batchrunner.events import Duplicated, SharedBatch
from batchrunner.outputs.parts import DiagnosticObject, ErrorObject, ExitStatus
from batchrunner.plans import Action
from batchrunner.records import Meta, Record, field
from batchrunner.standing import Standing
from batchrunner.state import Status

At = Annotated[str, Meta(description="When the line was written, RFC 3339 UTC.")]


class FailedObject(Record, omit_defaults=False):
    """A change that did not end in a batch. `status` is the HTTP status, 0 for none; `words` are the provider's."""

    address: str
    run_key: str
    outcome: str
    code: str
    status: int
    words: str


class StateObject(Record, omit_defaults=False):
    """Where a state is, and its revision."""

    state: str
    serial: int


class AppliedBatch(Record, omit_defaults=False):
    """A change of the plan, and where its batch stands in state: `status` is that of the attempt, `absent` for none."""

    address: str
    run_key: str
    action: Action
    reason: str
    status: Literal[Status, "absent"]
    batch_id: str


class UntouchedObject(Record, omit_defaults=False):
    """A batch of which a retry asks nothing again, and why."""

    address: str
    code: str
    message: str
    why: str
    hint: str


class CountsObject(Record, omit_defaults=False):
    """How many requests of a remote batch there are, and what became of them so far."""

    total: int
    completed: int
    failed: int


class StandingObject(Standing, omit_defaults=False):
    """Where an attempt stands. `word` is its status: the remote batch's where there is one, else that in state.

    `left` is in seconds until the remote batch should have ended, `age` since it was created, `ended` since it ended,
    `seen` since it was last looked at; null where that is not known. `next` is the command that goes on from here.
    """

    counts: CountsObject | None = None  # type: ignore[assignment]


class WaitObject(Record, omit_defaults=False):
    """How waiting ended: `counts` are of batches by status, `next` is the command that goes on, empty for none."""

    timed_out: bool
    batches: tuple[StandingObject, ...]
    counts: dict[str, int]
    next: str


class _Applied(Record, omit_defaults=True):
    exit_code: ExitStatus
    plan_id: str
    submitted: int
    moved: int
    imported: int
    unchanged: int
    failed: tuple[FailedObject, ...]
    left: int
    blocked: int
    interrupted: bool
    alarms: tuple[Duplicated | SharedBatch, ...]
    states: tuple[StateObject, ...]
    next: str
    batches: tuple[AppliedBatch, ...]
    untouched: tuple[UntouchedObject, ...] = ()
    ok: tuple[str, ...] = ()
    kept: dict[str, int] = field(default_factory=dict)
    at: At


class AppliedLine(_Applied, tag="applied", tag_field="event"):
    """All is sent that could be, and waiting begins. The fields are those of `ended`."""


class EndedLine(_Applied, tag="ended", tag_field="event"):
    """The last line of a command that was not ended by an error.

    `submitted`, `moved`, `imported`, `unchanged`, `failed`, `blocked` and `left` (not begun) are of changes; `next` is
    the command that goes on, empty where nothing is open. `retry` adds `untouched`, `ok` (addresses that need none) and
    `kept` (by address, rows that failed for good). `wait` is there with `--wait`, unless the run was stopped before.
    """

    format_version: str
    command: str
    wait: WaitObject | None = None


class ErrorLine(Record, tag="error", tag_field="event", omit_defaults=False):
    """The last line of a command that was ended by an error. The fields are those of any command's error."""

    format_version: str
    command: str
    exit_code: ExitStatus
    error: ErrorObject
    diagnostics: tuple[DiagnosticObject, ...]
    unlisted: int
    at: At

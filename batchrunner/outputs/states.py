"""Looking at states, and mending them; request lines."""

from typing import Any

from batchrunner.outputs.parts import Output
from batchrunner.records import Record
from batchrunner.state import Fetched, Intent, Problem, Status


class RenderOutput(Output):
    """The request lines that a batch sends. `size` is in bytes, `sha256` of what is sent."""

    address: str
    requests: int
    size: int
    sha256: str
    lines: tuple[Any, ...]


class ListedAttempt(Record, omit_defaults=False):
    """An attempt in state, without its requests and replies. `remote_status` is what the remote batch was seen as."""

    address: str
    run_key: str
    attempt: int
    status: Status
    batch_id: str
    remote_status: str
    updated_at: str


class StateListOutput(Output):
    """Attempts in state."""

    attempts: tuple[ListedAttempt, ...]


class ShownAttempt(Record, omit_defaults=False):
    """All that state knows of an attempt. `request` is the body of the create, replies are as they were sent."""

    run_key: str
    number: int
    status: Status
    updated_at: str
    adopted: bool
    batch_id: str
    file_id: str
    sent_at: str
    intent: Intent
    problem: Problem | None
    sight: dict[str, Any] | None
    fetched: Fetched | None
    request: str
    upload_reply: Any
    reply: Any


class StateShowOutput(Output):
    """All attempts of an address."""

    address: str
    attempts: tuple[ShownAttempt, ...]


class StateRmOutput(Output):
    """What was forgotten, and the backup of the state as it was."""

    address: str
    backup: str


class StateMvOutput(Output):
    """What was renamed, and the backup of the state as it was."""

    source: str
    target: str
    backup: str


class StateImportOutput(Output):
    """A batch that was taken into state."""

    address: str
    run_key: str
    batch_id: str
    attempt: int
    state: str
    backup: str


class LostEntry(Record, omit_defaults=False):
    """An attempt that a repair could not keep."""

    address: str
    run_key: str
    status: str
    batch_id: str
    idempotency_key: str


class RepairedState(Record, omit_defaults=False):
    """A state that was repaired: what was damaged, how many revisions were kept and lines dropped, and copies of it."""

    state: str
    damage: str
    kept: int
    dropped: int
    copies: tuple[str, ...]
    lost: tuple[LostEntry, ...]
    doubtful: tuple[LostEntry, ...]


class StateRepairOutput(Output):
    """States that were repaired."""

    states: tuple[RepairedState, ...]


class StateUnlockOutput(Output):
    """States whose locks were looked at."""

    states: tuple[str, ...]

"""Plans, states and checks as documents."""

from typing import Any, Literal

from batchrunner.outputs.parts import DiagnosticObject, Output
from batchrunner.plans import Notice, Plan
from batchrunner.records import Record
from batchrunner.remote import RemoteBatch, Sight
from batchrunner.state import Attempt


class PlanOutput(Plan):
    """A saved plan, which is what `plan --json` and `show --json` write, too; there with the `command`."""

    command: str = ""


class RemoteBatchInState(RemoteBatch):
    """A remote batch as it was last seen. `reply` is the provider's object, as it was sent."""

    reply: Any = None


class SightInState(Sight):
    """What was last seen of a remote batch."""

    batch: RemoteBatchInState | None = None


class AttemptInState(Attempt):
    """One attempt and what became of it.

    `request` is the exact body of the create; `reply` is the returned batch object and `upload_reply` the file object,
    as they were sent.
    """

    upload_reply: Any = None
    reply: Any = None
    sight: SightInState | None = None


class StateFile(Record, omit_defaults=False):
    """A state file. `batches` holds attempts, oldest first, by address and run key.

    Each holds the intent, and the replies of the provider as they were sent. `lineage` is the state's birth id,
    `serial` counts its revisions. It is written by batchrunner alone: read it, or use `state` commands to change it.
    """

    batches: dict[str, dict[str, tuple[AttemptInState, ...]]]
    format: Literal["batchrunner.state"]
    format_version: int
    lineage: str
    serial: int


class ValidateOutput(Output):
    """What was checked. `notices` are good to know; there are no `diagnostics` where all is valid."""

    specs: int
    batches: int
    requests: int
    bytes: int
    files: int
    notices: tuple[Notice, ...]
    diagnostics: tuple[DiagnosticObject, ...]

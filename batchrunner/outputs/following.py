"""What becomes of batches after they were submitted."""

from typing import Literal

from batchrunner.accounts import Account, Rows
from batchrunner.outputs.parts import Output
from batchrunner.outputs.sending import StandingObject
from batchrunner.records import Record


class StatusOutput(Output):
    """Where batches stand. `looked` says whether their providers were asked, `counts` are of batches by status."""

    looked: bool
    batches: tuple[StandingObject, ...]
    counts: dict[str, int]


class WaitOutput(Output):
    """Where batches stand after waiting. `timed_out` where --timeout ended it; `next` is the command that goes on."""

    timed_out: bool
    batches: tuple[StandingObject, ...]
    counts: dict[str, int]
    next: str


class AccountObject(Account, omit_defaults=False):
    """The account of a batch in a run, as in its `summary.json`. `folder` has its results, empty for none."""

    folder: str


class FetchOutput(Output):
    """What a fetch brought. `made` counts accounts that are new or changed, `downloaded` is in bytes."""

    rows: Rows
    is_complete: bool
    made: int
    downloaded: int
    batches: tuple[AccountObject, ...]
    problems: tuple[str, ...]
    next: tuple[str, ...]


class CancelledObject(Record, omit_defaults=False):
    """What became of one that was to be cancelled. `address` is empty, `attempt` 0 where it is not in state."""

    address: str
    run_key: str
    attempt: int
    provider: str
    batch_id: str
    outcome: str
    status: str
    code: str
    words: str


class CancelOutput(Output):
    """What became of batches that were to be cancelled. `noted` says whether the state knows."""

    batches: tuple[CancelledObject, ...]
    noted: bool


class LeftoverObject(Record, omit_defaults=False):
    """A file at a provider that nobody needs. `outcome` is empty where it was not to be deleted."""

    provider: str
    file_id: str
    address: str
    run_key: str
    kind: Literal["results", "input"]
    size: int
    created_at: str
    why: str
    outcome: str


class GcOutput(Output):
    """Files at providers that can go, and what became of them with --yes."""

    files: tuple[LeftoverObject, ...]
    notes: tuple[str, ...]

"""What was in doubt or lost."""

from typing import Any

from batchrunner.outputs.parts import Output
from batchrunner.records import Record, field


class CandidateObject(Record, omit_defaults=False):
    """A remote batch that may be the one in doubt, with what speaks for it."""

    batch_id: str
    status: str
    created_at: str
    requests: int | None
    evidence: tuple[str, ...]
    certain: bool


class ResolveOutput(Output, omit_defaults=True):
    """A batch that was in doubt: settled, with a `backup` of the state and what became of `others`; or still open.

    While it is open `candidates` are what the provider has, `not_asked` why it could not be asked, and `next` are
    commands.
    """

    address: str
    run_key: str
    status: str
    batch_id: str
    backup: str = ""
    others: dict[str, str] = field(default_factory=dict)
    provider: str = ""
    not_asked: str = ""
    candidates: tuple[CandidateObject, ...] = ()
    next: tuple[str, ...] = ()


class RecoveredObject(Record, omit_defaults=False):
    """An attempt that was put into state. `how` is what it was recognised by."""

    address: str
    run_key: str
    attempt: int
    retry_of: int
    how: str
    provider: str
    batch_id: str


class DuplicateObject(Record, omit_defaults=False):
    """A submission that a provider has several batches of; `kept` is the one in state."""

    address: str
    run_key: str
    provider: str
    kept: str
    others: tuple[str, ...]


class ConflictObject(Record, omit_defaults=False):
    """A remote batch that says to be an attempt which state knows otherwise."""

    address: str
    run_key: str
    attempt: int
    provider: str
    batch_id: str


class MaybeObject(Record, omit_defaults=False):
    """A remote batch that may be one of ours."""

    address: str
    run_key: str
    batch_id: str


class StrangerObject(Record, omit_defaults=False):
    """A remote batch that is none of ours, as far as can be told."""

    provider: str
    batch_id: str


class SavedObject(Record, omit_defaults=False):
    """A state that was written, and the backup of what it was before, empty for none."""

    state: str
    backup: str


class RecoverOutput(Output):
    """What was found at providers, and what of it was put into state. `listed` counts batches by provider.

    `broken_off` are providers whose list was not read to its end, `untold` what could not be told of them.
    """

    listed: dict[str, int]
    recovered: tuple[RecoveredObject, ...]
    known: int
    alarms: tuple[DuplicateObject, ...]
    conflicts: tuple[ConflictObject, ...]
    maybe: tuple[MaybeObject, ...]
    strangers: tuple[StrangerObject, ...]
    broken_off: tuple[str, ...]
    untold: dict[str, Any]
    states: tuple[SavedObject, ...]

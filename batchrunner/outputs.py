"""What every command writes with `--json`, as types: published as JSON Schema, and held to by tests.

Commands write plain dicts; whatever they write is read as one of these by each test that runs them. All fields of an
output are always written; those of the plan, of state and of intents within them are left out at their defaults.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from batchrunner.accounts import Account, Rows
from batchrunner.checkups import Check
from batchrunner.chronicle import Happening
from batchrunner.coverage import Occurrence
from batchrunner.events import Duplicated, Event, SharedBatch
from batchrunner.plans import Action, Notice, Plan
from batchrunner.records import Meta, Record, extended, field
from batchrunner.remote import RemoteBatch, Sight
from batchrunner.standing import Standing
from batchrunner.state import Attempt, Fetched, Intent, Problem, Status
from batchrunner.streams import PlanLine, PlannedLine, VersionLine
from batchrunner.summaries import RunSummary

FORMAT_VERSION = "1.0"
At = Annotated[str, Meta(description="When the line was written, RFC 3339 UTC.")]
ExitStatus = Annotated[int, Meta(description="The exit code.")]


class Output(Record, omit_defaults=False):
    """What all documents have in common. `command` is the command that wrote it."""

    format_version: Annotated[str, Meta(pattern=r"^1\.[0-9]+$")] = FORMAT_VERSION
    command: str


class ErrorObject(Record, omit_defaults=False):
    """What went wrong: a kebab-case `code`, what happened, where, why, and the command or act that mends it."""

    code: str
    message: str
    where: str
    why: str
    hint: str


class DiagnosticObject(Record, omit_defaults=False):
    """One problem in a file. `line` and `column` count from 1, 0 is the whole file.

    `provider_code` is what batch services call it, empty where they have no word.
    """

    code: str
    message: str
    path: str
    line: int
    column: int
    hint: str
    provider_code: str


class ErrorOutput(Output):
    """What any command writes in place of its own document where it ends with an error.

    `diagnostics` are problems of files, the first ones of many; `unlisted` counts the rest.
    """

    exit_code: ExitStatus
    error: ErrorObject
    diagnostics: tuple[DiagnosticObject, ...]
    unlisted: int


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


class ValidateOutput(Output):
    """What was checked. `notices` are good to know; there are no `diagnostics` where all is valid."""

    specs: int
    batches: int
    requests: int
    bytes: int
    files: int
    notices: tuple[Notice, ...]
    diagnostics: tuple[DiagnosticObject, ...]


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


class CheckObject(Check, omit_defaults=False):
    """One thing that was looked at: `id` is a kebab-case word, `subject` what it was looked at of, empty for the whole.

    `hint` is what mends it, empty where nothing has to be.
    """


class DoctorOutput(Output):
    """What was found of the setup; `counts` are of checks by status."""

    checks: tuple[CheckObject, ...]
    counts: dict[str, int]


class HappeningObject(Happening, omit_defaults=False):
    """One thing that happened to an attempt, `at` an RFC 3339 UTC time, empty where that is not known.

    `status` is the remote batch's, where it is about that. `words` say more, and are a provider's where that said
    something. `requests`, `bytes` and the estimated cost are those of what was decided, 0 and null for not known;
    `rows` counts rows in all, `answered` those that were answered. `submitted_as` is the address it was submitted as,
    where it was moved since.
    """


class HistoryOutput(Output):
    """What happened to what `addresses` name, oldest first; `unlisted` counts what happened before."""

    addresses: tuple[str, ...]
    events: tuple[HappeningObject, ...]
    unlisted: int


class OccurrenceObject(Occurrence, omit_defaults=False):
    __doc__ = Occurrence.__doc__


class RunsOfSpec(Record, omit_defaults=False):
    """The runs of a spec, newest first: `intervals` of its recurrence, and `others`. `unlisted` counts older ones."""

    name: str
    path: str
    state: str
    once_per: str
    timezone: str
    counts: dict[str, int]
    intervals: tuple[OccurrenceObject, ...]
    others: tuple[OccurrenceObject, ...]
    unlisted: int


class RunsOutput(Output):
    """Which intervals of specs were submitted, and which are missing."""

    specs: tuple[RunsOfSpec, ...]


class InitOutput(Output):
    """Files that were written, and those that were there. `unignored` are lines that .gitignore lacks."""

    written: tuple[str, ...]
    kept: tuple[str, ...]
    unignored: tuple[str, ...]


class ExplainedCode(Record):
    """What a code means, and what to do. `family` is the place where it is met, `met_in` that in words."""

    code: str
    family: str
    meaning: str
    cause: str
    remedy: str
    example: str
    met_in: str
    exit_codes: tuple[int, ...]


class ExplainOutput(Output):
    """Codes and what they mean: the meanings of one, or all that there are."""

    explanations: tuple[ExplainedCode, ...]


class SchemaOutput(Output):
    """A JSON Schema, and what it is of; both empty where nothing was named. `names` are what there are schemas of."""

    which: str
    schema: dict[str, Any]
    names: tuple[str, ...]


class CompletionOutput(Output):
    """A completion script for a shell."""

    shell: str
    script: str


class SandboxServeOutput(Output):
    """Where the sandbox is; it runs on."""

    base_url: str


def _line_name(kind: type[Record]) -> str:
    return kind.__name__.removesuffix("Line") + "Line"


STREAM_LINES: tuple[type[Record], ...] = (
    VersionLine,
    *(extended(kind, _line_name(kind), at=At) for kind in (PlanLine, PlannedLine, *get_args(Event))),
    AppliedLine,
    EndedLine,
    ErrorLine,
)
"""Every line of the event stream, by what it is in `event`."""

FILES: Mapping[str, type[Record]] = {"plan": PlanOutput, "state": StateFile, "summary": RunSummary}
OUTPUTS: Mapping[str, type[Record]] = {
    "init": InitOutput,
    "doctor": DoctorOutput,
    "validate": ValidateOutput,
    "show": PlanOutput,
    "render": RenderOutput,
    "cancel": CancelOutput,
    "status": StatusOutput,
    "wait": WaitOutput,
    "fetch": FetchOutput,
    "runs": RunsOutput,
    "history": HistoryOutput,
    "gc": GcOutput,
    "resolve": ResolveOutput,
    "recover": RecoverOutput,
    "state list": StateListOutput,
    "state show": StateShowOutput,
    "state rm": StateRmOutput,
    "state mv": StateMvOutput,
    "state import": StateImportOutput,
    "state repair": StateRepairOutput,
    "state unlock": StateUnlockOutput,
    "explain": ExplainOutput,
    "schema": SchemaOutput,
    "completion": CompletionOutput,
    "sandbox serve": SandboxServeOutput,
}
"""The document of each command that writes one; `plan` is the file's, and `apply` and `retry` write the stream."""

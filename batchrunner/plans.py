"""The plan: a frozen list of changes, what they came from, and a digest of itself. No secrets, no input rows."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import Literal

from batchrunner.comparison import Base
from batchrunner.records import Record, encode, replace
from batchrunner.state import Submission

FORMAT = "batchrunner.plan"
FORMAT_VERSION = "1.3"

Action = Literal["submit", "resume", "replace", "import", "move", "unchanged", "blocked", "orphan"]
SYMBOLS: Mapping[str, str] = {
    "submit": "+",
    "resume": "?",
    "replace": "-/+",
    "import": "<=",
    "move": "->",
    "unchanged": "=",
    "blocked": "!",
    "orphan": "~",
}


class Submit(Submission, tag="submit", tag_field="action"):
    """Create a remote batch that no earlier attempt of this run created. `base_version` is the attempt it follows.

    `family_version` stands for the attempts at other shards of the same batch, in the same run, and for which of them
    may have been sent; empty for none. What the plan itself resumes is not among them.
    """

    address: str
    run_key: str
    reason: str
    attempt: int
    base_version: str = ""
    family_version: str = ""


class Replace(Submit, tag="replace", tag_field="action"):
    """Create one more paid batch beside the one that `replaces` names, because `--replace` said so."""

    replaces: str = ""


class Resume(Submission, tag="resume", tag_field="action"):
    """Carry on with a stored intent whose outcome is not known, exactly as it stands in state.

    `family_version` is that of a `Submit`.
    """

    address: str
    run_key: str
    reason: str
    attempt: int
    base_version: str
    family_version: str = ""


class Import(Submission, tag="import", tag_field="action"):
    """Take a batch that is at the provider already, `batch_id`, for the one that is declared: nothing is paid for.

    The spec's `imports` says so. It is looked up when the plan is applied.
    """

    address: str
    run_key: str
    reason: str
    attempt: int
    batch_id: str
    base_version: str = ""


class Move(Record, tag="move", tag_field="action"):
    """Call what state holds at `previous`, every run and shard of it, `address`: nothing is sent.

    The spec's `moved` says so. `run_key` is empty. `previous_state` is the state that it is in now where that is
    another than the spec's, empty otherwise.
    """

    address: str
    reason: str
    previous: str
    previous_state: str = ""
    run_key: str = ""


class Unchanged(Record, tag="unchanged", tag_field="action"):
    """Already submitted for this run; nothing is sent.

    `status` is how the remote batch ended where that was not well, and `hint` the command that asks for its rows again.
    """

    address: str
    run_key: str
    reason: str
    batch_id: str
    submitted_at: str
    status: str = ""
    hint: str = ""


class Blocked(Record, tag="blocked", tag_field="action"):
    """Held: only a person can say what is right. `hint` is the command that says it.

    `replacing` is the batch whose shards wait for a replacement together, empty where only this address would be named.
    """

    address: str
    run_key: str
    reason: str
    hint: str
    batch_id: str = ""
    explanation: str = ""
    replacing: str = ""


class Orphan(Record, tag="orphan", tag_field="action"):
    """In state and no longer in the specs: left alone, never cancelled by itself."""

    address: str
    run_key: str
    reason: str
    batch_id: str = ""


Change = Submit | Replace | Resume | Import | Move | Unchanged | Blocked | Orphan
Sendable = Submit | Replace | Resume


class PlannedSpec(Record):
    """One spec of a plan: its file, digest and run, and the state it was compared with."""

    name: str
    path: str
    sha256: str
    run: str
    state: str
    lineage: str = ""
    serial: int = 0


class Notice(Record):
    """Something a reviewer should know that stops nothing. `where` is a file or an address."""

    code: str
    message: str
    where: str = ""

    @property
    def is_warning(self) -> bool:
        """Whether something may be wrong: that a table was read, or nothing was missed, is only good to know."""
        return self.code not in {"table", "caught-up"}


class Refusal(Record):
    """A `rule` of the project's policy that the plan breaks, and where: an address, empty for the plan as a whole."""

    rule: str
    message: str
    address: str = ""


class Plan(Record, omit_defaults=False):
    """`specs` in order of their paths, `changes` in the order they are applied. Times are RFC 3339 UTC.

    `flags` are those it was made with, but for `--target` and `--replace`; of `--var` without the value, which may be
    sensitive. `paths` are the PATHs as typed, `rules` the rules of the project's policy that it was held to. `base` is
    what the specs are compared with, None where nothing was asked for.

    Its own fields are always written: a reader looks for `format` and `format_version` before anything else.
    """

    format: str = FORMAT
    format_version: str = FORMAT_VERSION
    plan_id: str = ""
    created_at: str
    tool_version: str
    project: str = ""
    targets: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    specs: tuple[PlannedSpec, ...]
    changes: tuple[Change, ...]
    notices: tuple[Notice, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    base: Base | None = None

    @property
    def sendable(self) -> tuple[Sendable, ...]:
        """The changes that send something."""
        return tuple(c for c in self.changes if isinstance(c, Submit | Resume))

    @property
    def settling(self) -> "tuple[Sendable | Import | Move, ...]":
        """The changes that do something: those that send, import and rename."""
        return tuple(c for c in self.changes if isinstance(c, Submit | Resume | Import | Move))

    @property
    def imports(self) -> tuple[Import, ...]:
        """The changes that take a batch from its provider into state."""
        return tuple(c for c in self.changes if isinstance(c, Import))

    @property
    def moves(self) -> tuple[Move, ...]:
        """The changes that rename what is in state."""
        return tuple(c for c in self.changes if isinstance(c, Move))

    @property
    def blocked(self) -> tuple[Blocked, ...]:
        """The changes only a person can settle."""
        return tuple(c for c in self.changes if isinstance(c, Blocked))

    @property
    def has_changes(self) -> bool:
        """Whether applying it would change anything, or waits for a person."""
        return any(not isinstance(change, Unchanged | Orphan) for change in self.changes)

    @property
    def counts(self) -> dict[str, int]:
        """How many changes of each action, zero included."""
        counted = Counter(action_of(change) for change in self.changes)
        return {action: counted[action] for action in SYMBOLS}


def action_of(change: Change) -> str:
    """The action's word."""
    return str(change.__struct_config__.tag)


def sealed(plan: Plan) -> Plan:
    """`plan` with `plan_id` set to the digest of all the rest."""
    return replace(plan, plan_id=digest_of_plan(plan))


def digest_of_plan(plan: Plan) -> str:
    """sha256 of the plan's compact JSON without its own `plan_id`."""
    return "sha256:" + hashlib.sha256(encode(replace(plan, plan_id=""))).hexdigest()

"""Lines of the event stream that are not events of `events.py`: what frames them, and what is planned."""

from batchrunner.plans import Notice, PlannedSpec, Refusal
from batchrunner.records import Record

FORMAT_VERSION = "1.0"
STREAMING = frozenset({"apply", "retry"})
"""Commands whose `--json` is a stream."""


class VersionLine(Record, tag="version", tag_field="event", omit_defaults=False):
    """The first line: which format follows, and who writes it. `at` is an RFC 3339 time in UTC, in every line."""

    format_version: str = FORMAT_VERSION
    command: str
    tool_version: str
    at: str


class PlanLine(Record, tag="plan", tag_field="event", omit_defaults=False):
    """What will be done as a whole; `counts` are of changes by action. A line `planned` for each of them follows."""

    plan_id: str
    created_at: str
    project: str
    specs: tuple[PlannedSpec, ...]
    counts: dict[str, int]
    notices: tuple[Notice, ...]
    refusals: tuple[Refusal, ...]


class PlannedLine(Record, tag="planned", tag_field="event", omit_defaults=False):
    """One change of the plan, in the order they are applied. `action` and `reason` are those of the plan file.

    `attempt`, `provider` and `endpoint` are of what is sent; `batch_id` is of a batch that there is, `replaces` of the
    one that is submitted once more; `previous` is the address before a move, `hint` the command that settles what is
    blocked. `requests` and `bytes` are of a local input; costs are US dollars, estimated, null where not known.
    """

    address: str
    run_key: str
    action: str
    reason: str
    attempt: int
    provider: str
    endpoint: str
    batch_id: str
    previous: str
    replaces: str
    hint: str
    requests: int
    bytes: int
    cost_usd_low: float | None
    cost_usd_high: float | None


Line = VersionLine | PlanLine | PlannedLine

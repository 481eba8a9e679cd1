"""What a run came to, as one value: for files, dashboards and notifications, whatever command it was."""

from collections.abc import Iterable
from math import fsum
from typing import Literal

from batchrunner.records import Record, field

FORMAT = "batchrunner.summary"
FORMAT_VERSION = "1.0"

BatchOutcome = Literal["submitted", "imported", "moved", "unchanged", "failed", "blocked", "left", "orphan", "watched"]
"""submitted  this run, and the provider returned a batch
imported   taken over from the provider, by this run
moved      renamed in state, by this run
unchanged  submitted before; nothing was sent
failed     this run tried, and it did not end in a batch that is in state
blocked    waits for a person
left       not begun, and still to be done
orphan     in state and no longer in the specs: left alone
watched    submitted by another run: this one looked at it, or fetched it
"""
Verdict = Literal["", "done", "open", "failed", "held", "owed", "refused"]
"""Where a batch stood when the run ended, as `status` judges it; empty where the run did not look."""

OUTCOMES: tuple[BatchOutcome, ...] = BatchOutcome.__args__  # type: ignore[attr-defined]
VERDICTS: tuple[Verdict, ...] = Verdict.__args__[1:]  # type: ignore[attr-defined]


class SummaryFailure(Record, omit_defaults=False):
    """A batch that did not end as it should.

    `outcome` is `rejected`, `denied`, `deferred`, `in-doubt`, `not-imported` or `unsaved`; `code` a kebab-case
    word, `words` those of the provider.
    """

    address: str
    run_key: str
    outcome: str
    code: str
    words: str = ""


class SummaryBatch(Record, omit_defaults=False):
    """One batch of the run: what the run did with it, and where it stands.

    `action` is that of its plan, empty where there was none. `status` is the word `status` has for it: that of the
    remote batch where the run looked at it, else that of its attempt in state, `absent` for none. `requests` and
    `bytes` are of its local input, 0 for a file at the provider. Costs are US dollars, estimated; None is unknown.
    """

    address: str
    run_key: str
    action: str = ""
    outcome: BatchOutcome
    status: str
    verdict: Verdict = ""
    batch_id: str = ""
    requests: int = 0
    bytes: int = 0
    cost_usd_low: float | None = None
    cost_usd_high: float | None = None


class SummaryRows(Record, omit_defaults=False):
    """Rows of results that a `fetch` accounted for, each in exactly one way."""

    total: int = 0
    ok: int = 0
    error: int = 0
    expired: int = 0
    missing: int = 0


class RunSummary(Record, omit_defaults=False):
    """What one `apply`, `retry`, `wait` or `fetch` came to, also where it was refused, failed or was interrupted.

    Times are RFC 3339 UTC, `seconds` how long it took. `counts` are of `batches` by outcome, `verdicts` of those that
    were looked at; every word is there, zero included. Of what was submitted in this run: `requests` and `bytes` of
    local inputs, and the estimated cost from `cost_usd_low`, of what is known, to `cost_usd_high`, None where one is
    not known. `rows` are those that a fetch accounted for, by spec; empty for other commands. `error` is the code of
    the error that ended the run, empty for none, and `message` its sentence; `next` the command that goes on, empty
    where nothing is open. `specs` are names of specs, and `run_keys` the runs of `batches`.
    """

    format: str = FORMAT
    format_version: str = FORMAT_VERSION
    command: str
    exit_code: int
    started_at: str
    finished_at: str
    seconds: float
    tool_version: str
    project: str = ""
    specs: tuple[str, ...] = ()
    run_keys: tuple[str, ...] = ()
    plan_id: str = ""
    counts: dict[str, int]
    verdicts: dict[str, int]
    requests: int = 0
    bytes: int = 0
    cost_usd_low: float = 0.0
    cost_usd_high: float | None = None
    rows: dict[str, SummaryRows] = field(default_factory=dict)
    failures: tuple[SummaryFailure, ...] = ()
    batches: tuple[SummaryBatch, ...] = ()
    interrupted: bool = False
    error: str = ""
    message: str = ""
    next: str = ""

    @property
    def is_success(self) -> bool:
        """Whether it ended with exit code 0."""
        return self.exit_code == 0


def submitted(batches: Iterable[SummaryBatch]) -> tuple[SummaryBatch, ...]:
    """Those that this run submitted."""
    return tuple(each for each in batches if each.outcome == "submitted")


def least_cost(batches: Iterable[SummaryBatch]) -> float:
    """What they cost at least: those aside whose cost is not known."""
    return _rounded(batch.cost_usd_low or 0.0 for batch in batches)


def most_cost(batches: Iterable[SummaryBatch]) -> float | None:
    """What they cost at most; None where that is not known of one, which is never nothing."""
    costs = [batch.cost_usd_high for batch in batches]
    return None if None in costs else _rounded(cost or 0.0 for cost in costs)


def _rounded(costs: Iterable[float]) -> float:
    return round(fsum(costs), 12)

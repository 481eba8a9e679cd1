"""What a run came to, as one value: for files, dashboards and notifications, whatever command it was."""

from batchrunner.records import Record

FORMAT = "batchrunner.summary"
FORMAT_VERSION = "1.0"


class SummaryFailure(Record):
    """A batch that did not end as it should. `outcome` and `code` are kebab-case words."""

    address: str
    run_key: str
    outcome: str
    code: str
    words: str = ""


class SummaryBatch(Record):
    """Where one batch of the run stands. `status` is that of its attempt in state, `absent` for none."""

    address: str
    run_key: str
    action: str
    status: str
    batch_id: str = ""


class RunSummary(Record, omit_defaults=False):
    """What one `apply`, `retry` or `wait` came to.

    Times are RFC 3339 UTC, `seconds` how long it took. `counts` are of batches: submitted, imported, moved, unchanged,
    failed, blocked, left. Of what was submitted in this run: `requests` and `bytes` of local inputs, and the estimated
    cost from `cost_usd_low` to `cost_usd_high`, None where that is not known. `error` is the code of the error that
    ended the run, empty for none; `next` the command that goes on, empty where nothing is open.
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
    requests: int = 0
    bytes: int = 0
    cost_usd_low: float | None = None
    cost_usd_high: float | None = None
    failures: tuple[SummaryFailure, ...] = ()
    batches: tuple[SummaryBatch, ...] = ()
    interrupted: bool = False
    error: str = ""
    next: str = ""

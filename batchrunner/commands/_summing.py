"""What a command notes on its way, and the summary that is made of it however the command ends."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from batchrunner._version import __version__
from batchrunner.accounts import Account, FetchedBatch, Pending, Rows, summed
from batchrunner.address import natural, spec_of, whole_of
from batchrunner.applier import Report
from batchrunner.events import Event, Failed, Submitted
from batchrunner.manifest import LocalFile
from batchrunner.plans import Blocked, Change, Import, Move, Orphan, Plan, Replace, Resume, Submit, Unchanged, action_of
from batchrunner.ports import Reporter
from batchrunner.project import Project
from batchrunner.records import replace
from batchrunner.standing import Standing
from batchrunner.state import State
from batchrunner.summaries import (
    OUTCOMES,
    VERDICTS,
    BatchOutcome,
    RunSummary,
    SummaryBatch,
    SummaryFailure,
    SummaryRows,
    least_cost,
    most_cost,
    submitted,
)

Name = tuple[str, str]
"""The address of a batch, and its run key."""


@dataclass(frozen=True, slots=True)
class Course:
    """When a command ran, RFC 3339 UTC, how many seconds, and how it ended: `error` is a code, `message` a sentence."""

    command: str
    started_at: str
    finished_at: str
    seconds: float
    exit_code: int
    error: str = ""
    message: str = ""


@dataclass(slots=True)
class Notes:
    """What is known of a run so far. A command tells it as it goes; whatever ends the command, that much can be said.

    `project` is None until its file was read. Also a reporter: it sees what was submitted, and what failed, and tells
    the one `beside` it.
    """

    project: Project | None = None
    specs: Sequence[str] = ()
    plan_id: str = ""
    next: str = ""
    interrupted: bool = False
    rows: dict[str, SummaryRows] = field(default_factory=dict)
    batches: dict[Name, SummaryBatch] = field(default_factory=dict)
    failures: dict[Name, SummaryFailure] = field(default_factory=dict)
    beside: Reporter | None = None

    def meet(self, project: Project) -> None:
        """`project` is in force."""
        self.project = project

    def planned(self, plan: Plan) -> None:
        """`plan` is what will be done. What an earlier plan of this run submitted stays submitted by it."""
        self.plan_id = plan.plan_id
        self.specs = [spec.name for spec in plan.specs]
        self.failures.clear()
        for change in plan.changes:
            name = change.address, change.run_key
            if self.batches.get(name, _NONE).outcome != "submitted":
                self.batches[name] = _planned(change)

    def report(self, event: Event) -> None:
        """Note what an event says of a batch."""
        if self.beside is not None:
            self.beside.report(event)
        if isinstance(event, Submitted):
            self._became(event.address, event.run_key, "submitted", "submitted", event.batch_id)
            self.failures.pop((event.address, event.run_key), None)
        elif isinstance(event, Failed):
            self._became(event.address, event.run_key, "failed", event.outcome, "")
            self.failures[event.address, event.run_key] = SummaryFailure(
                address=event.address, run_key=event.run_key, outcome=event.outcome, code=event.code, words=event.words
            )

    def applied(self, plan: Plan, report: Report, states: Mapping[str, State]) -> None:
        """`plan` was applied, and `states` by spec name are what came of it."""
        for change in plan.changes:
            if isinstance(change, Import | Move | Submit | Resume):
                self._settle(change, states.get(spec_of(change.address)))
        for entry in report.unsaved:
            code = report.state_error.code if report.state_error else ""
            self._became(entry.address, entry.run_key, "failed", entry.attempt.status, entry.attempt.batch_id)
            self.failures[entry.address, entry.run_key] = SummaryFailure(
                address=entry.address, run_key=entry.run_key, outcome="unsaved", code=code
            )

    def looked(self, standings: Iterable[Standing]) -> None:
        """`standings` are where batches stand now."""
        for each in standings:
            name = each.address, each.run_key
            known = self.batches.get(name) or SummaryBatch(
                address=each.address, run_key=each.run_key, outcome="watched", status=each.word
            )
            self.batches[name] = replace(known, status=each.word, verdict=each.verdict, batch_id=each.batch_id)

    def fetched(self, accounts: Sequence[Account]) -> None:
        """`accounts` are of the results that are here now."""
        for spec in sorted({spec_of(account.address) for account in accounts}):
            self.rows[spec] = _rows(summed(each.rows for each in accounts if spec_of(each.address) == spec))
        for account in accounts:
            remote: list[FetchedBatch | Pending] = [*account.batches, *account.pending]
            for batch in remote:
                self.batches[batch.address, account.run_key] = SummaryBatch(
                    address=batch.address, run_key=account.run_key, outcome="watched", status=batch.status,
                    batch_id=batch.batch_id,
                )  # fmt: skip

    def summary(self, course: Course) -> RunSummary:
        """All of it, once the command is over."""
        batches = tuple(sorted(self.batches.values(), key=lambda each: (natural(each.address), each.run_key)))
        paid = submitted(batches)
        outcomes, verdicts = Counter(b.outcome for b in batches), Counter(b.verdict for b in batches)
        return RunSummary(
            command=course.command,
            exit_code=course.exit_code,
            started_at=course.started_at,
            finished_at=course.finished_at,
            seconds=course.seconds,
            tool_version=__version__,
            project=self.project.name if self.project else "",
            specs=tuple(self.specs or sorted({spec_of(batch.address) for batch in batches})),
            run_keys=tuple(sorted({batch.run_key for batch in batches if batch.run_key})),
            plan_id=self.plan_id,
            counts={word: outcomes[word] for word in OUTCOMES},
            verdicts={word: verdicts[word] for word in VERDICTS},
            requests=sum(batch.requests for batch in paid),
            bytes=sum(batch.bytes for batch in paid),
            cost_usd_low=least_cost(paid),
            cost_usd_high=most_cost(paid),
            rows=self.rows,
            failures=tuple(self.failures.values()),
            batches=batches,
            interrupted=self.interrupted or course.exit_code in (130, 143),
            error=course.error,
            message=course.message,
            next=self.next,
        )

    def _became(self, address: str, run_key: str, outcome: BatchOutcome, status: str, batch_id: str) -> None:
        known = self.batches.get((address, run_key), _NONE)
        self.batches[address, run_key] = replace(
            known, address=address, run_key=run_key, outcome=outcome, status=status, batch_id=batch_id
        )

    def _settle(self, change: Import | Move | Submit | Resume, state: State | None) -> None:
        """What state says of a change, where no event did."""
        name = change.address, change.run_key
        known = self.batches[name]
        if isinstance(change, Move):
            if state is not None and any(whole_of(address) == change.address for address in state.batches):
                self.batches[name] = replace(known, outcome="moved", status="moved")
            return
        latest = state.latest(*name) if state is not None else None
        if latest is None:
            return
        outcome = known.outcome
        if outcome == "left" and latest.status == "submitted" and latest.number == change.attempt:
            outcome = "imported" if isinstance(change, Import) else "unchanged"
        self.batches[name] = replace(known, outcome=outcome, status=latest.status, batch_id=latest.batch_id)


_NONE = SummaryBatch(address="", run_key="", outcome="left", status="absent")


def _rows(rows: Rows) -> SummaryRows:
    return SummaryRows(**{name: getattr(rows, name) for name in SummaryRows.__struct_fields__})


def _planned(change: Change) -> SummaryBatch:
    batch = SummaryBatch(
        address=change.address,
        run_key=change.run_key,
        action=action_of(change),
        outcome=_outcome(change),
        status="submitted" if isinstance(change, Unchanged) else "absent",
        batch_id="" if isinstance(change, Submit | Resume | Move) else change.batch_id,
    )
    if not isinstance(change, Submit | Replace | Resume):
        return batch
    source, estimate = change.source, change.estimate
    return replace(
        batch,
        requests=source.requests if isinstance(source, LocalFile) else 0,
        bytes=source.size if isinstance(source, LocalFile) else 0,
        cost_usd_low=estimate.cost_low if estimate else None,
        cost_usd_high=estimate.cost_high if estimate else None,
    )


def _outcome(change: Change) -> BatchOutcome:
    if isinstance(change, Unchanged):
        return "unchanged"
    if isinstance(change, Blocked):
        return "blocked"
    return "orphan" if isinstance(change, Orphan) else "left"

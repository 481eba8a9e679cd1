"""How an apply is watched, and how it is summed up."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from batchrunner.address import spec_of
from batchrunner.applier import Report
from batchrunner.commands._console import Console
from batchrunner.plans import Change, Plan, action_of
from batchrunner.ports import Reporter
from batchrunner.render.report import ApplySummary, apply_document, apply_text
from batchrunner.settings import environment
from batchrunner.state import State
from batchrunner.wiring.running import Ground
from batchrunner.wiring.workspace import SystemClock


class Reporters:
    """Several reporters as one."""

    def __init__(self, *reporters: Reporter) -> None:
        self.report_all = [reporter.report for reporter in reporters]

    def report(self, event: object) -> None:
        """Show one event everywhere."""
        for report in self.report_all:
            report(event)  # type: ignore[arg-type]


@contextmanager
def opened_reporter(console: Console, total: int) -> Iterator[Reporter]:
    """The reporter that the flags and the terminal ask for: a bar on a terminal, lines elsewhere, logs on request."""
    output = console.output
    reporters: list[Reporter] = []
    if output.log_format or output.verbose:
        from batchrunner.telemetry import LogReporter, configure, redactor

        level = "debug" if output.verbose > 1 else "info"
        configure(output.log_format, level, redactor(console.secrets))
        reporters.append(LogReporter())
    elif output.progress and _interactive():
        from batchrunner.render.progress import ProgressReporter

        with ProgressReporter(total) as bar:
            yield bar
        return
    elif output.progress:
        from batchrunner.render.lines import LineReporter

        reporters.append(LineReporter(console.warn, SystemClock(), total))
    yield Reporters(*reporters)


def _interactive() -> bool:
    variables = environment()
    return sys.stderr.isatty() and variables.get("TERM") != "dumb" and not variables.get("CI")


@dataclass(frozen=True, slots=True)
class Ending:
    """An apply that is over."""

    plan: Plan
    ground: Ground
    report: Report
    interrupted: bool


def show_ending(ending: Ending, console: Console, paths: str) -> None:
    """The last lines: what was submitted, what was not and why, and the command that goes on."""
    summary = _summary(ending, f"batchrunner apply {paths}")
    _rescue(ending, console)
    if console.output.json:
        console.document({**apply_document(ending.plan, summary), "batches": _batches(ending)})
    else:
        console.result(apply_text(summary, console.style, console.width or 80))


def _summary(ending: Ending, command: str) -> ApplySummary:
    report = ending.report
    stores = {store.url: store for store in ending.ground.stores.values()}
    return ApplySummary(
        submitted=report.submitted,
        unchanged=ending.plan.counts["unchanged"] + report.already,
        failed=tuple(report.failed),
        left=report.left,
        states=tuple((url, store.load().serial) for url, store in stores.items()),
        command=command,
        interrupted=ending.interrupted,
    )


def _batches(ending: Ending) -> list[dict[str, str]]:
    """Every planned batch with what state now says of it."""
    ground = ending.ground
    states = {name: store.load() for name, store in ground.stores.items()}
    return [_batch(change, states[spec_of(change.address)]) for change in ending.plan.changes]


def _batch(change: Change, state: State) -> dict[str, str]:
    latest = state.latest(change.address, change.run_key)
    return {
        "address": change.address,
        "run_key": change.run_key,
        "action": action_of(change),
        "reason": change.reason,
        "status": latest.status if latest else "absent",
        "batch_id": latest.batch_id if latest else "",
    }


def _rescue(ending: Ending, console: Console) -> None:
    """State could not be written: keep what the provider returned somewhere else, or at least on the screen."""
    report = ending.report
    if report.state_error is None:
        return
    from batchrunner.render.errors import error_text

    console.warn(error_text(report.state_error))
    for entry in report.unsaved:
        console.warn(f"not in state: {entry.address} {entry.run_key} {entry.attempt.batch_id or entry.attempt.status}")
    if report.unsaved:
        saved = ending.ground.store_of(report.unsaved[0]).dump_elsewhere(report.unsaved)
        console.warn(f"Kept in {saved}." if saved else "They could not be kept anywhere else: note them.")

"""How an apply is watched, and how it is summed up."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from batchrunner.address import spec_of
from batchrunner.applier import Report
from batchrunner.commands._console import Console
from batchrunner.commands._options import Output
from batchrunner.commands._secrets import redacted
from batchrunner.commands._streams import width_of_errors
from batchrunner.commands._summing import Notes
from batchrunner.errors import StateError
from batchrunner.events import AlarmEvent, Duplicated
from batchrunner.plans import Change, Plan, Replace, action_of
from batchrunner.ports import Reporter
from batchrunner.render.report import ApplySummary, apply_document, apply_text, next_command
from batchrunner.settings import environment
from batchrunner.state import State
from batchrunner.stores import FileStore, load_states
from batchrunner.wiring import Choices
from batchrunner.wiring.running import Ground
from batchrunner.wiring.typed import profile_of, typed_apply, typed_keep, typed_resolve
from batchrunner.wiring.workspace import SystemClock


class Reporters:
    """Several reporters as one."""

    def __init__(self, *reporters: Reporter) -> None:
        self.report_all = [reporter.report for reporter in reporters]

    def report(self, event: object) -> None:
        """Show one event everywhere."""
        for report in self.report_all:
            report(event)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Screen:
    """What is watched during an apply: `reporter` shows events, `say` a sentence after which no bar is drawn."""

    reporter: Reporter
    say: Callable[[str], None]


@contextmanager
def opened_screen(
    console: Console, total: int, *, watching: bool = False, watcher: Reporter | None = None
) -> Iterator[Screen]:
    """The screen that the flags and the terminal ask for: a bar on a terminal, lines elsewhere, logs on request.

    For an apply, or where `watching` for `total` batches that are waited for. `watcher` is told the same.
    """
    with _opened(console, total, watching=watching) as screen:
        yield replace(screen, reporter=Reporters(watcher, screen.reporter)) if watcher else screen


@contextmanager
def _opened(console: Console, total: int, *, watching: bool) -> Iterator[Screen]:
    output = console.output
    if output.progress and _interactive() and not (output.log_format or output.verbose):
        from batchrunner.render.progress import ProgressReporter, WatchBar

        with (WatchBar if watching else ProgressReporter)(total) as bar:
            yield Screen(bar, partial(_say_below, console, bar.close))
        return
    reporters = [_log(output)] if output.log_format or output.verbose else []
    if output.progress and not reporters:
        reporters.append(_lines(console, total, watching=watching))
    yield Screen(Reporters(*reporters), partial(_say, console))


def _lines(console: Console, total: int, *, watching: bool) -> Reporter:
    if watching:
        from batchrunner.render.watching import WatchLines

        return WatchLines(console.warn, SystemClock(), total)
    from batchrunner.render.lines import LineReporter

    return LineReporter(console.warn, SystemClock(), total)


def _log(output: Output) -> Reporter:
    from batchrunner.telemetry import LogReporter, configure

    configure(output.log_format, "debug" if output.verbose > 1 else "info", redacted)
    return LogReporter()


def _say_below(console: Console, close_bar: Callable[[], None], words: str) -> None:
    close_bar()
    _say(console, words)


def _say(console: Console, words: str) -> None:
    """Tell who pressed Ctrl-C, on a line after the `^C` that the terminal shows."""
    plain = sys.stderr.isatty() and console.output.log_format != "json"
    console.warn(f"\n{words}" if plain else words)


def _interactive() -> bool:
    variables = environment()
    return sys.stderr.isatty() and variables.get("TERM") != "dumb" and not variables.get("CI")


@dataclass(frozen=True, slots=True)
class Ending:
    """An apply that is over. `paths` and `choices` are what it was called with; `notes` are told how it ended.

    `keyless` are the providers that honour no idempotency keys. `typed` is the command that goes on where it is not the
    same apply.
    """

    plan: Plan
    ground: Ground
    report: Report
    interrupted: bool
    paths: tuple[str, ...]
    choices: Choices
    notes: Notes
    keyless: frozenset[str] = frozenset()
    verb: str = "apply"
    typed: str = ""

    @property
    def profile(self) -> str:
        """The profile it was done with, empty for none."""
        return self.choices.profile or profile_of(self.plan)


def show_ending(ending: Ending, console: Console) -> dict[str, Any]:
    """The last lines: what was submitted, what was not and why, and the command that goes on. With `--json` they are
    left to the caller, to whom the document is returned in any case.
    """
    _rescue(ending, console)
    summary, states = _noted(ending)
    if not console.output.json:
        console.result(apply_text(summary, console.style, console.width or 80))
    batches = [_batch(change, states[spec_of(change.address)]) for change in ending.plan.changes]
    return {**apply_document(ending.plan, summary), "command": ending.verb, "batches": batches}


def _noted(ending: Ending) -> tuple[ApplySummary, Mapping[str, State]]:
    """How it ended, and the states as they are now."""
    states = _states_now(ending)
    summary = _summary(ending, states)
    ending.notes.applied(ending.plan, ending.report, states)
    ending.notes.interrupted = ending.interrupted
    ending.notes.next = next_command(summary)
    return summary, states


def _states_now(ending: Ending) -> Mapping[str, State]:
    stores = ending.ground.stores
    if not ending.plan.settling:
        return ending.ground.states  # under the lock, and nothing was written
    if ending.report.state_error is None:
        return load_states(stores)
    # A store whose write failed does nothing any more; what is on the disk can still be read by another.
    try:
        return {name: FileStore(Path(store.url)).load() for name, store in stores.items()}
    except StateError:
        return ending.ground.states


def _summary(ending: Ending, states: Mapping[str, State]) -> ApplySummary:
    report, plan, stores = ending.report, ending.plan, ending.ground.stores
    replacing = [change.address for change in plan.changes if _still_to_replace(change, states)]
    return ApplySummary(
        submitted=report.submitted,
        moved=report.moved,
        imported=report.imported,
        unchanged=plan.counts["unchanged"] + report.already,
        failed=tuple(report.failed),
        left=report.left,
        states=tuple({stores[name].url: state.serial for name, state in states.items()}.items()),
        command=ending.typed
        or typed_apply(ending.paths, ending.choices, targets=ending.choices.targets, replacing=replacing),
        interrupted=ending.interrupted or report.state_error is not None,
        stranded=report.state_error is not None,
        blocked=len(plan.blocked),
        resolve={
            failure.address: typed_resolve(failure.address, stores[spec_of(failure.address)].url, ending.profile)
            for failure in report.failed
            if failure.outcome == "in-doubt"
        }
        | dict(_to_settle(report.alarms, ending)),
        held=_held(ending, states),
        alarms=report.alarms,
        done="Retried" if ending.verb == "retry" else "Applied",
    )


def _to_settle(alarms: Sequence[AlarmEvent], ending: Ending) -> Iterator[tuple[str, str]]:
    """By address what keeps one batch of a submission, and stops the others."""
    for alarm in alarms:
        if isinstance(alarm, Duplicated):
            store = ending.ground.stores[spec_of(alarm.address)]
            kept = alarm.kept or alarm.others[0]
            yield alarm.address, typed_keep(alarm.address, alarm.run_key, kept, store.url, ending.profile)


def _held(ending: Ending, states: Mapping[str, State]) -> dict[str, str]:
    """By address the input file of what is in doubt where another apply would not settle it."""
    latest = [
        (failure.address, states[spec_of(failure.address)].latest(failure.address, failure.run_key))
        for failure in ending.report.failed
        if failure.outcome == "in-doubt"
    ]
    return {address: a.file_id for address, a in latest if a is not None and a.intent.provider in ending.keyless}


def _still_to_replace(change: Change, states: Mapping[str, State]) -> bool:
    """Whether going on has to ask for a replacement again: it did not start, or the provider refused it."""
    if not isinstance(change, Replace):
        return False
    latest = states[spec_of(change.address)].latest(change.address, change.run_key)
    return latest is None or latest.number < change.attempt or latest.status == "rejected"


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

    console.warn(error_text(report.state_error, width=width_of_errors()))
    for entry in report.unsaved:
        console.warn(f"not in state: {entry.address} {entry.run_key} {entry.attempt.batch_id or entry.attempt.status}")
    if report.unsaved:
        saved = ending.ground.store_of(report.unsaved[0]).dump_elsewhere(report.unsaved)
        console.warn(f"Kept in {saved}." if saved else "They could not be kept anywhere else: note them.")

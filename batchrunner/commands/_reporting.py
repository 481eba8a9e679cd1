"""How a plan is sent, and how that is summed up."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batchrunner.address import spec_of
from batchrunner.applier import Brake, Report
from batchrunner.commands._console import Console
from batchrunner.commands._screens import opened_screen
from batchrunner.commands._streams import width_of_errors
from batchrunner.commands._summing import Notes
from batchrunner.errors import ExitCode, StateError
from batchrunner.events import AlarmEvent, Duplicated
from batchrunner.plans import Change, Plan, Replace, action_of
from batchrunner.ports import Reporter
from batchrunner.render.report import ApplySummary, apply_document, apply_text, next_command
from batchrunner.state import State
from batchrunner.stores import FileStore, load_states
from batchrunner.wiring import Choices
from batchrunner.wiring.preparing import Prepared
from batchrunner.wiring.running import Ground, Sending, interrupted, send
from batchrunner.wiring.typed import profile_of, typed_apply, typed_keep, typed_resolve


def send_watched(
    prepared: Prepared, keys: Mapping[str, str], concurrency: int, console: Console, watcher: Reporter
) -> tuple[Report, ExitCode | None]:
    """Send what is `prepared`, where that is anything; the report, and the exit code of a signal that stopped it.

    The person sees it on a screen; `watcher` is told the same.
    """
    plan, brake = prepared.plan, Brake()
    if not plan.settling:
        return Report(), None
    with opened_screen(console, len(plan.sendable) + len(plan.imports), watcher=watcher) as screen:
        sending = Sending(prepared.root, prepared.providers, keys, concurrency, brake, screen.say)
        report = send(plan, prepared.ground, sending, screen.reporter)
    return report, interrupted(brake)


@dataclass(frozen=True, slots=True)
class Ending:
    """What was `prepared` and is over; `stopped` is the exit code of a signal that ended it, None for none.

    `paths` and `choices` are what it was called with; `notes` are told how it ended. `typed` is the command that goes
    on where it is not the same apply.
    """

    prepared: Prepared
    report: Report
    stopped: ExitCode | None
    paths: tuple[str, ...]
    choices: Choices
    notes: Notes
    verb: str = "apply"
    typed: str = ""

    @property
    def plan(self) -> Plan:
        """What was planned."""
        return self.prepared.plan

    @property
    def ground(self) -> Ground:
        """The states and stores of it."""
        return self.prepared.ground

    @property
    def is_stopped(self) -> bool:
        """Whether it was ended by a signal, or because state could not be written."""
        return self.stopped is not None or self.report.state_error is not None

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
    ending.notes.interrupted = ending.stopped is not None
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
        interrupted=ending.is_stopped,
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
    providers = ending.prepared.providers
    return {address: attempt.file_id for address, attempt in latest
            if attempt is not None and providers[attempt.intent.provider].idempotency == "none"}  # fmt: skip


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

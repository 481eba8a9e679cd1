"""`batchrunner apply`: submit what is planned, each batch once."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from shlex import quote
from typing import TYPE_CHECKING

import click

from batchrunner.applier import Report
from batchrunner.commands._approval import approve
from batchrunner.commands._console import Console
from batchrunner.commands._eventstream import EventStream, show_end
from batchrunner.commands._options import Output, catch_up_options, output_options, spec_options
from batchrunner.commands._plans import is_saved_plan, read_plan, refuse_another_profile, show_plan, stop_refused
from batchrunner.commands._publishing import published
from batchrunner.commands._reporting import Ending, send_watched, show_ending
from batchrunner.commands._screens import Reporters
from batchrunner.commands._secrets import keep_secret
from batchrunner.commands._summing import Notes
from batchrunner.errors import ExitCode, StaleError, UsageError
from batchrunner.planner import REPLACEABLE
from batchrunner.plans import Plan
from batchrunner.queues import FULL
from batchrunner.records import replace
from batchrunner.settings import Settings, environment
from batchrunner.staleness import is_done
from batchrunner.wiring import Choices, open_workspace
from batchrunner.wiring.preparing import (
    Patience,
    Prepared,
    prepared_from_plan,
    prepared_from_specs,
    sends_to_sandbox,
)
from batchrunner.wiring.running import needed_keys
from batchrunner.wiring.typed import typed_plan, typed_wait
from batchrunner.wiring.workspace import SANDBOX

if TYPE_CHECKING:
    from batchrunner.commands._waiting import Waited


@click.command("apply")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...|PLAN")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--replace", multiple=True, metavar="ADDRESS", help="Submit this address once more, and pay for it.")
@click.option("--wait", is_flag=True, help="Then wait until all of it has ended, as `wait` does.")
@click.option(
    "--concurrency", type=click.IntRange(1, 1024), metavar="N", default=16, show_default=True, help="Sends at a time."
)
@click.option(
    "--lock-timeout",
    type=click.FloatRange(0),
    metavar="SECONDS",
    default=None,
    help="How long to wait for the lock.  [default: 30]",
)
@published("apply")
@spec_options
@catch_up_options
@output_options()
def command(
    *,
    notes: Notes,
    paths: tuple[str, ...],
    yes: bool,
    replace: tuple[str, ...],
    wait: bool,
    concurrency: int,
    lock_timeout: float | None,
    choices: Choices,
    output: Output,
) -> int:
    """Submit what the specs at PATH, or a saved PLAN, say, and record what the provider returned.

    A batch that was submitted for this run is never submitted again; what an earlier apply left open is carried on
    first. On a terminal it shows the plan and asks.
    """
    console = Console(output)
    timeout = Settings.read(environment()).lock_timeout if lock_timeout is None else lock_timeout
    _refuse_company(paths)
    reviewed = is_saved_plan(paths)
    prepare = _from_plan if reviewed else _from_specs
    choices = choices.replacing(replace)
    stream = EventStream("apply", console)
    while True:
        with prepare(paths, choices, Patience(timeout, console.warn), notes) as prepared:
            notes.planned(prepared.plan)
            _show(prepared, stream)
            stop_refused(prepared.refusals, prepared.project_file, console)
            keys = needed_keys(prepared.plan, prepared.ground.states, prepared.providers)
            keep_secret(key for name, key in keys.items() if name != SANDBOX)
            if prepared.plan.settling and not (yes or reviewed):
                approve(prepared.plan)
            report, stopped = send_watched(prepared, keys, concurrency, console, Reporters(notes, stream))
            ending = Ending(prepared, report, stopped, paths, choices, notes)
            document = show_ending(ending, console)
        # The lock is free again: waiting takes hours.
        applied, waited = int(stopped or exit_code(prepared.plan, report)), None
        if wait and not ending.is_stopped:
            stream.applied(document, applied)
            waited = _wait(ending, stream)
        code = _code(applied, waited)
        if not (waited and _has_next_wave(ending) and code == ExitCode.TRY_AGAIN):
            show_end(stream, document, waited.fields if waited else None, code)
            if not (wait or ending.is_stopped or output.json):
                _name_the_next_step(ending, console)
            return code
        yes = True  # what waited for room was approved with the rest


def _name_the_next_step(ending: Ending, console: Console) -> None:
    typed = typed_wait(ending.plan, ending.choices) if ending.report.submitted else ""
    if typed and console.output.progress:
        console.note(f"To wait for them: {typed}")


def _refuse_company(paths: tuple[str, ...]) -> None:
    plan = next((path for path in paths if is_saved_plan((path,))), "")
    if plan and len(paths) > 1:
        raise UsageError("plan-is-alone", "a saved plan is applied alone", where=plan,
                         why="It has decided what is submitted.",
                         hint=f"batchrunner apply {quote(plan)}, and the rest with a command of its own")  # fmt: skip


def _show(prepared: Prepared, stream: EventStream) -> None:
    plan = replace(prepared.plan, refusals=prepared.refusals)
    if stream.console.output.json:
        stream.planned(plan)
    elif is_done(prepared.plan, prepared.ground.states) and not prepared.ground.pending:
        stream.console.result("This plan was applied already: all that it submits is submitted.")
    else:
        show_plan(plan, "apply", stream.console)


def _from_specs(
    paths: tuple[str, ...], choices: Choices, patience: Patience, notes: Notes
) -> AbstractContextManager[Prepared]:
    workspace = open_workspace(paths, choices, stdin=sys.stdin.buffer.read, meet=notes.meet)
    notes.specs = [spec.name for spec in workspace.specs]
    return prepared_from_specs(workspace, patience)


@contextmanager
def _from_plan(paths: tuple[str, ...], choices: Choices, patience: Patience, notes: Notes) -> Iterator[Prepared]:
    _refuse_new_choices(choices)
    plan = read_plan(paths[0])
    notes.specs = [spec.name for spec in plan.specs]
    if choices.sandbox and not sends_to_sandbox(plan):
        raise UsageError("plan-is-fixed", "--sandbox does not go with a plan that was not made for it",
                         hint="plan again with it: batchrunner plan PATH --sandbox --out FILE")  # fmt: skip
    refuse_another_profile(plan, choices.profile)
    try:
        with prepared_from_plan(plan, choices, patience, notes.meet) as prepared:
            yield prepared
    except StaleError as error:
        error.hint = typed_plan(plan, paths[0])
        raise


def _refuse_new_choices(choices: Choices) -> None:
    """A saved plan has decided these: a flag that would change them is a misunderstanding."""
    fixed = (choices.variables, choices.run_key, choices.at, choices.targets, choices.replace, choices.catch_up)
    if any(fixed):
        raise UsageError(
            "plan-is-fixed",
            "a saved plan takes no --var, --run-key, --at, --target, --replace or --catch-up",
            hint="plan again with them: batchrunner plan PATH --out FILE",
        )


def _has_next_wave(ending: Ending) -> bool:
    """Whether some of it was sent, and all the rest waits for room in a provider's queue.

    The same command goes on by itself then; but a replacement that was sent would be sent once more.
    """
    report = ending.report
    put_off = all(failure.code == FULL for failure in report.failed)
    return bool(report.submitted and report.failed and put_off and not ending.choices.replace)


def _wait(ending: Ending, stream: EventStream) -> "Waited":
    """Wait for what the plan covers, whoever submitted it."""
    from batchrunner.commands._waiting import wait_for_plan

    return wait_for_plan(ending.prepared, ending.paths, ending.choices, ending.notes, stream)


def _code(applied: int, waited: "Waited | None") -> int:
    """What did not go well before waiting counts first, unless that was stopped."""
    if waited is None or waited.code not in _STOPPED:
        return applied or (waited.code if waited else 0)
    return waited.code


_STOPPED = (ExitCode.INTERRUPTED, ExitCode.TERMINATED)
_DECIDABLE = (*REPLACEABLE, "move-conflict")
"""Reasons to be blocked that are not doubt: what is there is known."""


def exit_code(plan: Plan, report: Report) -> ExitCode:
    """What a run that was not interrupted ends with: doubt first, then refusals, then what another run will mend."""
    outcomes = report.outcomes
    held = [blocked for blocked in plan.blocked if blocked.reason not in _DECIDABLE]
    some = report.submitted or report.imported
    if report.state_error is not None:
        return report.state_error.exit_code
    if outcomes["in-doubt"] or held or report.alarms:
        return ExitCode.PARTIAL
    if outcomes["denied"] or outcomes["rejected"] or outcomes["not-imported"] or plan.blocked:
        return ExitCode.PARTIAL if some else ExitCode.REFUSED
    return ExitCode.TRY_AGAIN if outcomes["deferred"] or report.left else ExitCode.DONE

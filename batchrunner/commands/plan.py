"""`batchrunner plan`: what apply would do. Offline and without credentials, unless it is told to look."""

import sys
from collections.abc import Mapping
from functools import partial
from shlex import quote

import click

from batchrunner.address import spec_of
from batchrunner.commands._console import Console
from batchrunner.commands._options import Output, catch_up_options, output_options, spec_options, word_option
from batchrunner.commands._plans import FORMS, show_plan, stop_refused, write_plan
from batchrunner.commands._reviewing import failures_shown, publish
from batchrunner.commands._states import Sought
from batchrunner.errors import ExitCode
from batchrunner.plans import Plan, sealed
from batchrunner.records import replace
from batchrunner.settings import environment
from batchrunner.state import State
from batchrunner.stores import FileStore, load_states
from batchrunner.wiring import Choices, Workspace, open_workspace
from batchrunner.wiring.placing import places_of
from batchrunner.wiring.planning import plan_workspace


@click.command("plan")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@word_option("--out", metavar="FILE", help="Save the plan, for show and apply.")
@word_option("--base", metavar="REV", help="Show what the specs declare otherwise than at this git revision.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there is something to submit or to settle.")
@click.option("--replace", multiple=True, metavar="ADDRESS", help="Plan one more paid attempt of this address.")
@click.option("--refresh", is_flag=True, help="Look at the providers first. Needs their keys, and notes what is seen.")
@spec_options
@catch_up_options
@output_options(*FORMS)
def command(
    *,
    paths: tuple[str, ...],
    out: str,
    base: str,
    detailed_exitcode: bool,
    replace: tuple[str, ...],
    refresh: bool,
    choices: Choices,
    output: Output,
) -> int:
    """Show what apply would do with the specs at PATH, and why.

    PATH is a spec, a directory, a glob, or - for standard input. Takes no lock and writes nothing but --out, and not
    that where the project's policy refuses the plan. Opens no connection and reads no key without --refresh.

    --format markdown is a comment for a pull request, github annotations of it, gitlab a report on code quality,
    gitlab-report the numbers of its Terraform widget. In GitHub Actions the first two also write the summary of the
    step and its outputs (GITHUB_STEP_SUMMARY, GITHUB_OUTPUT).
    """
    console = Console(output)
    with failures_shown(console, paths):
        workspace = _workspace(paths, choices.replacing(replace), base)
        stores = workspace.stores()
        states = _refreshed(workspace, stores, console) if refresh else load_states(stores)
        plan = _compared(plan_workspace(workspace, stores, states), workspace, base)
    saved = "" if plan.refusals else out
    if saved:
        write_plan(plan, saved)
    show_plan(plan, "plan", console, partial(places_of, workspace, plan), saved=saved)
    publish(plan, saved, console)
    if out and plan.refusals:
        console.warn(f"Not saved: a plan that the policy refuses is not written to {out}.")
    if plan.refusals and output.json:
        return int(ExitCode.REFUSED)  # the document is the plan, with its refusals
    stop_refused(plan.refusals, workspace.project.path, console)
    if out:
        console.note(f"Saved to {out}. Next: batchrunner apply {quote(out)}")
    return int(_exit_code(plan) if detailed_exitcode else ExitCode.DONE)


def _workspace(paths: tuple[str, ...], choices: Choices, revision: str) -> Workspace:
    """The workspace of the specs at `paths`. What had specs at `revision` may have none: they were deleted."""
    stdin = sys.stdin.buffer.read
    if not revision:
        return open_workspace(paths, choices, stdin=stdin)
    from batchrunner.wiring.revisited import paths_gone

    return open_workspace(paths, choices, stdin=stdin, gone=paths_gone(paths, revision, environment()))


def _compared(plan: Plan, workspace: Workspace, revision: str) -> Plan:
    """`plan` with what its specs declare otherwise than at `revision`, where one was given."""
    if not revision:
        return plan
    from batchrunner.wiring.comparing import compare

    return sealed(replace(plan, base=compare(workspace, revision, environment())))


def _refreshed(workspace: Workspace, stores: Mapping[str, FileStore], console: Console) -> dict[str, State]:
    """The states, with what their batches look like now."""
    from batchrunner.commands._watching import Manner, Scope, look, tell_troubles

    project, asked = workspace.project, workspace.choices
    typed = Sought(asked.state, asked.project, asked.sandbox, asked.profile).typed
    scope = Scope(project.root, workspace.providers, lambda address: stores[spec_of(address)], typed)
    known = [entry for name, state in load_states(stores).items() for entry in state.entries()
             if spec_of(entry.address) == name]  # fmt: skip
    looked = look(known, scope, Manner(once=True), console)
    tell_troubles(looked, console)
    states = load_states(stores)
    for entry in looked.entries:
        states[spec_of(entry.address)].record([entry])
    return states


def _exit_code(plan: Plan) -> ExitCode:
    return ExitCode.CHANGES if plan.has_changes else ExitCode.DONE

"""`batchrunner plan`: what apply would do. Offline, without credentials."""

import sys
from shlex import quote

import click

from batchrunner.commands._console import Console
from batchrunner.commands._options import Output, output_options, spec_options, word_option
from batchrunner.commands._plans import show_plan, stop_refused, write_plan
from batchrunner.errors import ExitCode
from batchrunner.plans import Plan
from batchrunner.wiring import Choices, open_workspace
from batchrunner.wiring.planning import plan_workspace


@click.command("plan")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@word_option("--out", metavar="FILE", help="Save the plan, for show and apply.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there is something to submit or to settle.")
@click.option("--replace", multiple=True, metavar="ADDRESS", help="Plan one more paid attempt of this address.")
@spec_options
@output_options("markdown", "github")
def command(
    *,
    paths: tuple[str, ...],
    out: str,
    detailed_exitcode: bool,
    replace: tuple[str, ...],
    choices: Choices,
    output: Output,
) -> int:
    """Show what apply would do with the specs at PATH, and why.

    PATH is a spec, a directory, a glob, or - for standard input. Takes no lock and writes nothing but --out, and not
    that where the project's policy refuses the plan.
    """
    console = Console(output)
    workspace = open_workspace(paths, choices.replacing(replace), stdin=sys.stdin.buffer.read)
    stores = workspace.stores()
    plan = plan_workspace(workspace, stores, {name: store.load() for name, store in stores.items()})
    if out and not plan.refusals:
        write_plan(plan, out)
    show_plan(plan, "plan", console)
    if out and plan.refusals:
        console.warn(f"Not saved: a plan that the policy refuses is not written to {out}.")
    if plan.refusals and output.json:
        return int(ExitCode.REFUSED)  # the document is the plan, with its refusals
    stop_refused(plan.refusals, workspace.project.path, console)
    if out:
        console.note(f"Saved to {out}. Next: batchrunner apply {quote(out)}")
    return int(_exit_code(plan) if detailed_exitcode else ExitCode.DONE)


def _exit_code(plan: Plan) -> ExitCode:
    return ExitCode.CHANGES if plan.sendable or plan.blocked else ExitCode.DONE

"""`batchrunner show`: a saved plan, again."""

import click

from batchrunner.commands._console import Console
from batchrunner.commands._options import EVERYWHERE, Output, idle_options, output_options
from batchrunner.commands._plans import FORMS, read_plan, show_plan


@click.command("show")
@click.argument("plan", metavar="PLAN")
@idle_options(*EVERYWHERE)
@output_options(*FORMS)
def command(plan: str, output: Output) -> int:
    """Show the plan saved in the file PLAN, whether or not it can still be applied."""
    show_plan(read_plan(plan), "show", Console(output), saved=plan)
    return 0

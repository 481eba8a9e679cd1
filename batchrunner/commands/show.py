"""`batchrunner show`: a saved plan, again."""

import click

from batchrunner.commands._console import Console
from batchrunner.commands._options import Output, output_options
from batchrunner.commands._plans import FORMATS, read_plan, show_plan


@click.command("show")
@click.argument("plan", metavar="PLAN")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True)
@output_options
def command(plan: str, form: str, output: Output) -> int:
    """Show the plan saved in the file PLAN, whether or not it can still be applied."""
    show_plan(read_plan(plan), "json" if output.json else form, Console(output))
    return 0

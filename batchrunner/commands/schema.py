"""`batchrunner schema`: what editors check specs and project files against."""

from typing import Literal

import click

from batchrunner.commands._console import Console
from batchrunner.commands._options import Output, output_options


@click.command("schema")
@click.argument("which", type=click.Choice(["spec", "project"]))
@output_options
def command(which: Literal["spec", "project"], output: Output) -> int:
    """Print the JSON Schema (draft 2020-12) of specs or project files."""
    from batchrunner.schemas import schema_text

    Console(output).result(schema_text(which))
    return 0

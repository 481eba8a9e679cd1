"""`batchrunner schema`: what editors check specs and project files against."""

import json
from typing import Literal

import click

from batchrunner.commands._console import Console
from batchrunner.commands._options import EVERYWHERE, Output, idle_options, output_options


@click.command("schema")
@click.argument("which", metavar="spec|project", type=click.Choice(["spec", "project"]))
@idle_options(*EVERYWHERE)
@output_options()
def command(which: Literal["spec", "project"], output: Output) -> int:
    """Print the JSON Schema (draft 2020-12) of specs or project files."""
    from batchrunner.schemas import schema_text

    console, text = Console(output), schema_text(which)
    if output.json:
        console.document({"format_version": "1.0", "command": "schema", "which": which, "schema": json.loads(text)})
    else:
        console.result(text)
    return 0

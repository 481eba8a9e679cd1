"""`batchrunner validate`: is everything that people wrote right? Offline."""

import sys

import click

from batchrunner.commands._console import Console
from batchrunner.commands._options import Output, output_options, spec_options
from batchrunner.errors import InvalidFiles
from batchrunner.render.units import counted
from batchrunner.wiring import Choices, open_workspace
from batchrunner.wiring.scanning import scan_inputs


@click.command("validate")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@spec_options
@output_options("github")
def command(*, paths: tuple[str, ...], choices: Choices, output: Output) -> int:
    """Check specs and the lines of their inputs: YAML, schema, references, request lines.

    PATH is a spec, a directory, a glob, or - for standard input. Reads no credential and opens no connection.
    """
    console = Console(output)
    try:
        workspace = open_workspace(paths, choices, stdin=sys.stdin.buffer.read)
        requests = sum(scan.requests for scan in scan_inputs(workspace).values())
    except InvalidFiles as invalid:
        if output.form != "github":
            raise
        from batchrunner.render.github import diagnostics_github

        console.result(diagnostics_github(invalid.diagnostics, unlisted=invalid.unlisted))
        return int(invalid.exit_code)
    batches = sum(len(spec.batches) for spec in workspace.specs)
    if output.json:
        console.document({"format_version": "1.0", "command": "validate", "specs": len(workspace.specs),
                          "batches": batches, "requests": requests, "diagnostics": []})  # fmt: skip
    else:
        console.result(f"Valid: {counted(len(workspace.specs), 'spec')}, {counted(batches, 'batch')}, "
                       f"{counted(requests, 'request line')} checked.")  # fmt: skip
    return 0

"""`batchrunner validate`: is everything that people wrote right? Offline."""

import sys
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import click

from batchrunner.commands._console import Console
from batchrunner.commands._options import Output, output_options, spec_options
from batchrunner.errors import InvalidFiles
from batchrunner.printable import printable
from batchrunner.render.units import counted, size
from batchrunner.wiring import Choices, Workspace, open_workspace
from batchrunner.wiring.scanning import scan_inputs

if TYPE_CHECKING:
    from batchrunner.inputs import Scan
    from batchrunner.plans import Notice


@click.command("validate")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@spec_options
@output_options("github", "gitlab")
def command(*, paths: tuple[str, ...], choices: Choices, output: Output) -> int:
    """Check specs and the lines of their inputs: YAML, schema, references, request lines, tables.

    PATH is a spec, a directory, a glob, or - for standard input. Reads no credential and opens no connection.
    """
    console = Console(output)
    try:
        workspace = open_workspace(paths, choices, stdin=sys.stdin.buffer.read)
        scans = scan_inputs(workspace)
    except InvalidFiles as invalid:
        if output.form not in {"github", "gitlab"}:
            raise
        console.result(_report(invalid, output.form))
        return int(invalid.exit_code)
    notices = _notices(scans.values())
    if output.form == "gitlab":
        console.result("[]")
    elif output.json:
        from batchrunner.records import plain

        console.document({"format_version": "1.0", "command": "validate", **_counts(workspace, scans),
                          "notices": [plain(notice) for notice in notices], "diagnostics": []})  # fmt: skip
    else:
        for notice in notices:
            word = "warning" if notice.is_warning else "note"
            console.note(f"{word}: {printable(notice.where)}: {printable(notice.message)}")
        console.result(_summary(**_counts(workspace, scans)))
    return 0


def _report(invalid: InvalidFiles, form: str) -> str:
    from batchrunner.commands._placing import placed_error
    from batchrunner.render.failures import failure_github, failure_gitlab

    error = placed_error(invalid, form)
    return failure_github(error) if form == "github" else failure_gitlab(error, ())


def _counts(workspace: Workspace, scans: "Mapping[str, Scan]") -> dict[str, Any]:
    """What was checked. A file that several batches send is one file, and all its requests for each of them."""
    parts = [part.file for scan in scans.values() for part in scan.parts]
    return {
        "specs": len(workspace.specs),
        "batches": sum(len(spec.batches) for spec in workspace.specs),
        "requests": sum(file.requests for file in parts),
        "bytes": sum(file.size for file in parts),
        "files": len({file.path for file in parts}),
    }


def _summary(*, specs: int, batches: int, requests: int, bytes: int, files: int) -> str:
    declared = f"Valid: {counted(specs, 'spec')}, {counted(batches, 'batch')}"
    return f"{declared}; {counted(requests, 'request')} in {counted(files, 'file')} checked, {size(bytes)}."


def _notices(scans: "Collection[Scan]") -> "list[Notice]":
    """What was noticed, once: a file may be scanned several times, each in another way."""
    return list(dict.fromkeys(notice for scan in scans for notice in scan.notices))

"""`batchrunner doctor`: looks at the setup, and says what is wrong with it before money depends on it."""

import os

import click

from batchrunner.commands._console import Console
from batchrunner.commands._options import Output, output_options, spec_options
from batchrunner.errors import ExitCode
from batchrunner.wiring import Choices

FOLDER = "specs"


@click.command("doctor")
@click.argument("paths", nargs=-1, metavar="[PATH...]")
@click.option("--offline", is_flag=True, help="Open no connection.")
@spec_options
@output_options()
def command(*, paths: tuple[str, ...], offline: bool, choices: Choices, output: Output) -> int:
    """Check the setup of the specs at PATH, specs/ where it is left out: versions, project file, specs, keys (which are
    never shown), providers, clocks, states and their locks, git, cache, disk and limits.

    Providers are asked for lists, which costs nothing, and given 15 seconds. Changes nothing. Exits with 1 where
    something fails, with 0 where there are only warnings.
    """
    from batchrunner.render.checkups import checkup_document, checkup_text
    from batchrunner.wiring.doctoring import Patient, examine
    from batchrunner.wiring.doctoring_state import examine_places

    console = Console(output)
    patient = Patient(paths or ((FOLDER,) if os.path.isdir(FOLDER) else ()), choices, offline)
    examine(patient)
    examine_places(patient)
    if output.json:
        console.document(checkup_document(patient.checks))
    else:
        console.result(checkup_text(patient.checks, console.style, console.width or 80))
    has_failed = any(check.status == "failure" for check in patient.checks)
    return int(ExitCode.REFUSED if has_failed else ExitCode.DONE)

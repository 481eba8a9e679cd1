"""`batchrunner runs`: which intervals were submitted, and which are missing. From state alone."""

import sys
from shlex import quote

import click

from batchrunner.commands._console import Console
from batchrunner.commands._options import Output, output_options, spec_options, word_option
from batchrunner.render.occurrences import SpecRuns, runs_document, runs_text
from batchrunner.spec import Recurrence
from batchrunner.stores import load_states
from batchrunner.wiring import Choices, open_workspace
from batchrunner.wiring.declared import coverage_of

FOLDER = "specs"


@click.command("runs")
@click.argument("paths", nargs=-1, metavar="[PATH...]")
@click.option("--missing", is_flag=True, help="Only intervals of which something is missing.")
@word_option("--since", metavar="TIME", help="From here on, not from the first submission.")
@click.option(
    "-n", "--limit", type=click.IntRange(1), metavar="N", default=20, show_default=True, help="List at most so many."
)
@spec_options
@output_options()
def command(*, paths: tuple[str, ...], missing: bool, since: str, limit: int, choices: Choices, output: Output) -> int:
    """Show which intervals the specs at PATH were submitted for, from the first until now, and which are missing.

    PATH is a spec, a directory or a glob; specs/ where it is left out. A batch misses nothing before its own first
    submission, unless --since says from when on. Opens no connection, and looks at no input.
    """
    console = Console(output)
    paths = paths or (FOLDER,)
    choices = choices.looking_back(since)
    workspace = open_workspace(paths, choices, stdin=sys.stdin.buffer.read, expand=False)
    stores = workspace.stores()
    states = load_states(stores)
    specs = [
        SpecRuns(
            name=spec.name,
            path=spec.path,
            state=stores[spec.name].url,
            recurrence=Recurrence(once_per=spec.run.once_per, timezone=spec.run.timezone),
            coverage=coverage_of(workspace, spec, states[spec.name]),
            limit=limit,
            only_missing=missing,
        )
        for spec in workspace.specs
    ]
    if output.json:
        console.document(runs_document(specs))
    else:
        console.result(runs_text(specs, console.style, console.width or 80))
        _advise(specs, choices, console)
    return 0


def _advise(specs: list[SpecRuns], choices: Choices, console: Console) -> None:
    from batchrunner.wiring.typed import typed_catch_up

    for spec in specs:
        missing = sum(bool(each.missing) for each in spec.coverage.intervals if not each.is_current)
        if missing and spec.path != "-":
            typed = typed_catch_up(quote(spec.path), choices, min(missing, 366))
            console.note(f"To see what submitting {'it' if missing == 1 else 'them'} would cost: {typed}")

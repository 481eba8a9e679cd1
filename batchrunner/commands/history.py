"""`batchrunner history`: all that happened to an address, over all its runs. From state alone."""

from collections.abc import Sequence

import click

from batchrunner.address import matches
from batchrunner.commands._console import Console
from batchrunner.commands._options import Output, idle_options, output_options, word_option
from batchrunner.commands._states import Sought, called_now, find_stores, no_such_address, state_options
from batchrunner.render.units import counted
from batchrunner.runkeys import names_run
from batchrunner.state import Entry


@click.command("history")
@click.argument("patterns", nargs=-1, required=True, metavar="ADDRESS...")
@click.option("--target", "targets", multiple=True, metavar="ADDRESS", help="The same as ADDRESS.")
@word_option("--run-key", metavar="KEY", help="Only this run.")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(1),
    metavar="N",
    default=200,
    show_default=True,
    help="The last so many events.",
)
@state_options
@idle_options("var", "at")
@output_options()
def command(
    *,
    patterns: tuple[str, ...],
    targets: tuple[str, ...],
    run_key: str,
    limit: int,
    sought: Sought,
    output: Output,
) -> int:
    """Tell all that is known to have happened to ADDRESS, its shards and members, oldest first: what was decided,
    submitted, retried and replaced, what the provider said, and what was fetched.

    ADDRESS may be a glob, and an address from before a move. Opens no connection. `state show` has the raw record.
    """
    from batchrunner.chronicle import told
    from batchrunner.render.history import history_document, history_text

    console, stores, wanted = Console(output), find_stores(sought), (*patterns, *targets)
    entries = [entry for store in stores for entry in store.load().entries()]
    found = _named(entries, wanted)
    if not found:
        wanted = tuple(now for name in wanted for now in called_now(name, stores, sought)) or wanted
        found = _named(entries, wanted)
    if not found:
        raise no_such_address(wanted[0], stores, sought)
    found = [entry for entry in found if not run_key or names_run(run_key, entry.run_key)]
    happenings = told(found)
    earlier = max(len(happenings) - limit, 0)
    if output.json:
        console.document(history_document(wanted, happenings[earlier:], earlier))
    elif not happenings:
        console.result(f"Nothing happened in that run. There is {_runs(_named(entries, wanted))}.")
    else:
        shown = happenings[earlier:]
        console.result(history_text(shown, earlier=earlier, style=console.style, width=console.width or 80))
    return 0


def _named(entries: Sequence[Entry], patterns: Sequence[str]) -> list[Entry]:
    """Those that a pattern names as they are called now, or as they were when they were submitted."""
    from batchrunner.chronicle import first_address

    return [
        entry
        for entry in entries
        if any(matches(pattern, name) for pattern in patterns for name in {entry.address, first_address(entry)})
    ]


def _runs(entries: Sequence[Entry]) -> str:
    keys = list(dict.fromkeys(entry.run_key for entry in entries))
    return counted(len(keys), "run") + f": {', '.join(keys[-3:])}"

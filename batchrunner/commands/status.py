"""`batchrunner status`: where submitted batches stand. From state alone, unless it is told to look."""

from shlex import quote

import click

from batchrunner.commands._console import Console
from batchrunner.commands._following import followed_options
from batchrunner.commands._options import Output, idle_options, output_options
from batchrunner.commands._states import Sought
from batchrunner.wiring.following import Followed


@click.command("status")
@followed_options
@click.option("--refresh", is_flag=True, help="Look at the providers once, and note what is seen.")
@click.option("--watch", is_flag=True, help="Look until all have ended; Ctrl-C leaves.")
@click.option("--all", "everything", is_flag=True, help="Every run and every attempt, not only what counts now.")
@idle_options("var", "at")
@output_options()
def command(
    *,
    followed: Followed,
    sought: Sought,
    words: tuple[str, ...],
    refresh: bool,
    watch: bool,
    everything: bool,
    output: Output,
) -> int:
    """Show where the batches of PATHs and ADDRESSes stand, or all of them: counts, time left, and what went wrong.

    Opens no connection and reads no key without --refresh or --watch. Exits with 5 where a batch failed, expired or was
    cancelled, with 3 where one is in doubt.
    """
    from batchrunner.commands._watching import Looked, Manner, Scope, exit_code, look, tell_troubles
    from batchrunner.render.json import envelope
    from batchrunner.render.standings import standings_document, standings_text
    from batchrunner.standing import current

    console, states = Console(output), followed.states()
    scope = Scope(followed.project.root, followed.providers, states.store_of, sought.typed)
    entries = states.entries()
    entries = entries if everything else current(entries, every_run=bool(followed.run_key))
    looked = look(entries, scope, Manner(once=not watch), console) if refresh or watch else Looked(entries)
    standings = scope.standings(looked.entries)
    if output.json:
        fields = standings_document(standings, sought.typed)
        console.document(envelope("status", looked=refresh or watch, **fields))
    else:
        console.result(standings_text(standings, sought.typed, console.style, console.width or 80))
    tell_troubles(looked, console)
    if not (refresh or watch or output.json) and any(each.verdict == "open" for each in standings):
        typed = sought.typed(" ".join(["status", *map(quote, words), "--refresh"]))
        console.note(f"From state alone. To look now: {typed}")
    return int(exit_code(standings, looked, waited=watch))

"""`batchrunner wait`: look at submitted batches until all have ended."""

import click

from batchrunner.commands._console import Console
from batchrunner.commands._following import followed_options, require_some
from batchrunner.commands._options import Output, idle_options, output_options
from batchrunner.commands._publishing import published
from batchrunner.commands._states import Sought
from batchrunner.commands._summing import Notes
from batchrunner.wiring.following import Followed

LONGEST_SECONDS = 31_536_000


@click.command("wait")
@published("wait")
@followed_options
@click.option("--timeout", type=click.FloatRange(0, LONGEST_SECONDS), metavar="SECONDS",
              help="Leave after so long, with exit 75.")  # fmt: skip
@click.option("--interval", type=click.FloatRange(0.01, LONGEST_SECONDS), metavar="SECONDS",
              help="Time between looks, instead of the provider's `polling`.")  # fmt: skip
@idle_options("var", "at")
@output_options()
def command(
    *,
    notes: Notes,
    followed: Followed,
    sought: Sought,
    words: tuple[str, ...],
    timeout: float | None,
    interval: float | None,
    output: Output,
) -> int:
    """Wait until the batches of PATHs and ADDRESSes, or all that were submitted, have ended.

    Needs nothing but the state and the keys, on any machine and hours later. Exits with 0 where all completed, 5 where
    one failed, expired, was cancelled, is gone, or completed without one answer, 75 after --timeout.
    """
    from batchrunner.commands._waiting import Awaited, wait_for
    from batchrunner.commands._watching import Manner, Scope
    from batchrunner.render.json import envelope
    from batchrunner.standing import current

    console, states = Console(output), followed.states()
    scope = Scope(followed.project.root, followed.providers, states.store_of, sought.typed)
    entries = current(states.entries(), every_run=bool(followed.run_key))
    notes.meet(followed.project)
    require_some(entries, "batch to wait for", followed, words, sought)
    waited = wait_for(Awaited(entries, words), scope, Manner(patience=timeout, interval=interval), notes, console)
    if output.json:
        console.document(envelope("wait", **waited.fields))
    return waited.code

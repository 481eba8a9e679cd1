"""Waiting to the end, and what is said then."""

from collections.abc import Sequence

from batchrunner.commands._console import Console
from batchrunner.commands._watching import Looked, Manner, Scope, command_line, exit_code, look, tell_troubles
from batchrunner.render.json import envelope
from batchrunner.render.standings import standings_document, standings_text
from batchrunner.render.units import counted
from batchrunner.standing import Standing
from batchrunner.state import Entry


def wait_for(entries: Sequence[Entry], scope: Scope, manner: Manner, words: Sequence[str], console: Console) -> int:
    """Look at `entries` until all have ended, show where they stand then, and return the exit code.

    `words` are what the person named them with.
    """
    looked = look(entries, scope, manner, console)
    standings = scope.standings(looked.entries)
    onwards = _onwards(standings, looked, words, scope)
    if console.output.json:
        fields = standings_document(standings, scope.typed)
        console.document(envelope("wait", timed_out=looked.report.timed_out, **fields, next=onwards))
    else:
        console.result(standings_text(standings, scope.typed, console.style, console.width or 80))
    tell_troubles(looked, console)
    if onwards and not console.output.json:
        console.note(_sentence(standings, looked) + f"\n  {onwards}")
    return int(exit_code(standings, looked, waited=True))


def _onwards(standings: Sequence[Standing], looked: Looked, words: Sequence[str], scope: Scope) -> str:
    if _is_cut_short(looked):
        return command_line("wait", words, scope.typed)
    unfetched = any(each.verdict == "done" and not each.is_fetched for each in standings)
    return command_line("fetch", words, scope.typed) if unfetched else ""


def _sentence(standings: Sequence[Standing], looked: Looked) -> str:
    if not _is_cut_short(looked):
        return "To get the results:"
    still_open = sum(each.verdict == "open" for each in standings)
    why = "Timed out" if looked.report.timed_out else "Stopped"
    return f"{why}: {counted(still_open, 'batch')} of {len(standings)} not ended. Nothing is lost. To go on waiting:"


def _is_cut_short(looked: Looked) -> bool:
    return looked.report.timed_out or looked.stopped is not None

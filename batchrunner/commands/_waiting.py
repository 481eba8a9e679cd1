"""Waiting to the end, and what is said then."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from batchrunner.address import spec_of
from batchrunner.commands._console import Console
from batchrunner.commands._eventstream import EventStream
from batchrunner.commands._plans import is_saved_plan
from batchrunner.commands._states import Sought
from batchrunner.commands._summing import Notes
from batchrunner.commands._watching import Looked, Manner, Scope, command_line, exit_code, look, tell_troubles
from batchrunner.plans import Blocked, Orphan
from batchrunner.ports import Reporter
from batchrunner.render.standings import standings_document, standings_text
from batchrunner.render.units import counted
from batchrunner.standing import Standing, current
from batchrunner.state import Entry
from batchrunner.stores import load_states
from batchrunner.wiring import Choices
from batchrunner.wiring.preparing import Prepared
from batchrunner.wiring.typed import profile_of
from batchrunner.wiring.workspace import SANDBOX


@dataclass(frozen=True, slots=True)
class Awaited:
    """What is waited for: `entries`, which the person named with `words`."""

    entries: Sequence[Entry]
    words: Sequence[str]


@dataclass(frozen=True, slots=True)
class Waited:
    """How waiting ended: the exit code, and `fields` for the document that the command writes with `--json`."""

    code: int
    fields: dict[str, Any]


def wait_for(
    awaited: Awaited, scope: Scope, manner: Manner, notes: Notes, console: Console, *, watcher: Reporter | None = None
) -> Waited:
    """Look until all have ended, and show where they stand then, but for a document. `watcher` is told what happens."""
    notes.looked(scope.standings(awaited.entries))
    looked = look(awaited.entries, scope, manner, console, watcher=watcher)
    standings = scope.standings(looked.entries)
    onwards = _onwards(standings, looked, awaited.words, scope)
    notes.looked(standings)
    notes.next = notes.next or onwards
    notes.interrupted = looked.stopped is not None
    fields = standings_document(standings, scope.typed)
    if not console.output.json:
        console.result(standings_text(standings, scope.typed, console.style, console.width or 80))
    tell_troubles(looked, console)
    if onwards and not console.output.json:
        console.note(_sentence(standings, looked) + f"\n  {onwards}")
    code = int(exit_code(standings, looked, waited=True))
    return Waited(code, {"timed_out": looked.report.timed_out, **fields, "next": onwards})


def wait_for_plan(
    prepared: Prepared, paths: Sequence[str], choices: Choices, notes: Notes, stream: EventStream
) -> Waited:
    """Wait for all that a plan submitted, or found submitted."""
    stores = prepared.ground.stores
    states = load_states(stores)
    covered = {(each.address, each.run_key) for each in prepared.plan.changes if not isinstance(each, Blocked | Orphan)}
    entries = [entry for name, state in states.items() for entry in state.entries()
               if spec_of(entry.address) == name and (entry.address, entry.run_key) in covered]  # fmt: skip
    awaited = [entry for entry in current(entries, every_run=True) if entry.attempt.status == "submitted"]
    sandbox = any(entry.attempt.intent.provider == SANDBOX for entry in awaited)
    sought = Sought(choices.state, choices.project, sandbox, choices.profile or profile_of(prepared.plan))
    scope = Scope(prepared.root, prepared.providers, lambda address: stores[spec_of(address)], sought.typed)
    words = paths if not is_saved_plan(tuple(paths)) else [spec.path for spec in prepared.plan.specs]
    return wait_for(Awaited(awaited, words), scope, Manner(), notes, stream.console, watcher=stream)


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

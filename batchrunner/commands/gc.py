"""`batchrunner gc`: delete files at providers that nobody needs any more."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from batchrunner.clearing import Leftover, file_ids, inputs_left, orphans, results_left
from batchrunner.commands._asking import inquiry
from batchrunner.commands._console import Console, answers_yes, somebody_is_there
from batchrunner.commands._following import followed_options
from batchrunner.commands._options import Output, idle_options, output_options
from batchrunner.commands._states import Sought
from batchrunner.errors import ExitCode
from batchrunner.jobs import (
    FilesSurveyed,
    FollowUp,
    NotFound,
    Outcome,
    Removed,
    RemoveFile,
    Survey,
    Surveyed,
    SurveyFiles,
)
from batchrunner.moments import text_of
from batchrunner.records import replace
from batchrunner.state import Attempt, Entry
from batchrunner.wiring.asking import Inquiry
from batchrunner.wiring.following import Followed, FollowedStates, name_of
from batchrunner.wiring.recording import StateRecorder
from batchrunner.wiring.workspace import SystemClock


@click.command("gc")
@followed_options
@click.option("--results", is_flag=True, help="Also files of results that were fetched and are here.")
@click.option("--yes", is_flag=True, help="Delete them without asking.")
@idle_options("var", "at")
@output_options()
def command(
    *, words: tuple[str, ...], followed: Followed, sought: Sought, results: bool, yes: bool, output: Output
) -> int:
    """Show the files at providers that nobody needs any more, and delete them once that is approved.

    They are inputs of batches that ended and were fetched, or were refused, and uploads of ours that no state knows and
    no batch reads. What something open or in doubt needs stays.
    """
    console = Console(output)
    states = followed.states()
    entries = [entry for state in states.states.values() for entry in state.entries()]
    providers = sorted({entry.attempt.intent.provider for entry in states.entries()} & followed.providers.keys())
    asking = inquiry(providers, followed.providers, followed.project.root, console)
    found = _Search(followed, entries, asking, results).run(providers)
    if console.output.json and not yes:
        console.document(_document(found, []))
    elif not found.left:
        console.result("\n".join(["Nothing to delete.", *found.notes]))
    elif _approved(found, console, sought, words, yes=yes):
        return int(_delete(found, asking, states, console))
    return 0


@dataclass(slots=True)
class _Found:
    """What can go, and what could not be told."""

    left: list[Leftover] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Search:
    followed: Followed
    entries: Sequence[Entry]
    asking: Inquiry
    results: bool

    def run(self, providers: Sequence[str]) -> _Found:
        found = _Found()
        wanted = [entry for entry in self.entries if self.followed.is_about(entry.address, entry.run_key)]
        names = {name_of(entry) for entry in wanted}
        inputs = inputs_left(self.entries)
        found.left = [each for each in inputs if each.entry is not None and name_of(each.entry) in names]
        if self.results:
            found.left += results_left(wanted, self._paths_here(wanted))
        found.left = [each for each in found.left if each.provider in self.followed.providers]
        for provider in providers:
            self._ask(provider, found)
        return found

    def _paths_here(self, entries: Sequence[Entry]) -> set[str]:
        root = self.followed.project.root
        files = [file for entry in entries if entry.attempt.fetched for file in entry.attempt.fetched.files]
        return {file.path for file in files if _size(Path(root, file.path)) == file.size}

    def _ask(self, provider: str, found: _Found) -> None:
        """What the provider has of ours that no state knows."""
        said, batches = self.asking.ask([SurveyFiles(provider=provider), Survey(provider=provider)])
        if not isinstance(said, FilesSurveyed) or not said.is_complete:
            found.notes.append(f"{provider} does not list its files: what no state knows cannot be found there.")
            return
        if not isinstance(batches, Surveyed) or not batches.is_complete:
            found.notes.append(f"{provider} does not list its batches: uploads that no state knows are left there.")
            return
        read = {batch.input_file_id for batch in batches.batches}
        found.left += orphans(provider, said.files, file_ids(self.entries), read, SystemClock().now())


def _size(path: Path) -> int:
    try:
        return os.stat(path, follow_symlinks=False).st_size
    except OSError:
        return -1


def _approved(found: _Found, console: Console, sought: Sought, words: Sequence[str], *, yes: bool) -> bool:
    from batchrunner.render.clearing import leftovers_text
    from batchrunner.render.units import counted

    show = console.note if yes or console.output.json else console.result
    show("\n".join([leftovers_text(found.left, SystemClock().now()), *found.notes]))
    if yes:
        return True
    if not somebody_is_there():
        console.note(f"Nothing was deleted. To do it: {sought.typed(' '.join(['gc', *words, '--yes']))}")
        return False
    return answers_yes(f"\nDelete {counted(len(found.left), 'file')} at the provider?")


def _delete(found: _Found, asking: Inquiry, states: FollowedStates, console: Console) -> ExitCode:
    jobs: list[FollowUp] = [
        RemoveFile(provider=each.provider, file_id=each.file_id, address=each.entry.address if each.entry else "")
        for each in found.left
    ]
    done = list(zip(found.left, asking.ask(jobs), strict=True))
    at = SystemClock().now()
    recorder = StateRecorder(states.store_of, patience=30.0)
    for left, said in done:
        if left.entry is not None and not left.is_result and isinstance(said, Removed | NotFound):
            recorder.record(name_of(left.entry), _removed(at))
    if not recorder.write():
        console.warn("Another command holds the state, which does not know yet: run the same command again.")
    _show(found, done, console)
    failed = [said for _, said in done if not isinstance(said, Removed | NotFound)]
    return ExitCode.DONE if not failed else ExitCode.TRY_AGAIN if _passes(failed) else ExitCode.REFUSED


def _removed(at: datetime) -> Any:
    def change(attempt: Attempt) -> Attempt:
        return replace(attempt, input_removed_at=text_of(at))

    return change


def _passes(failed: Sequence[Outcome]) -> bool:
    return all(type(said).__name__ == "Deferred" for said in failed)


def _show(found: _Found, done: Sequence[tuple[Leftover, Outcome]], console: Console) -> None:
    from batchrunner.render.clearing import deleted_text

    if console.output.json:
        console.document(_document(found, done))
    else:
        console.result(deleted_text(done))


def _document(found: _Found, done: Sequence[tuple[Leftover, Outcome]]) -> dict[str, Any]:
    from batchrunner.render.clearing import gc_document

    return gc_document(found.left, done, found.notes)

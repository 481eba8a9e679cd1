"""`batchrunner fetch`: results of remote batches on this disk, and an account of every row."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from shlex import quote
from time import monotonic

import click

from batchrunner.accounts import Account
from batchrunner.address import spec_of, whole_of
from batchrunner.applier import Brake
from batchrunner.commands._console import Console
from batchrunner.commands._files import refuse_kept
from batchrunner.commands._following import followed_options, keys_for, paths_of, require_some
from batchrunner.commands._options import Output, idle_options, output_options, word_option
from batchrunner.commands._publishing import published
from batchrunner.commands._states import Sought
from batchrunner.commands._summing import Notes
from batchrunner.errors import ExitCode
from batchrunner.events import Downloading, Event, Retrying, Stopping
from batchrunner.fetcher import Brought
from batchrunner.printable import printable
from batchrunner.render.accounts import FetchSummary, fetch_document, fetch_text, pending_addresses
from batchrunner.render.lines import LineReporter
from batchrunner.render.units import counted, size
from batchrunner.results import folder_of
from batchrunner.wiring.fetching import FOLDER, Ending, Fetching
from batchrunner.wiring.following import Followed, FollowedStates
from batchrunner.wiring.running import Sending, interrupted
from batchrunner.wiring.runs import left_to_fetch
from batchrunner.wiring.workspace import SystemClock

_MOST_NEXT = 5
_AT_A_TIME = 8
_OFTEN, _SELDOM = 5.0, 30.0
"""Seconds between two lines about one download: for a person who watches, and for a log."""


@click.command("fetch")
@published("fetch")
@followed_options
@word_option("--out", metavar="DIR", help="Folder of the results.  [default: results/ in the project]")
@click.option("--parquet", is_flag=True, help="Write results.parquet too, a row for each request.")
@click.option("--all", "everything", is_flag=True, help="Every run, not only the newest and what was never fetched.")
@click.option("--allow-errors", is_flag=True, help="Exit with 0 where all is here, whatever became of single rows.")
@idle_options("var", "at")
@output_options()
def command(
    *,
    notes: Notes,
    followed: Followed,
    sought: Sought,
    words: tuple[str, ...],
    out: str,
    parquet: bool,
    everything: bool,
    allow_errors: bool,
    output: Output,
) -> int:
    """Download the results of batches that have ended, and account for every row.

    Each row of an input ends as ok, error, expired or missing, over all its shards and retries. Rows that are ok are in
    results.jsonl, in the order of the input; all others are in errors.jsonl. What is here already is left alone.
    """
    console = Console(output)
    notes.meet(followed.project)
    refuse_kept("--out", out)
    top = Path(out or os.path.join(followed.project.root, FOLDER))
    states = followed.states()
    require_some(states.submitted(), "batch that was submitted", followed, words, sought)
    meant = states if everything or followed.run_key else left_to_fetch(states)
    brake = Brake()
    progress = _Progress(console)

    def sending(names: set[str]) -> Sending:
        return Sending(followed.project.root, followed.providers, keys_for(names, followed), _AT_A_TIME, brake,
                       console.warn)  # fmt: skip

    ending = Fetching(followed, meant, top, sending, progress, progress.brought, with_tables=parquet).run()
    summary = _summary(ending, top, followed, sought, words)
    notes.fetched(summary.accounts)
    notes.next = next(iter(summary.next), "")
    notes.interrupted = interrupted(brake) is not None
    _show(summary, console)
    _tell_earlier(states, meant, sought.typed(" ".join(["fetch", *map(quote, words), "--all"])), console)
    return int(interrupted(brake) or exit_code(ending, allow_errors=allow_errors))


def _tell_earlier(states: FollowedStates, meant: FollowedStates, typed: str, console: Console) -> None:
    known, shown = ({(whole_of(each.address), each.run_key) for each in some.submitted()} for some in (states, meant))
    if (earlier := len(known) - len(shown)) and not console.output.json:
        console.note(f"{counted(earlier, 'earlier run was', 'earlier runs were')} fetched before. All of them: {typed}")


def _nothing(words: str) -> None:
    pass


class _Progress:
    """Says what comes, on stderr: a line for each batch that is here, and of a long download now and then one."""

    def __init__(self, console: Console) -> None:
        self._say: Callable[[str], None] = console.warn if console.output.progress else _nothing
        self._lines = LineReporter(self._say, SystemClock())
        self._told: dict[str, float] = {}
        self._often = _OFTEN if sys.stderr.isatty() else _SELDOM

    def report(self, event: Event) -> None:
        """Show one event."""
        if isinstance(event, Downloading):
            now = monotonic()
            if now - self._told.setdefault(event.address, now) >= self._often:
                self._told[event.address] = now
                of = f" of {size(event.size)}" if event.size else ""
                self._line("fetching", event.address, f"{size(event.received)}{of}")
        elif isinstance(event, Retrying | Stopping):
            self._lines.report(event)

    def brought(self, brought: Brought) -> None:
        """Tell of an attempt that is done."""
        if brought.is_whole:
            self._line("fetched", brought.entry.address, f"{brought.entry.attempt.batch_id}  {size(brought.size)}")

    def _line(self, word: str, address: str, detail: str) -> None:
        self._say(f"{SystemClock().now():%H:%M:%S} {word:<10} {printable(address)}  {printable(detail)}")


def _show(summary: FetchSummary, console: Console) -> None:
    if console.output.json:
        console.document(fetch_document(summary))
    else:
        console.result(fetch_text(summary, console.style, console.width or 80))


def _summary(ending: Ending, top: Path, followed: Followed, sought: Sought, words: tuple[str, ...]) -> FetchSummary:
    return FetchSummary(
        accounts=tuple(ending.accounts),
        folders=tuple(_folder(account, top) for account in ending.accounts),
        made=ending.made,
        size=ending.size,
        problems=tuple(_problems(ending)),
        next=tuple(_next(ending, followed, sought, words)),
    )


def _folder(account: Account, top: Path) -> str:
    return os.path.relpath(top.joinpath(*folder_of(account.address, account.run_key))) if account.batches else ""


def _problems(ending: Ending) -> list[str]:
    told = [f"{name}: {why}; nothing was asked there." for name, why in ending.elsewhere.items()]
    told += [f"{name} refused the key: {said.words or said.code}" for name, said in ending.looks.denied.items()]
    told += [f"{name} offers no looking at batches." for name in ending.looks.blind]
    told += [f"{name} could not be asked: {said.words or said.code}" for name, said in ending.looks.troubled.items()]
    told += ending.unwritten
    if ending.looks.state_error is not None:
        told.append(f"The state could not be written: {ending.looks.state_error.message}")
    if ending.unsaved or ending.looks.unsaved:
        told.append("Another command holds the lock of the state, which does not say yet what is here; fetch again.")
    return told


def _next(ending: Ending, followed: Followed, sought: Sought, words: tuple[str, ...]) -> list[str]:
    mendable = [account.address for account in ending.accounts if account.rows.mendable and account.is_complete]
    typed = _retries(list(dict.fromkeys(mendable)), followed, sought, words)
    if pending_addresses(ending.accounts, "running"):
        typed.append(sought.typed(" ".join(["wait", *map(quote, words)])))
    if any(not account.is_complete for account in ending.accounts):
        typed.append(sought.typed(" ".join(["fetch", *map(quote, words)])))
    return typed


def _retries(addresses: Sequence[str], followed: Followed, sought: Sought, words: tuple[str, ...]) -> list[str]:
    """The command for each of a few, and for more of them one for all."""
    if len(addresses) <= _MOST_NEXT:
        return [sought.typed(f"retry {quote(address)}") for address in addresses]
    names = list(dict.fromkeys(map(spec_of, addresses)))
    meant = words or paths_of(names, (), followed) or [f"{name}/*" for name in names]
    return [sought.typed(" ".join(["retry", *map(quote, meant)]))]


def exit_code(ending: Ending, *, allow_errors: bool) -> ExitCode:
    """What a fetch that was not interrupted ends with: what somebody has to mend first, then what time will."""
    kinds = {each.trouble.kind for each in ending.brought if each.trouble is not None}
    if ending.looks.state_error is not None:
        return ending.looks.state_error.exit_code
    if kinds & {"denied", "refused", "gone"} or ending.looks.denied or ending.elsewhere or ending.looks.blind:
        return ExitCode.REFUSED
    if errors := [each.error for each in ending.brought if each.error is not None]:
        return errors[0].exit_code
    if ending.unsaved or ending.looks.unsaved or any(not account.is_complete for account in ending.accounts):
        return ExitCode.TRY_AGAIN
    failed = any(account.rows.failed or not account.rows.total for account in ending.accounts)
    return ExitCode.REMOTE_FAILED if failed and not allow_errors else ExitCode.DONE

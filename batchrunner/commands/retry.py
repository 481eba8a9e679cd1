"""`batchrunner retry`: ask again for the requests that ended without an answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from batchrunner.address import spec_of
from batchrunner.applier import Brake, Report
from batchrunner.commands._approval import approve
from batchrunner.commands._console import Console
from batchrunner.commands._eventstream import EventStream, show_end
from batchrunner.commands._following import followed_options, keys_for, paths_of
from batchrunner.commands._options import Output, idle_options, output_options
from batchrunner.commands._plans import show_plan, stop_refused
from batchrunner.commands._publishing import published
from batchrunner.commands._reporting import Ending, send_watched, show_ending
from batchrunner.commands._screens import Reporters
from batchrunner.commands._states import FOLDERS, Sought, lock_timeout
from batchrunner.commands._summing import Notes
from batchrunner.errors import BatchrunnerError, ExitCode, Refused, UsageError
from batchrunner.render.report import ApplySummary, apply_document
from batchrunner.retries import APPLY
from batchrunner.rows import RowOutcome
from batchrunner.wiring.fetching import FOLDER, Fetching
from batchrunner.wiring.following import Followed
from batchrunner.wiring.preparing import Patience, Prepared
from batchrunner.wiring.retrying import Outlook, Wish, ledger_of, newest_only, prepared_retry
from batchrunner.wiring.running import Sending
from batchrunner.wiring.silence import Silent
from batchrunner.wiring.workspace import Choices

if TYPE_CHECKING:
    from batchrunner.commands._waiting import Waited

IN_FLIGHT = 16


@click.command("retry")
@published("retry")
@followed_options
@click.option("--only-errors", "only", flag_value="error", help="Only rows that failed.")
@click.option("--only-expired", "only", flag_value="expired", help="Only rows that were not processed in time.")
@click.option("--only-missing", "only", flag_value="missing", help="Only rows that nothing was said of.")
@click.option("--force", is_flag=True, help="Also rows that the provider called invalid, and batches that it lost.")
@click.option("--wait", is_flag=True, help="Then wait until all of it has ended, as `wait` does.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@idle_options("var", "at")
@output_options()
def command(
    *,
    notes: Notes,
    words: tuple[str, ...],
    followed: Followed,
    sought: Sought,
    only: RowOutcome | None,
    force: bool,
    wait: bool,
    yes: bool,
    output: Output,
) -> int:
    """Submit once more the requests of the named batches that have no answer: errors, expired and missing ones.

    What the provider called invalid is left out, as it would fail again. Of each batch its newest run is meant, unless
    --run-key says otherwise. Results are fetched first; fetch puts the new answers in their places. Exits with 0 too
    where nothing is left to retry.
    """
    notes.meet(followed.project)
    if not (words or followed.patterns):
        here = next(str(folder) for folder in FOLDERS if folder.is_dir())
        raise UsageError("nothing-named", "say what to retry: addresses, or specs",
                         why=f"{sought.typed('status')} shows what there is.",
                         hint=f"for all of it: {sought.typed(f'retry {here}')}")  # fmt: skip
    console = Console(output)
    stream = EventStream("retry", console)
    wish = Wish(frozenset({only}), force) if only else Wish(force=force)
    followed = newest_only(followed)
    _fetch(followed, console)
    files, ledger = ledger_of(followed, Path(followed.project.root, FOLDER))
    with prepared_retry(followed, wish, files, ledger, Patience(lock_timeout(), console.warn)) as ready:
        typed = _typed(words, followed, sought, only, force=force)
        for address, error in ready.outlook.untouched.items():
            error.hint = _hint(error, address, words, followed, sought)
        notes.planned(ready.prepared.plan)
        run = _Run(ready.prepared, ready.outlook, followed, typed, notes, yes)
        code, document = _retry(run, stream)
    waited = None
    if wait and run.prepared.plan.sendable and code not in _STOPPED:
        # The lock is free again: waiting takes hours.
        stream.applied(document, code)
        waited = _wait(run, words, sought, stream)
        code = waited.code if waited.code in _STOPPED else code or waited.code
    show_end(stream, document, waited.fields if waited else None, code)
    return code


def _hint(error: BatchrunnerError, address: str, words: Sequence[str], followed: Followed, sought: Sought) -> str:
    """What goes on with a batch that is not asked again, as one types it."""
    if error.code == "still-running":
        return sought.typed(f"wait {quote(address)}")
    paths = paths_of([spec_of(address)], words, followed) if error.hint == APPLY else []
    if not paths:
        return error.hint
    run_key = followed.run_key or next((run for about, run in followed.runs or () if about == address), "")
    run = [] if run_key.startswith("content:") else ["--run-key", run_key]
    return sought.typed(" ".join(["apply", *map(quote, [*paths, *run])]))


_STOPPED = (ExitCode.INTERRUPTED, ExitCode.TERMINATED, ExitCode.CONFLICT)


def _wait(run: "_Run", words: Sequence[str], sought: Sought, stream: EventStream) -> "Waited":
    """Wait for what was sent."""
    from batchrunner.commands._waiting import wait_for_plan

    choices = Choices(project=sought.project, state=sought.state, sandbox=sought.sandbox)
    return wait_for_plan(run.prepared, tuple(words), choices, run.notes, stream)


@dataclass(frozen=True, slots=True)
class _Run:
    """A retry that is planned. `typed` is what goes on with it."""

    prepared: Prepared
    outlook: Outlook
    followed: Followed
    typed: str
    notes: Notes
    yes: bool


def _typed(words: Sequence[str], followed: Followed, sought: Sought, only: str | None, *, force: bool) -> str:
    flags = [f"--only-{'errors' if only == 'error' else only}"] if only else []
    flags += ["--force"] if force else []
    flags += [f"--run-key {quote(followed.run_key)}"] if followed.run_key else []
    return sought.typed(" ".join(["retry", *map(quote, words or followed.patterns), *flags]))


_IN_THE_WAY = ("results-not-written", "results-is-a-link")


def _fetch(followed: Followed, console: Console) -> None:
    """Bring what there is of results: only then is it known which rows have none."""

    def sending(names: set[str]) -> Sending:
        keys = keys_for(names, followed)
        return Sending(followed.project.root, followed.providers, keys, IN_FLIGHT, Brake())

    top = Path(followed.project.root, FOLDER)
    try:
        ending = Fetching(followed, followed.states(), top, sending, Silent(), with_inputs=True).run()
    except Refused as error:
        if error.code not in _IN_THE_WAY:
            raise
        # What was fetched with --out DIR lies elsewhere. What nothing is known of is not asked again.
        console.warn(f"{error.message}{error.why and ': '}{error.why} ({error.where})")
        return
    for brought in ending.brought:
        if brought.trouble is not None:
            console.warn(f"{brought.entry.address}: its results could not be fetched: {brought.trouble.words}")
    for words in ending.unwritten:
        console.warn(words)


_Sent = tuple[int, dict[str, Any]]
"""The exit code, and the document that ends the stream."""


def _retry(run: _Run, stream: EventStream) -> _Sent:
    prepared, console = run.prepared, stream.console
    _tell(run.outlook, console)
    if not prepared.plan.changes:
        _show_nothing(run.outlook, console)
        nothing = apply_document(prepared.plan, ApplySummary(submitted=0, unchanged=0, command=""))
        return int(_exit_of(run.outlook, None)), {**nothing, "batches": [], **_beside(run.outlook)}
    if console.output.json:
        stream.planned(prepared.plan)
    else:
        show_plan(prepared.plan, "retry", console)
    stop_refused(prepared.refusals, prepared.project_file, console)
    keys = keys_for({change.provider for change in prepared.plan.sendable}, run.followed)
    if prepared.plan.sendable and not run.yes:
        approve(prepared.plan)
    return _send(run, keys, stream)


def _send(run: _Run, keys: Mapping[str, str], stream: EventStream) -> _Sent:
    from batchrunner.commands.apply import exit_code

    watcher = Reporters(run.notes, stream)
    report, stopped = send_watched(run.prepared, keys, IN_FLIGHT, stream.console, watcher)
    choices = Choices(profile=run.followed.project.profile)
    ending = Ending(run.prepared, report, stopped, (), choices, run.notes, verb="retry", typed=run.typed)
    document = {**show_ending(ending, stream.console), **_beside(run.outlook)}
    return int(stopped or exit_code(ending.plan, report) or _exit_of(run.outlook, report)), document


def _tell(outlook: Outlook, console: Console) -> None:
    """Why some of it is not asked again."""
    from batchrunner.render.errors import error_text

    for error in outlook.untouched.values():
        console.warn(error_text(error))
    for address, count in outlook.kept.items():
        rows = "1 row" if count == 1 else f"{count:,} rows"
        them = "it" if count == 1 else "them"
        console.note(f"{address}: {rows} failed for good, and would again; --force asks for {them} all the same")


def _show_nothing(outlook: Outlook, console: Console) -> None:
    if console.output.json:
        return
    for address in outlook.ok:
        console.result(f"{address}: every request has its answer; nothing to retry.")
    if not outlook.ok:
        console.result("Nothing was asked again.")


def _beside(outlook: Outlook) -> dict[str, Any]:
    """What is not asked again, and why."""
    untouched = [_object(address, error) for address, error in outlook.untouched.items()]
    return {"untouched": untouched, "ok": outlook.ok, "kept": outlook.kept}


def _object(address: str, error: BatchrunnerError) -> Mapping[str, str]:
    return {"address": address, "code": error.code, "message": error.message, "why": error.why, "hint": error.hint}


def _exit_of(outlook: Outlook, report: Report | None) -> ExitCode:
    """What could not be retried counts: refusals before what another run mends."""
    codes = {error.exit_code for error in outlook.untouched.values()}
    if not codes:
        return ExitCode.DONE
    if report is not None and report.submitted:
        return ExitCode.PARTIAL
    return next((code for code in codes if code is not ExitCode.TRY_AGAIN), ExitCode.TRY_AGAIN)

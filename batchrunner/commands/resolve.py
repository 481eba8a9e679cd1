"""`batchrunner resolve`: a person says what became of a batch that is in doubt, and the provider is asked first."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import NamedTuple

import click

from batchrunner.commands._asking import witness_of
from batchrunner.commands._console import Console, answers_yes, somebody_is_there
from batchrunner.commands._options import Output, idle_options, output_options, word_option
from batchrunner.commands._resolving import Advice, Stopped, advise
from batchrunner.commands._resolving import cancel_others as stop_others
from batchrunner.commands._states import Sought, find_stores, located, meant, no_such_address, state_options
from batchrunner.errors import BatchrunnerError, ExitCode, Refused, StateError, UsageError
from batchrunner.matching import adopted
from batchrunner.moments import text_of
from batchrunner.printable import printable
from batchrunner.records import replace
from batchrunner.remote import RemoteBatch
from batchrunner.runkeys import names_run
from batchrunner.state import Attempt, Entry, Problem, State, moved
from batchrunner.wiring.resolving import Witness
from batchrunner.wiring.workspace import SystemClock

PLACEHOLDER = "BATCH_ID"
_BATCH_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}\Z")


class Answer(NamedTuple):
    """What a person said. Both `adopt` and `absent` left out: they want to know what there is."""

    adopt: str
    absent: bool
    force: bool
    cancel_others: bool


@click.command("resolve")
@click.argument("address", metavar="ADDRESS")
@word_option("--adopt", metavar="BATCH_ID", help="The provider has it: this is its batch id.")
@click.option("--absent", is_flag=True, help="The provider does not have it: apply may send the stored intent again.")
@click.option("--cancel-others", is_flag=True, help="With --adopt: stop every other batch of the same submission.")
@click.option("--force", is_flag=True, help="Do not ask the provider whether that is so.")
@word_option("--run-key", metavar="KEY", help="Which run, where several are open.")
@state_options
@idle_options("var", "at")
@output_options()
def command(
    *,
    address: str,
    adopt: str,
    absent: bool,
    force: bool,
    cancel_others: bool,
    run_key: str,
    sought: Sought,
    output: Output,
) -> int:
    """Settle ADDRESS, whose last submission was sent without an answer that can be believed.

    Without --adopt and --absent it shows what the provider has that may be it. An answer is checked against the
    provider, where that can be asked: --absent for a batch that is there means paying for it twice.
    """
    answer = Answer(adopt, absent, force, cancel_others)
    _check(answer)
    console = Console(output)
    found, states = _found(address, run_key, sought, several=cancel_others)
    witness = witness_of(found, states, sought, console)
    if not adopt and not absent:
        advice = advise(found, witness, sought, console)
        if not advice.sole or not _is_wanted(advice, output):
            return int(ExitCode.PARTIAL)
        answer = answer._replace(adopt=advice.sole)
    return _settle(_Case(found, witness, sought), answer, console)


class _Case(NamedTuple):
    found: Entry
    witness: Witness
    sought: Sought


def _settle(case: _Case, answer: Answer, console: Console) -> int:
    found, witness, sought = case
    others = witness.others(found.attempt, answer.adopt) if answer.cancel_others else ()
    settled, note = _settled(case, answer)
    if note:
        console.note(f"Not checked: {note}.")
    backup = None if settled == found else _save(found, settled, sought, console)
    ended = stop_others(witness, others) if others else {}
    _tell(console, settled, backup, ended)
    return int(ExitCode.DONE if all(each.is_stopped for each in ended.values()) else ExitCode.PARTIAL)


def _settled(case: _Case, answer: Answer) -> tuple[Entry, str]:
    """The attempt as the answer has it, and why nobody checked that."""
    found, witness, sought = case
    attempt = found.attempt
    note = "" if not answer.force else "as --force says"
    batch: RemoteBatch | None = None
    try:
        if answer.absent:
            note = note or witness.absent(attempt)
        elif not answer.force:
            batch, note = witness.adopted(attempt, answer.adopt)
    except BatchrunnerError as error:
        error.hint = error.hint or _how_else(error, found, sought)
        raise
    if answer.absent:
        return replace(found, attempt=_absent(attempt)), note
    if attempt.batch_id == answer.adopt:
        return found, note
    known = adopted(attempt, batch, _now()) if batch else _adopted(attempt, answer.adopt)
    return replace(found, attempt=known), note


def _how_else(error: BatchrunnerError, entry: Entry, sought: Sought) -> str:
    look = sought.typed(f"resolve {quote(entry.address)}")
    return f"see what there is: {look}; where that is wrong: --force" if error.code != "already-recorded" else look


def _is_wanted(advice: Advice, output: Output) -> bool:
    return not output.json and somebody_is_there() and answers_yes(f"Is it {advice.sole}?")


def _check(answer: Answer) -> None:
    adopt = answer.adopt
    if adopt and answer.absent:
        raise UsageError("usage", "say either --adopt BATCH_ID or --absent", hint="batchrunner resolve --help")
    if answer.cancel_others and not adopt:
        raise UsageError("usage", "--cancel-others goes with --adopt BATCH_ID, the one to keep",
                         hint="batchrunner resolve --help")  # fmt: skip
    if adopt == PLACEHOLDER:
        raise UsageError("usage", f"{PLACEHOLDER} stands for the id that the provider gave the batch",
                         hint="leave --adopt out to see what the provider has")  # fmt: skip
    if adopt:
        require_batch_id(adopt)


def require_batch_id(text: str) -> None:
    """Raise `UsageError` where `text` is none."""
    if not _BATCH_ID.match(text):
        raise UsageError("usage", "this is no batch id: one has 1 to 128 letters, digits, dots, dashes and underscores",
                         hint="give the id as the provider shows it")  # fmt: skip


def _found(address: str, run_key: str, sought: Sought, *, several: bool) -> tuple[Entry, Sequence[State]]:
    """The attempt that is meant, and all states; no lock is held while the provider is asked."""
    stores = find_stores(sought)
    states = [store.load() for store in stores]
    state = next((state for state in states if meant(address, state)), None)
    if state is None:
        raise no_such_address(address, stores, sought)
    return _meant_attempt(state, address, run_key, sought, several=several), states


def _meant_attempt(state: State, address: str, run_key: str, sought: Sought, *, several: bool) -> Entry:
    """The one that is unresolved; where `several` batches were made of one, also one that was submitted."""
    latest = [
        Entry(address=name, run_key=key, attempt=attempts[-1])
        for name in meant(address, state)
        for key, attempts in state.batches[name].items()
        if not run_key or names_run(run_key, key)
    ]
    unresolved = [entry for entry in latest if entry.attempt.unresolved]
    if not unresolved and several:
        unresolved = [entry for entry in latest if entry.attempt.status == "submitted"]
    if len(unresolved) == 1:
        return unresolved[0]
    if len(names := list(dict.fromkeys(entry.address for entry in unresolved))) > 1:
        raise UsageError("which-shard", f"several shards of {address} are open: {', '.join(names)}",
                         hint=f"name one of them: {sought.typed(f'resolve {quote(names[0])}')}")  # fmt: skip
    if unresolved:
        keys = ", ".join(entry.run_key for entry in unresolved)
        raise UsageError("which-run", f"{address} is open for several runs: {keys}", hint="add --run-key KEY")
    raise Refused(
        "nothing-to-resolve",
        f"{address} has no submission in doubt",
        hint=sought.typed(f"state show {quote(address)}"),
    )


def _adopted(attempt: Attempt, batch_id: str) -> Attempt:
    return moved(attempt, "submitted", _now(), batch_id=batch_id, adopted=True)


def _absent(attempt: Attempt) -> Attempt:
    problem = Problem(code="resolved-absent", words="A person said that the provider does not have it.")
    return replace(moved(attempt, "deferred", _now(), sent_at=""), problem=problem)


def _now() -> str:
    return text_of(SystemClock().now())


def _save(found: Entry, settled: Entry, sought: Sought, console: Console) -> Path:
    with located(found.address, sought, console) as (store, state):
        if found not in state.entries():
            raise StateError("state-moved", f"another command changed {found.address} meanwhile", where=store.url,
                             hint="run the same command again")  # fmt: skip
        state.record([settled])
        return store.rewrite(state)


def _tell(console: Console, entry: Entry, backup: Path | None, ended: Mapping[str, Stopped]) -> None:
    address, run_key, attempt = entry.address, entry.run_key, entry.attempt
    if console.output.json:
        others = {batch_id: each.word for batch_id, each in ended.items()}
        console.document({"format_version": "1.0", "command": "resolve", "address": address, "run_key": run_key,
                          "status": attempt.status, "batch_id": attempt.batch_id, "backup": str(backup or ""),
                          "others": others})  # fmt: skip
        return
    said = f"is {attempt.batch_id}." if attempt.batch_id else "was not accepted; the next apply sends it again."
    console.result(f"{address} ({run_key}) {said}{f' Backup: {backup}' if backup else ''}")
    for batch_id, each in ended.items():
        console.result(printable(f"{batch_id} {'is' if each.is_stopped else 'was not stopped:'} {each.word}."))

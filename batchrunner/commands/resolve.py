"""`batchrunner resolve`: a person says what became of a batch that is in doubt."""

import re
from pathlib import Path
from shlex import quote

import click

from batchrunner.commands._console import Console
from batchrunner.commands._options import Output, idle_options, output_options, word_option
from batchrunner.commands._states import Sought, located, meant, state_options
from batchrunner.errors import Refused, UsageError
from batchrunner.records import replace
from batchrunner.runkeys import names_run
from batchrunner.state import Attempt, Entry, Problem, State, moved
from batchrunner.stores import FileStore
from batchrunner.wiring.workspace import SystemClock

PLACEHOLDER = "BATCH_ID"
BATCH_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}\Z")


@click.command("resolve")
@click.argument("address", metavar="ADDRESS")
@word_option("--adopt", metavar="BATCH_ID", help="The provider has it: this is its batch id.")
@click.option("--absent", is_flag=True, help="The provider does not have it: apply may send the stored intent again.")
@word_option("--run-key", metavar="KEY", help="Which run, where several are open.")
@state_options
@idle_options("var", "at")
@output_options()
def command(*, address: str, adopt: str, absent: bool, run_key: str, sought: Sought, output: Output) -> int:
    """Settle ADDRESS, whose last submission was sent without an answer that can be believed.

    Look at the provider first: --absent for a batch that is there means paying for it twice.
    """
    _check_answer(adopt, absent)
    console = Console(output)
    with located(address, sought, console) as (store, known):
        found = _open_attempt(known, address, run_key, sought)
        settled = replace(found, attempt=_adopted(found.attempt, adopt) if adopt else _absent(found.attempt))
        backup = _save(store, known, settled)
    _tell(console, settled, backup)
    return 0


def _check_answer(adopt: str, absent: bool) -> None:
    if bool(adopt) == absent:
        raise UsageError("usage", "say either --adopt BATCH_ID or --absent", hint="batchrunner resolve --help")
    if adopt == PLACEHOLDER:
        raise UsageError("usage", f"{PLACEHOLDER} stands for the id that the provider gave the batch",
                         hint="look it up at the provider, and give it to --adopt")  # fmt: skip
    if adopt and not BATCH_ID.match(adopt):
        raise UsageError("usage", "this is no batch id: one has 1 to 128 letters, digits, dots, dashes and underscores",
                         hint="give the id as the provider shows it")  # fmt: skip


def _open_attempt(state: State, address: str, run_key: str, sought: Sought) -> Entry:
    unresolved = [
        Entry(address=name, run_key=key, attempt=attempts[-1])
        for name in meant(address, state)
        for key, attempts in state.batches[name].items()
        if attempts[-1].unresolved and (not run_key or names_run(run_key, key))
    ]
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
    return SystemClock().now().isoformat(timespec="milliseconds")


def _save(store: FileStore, state: State, entry: Entry) -> Path:
    state.record([entry])
    return store.rewrite(state)


def _tell(console: Console, entry: Entry, backup: Path) -> None:
    address, run_key, attempt = entry.address, entry.run_key, entry.attempt
    if console.output.json:
        console.document({"format_version": "1.0", "command": "resolve", "address": address, "run_key": run_key,
                          "status": attempt.status, "batch_id": attempt.batch_id, "backup": str(backup)})  # fmt: skip
        return
    said = f"is {attempt.batch_id}." if attempt.batch_id else "was not accepted; the next apply sends it again."
    console.result(f"{address} ({run_key}) {said} Backup: {backup}")

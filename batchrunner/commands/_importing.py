"""`batchrunner state import`: a batch that was made elsewhere stands for one that a spec declares."""

import sys
from pathlib import Path
from shlex import quote
from typing import NamedTuple

import click

from batchrunner.address import shard, spec_of, whole_of
from batchrunner.commands._asking import inquiry
from batchrunner.commands._console import Console
from batchrunner.commands._options import Output, output_options, spec_options
from batchrunner.commands._states import FOLDERS, Sought, lock_timeout, saved
from batchrunner.commands.resolve import require_batch_id
from batchrunner.desired import Desired
from batchrunner.errors import Refused, UsageError
from batchrunner.importing import attempt_of, difference
from batchrunner.moments import text_of
from batchrunner.planner import adoption, submission
from batchrunner.plans import Import
from batchrunner.remote import RemoteBatch
from batchrunner.state import Entry, State
from batchrunner.stores import FileStore
from batchrunner.suggestions import did_you_mean
from batchrunner.wiring import Choices, Workspace, open_workspace
from batchrunner.wiring.planning import circumstances_of, desired_of
from batchrunner.wiring.resolving import Witness
from batchrunner.wiring.workspace import SystemClock

_ENDINGS = (".yaml", ".yml")


class _Wanted(NamedTuple):
    workspace: Workspace
    desired: Desired
    store: FileStore


@click.command("import", short_help="Take a batch that was made elsewhere for one that is declared.")
@click.argument("address", metavar="ADDRESS")
@click.argument("batch_id", metavar="BATCH_ID")
@click.argument("path", required=False, metavar="[PATH]")
@click.option("--force", is_flag=True, help="Do not ask the provider, and believe that it is what the spec wants.")
@spec_options
@output_options()
def import_command(
    *, address: str, batch_id: str, path: str | None, force: bool, choices: Choices, output: Output
) -> int:
    """Take BATCH_ID, which was made elsewhere, for the batch that ADDRESS in the spec at PATH declares.

    It is looked up at the provider, and apply does not submit that run any more. Without PATH the spec is looked for
    in specs/ and here, by its name in ADDRESS.
    """
    require_batch_id(batch_id)
    console = Console(output)
    wanted = _wanted(address, path or _spec_path(address), choices)
    _require_free(wanted, wanted.store.load(), batch_id, choices)
    batch = _unseen(batch_id) if force else _seen(wanted, batch_id, console)
    with wanted.store.lock(lock_timeout(), console.warn):
        state = wanted.store.load()
        _require_free(wanted, state, batch_id, choices)
        entry = _entry(wanted, state, batch)
        backup = saved(wanted.store, state, [entry])
    _tell(entry, wanted, backup, console)
    return 0


def _spec_path(address: str) -> str:
    name = spec_of(address)
    found = [folder / f"{name}{ending}" for folder in FOLDERS for ending in _ENDINGS]
    path = next((path for path in found if path.exists()), None)
    if path is None:
        raise Refused("no-spec", f"there is no spec {name} in specs/ or here",
                      hint="name its file: batchrunner state import ADDRESS BATCH_ID PATH")  # fmt: skip
    return str(path)


def _wanted(address: str, path: str, choices: Choices) -> _Wanted:
    workspace = open_workspace([path], choices, stdin=sys.stdin.buffer.read)
    by_address = {each.address: each for wanted in desired_of(workspace).values() for each in wanted}
    if address not in by_address:
        shards = [each for each in by_address if whole_of(each) == address]
        if shards:
            raise UsageError("which-shard", f"{address} is cut into shards: {shards[0]} … #{len(shards)}",
                             hint=f"name one of them, like {shard(address, 1)}")  # fmt: skip
        raise UsageError("no-such-address", f"no batch of {path} is called {address}",
                         hint=did_you_mean(address, list(by_address)) or f"batchrunner plan {quote(path)}")  # fmt: skip
    return _Wanted(workspace, by_address[address], workspace.stores()[spec_of(address)])


def _require_free(wanted: _Wanted, state: State, batch_id: str, choices: Choices) -> None:
    """Nothing was submitted for the run, nothing is in doubt, and no other submission is that batch."""
    desired, sought = wanted.desired, Sought(wanted.store.url, choices.project, choices.sandbox, choices.profile)
    holder = next((entry for entry in state.entries() if entry.attempt.batch_id == batch_id), None)
    if holder is not None:
        raise Refused("already-recorded", f"{batch_id} is in state, as {holder.address} ({holder.run_key})",
                      hint=sought.typed(f"state show {quote(holder.address)}"))  # fmt: skip
    attempts = state.batches.get(desired.address, {}).get(desired.run_key, [])
    if any(attempt.status == "submitted" for attempt in attempts):
        raise Refused("already-submitted", f"{desired.address} was submitted for {desired.run_key}",
                      hint=sought.typed(f"state show {quote(desired.address)}"))  # fmt: skip
    if any(attempt.unresolved and attempt.sent_at for attempt in attempts):
        raise Refused("in-doubt", f"{desired.address} has a submission in doubt for {desired.run_key}",
                      hint=sought.typed(f"resolve {quote(desired.address)} --adopt {quote(batch_id)}"))  # fmt: skip


def _unseen(batch_id: str) -> RemoteBatch:
    return RemoteBatch(batch_id=batch_id, status="unknown")


def _seen(wanted: _Wanted, batch_id: str, console: Console) -> RemoteBatch:
    """The batch as its provider has it. Raises `Refused` where that is not what the spec wants."""
    provider, workspace = wanted.desired.provider, wanted.workspace
    asks = inquiry([provider], workspace.providers, workspace.project.root, console)
    batch, why_not = Witness(provider, asks).seen(batch_id)
    if batch is None:
        raise Refused("cannot-look", f"{why_not}: {batch_id} cannot be looked up", hint="where you are sure: --force")
    if differing := difference(_planned(wanted, wanted.store.load(), batch_id), batch):
        raise Refused("another-batch", f"{batch_id} is not what {wanted.desired.address} declares",
                      why=differing, hint="where that is right all the same: --force")  # fmt: skip
    return batch


def _planned(wanted: _Wanted, state: State, batch_id: str) -> Import:
    """The import as a plan would have it."""
    desired = wanted.desired
    attempts = state.batches.get(desired.address, {}).get(desired.run_key, [])
    return adoption(submission(desired, attempts, "", circumstances_of(wanted.workspace, [state])), batch_id)


def _entry(wanted: _Wanted, state: State, batch: RemoteBatch) -> Entry:
    at = text_of(SystemClock().now())
    attempt = attempt_of(_planned(wanted, state, batch.batch_id), batch, at)
    return Entry(address=wanted.desired.address, run_key=wanted.desired.run_key, attempt=attempt)


def _tell(entry: Entry, wanted: _Wanted, backup: Path | None, console: Console) -> None:
    attempt = entry.attempt
    if console.output.json:
        console.document({"format_version": "1.0", "command": "state import", "address": entry.address,
                          "run_key": entry.run_key, "batch_id": attempt.batch_id, "attempt": attempt.number,
                          "state": wanted.store.url, "backup": str(backup or "")})  # fmt: skip
        return
    kept = f" Backup: {backup}" if backup else ""
    console.result(f"{entry.address} ({entry.run_key}) is {attempt.batch_id}.{kept}")

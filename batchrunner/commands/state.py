"""`batchrunner state`: look at what was submitted, and surgery, always with a backup."""

from collections.abc import Sequence

import click

from batchrunner.address import matches
from batchrunner.commands._console import Console
from batchrunner.commands._options import Output, output_options
from batchrunner.commands._states import find_stores, located, state_options
from batchrunner.errors import Refused, UsageError
from batchrunner.settings import Settings, environment
from batchrunner.state import Entry


@click.group("state", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """What was submitted: list and show it, or mend it. Surgery keeps a backup beside the state."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@command.command("list")
@click.argument("patterns", nargs=-1, metavar="[ADDRESS...]")
@state_options
@output_options
def list_command(*, patterns: tuple[str, ...], state: str, sandbox: bool, output: Output) -> int:
    """List every attempt, or those of the addresses and globs given."""
    from batchrunner.render.state import list_document, list_text

    console = Console(output)
    entries = [entry for store in find_stores(state, sandbox) for entry in store.load().entries()]
    wanted = [entry for entry in entries if _named(entry, patterns)]
    if output.json:
        console.document(list_document(wanted))
    else:
        console.result(list_text(wanted, console.width, console.style))
    return 0


def _named(entry: Entry, patterns: Sequence[str]) -> bool:
    return not patterns or any(matches(pattern, entry.address) for pattern in patterns)


@command.command("show")
@click.argument("address", metavar="ADDRESS")
@state_options
@output_options
def show_command(*, address: str, state: str, sandbox: bool, output: Output) -> int:
    """Show all attempts of ADDRESS: intent, request, reply, problem."""
    from batchrunner.render.state import show_document, show_text

    console = Console(output)
    stores = find_stores(state, sandbox)
    entries = [entry for store in stores for entry in store.load().entries() if entry.address == address]
    if not entries:
        raise Refused("no-such-address", f"no state knows {address}", hint="batchrunner state list")
    console.document(show_document(address, entries)) if output.json else console.result(
        show_text(address, entries, console.style)
    )
    return 0


@command.command("rm")
@click.argument("address", metavar="ADDRESS")
@click.option("--run-key", default="", metavar="KEY", help="Only this run.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@state_options
@output_options
def rm_command(*, address: str, run_key: str, yes: bool, state: str, sandbox: bool, output: Output) -> int:
    """Forget ADDRESS. The provider keeps its batch; a later apply may submit, and pay for, it again."""
    console = Console(output)
    with located(address, state, sandbox, console) as (store, known):
        if run_key and run_key not in known.batches[address]:
            raise Refused("no-such-run", f"{address} has no run {run_key}", hint=f"batchrunner state show '{address}'")
        if not yes:
            _confirm(f"Forget {address}? What it submitted may be submitted and paid for again.")
        if run_key:
            del known.batches[address][run_key]
        if not run_key or not known.batches[address]:
            del known.batches[address]
        backup = store.rewrite(known)
    _done(console, "state rm", f"Forgot {address}.", backup=str(backup))
    return 0


@command.command("mv")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@state_options
@output_options
def mv_command(*, source: str, target: str, state: str, sandbox: bool, output: Output) -> int:
    """Rename FROM to TO, so that a renamed batch is not submitted anew. Stored keys stay as they are."""
    console = Console(output)
    if source.partition("/")[0] != target.partition("/")[0] or not target.partition("/")[2]:
        raise UsageError("usage", "FROM and TO must be addresses of one spec")
    with located(source, state, sandbox, console) as (store, known):
        if target in known.batches:
            raise Refused("address-taken", f"{target} is already in state", hint=f"batchrunner state show '{target}'")
        known.batches[target] = known.batches.pop(source)
        backup = store.rewrite(known)
    _done(console, "state mv", f"{source} is now {target}.", backup=str(backup))
    return 0


@command.command("repair")
@click.option("--yes", is_flag=True, help="Do not ask.")
@state_options
@output_options
def repair_command(*, yes: bool, state: str, sandbox: bool, output: Output) -> int:
    """Salvage what can be read of a corrupt journal. Keeps the damaged file and names what was lost."""
    from batchrunner.commands._repairs import repair_text

    console = Console(output)
    for store in find_stores(state, sandbox):
        with store.lock(_timeout(), console.warn):
            if not yes:
                _confirm(f"Repair {store.url}? A copy of the damaged journal is kept.")
            _done(console, "state repair", repair_text(store.url, store.repair()), state=store.url)
    return 0


@command.command("unlock")
@state_options
@output_options
def unlock_command(*, state: str, sandbox: bool, output: Output) -> int:
    """Clear what a process that is gone left in the lock file. A lock that is held need not be broken."""
    console = Console(output)
    for store in find_stores(state, sandbox):
        store.unlock()
        _done(console, "state unlock", f"{store.url} is not locked.", state=store.url)
    return 0


def _timeout() -> float:
    return Settings.read(environment()).lock_timeout


def _confirm(question: str) -> None:
    import sys

    if not sys.stdin.isatty():
        raise UsageError("not-confirmed", "this changes state, and nobody is there to ask", hint="Add --yes.")
    sys.stderr.write(f"{question} Only `yes` is taken as approval: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip() != "yes":
        raise Refused("not-approved", "nothing was changed")


def _done(console: Console, name: str, sentence: str, **fields: str) -> None:
    if console.output.json:
        console.document({"format_version": "1.0", "command": name, **fields})
        return
    backup = fields.get("backup")
    console.result(f"{sentence} Backup: {backup}" if backup else sentence)

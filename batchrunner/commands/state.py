"""`batchrunner state`: look at what was submitted, and surgery, always with a backup."""

from collections.abc import Collection, Iterable, Sequence
from shlex import quote

import click

from batchrunner.address import GRAMMAR, is_address, matches, whole_of
from batchrunner.commands import Suggesting
from batchrunner.commands._console import Console, answers_yes, somebody_is_there
from batchrunner.commands._importing import import_command
from batchrunner.commands._options import EVERYWHERE, Output, idle_options, output_options, word_option
from batchrunner.commands._states import (
    Sought,
    find_stores,
    in_order,
    located,
    lock_timeout,
    meant,
    no_such_address,
    state_options,
    typed_list,
)
from batchrunner.errors import Refused, UsageError
from batchrunner.printable import brief
from batchrunner.render.units import counted
from batchrunner.runkeys import names_run
from batchrunner.state import Entry, State

_OTHERS = [name for name in EVERYWHERE if name not in {"state", "project", "profile"}]
_NEVER_MISLEADING = ["var", "at"]


@click.group("state", cls=Suggesting, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """What was submitted: list and show it, or mend it. Surgery keeps a backup beside the state."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@command.command("list")
@click.argument("patterns", nargs=-1, metavar="[ADDRESS...]")
@click.option("--target", "targets", multiple=True, metavar="ADDRESS", help="The same as ADDRESS.")
@word_option("--run-key", metavar="KEY", help="Only this run.")
@state_options
@idle_options(*_NEVER_MISLEADING)
@output_options()
def list_command(
    *, patterns: tuple[str, ...], targets: tuple[str, ...], run_key: str, sought: Sought, output: Output
) -> int:
    """List every attempt, or those of the addresses and globs given."""
    from batchrunner.render.state import list_document, list_text

    console = Console(output)
    entries = [entry for store in find_stores(sought) for entry in in_order(store.load())]
    wanted = [entry for entry in entries if _named(entry, (*patterns, *targets), run_key)]
    if output.json:
        console.document(list_document(wanted))
    elif entries and not wanted:
        there = f"there {'is' if len(entries) == 1 else 'are'} {counted(len(entries), 'attempt')}"
        typed = typed_list((*patterns, *targets), {entry.address for entry in entries}, sought)
        console.result(f"Nothing matches; {there}: {typed}")
    else:
        console.result(list_text(wanted, console.width, console.style))
    return 0


def _named(entry: Entry, patterns: Sequence[str], run_key: str) -> bool:
    meant = not patterns or any(matches(pattern, entry.address) for pattern in patterns)
    return meant and (not run_key or names_run(run_key, entry.run_key))


@command.command("show", short_help="Show all attempts of an address, with what was sent and returned.")
@click.argument("address", metavar="ADDRESS")
@word_option("--run-key", metavar="KEY", help="Only this run.")
@state_options
@idle_options(*_NEVER_MISLEADING)
@output_options()
def show_command(*, address: str, run_key: str, sought: Sought, output: Output) -> int:
    """Show all attempts of ADDRESS, and of its shards: intent, request, reply, problem."""
    from batchrunner.render.state import show_document, show_text

    console = Console(output)
    stores = find_stores(sought)
    entries = [entry for store in stores for entry in in_order(store.load())
               if address in {entry.address, whole_of(entry.address)}]  # fmt: skip
    if not entries:
        raise no_such_address(address, stores, sought)
    entries = [entry for entry in entries if not run_key or names_run(run_key, entry.run_key)]
    if not entries:
        raise _no_such_run(address, run_key, sought)
    if output.json:
        console.document(show_document(address, entries))
    else:
        console.result(show_text(address, entries, console.style))
    return 0


@command.command("rm")
@click.argument("address", metavar="ADDRESS")
@word_option("--run-key", metavar="KEY", help="Only this run.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@state_options
@idle_options(*_NEVER_MISLEADING)
@output_options()
def rm_command(*, address: str, run_key: str, yes: bool, sought: Sought, output: Output) -> int:
    """Forget ADDRESS, with all its shards. The provider keeps what it has; a later apply may pay for it again."""
    console = Console(output)
    with located(address, sought, console) as (store, known):
        names = meant(address, known)
        runs = list(dict.fromkeys(key for name in names for key in known.batches[name]))
        forgotten = [_the_run(address, run_key, runs, sought)] if run_key else runs
        _confirm(yes, f"Forget {_counted(address, names)}? What it submitted may be submitted and paid for again.")
        for name in names:
            _forget(known, name, forgotten)
        backup = store.rewrite(known)
    _done(console, "state rm", f"Forgot {_counted(address, names)}.", address=address, backup=str(backup))
    return 0


def _forget(known: State, name: str, runs: Collection[str]) -> None:
    kept = {key: attempts for key, attempts in known.batches.pop(name).items() if key not in runs}
    if kept:
        known.batches[name] = kept


def _counted(address: str, names: Sequence[str]) -> str:
    shards = [name for name in names if name != address]
    return f"{address} ({counted(len(shards), 'shard')})" if shards else address


def _the_run(address: str, word: str, runs: Iterable[str], sought: Sought) -> str:
    named = [key for key in runs if names_run(word, key)]
    if not named:
        raise _no_such_run(address, word, sought)
    if len(named) > 1:
        raise UsageError("which-run", f"{word} names several runs of {address}: {', '.join(named)}",
                         hint=f"give one in full: --run-key {named[0]}")  # fmt: skip
    return named[0]


def _no_such_run(address: str, run_key: str, sought: Sought) -> Refused:
    hint = sought.typed(f"state show {quote(address)}")
    return Refused("no-such-run", f"{address} has no run {run_key}", hint=hint)


@command.command("mv", short_help="Rename an address, so that it is not submitted anew.")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@state_options
@idle_options(*_NEVER_MISLEADING)
@output_options()
def mv_command(*, source: str, target: str, sought: Sought, output: Output) -> int:
    """Rename FROM to TO, with all its shards, so that a renamed batch is not submitted anew. Stored keys stay."""
    console = Console(output)
    if source.partition("/")[0] != target.partition("/")[0] or not target.partition("/")[2]:
        raise UsageError("usage", "FROM and TO must be addresses of one spec, like nightly/old and nightly/new",
                         hint=sought.typed("state list"))  # fmt: skip
    if not is_address(target):
        raise UsageError("bad-address", f"no spec can have a batch `{brief(target)}`", why=GRAMMAR,
                         hint="give the name that the batch has in the spec now")  # fmt: skip
    with located(source, sought, console) as (store, known):
        names = meant(source, known)
        if taken := [name for name in meant(target, known) if name not in names or target == source]:
            raise Refused("address-taken", f"{taken[0]} is already in state",
                          hint=sought.typed(f"state show {quote(target)}"))  # fmt: skip
        if "#" in target and names != [source]:
            raise UsageError("usage", f"{source} has shards, and {target} is one",
                             hint=f"name one shard, like {names[-1]}, or the batch they are to belong to")  # fmt: skip
        for name in names:
            known.batches[target + name.removeprefix(source)] = known.batches.pop(name)
        backup = store.rewrite(known)
    moved = f"{_counted(source, names)} is now {target}."
    _done(console, "state mv", moved, source=source, target=target, backup=str(backup))
    return 0


command.add_command(import_command)


@command.command("repair")
@click.option("--yes", is_flag=True, help="Do not ask.")
@state_options
@idle_options(*_OTHERS)
@output_options()
def repair_command(*, yes: bool, sought: Sought, output: Output) -> int:
    """Salvage what can be read of a corrupt journal. Keeps the damaged file and names what was lost."""
    from batchrunner.commands._repairs import repair_object, repair_text

    console, reports = Console(output), {}
    for store in find_stores(sought):
        with store.lock(lock_timeout(), console.warn):
            _confirm(yes, f"Repair {store.url}? A copy of the damaged journal is kept.")
            reports[store.url] = store.repair()
    sentences = [repair_text(url, report) for url, report in reports.items()]
    _done(console, "state repair", "\n".join(sentences), states=[repair_object(*each) for each in reports.items()])
    return 0


@command.command("unlock")
@state_options
@idle_options(*_OTHERS)
@output_options()
def unlock_command(*, sought: Sought, output: Output) -> int:
    """Clear what a process that is gone left in the lock file. A lock that is held need not be broken."""
    stores = find_stores(sought)
    for store in stores:
        store.unlock()
    sentences = [f"{store.url} is not locked." for store in stores]
    _done(Console(output), "state unlock", "\n".join(sentences), states=[store.url for store in stores])
    return 0


def _confirm(yes: bool, question: str) -> None:
    if yes:
        return
    if not somebody_is_there():
        raise UsageError("not-confirmed", "this changes state, and nobody is there to ask", hint="add --yes")
    if not answers_yes(question):
        raise Refused("not-approved", "not approved, so nothing was changed", hint="answer yes, or add --yes")


def _done(console: Console, name: str, sentence: str, **fields: object) -> None:
    if console.output.json:
        console.document({"format_version": "1.0", "command": name, **fields})
        return
    backup = fields.get("backup")
    console.result(f"{sentence} Backup: {backup}" if backup else sentence)

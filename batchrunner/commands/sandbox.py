"""`batchrunner sandbox serve`: the built-in provider, for users' CI."""

from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from batchrunner.commands import Suggesting
from batchrunner.commands._console import Console
from batchrunner.commands._options import EVERYWHERE, Output, idle_options, output_options

if TYPE_CHECKING:
    from batchrunner.sandbox import Dialect

DIALECTS = ("openai", "alphaedge", "azure", "groq", "mistral", "together", "anthropic")


@click.group("sandbox", cls=Suggesting, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """The built-in provider: speaks as others do, on this machine, and can be told to misbehave."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@command.command("serve")
@click.option(
    "--database",
    metavar="FILE",
    default=".batchrunner/served.sqlite3",  # not that of --sandbox, which has the same idempotency keys
    show_default=True,
    help="Where it keeps batches.",
)
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="Where it listens.")
@click.option(
    "--port", type=click.IntRange(0, 65535), metavar="N", default=8765, show_default=True, help="0 takes a free one."
)
@click.option("--key", metavar="KEY", default="sandbox", show_default=True, help="The bearer that is accepted.")
@click.option("--fault", "faults", multiple=True, metavar="NAME=P", help="Misbehave: 429=0.2, drop-after-commit=0.1 …")
@click.option("--seed", type=int, metavar="N", default=0, show_default=True, help="Makes faults repeatable.")
@click.option("--ignore-keys", is_flag=True, help="Do not honour idempotency keys.")
@click.option("--dialect", type=click.Choice(DIALECTS), default="openai", show_default=True, help="Speak as who.")
@click.option("--habit", "habits", multiple=True, metavar="NAME", help="Do otherwise than the vendor: uuid-ids …")
@click.option(
    "--takes",
    type=click.FloatRange(0),
    metavar="SECONDS",
    default=0.1,
    show_default=True,
    help="Seconds a batch takes.",
)
@click.option(
    "--row-failures",
    type=click.FloatRange(0, 1),
    metavar="CHANCE",
    default=0.0,
    help="The chance that a request fails.",
)
@click.option(
    "--max-enqueued-tokens", type=click.IntRange(0), metavar="N", help="Batches beyond it fail: token_limit_exceeded."
)
@idle_options(*EVERYWHERE)
@output_options()
def serve(
    *,
    database: str,
    host: str,
    port: int,
    key: str,
    faults: tuple[str, ...],
    seed: int,
    ignore_keys: bool,
    dialect: "Dialect",
    habits: tuple[str, ...],
    takes: float,
    row_failures: float,
    max_enqueued_tokens: int | None,
    output: Output,
) -> int:
    """Serve until Ctrl-C. Prints the base URL when it answers.

    The names of faults and habits, and how single requests are made to fail, are in
    docs/how-to/test-your-automation.md.
    """
    from batchrunner.sandbox import Faults, SandboxSettings, Timings
    from batchrunner.sandbox import serve as serve_sandbox
    from batchrunner.wiring.places import OWN_FOLDER, hide_from_git

    console = Console(output)
    folder = Path(database).parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.name == OWN_FOLDER:
        hide_from_git(folder)
    settings = SandboxSettings(
        database=Path(database),
        key=key,
        faults=Faults.parse(faults, seed),
        honour_keys=not ignore_keys,
        host=host,
        port=port,
        dialect=dialect,
        habits=frozenset(habits),
        timings=Timings(in_progress=takes),
        row_failures=row_failures,
        max_enqueued_tokens=max_enqueued_tokens,
    )
    serve_sandbox(settings, lambda base_url: _told(console, base_url, key, dialect))
    return 0


def _told(console: Console, base_url: str, key: str, dialect: str) -> None:
    if console.output.json:
        console.document({"format_version": "1.0", "command": "sandbox serve", "base_url": base_url})
        return
    console.result(base_url)
    for line in _connecting(base_url, key, dialect):
        console.note(line)


def _connecting(base_url: str, key: str, dialect: str) -> Iterator[str]:
    """What one types, and writes in the project file, to send there what goes to the vendor of `dialect`."""
    if dialect in {"openai", "alphaedge"}:  # The same sandbox speaks both.
        yield f"export ALPHAEDGE_BASE_URL={base_url} ALPHAEDGE_API_KEY={quote(key)}"
        return
    from batchrunner.catalog import built_in

    yield "In batchrunner.yaml:"
    yield f"  providers: {{{dialect}: {{base_url: '{base_url}'}}}}"
    yield f"export {built_in()[dialect].api_key.env}={quote(key)}"

"""The commands. Importing this imports click and nothing else; each command's module is loaded when it is called."""

import importlib
import os
import signal
from collections.abc import Sequence
from gc import disable as stop_collecting  # `gc` itself is one of our commands
from typing import NoReturn

import click

from batchrunner.commands._streams import flushed, prepare_streams, without_reader
from batchrunner.errors import ExitCode, Terminated
from batchrunner.printable import brief, printable

COMMANDS = {
    "init": "Write a first spec, a project file and a CI workflow.",
    "doctor": "Check the setup: files, keys, providers, state.",
    "validate": "Check specs and their inputs.",
    "plan": "Show what apply would submit. No network, no credentials.",
    "show": "Show a saved plan.",
    "render": "Print the request lines that a batch sends.",
    "apply": "Submit what is planned, each batch once.",
    "cancel": "Stop batches that have not ended.",
    "retry": "Ask again for requests without an answer.",
    "status": "Show where submitted batches stand.",
    "wait": "Wait until submitted batches have ended.",
    "fetch": "Download results, and account for every row.",
    "runs": "Show which intervals were submitted, and which are missing.",
    "history": "Tell all that happened to a batch, over all its runs.",
    "gc": "Delete uploaded files that nobody needs any more.",
    "resolve": "Say what became of a batch that is in doubt.",
    "recover": "Rebuild a lost state from what the provider has.",
    "state": "Look at the state, or mend it.",
    "explain": "Explain a code: its cause, and the way on.",
    "schema": "Print the JSON Schema of a file, or of what a command writes.",
    "completion": "Print a completion script for your shell.",
    "sandbox": "Run the built-in sandbox provider.",
}

COMPLETING = "_BATCHRUNNER_COMPLETE"
"""Set by the completion of a shell, which asks for candidates instead of a command."""

EPILOG = """\b
Examples:
  batchrunner plan specs/nightly.yaml
  batchrunner apply specs/nightly.yaml --sandbox
  batchrunner apply specs/nightly.yaml

\b
What a code means: batchrunner explain 'error[unknown-key]'
"""


class Suggesting(click.Group):
    """A group that answers an unknown command with the nearest one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command named first in `args`."""
        known = self.list_commands(ctx)
        if args and args[0] not in known and not args[0].startswith("-"):
            # Only a mistake needs it, and every start would pay for importing it.
            from difflib import get_close_matches

            near = get_close_matches(args[0], known, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise click.UsageError(f"There is no command `{printable(brief(args[0]))}`.{hint}", ctx)
        return super().resolve_command(ctx, args)


class Commands(Suggesting):
    """A group that knows its commands' names and imports them on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order one meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported; or None."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"batchrunner.commands.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One line a command, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=Commands,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    invoke_without_command=True,
)
@click.version_option(package_name="batchrunner", message="batchrunner %(version)s")
@click.pass_context
def group(ctx: click.Context) -> None:
    """Declarative batch submission for LLM batch APIs, from files kept in git."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def run(arguments: Sequence[str]) -> NoReturn:
    """Run a command line and end the process. Every error becomes words and an exit code here, and nowhere else."""
    stop_collecting()  # a command's imports make objects that live to its end: collecting during them is wasted
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    prepare_streams()
    signal.signal(signal.SIGTERM, _terminate)
    if COMPLETING in os.environ:
        from batchrunner.commands._completing import prepare

        prepare(group)
    code = _guarded(list(arguments))
    # The interpreter's own tear-down costs more than a small command does.
    os._exit(flushed(code))


def _terminate(number: int, frame: object) -> NoReturn:
    """Also in a container, where a process that says nothing of SIGTERM is not ended by it."""
    signal.signal(signal.SIGTERM, _leave)
    raise Terminated


def _leave(number: int, frame: object) -> NoReturn:
    """At a second one: raised once more, it would come out of whatever handles the first."""
    os._exit(ExitCode.TERMINATED)


def _guarded(arguments: list[str]) -> int:
    try:
        return int(group.main(arguments, prog_name="batchrunner", standalone_mode=False) or 0)
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except (SystemExit, BrokenPipeError):  # click meets a broken pipe with `sys.exit(1)`
        return without_reader()
    except (Exception, KeyboardInterrupt) as error:
        return _failed(error, arguments)


def _failed(error: Exception | KeyboardInterrupt, arguments: list[str]) -> int:
    from batchrunner.commands._failing import show_error, show_interruption, show_usage_error

    if isinstance(error, click.Abort | KeyboardInterrupt):
        return show_interruption(error, arguments)
    return show_usage_error(error, arguments) if isinstance(error, click.UsageError) else show_error(error, arguments)

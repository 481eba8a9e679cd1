"""The commands. Importing this imports click and nothing else; each command's module is loaded when it is called."""

import difflib
import gc
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

COMMANDS = {
    "init": "Write a first spec, a project file and a CI workflow.",
    "validate": "Check specs and their inputs.",
    "plan": "Show what apply would submit. No network, no credentials.",
    "show": "Show a saved plan.",
    "apply": "Submit what is planned, each batch once.",
    "resolve": "Say what became of a batch that is in doubt.",
    "state": "Look at the state, or mend it.",
    "schema": "Print the JSON Schema of specs or project files.",
    "completion": "Print a completion script for your shell.",
    "sandbox": "Run the built-in sandbox provider.",
}

EPILOG = """\b
Examples:
  batchrunner plan specs/nightly.yaml
  batchrunner apply specs/nightly.yaml --sandbox
  batchrunner apply specs/nightly.yaml
"""


class Commands(click.Group):
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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command named first in `args`; an unknown one is answered with the nearest."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean `{near[0]}`?" if near else ""
            raise click.UsageError(f"No such command `{args[0]}`.{hint}", ctx)
        return super().resolve_command(ctx, args)

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
    gc.disable()  # a command's imports make objects that live to its end: collecting during them is wasted
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    code = _guarded(list(arguments))
    leave(code)


def _guarded(arguments: list[str]) -> int:
    try:
        return int(group.main(arguments, prog_name="batchrunner", standalone_mode=False) or 0)
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.UsageError as error:
        from batchrunner.commands._failing import show_usage_error

        return show_usage_error(error, arguments)
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write("\nInterrupted. Nothing was left half done.\n")
        return 130
    except BrokenPipeError:
        return _without_reader()
    except Exception as error:
        from batchrunner.commands._failing import show_error

        return show_error(error, arguments)


def _without_reader() -> int:
    """The reader of our output has gone, as `head` does: nothing more can be said, and that is not an error of ours."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 141


def leave(code: int) -> NoReturn:
    """End the process now, output flushed; the interpreter's own tear-down costs more than a small command does."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = _without_reader()
    sys.stderr.flush()
    os._exit(code)

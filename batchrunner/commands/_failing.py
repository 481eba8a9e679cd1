"""How a command that failed says so: words on stderr, or a document on stdout, and an exit code."""

import sys
from collections.abc import Sequence
from typing import Any

import click

from batchrunner.errors import BatchrunnerError, InvalidFiles
from batchrunner.render.diagnostics import diagnostics_text
from batchrunner.render.errors import error_document, error_text
from batchrunner.render.style import COLOUR, PLAIN, Style
from batchrunner.settings import environment, wants_colour


def show_error(error: Exception, arguments: Sequence[str]) -> int:
    """Show `error` as the command line asked for. Returns the exit code."""
    told = error if isinstance(error, BatchrunnerError) else _defect(error, arguments)
    if "--json" in arguments:
        _write_document(error_document(_command(arguments), told))
    elif isinstance(told, InvalidFiles):
        sys.stderr.write(diagnostics_text(told.diagnostics, unlisted=told.unlisted, style=_style()) + "\n")
    else:
        sys.stderr.write(error_text(told, _style()) + "\n")
    return told.exit_code


def show_usage_error(error: click.UsageError, arguments: Sequence[str]) -> int:
    """Show what is wrong with the command line itself. Returns 64: click's own 2 would read as "changes present"."""
    from batchrunner.errors import UsageError

    where = error.ctx.command_path if error.ctx else "batchrunner"
    return show_error(UsageError("usage", error.format_message(), hint=f"{where} --help"), arguments)


def _defect(error: Exception, arguments: Sequence[str]) -> BatchrunnerError:
    if isinstance(error, OSError):
        return BatchrunnerError("system-error", error.strerror or str(error), where=str(error.filename or ""))
    if "-vv" in arguments:
        _traceback(error)
    return BatchrunnerError(
        "internal-error",
        f"batchrunner has a defect: {type(error).__name__}: {error}",
        why="What was submitted is in state; nothing is lost.",
        hint="Run again with -vv and report what it prints.",
    )


def _traceback(error: Exception) -> None:
    """Where a defect lies, without the values of local variables: they may hold a key."""
    import traceback

    traceback.print_exception(error)


def _command(arguments: Sequence[str]) -> str:
    return next((argument for argument in arguments if not argument.startswith("-")), "")


def _write_document(document: dict[str, Any]) -> None:
    from batchrunner.render.json import dumps

    sys.stdout.write(dumps(document))


def _style() -> Style:
    return COLOUR if wants_colour("auto", sys.stderr.isatty(), environment()) else PLAIN

"""One error, for the person who must act on it."""

from typing import Any

from batchrunner.errors import BatchrunnerError, Diagnostic, InvalidFiles
from batchrunner.printable import printable
from batchrunner.render.layout import hanging
from batchrunner.render.style import PLAIN, Style
from batchrunner.render.units import counted


def error_text(error: BatchrunnerError, style: Style = PLAIN, width: int = 0) -> str:
    """What happened, where, why, and the next command, each where there is something to say.

    A reason and an advice that are wider than `width` columns are wrapped; 0 stands for no limit.
    """
    lines = [f"{style.bold(style.red(f'error[{error.code}]'))}{style.bold(f': {printable(error.message)}')}"]
    if error.where:
        lines.append(f"  {style.dim('-->')} {printable(error.where)}")
    if error.why:
        lines.append(f"  {hanging(printable(error.why), width, 2)}")
    if error.hint:
        lines.append(f"  {style.dim('=')} help: {hanging(printable(error.hint), width, len('  = help: '))}")
    return "\n".join(lines)


def error_document(command: str, error: BatchrunnerError) -> dict[str, Any]:
    """The same as a JSON document."""
    diagnostics = error.diagnostics if isinstance(error, InvalidFiles) else ()
    unlisted = error.unlisted if isinstance(error, InvalidFiles) else 0
    return {
        "format_version": "1.0",
        "command": command,
        "exit_code": int(error.exit_code),
        "error": {
            "code": error.code,
            "message": _message(error),
            "where": error.where,
            "why": error.why,
            "hint": error.hint,
        },
        "diagnostics": [diagnostic_document(diagnostic) for diagnostic in diagnostics],
        "unlisted": unlisted,
    }


def _message(error: BatchrunnerError) -> str:
    if not isinstance(error, InvalidFiles):
        return error.message
    files = len({diagnostic.path for diagnostic in error.diagnostics})
    return f"{counted(len(error.diagnostics) + error.unlisted, 'error')} in {counted(files, 'file')}"


def diagnostic_document(diagnostic: Diagnostic) -> dict[str, Any]:
    """One problem as a JSON object."""
    return {
        name: getattr(diagnostic, name)
        for name in ("code", "message", "path", "line", "column", "hint", "provider_code")
    }

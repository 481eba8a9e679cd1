"""How a command that failed says so: words on stderr, or a document on stdout, and an exit code."""

import re
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import click

from batchrunner.commands._secrets import redacted, redacted_value
from batchrunner.commands._streams import log_line, width_of_errors, without_reader, write_error
from batchrunner.errors import BatchrunnerError, ExitCode, InvalidFiles, Terminated, UsageError
from batchrunner.render.diagnostics import diagnostics_text
from batchrunner.render.errors import error_document, error_text
from batchrunner.render.style import COLOUR, PLAIN, Style
from batchrunner.settings import environment, wants_colour

GROUPS = frozenset({"state", "sandbox"})
_SUGGESTION = re.compile(r"[.;]? \(?Did you mean (.+?)\??\)?\Z|[.;]? \(Possible options: (.+)\)\Z")


class Interrupted(BatchrunnerError):
    """Ctrl-C or SIGTERM where nothing was in flight."""

    def __init__(self, *, terminated: bool) -> None:
        word = "terminated" if terminated else "interrupted"
        super().__init__("interrupted", f"{word}; nothing is lost: run the same command again")
        self.exit_code = ExitCode.TERMINATED if terminated else ExitCode.INTERRUPTED


def as_error(raised: BaseException, arguments: Sequence[str] = ()) -> BatchrunnerError:
    """What is shown of whatever a command raised."""
    if isinstance(raised, BatchrunnerError):
        return raised
    if isinstance(raised, click.Abort | KeyboardInterrupt):
        # click makes its own `Abort` of both, in whose context the signal is.
        return Interrupted(terminated=isinstance(raised, Terminated) or isinstance(raised.__context__, Terminated))
    if isinstance(raised, click.UsageError):
        return UsageError("usage", _usage_words(raised.format_message())[0])
    return _defect(raised, arguments)


def show_interruption(raised: BaseException, arguments: Sequence[str]) -> int:
    """Show that the command was stopped while it read, waited or saved. Returns 130, or 143 for SIGTERM."""
    write_error("\n" if sys.stderr.isatty() else "")
    return show_error(raised, arguments)


def show_error(error: BaseException, arguments: Sequence[str]) -> int:
    """Show `error` as the command line asked for. Returns the exit code."""
    told = as_error(error, arguments)
    if _wants_json(arguments):
        return _write_document(error_document(_command(arguments), told), int(told.exit_code), arguments)
    if _logs_json(arguments):
        document = error_document(_command(arguments), told)
        write_error(log_line("error", "error", **redacted_value(document)))
    else:
        from batchrunner.render.github import neutral

        write_error(neutral(redacted(_text(told, _style(arguments)))) + "\n")
    return int(told.exit_code)


def _text(error: BatchrunnerError, style: Style) -> str:
    if isinstance(error, InvalidFiles):
        return diagnostics_text(error.diagnostics, unlisted=error.unlisted, style=style, width=width_of_errors())
    return error_text(error, style, width_of_errors())


def show_usage_error(error: click.UsageError, arguments: Sequence[str]) -> int:
    """Show what is wrong with the command line itself. Returns 64: click's own 2 would read as "changes present"."""
    where = error.ctx.command_path if error.ctx else "batchrunner"
    message, suggestion = _usage_words(error.format_message())
    if isinstance(error, click.NoSuchOption) and error.ctx is not None and error.ctx.parent is None:
        suggestion = "options go after the command."
    hint = f"{suggestion} All there is: {where} --help" if suggestion else f"{where} --help"
    return show_error(UsageError("usage", message, hint=hint), arguments)


def _usage_words(text: str) -> tuple[str, str]:
    """What click says, in our manner, and its suggestion."""
    found = _SUGGESTION.search(text)
    message = (text[: found.start()] if found else text).rstrip(".")
    suggestion = f"did you mean {(found[1] or found[2]).replace(chr(39), '`')}?" if found else ""
    return message[:1].lower() + message[1:], suggestion


def _defect(error: BaseException, arguments: Sequence[str]) -> BatchrunnerError:
    if isinstance(error, OSError):
        return BatchrunnerError("system-error", error.strerror or str(error), where=str(error.filename or ""))
    if _verbosity(arguments) > 1:
        _show_traceback(error, arguments)
    return BatchrunnerError(
        "internal-error",
        redacted(f"batchrunner has a defect: {type(error).__name__}: {error}"),
        why="What was submitted is in state; nothing is lost.",
        hint="run again with -vv and report what it prints",
    )


def _show_traceback(error: BaseException, arguments: Sequence[str]) -> None:
    """Where a defect lies, without the values of local variables: they may hold a key."""
    import traceback

    text = redacted("".join(traceback.format_exception(error)))
    write_error(log_line("error", "defect", traceback=text) if _logs_json(arguments) else text)


# What was typed is looked at directly: an error may be that it could not be parsed.


def _command(arguments: Sequence[str]) -> str:
    words = [argument for argument in arguments if not argument.startswith("-")]
    return " ".join(words[: 2 if words[:1] and words[0] in GROUPS else 1])


def _said(arguments: Sequence[str], option: str) -> str:
    """The last value that was given to `option`, as `--option value` or `--option=value`."""
    values = [after for before, after in pairwise(arguments) if before == option]
    values += [text.partition("=")[2] for text in arguments if text.startswith(f"{option}=")]
    return values[-1] if values else ""


def _wants_json(arguments: Sequence[str]) -> bool:
    return "--json" in arguments or _said(arguments, "--format") == "json"


def _logs_json(arguments: Sequence[str]) -> bool:
    return (_said(arguments, "--log-format") or environment().get("BATCHRUNNER_LOG_FORMAT")) == "json"


def _verbosity(arguments: Sequence[str]) -> int:
    short = sum(text.count("v") for text in arguments if re.fullmatch(r"-[qv]+", text))
    return short + sum(text == "--verbose" for text in arguments)


def _write_document(document: dict[str, Any], code: int, arguments: Sequence[str]) -> int:
    from batchrunner.commands._console import Console
    from batchrunner.commands._eventstream import STREAMING, EventStream
    from batchrunner.commands._options import Output

    console = Console(Output("json", "auto", progress=False, quiet=False, verbose=0, log_format=""))
    try:
        if document["command"] in STREAMING:
            EventStream(document["command"], console).end("error", document, code)
        else:
            console.document(document)
    except BrokenPipeError:
        return without_reader()
    except BatchrunnerError as error:
        write_error(f"The error cannot be written to standard output: {error.why}\n")
    return code


def _style(arguments: Sequence[str]) -> Style:
    color = _said(arguments, "--color")
    choice = color if color in {"always", "never"} else "auto"
    return COLOUR if wants_colour(choice, sys.stderr.isatty(), environment()) else PLAIN

"""The process's own streams, made fit for whatever is written to them and for readers that leave."""

import os
import sys
from contextlib import suppress
from typing import Any

_MODES = {"stdin": "r", "stdout": "w", "stderr": "w"}


def prepare_streams() -> None:
    """Give the process the streams that it was started without, and let none of them refuse a character.

    A descriptor that is closed would otherwise be given to the next file that is opened, which may be the state.
    """
    for name, mode in _MODES.items():
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(descriptor, mode, encoding="utf-8", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def write_error(text: str) -> None:
    """Write `text` to stderr; where nobody can be told, the exit code still says it."""
    with suppress(OSError):
        sys.stderr.write(text)
        sys.stderr.flush()


def log_line(level: str, event: str, **fields: Any) -> str:
    """A line for a log that is read by machines, in the form of all the other lines of `--log-format json`."""
    import json
    from datetime import UTC, datetime

    timestamp = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    line = json.dumps({**fields, "event": event, "level": level, "timestamp": timestamp})
    return line.replace("##[", r"##\u005b") + "\n"  # a runner would take it for a command, anywhere in a line


def width_of_errors() -> int:
    """Columns of the terminal that stderr is, 0 where it is none."""
    if not sys.stderr.isatty():
        return 0
    import shutil

    return shutil.get_terminal_size((80, 24)).columns


def flushed(code: int) -> int:
    """The exit code with which the process ends once its output is out: `code`, or what its loss means."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = without_reader()
    except OSError:
        code = code or 1
    with suppress(OSError):
        sys.stderr.flush()
    return code


def without_reader() -> int:
    """The reader of our output has gone, as `head` does: nothing more can be said, and that is not an error of ours.

    Returns what a shell reports for a process that SIGPIPE ended.
    """
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 141

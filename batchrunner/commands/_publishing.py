"""Tells others how a command ended: files for bots and dashboards, whatever ended it. The exit code stays."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import wraps
from time import monotonic
from typing import Any, TypeVar

import click

from batchrunner.commands._console import Console
from batchrunner.commands._files import refuse_kept, replace_file, require_ours
from batchrunner.commands._options import Output, word_option
from batchrunner.commands._summing import Course, Notes
from batchrunner.errors import BatchrunnerError, UsageError
from batchrunner.moments import zulu_text_of
from batchrunner.printable import printable
from batchrunner.records import plain
from batchrunner.summaries import FORMAT, RunSummary

F = TypeVar("F", bound=Callable[..., Any])
STDOUT = frozenset({"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"})


@dataclass(frozen=True, slots=True)
class Places:
    """Where a summary goes: paths, empty for nowhere."""

    summary: str = ""
    metrics: str = ""


def published(verb: str) -> Callable[[F], F]:
    """Add the options that say where a summary of the command called `verb` goes.

    The command receives `notes: Notes`, and tells them what it does. Goes above all other decorators with options, so
    that an error of those is told, too.
    """

    def decorate(command: F) -> F:
        @word_option("--summary", metavar="FILE", help="Write how it ended to FILE, as JSON, whatever ended it.")
        @word_option("--metrics-file", metavar="FILE", help="Write Prometheus metrics, for node-exporter's textfiles.")
        @wraps(command)
        def with_summary(*args: Any, summary: str, metrics_file: str, **kwargs: Any) -> Any:
            places = Places(_place("--summary", summary), _place("--metrics-file", metrics_file))
            console = Console(_plain_output(kwargs.get("log_format") or ""))
            return _told(verb, lambda notes: command(*args, notes=notes, **kwargs), places, console)

        return with_summary  # type: ignore[return-value]

    return decorate


def publish(summary: RunSummary, places: Places, notes: Notes, console: Console) -> None:
    """Tell everybody who asked what a run came to. What cannot be told is warned of, and changes nothing."""
    if places.summary:
        _written("--summary", places.summary, lambda: write_summary(summary, places.summary), console)
    if places.metrics:
        from batchrunner.commands._metrics import write_metrics

        _written("--metrics-file", places.metrics, lambda: write_metrics(summary, places.metrics), console)
    if notes.project and notes.project.notify:
        from batchrunner.commands._notifying import notify

        notify(summary, notes.project.notify, console)


def _told(verb: str, command: Callable[[Notes], int], places: Places, console: Console) -> int:
    """Run `command`, and publish how it ended. Whatever it raises is raised."""
    from batchrunner import tracing
    from batchrunner.settings import environment
    from batchrunner.wiring.workspace import SystemClock

    trace = tracing.opened(verb, environment())
    notes, begun, started = Notes(beside=trace), monotonic(), SystemClock().now()
    code, error, message = 0, "", ""
    try:
        code = int(command(notes))
        return code
    except BaseException as raised:
        code, error, message = _ending_of(raised)
        raise
    finally:
        with suppress(KeyboardInterrupt):
            course = Course(
                verb,
                zulu_text_of(started),
                zulu_text_of(SystemClock().now()),
                round(monotonic() - begun, 3),
                code,
                error,
                message,
            )
            _tell(notes, course, places, trace, console)


def _tell(notes: Notes, course: Course, places: Places, trace: Any, console: Console) -> None:
    """Sum up and tell. Even a defect in that leaves the run what it was."""
    try:
        summary = notes.summary(course)
        if trace:
            trace.end(summary)
        publish(summary, places, notes, console)
        if trace and (trouble := trace.flush()):
            console.warn(f"warning: {trouble}")
    except Exception as defect:
        console.warn(f"warning: how the run ended could not be told: {type(defect).__name__}: {printable(str(defect))}")


def _ending_of(raised: BaseException) -> tuple[int, str, str]:
    """The exit code, the code of the error and its sentence, as the command line will show them."""
    from batchrunner.commands._failing import as_error

    if isinstance(raised, click.exceptions.Exit):
        return raised.exit_code, "", ""
    if isinstance(raised, SystemExit | BrokenPipeError):
        return 141, "no-reader", "nobody reads what is written to standard output any more"
    error: BatchrunnerError = as_error(raised)
    return int(error.exit_code), error.code, error.message


def _place(option: str, path: str) -> str:
    if path in STDOUT:
        raise UsageError("output-is-taken", f"{option} cannot go to standard output: the result of the command does",
                         hint="name a file, or another stream: /dev/stderr, /dev/fd/3")  # fmt: skip
    refuse_kept(option, path)
    return path


def _plain_output(log_format: str) -> Output:
    return Output("text", "auto", progress=False, quiet=False, verbose=0, log_format=log_format)


def _written(option: str, path: str, write: Callable[[], None], console: Console) -> None:
    try:
        write()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error) or "it is not a path"
        console.warn(f"warning: {option} {printable(path)} is not written: {why}")


def write_summary(summary: RunSummary, path: str) -> None:
    """Write `summary` whole or not at all, readable by its owner alone. Raises `OSError`, `ValueError`."""
    from batchrunner.commands._secrets import redacted_value
    from batchrunner.render.json import dumps

    require_ours(path, lambda old: f'"{FORMAT}"'.encode() in old)
    replace_file(path, dumps(redacted_value(plain(summary))).encode(), 0o600)

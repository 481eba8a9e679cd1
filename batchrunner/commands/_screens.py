"""How an apply, or waiting, is watched."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from batchrunner.commands._console import Console
from batchrunner.commands._options import Output
from batchrunner.commands._secrets import redacted
from batchrunner.ports import Reporter
from batchrunner.settings import environment
from batchrunner.wiring.workspace import SystemClock


class Reporters:
    """Several reporters as one."""

    def __init__(self, *reporters: Reporter) -> None:
        self.report_all = [reporter.report for reporter in reporters]

    def report(self, event: object) -> None:
        """Show one event everywhere."""
        for report in self.report_all:
            report(event)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Screen:
    """What is watched during an apply: `reporter` shows events, `say` a sentence after which no bar is drawn."""

    reporter: Reporter
    say: Callable[[str], None]


@contextmanager
def opened_screen(
    console: Console, total: int, *, watching: bool = False, watcher: Reporter | None = None
) -> Iterator[Screen]:
    """The screen that the flags and the terminal ask for: a bar on a terminal, lines elsewhere, logs on request.

    For an apply, or where `watching` for `total` batches that are waited for. `watcher` is told the same.
    """
    with _opened(console, total, watching=watching) as screen:
        yield replace(screen, reporter=Reporters(watcher, screen.reporter)) if watcher else screen


@contextmanager
def _opened(console: Console, total: int, *, watching: bool) -> Iterator[Screen]:
    output = console.output
    if output.progress and _interactive() and not (output.log_format or output.verbose):
        from batchrunner.render.progress import ProgressReporter, WatchBar

        with (WatchBar if watching else ProgressReporter)(total) as bar:
            yield Screen(bar, partial(_say_below, console, bar.close))
        return
    reporters = [_log(output)] if output.log_format or output.verbose else []
    if output.progress and not reporters:
        reporters.append(_lines(console, total, watching=watching))
    yield Screen(Reporters(*reporters), partial(_say, console))


def _lines(console: Console, total: int, *, watching: bool) -> Reporter:
    if watching:
        from batchrunner.render.watching import WatchLines

        return WatchLines(console.warn, SystemClock(), total)
    from batchrunner.render.lines import LineReporter

    return LineReporter(console.warn, SystemClock(), total)


def _log(output: Output) -> Reporter:
    from batchrunner.telemetry import LogReporter, configure

    configure(output.log_format, "debug" if output.verbose > 1 else "info", redacted)
    return LogReporter()


def _say_below(console: Console, close_bar: Callable[[], None], words: str) -> None:
    close_bar()
    _say(console, words)


def _say(console: Console, words: str) -> None:
    """Tell who pressed Ctrl-C, on a line after the `^C` that the terminal shows."""
    plain = sys.stderr.isatty() and console.output.log_format != "json"
    console.warn(f"\n{words}" if plain else words)


def _interactive() -> bool:
    variables = environment()
    return sys.stderr.isatty() and variables.get("TERM") != "dumb" and not variables.get("CI")

"""Waiting as lines for logs, and as a bar on a real pseudo-terminal."""

import os
import pty
import subprocess
import sys
from datetime import timedelta

import pytest
from support.builders import NOW

from batchrunner.events import Looked, Moved, Unseen
from batchrunner.render.watching import WatchLines, moved_line, unseen_line

LOOKED = Looked(provider="p", open=2, batches=5, done=40, requests=100, left=7300.0, wait=12.0)


class Clock:
    def __init__(self) -> None:
        self.at = NOW

    def now(self):
        return self.at


def told(*events: object, total: int = 3, pause: float = 0) -> list[str]:
    """The lines of `events`, so many seconds apart."""
    lines: list[str] = []
    clock = Clock()
    watched = WatchLines(lines.append, clock, total)
    for event in events:
        clock.at += timedelta(seconds=pause)
        watched.report(event)  # type: ignore[arg-type]
    return lines


def moved(status: str = "completed", address: str = "n/a") -> Moved:
    return Moved(address=address, run_key="r", batch_id="batch-1", status=status, completed=8, failed=2, total=10)


def unseen(code: str = "server-error") -> Unseen:
    return Unseen(provider="p", code=code, status=503, words="\x1b[2Jno::error::")


def test_lines_say_what_moved_and_what_is_not_seen() -> None:
    assert moved_line(moved()) == "completed   n/a  batch-1  8/10, 2 failed"
    assert unseen_line(unseen()).startswith("not seen    p  server-error, HTTP 503: ")
    assert "\x1b" not in unseen_line(unseen())


def test_there_is_a_line_every_five_minutes_at_least() -> None:
    assert told(*[LOOKED] * 20, pause=60) == [
        f"02:{minute}:00 waiting     3/5 ended, 40/100 requests, at most 2 h left, next look in 12 s"
        for minute in (35, 40, 45, 50)
    ]


def test_a_trouble_that_goes_on_is_told_once_and_now_and_then() -> None:
    lines = told(*[unseen(), LOOKED] * 20, pause=20)

    assert len([line for line in lines if "not seen" in line]) <= 3


def test_a_trouble_that_comes_back_is_told_again() -> None:
    assert len(told(unseen(), LOOKED, LOOKED, unseen())) == 2


def test_of_many_only_what_went_wrong_has_a_line() -> None:
    lines = told(*[moved()] * 50, moved("expired"), total=5000)

    assert len(lines) == 1
    assert "expired" in lines[0]


def test_a_log_that_is_full_stops_the_lines_alone() -> None:
    def full(line: str) -> None:
        raise OSError("no space")

    watched = WatchLines(full, Clock(), 3)
    watched.report(moved())
    watched.report(moved())


SCRIPT = """
import pytest

from batchrunner.events import Looked, Moved, Unseen
from batchrunner.render.progress import WatchBar

with WatchBar(5) as bar:
    bar.report(Looked(provider="p", open=2, batches=5, done=40, requests=100, left=7300.0, wait=12.0))
    bar.report(Moved(address="n/[red]a[/red]", run_key="r", batch_id="batch_1", status="failed"))
    bar.report(Unseen(provider="p", code="timeout"))
    bar._live.refresh()
"""


@pytest.mark.parametrize(("columns", "told"), [("120", " · p: timeout"), ("80", "next look in 1"), ("40", "…")])
def test_a_bar_is_one_line_of_counts_and_time_left(columns: str, told: str) -> None:
    text = _drawn(columns)

    assert told in text
    assert "3/5 ended · 40/100 requests" in text
    assert "n/[red]a[/red]" in text
    assert text.count("\x1b[1A") == 1  # The one line that is removed in the end.
    assert "\x1b[?25l" not in text.rpartition("\x1b[?25h")[2]


def _drawn(columns: str) -> str:
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": columns, "LINES": "30"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", SCRIPT], stderr=slave, stdin=slave, env=environment
    )
    os.close(slave)
    written = b""
    while True:
        try:
            written += (chunk := os.read(master, 65536))
        except OSError:
            break
        if not chunk:
            break
    os.close(master)

    assert process.wait() == 0
    return written.decode()

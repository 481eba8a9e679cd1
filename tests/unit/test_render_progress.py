"""A progress bar on a real pseudo-terminal."""

import os
import pty
import signal
import subprocess
import sys

import pytest

SCRIPT = """
import sys
from batchrunner.events import Failed, Retrying, Started, Submitted, Uploading
from batchrunner.render.progress import ProgressReporter

with ProgressReporter() as bar:
    bar.report(Started(total={total}))
    bar.report(Uploading(address="n/up", sent=5_000_000, size=18_000_000))
    bar.report(Retrying(address="n/re", code="rate-limited", wait=8.0, attempt=2, attempts=5))
    for number in range({total}):
        bar.report(Submitted(address=f"n/[red]b{{number}}[/red]", run_key="r", batch_id="batch_1"))
    bar.report(Failed(address="n/x", run_key="r", outcome="in-doubt", code="timeout", words="\\x1b[2J:smile:"))
    {then}
"""
HIDE_CURSOR, SHOW_CURSOR = b"\x1b[?25l", b"\x1b[?25h"


def run(total: int, then: str = "", stop: bool = False) -> tuple[bytes, int]:
    """What the script writes to a terminal of its own, and how it ends."""
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(total=total, then=then)],
        stdout=subprocess.PIPE, stderr=slave, stdin=slave, env=environment,
    )  # fmt: skip
    os.close(slave)
    if stop:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
    written = b"".join(iter(lambda: _read(master), b""))
    os.close(master)
    process.communicate()
    return written, process.returncode


def _read(master: int) -> bytes:
    try:
        return os.read(master, 65536)
    except OSError:  # Linux says EIO when the other side has closed.
        return b""


def test_counts_uploads_and_failures_are_shown_as_text() -> None:
    written, code = run(3)
    assert code == 0
    assert "3/3 submitted · 1 retrying · 1 failed · uploading 5.0 MB of 18.0 MB".encode() in written
    assert b"n/[red]b0[/red]  batch_1" in written
    assert b"\\x1b[2J:smile:" in written
    assert b"\x1b[2J" not in written


def test_many_successes_only_move_the_bar() -> None:
    written, code = run(5000)
    assert code == 0
    assert b"5,000/5,000 submitted" in written
    assert b"batch_1" not in written
    assert b"failed     n/x" in written
    assert len(written) < 100_000


@pytest.mark.parametrize("then", ["print('ready', flush=True); __import__('time').sleep(60)"])
def test_ctrl_c_leaves_a_clean_terminal(then: str) -> None:
    written, code = run(3, then, stop=True)
    assert code == -signal.SIGINT
    assert written.rfind(SHOW_CURSOR) > written.rfind(HIDE_CURSOR)
    assert b"KeyboardInterrupt" in written


def test_a_process_that_is_killed_leaves_its_cursor_visible() -> None:
    written, code = run(3, "__import__('os').kill(__import__('os').getpid(), 9)")
    assert code == -signal.SIGKILL
    assert written.rfind(SHOW_CURSOR) > written.rfind(HIDE_CURSOR)


def test_closing_again_does_no_harm() -> None:
    assert run(1, "bar.close(); bar.close()")[1] == 0

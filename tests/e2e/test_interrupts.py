"""Signals, closed pipes and terminals that go away: the run ends as it says, and the next one is exact."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from support.killing import Killer
from support.runs import Desk, Project, at_desk

from batchrunner.stores import FileStore

STALLS = "create:stall=first:1:3600"
ENDS = {signal.SIGINT: 130, signal.SIGTERM: 143}


def wait_for_create(desk: Desk) -> None:
    while not desk.ledger.requests().get("creates"):
        pass


@contextmanager
def applying(project: Project, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """An apply under way, its first create sent."""
    with project.start("apply", "specs", *arguments) as process:
        wait_for_create(project.desk)
        yield process
        process.kill()


def ended(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = process.communicate()
    assert "Traceback" not in err, err
    return process.returncode, out, err


@pytest.mark.parametrize("number", ENDS)
def test_one_signal_finishes_what_is_in_flight(number: signal.Signals) -> None:
    with at_desk("slow=1:0.3") as desk:
        project = desk.project()
        with applying(project, "--concurrency", "1") as process:
            process.send_signal(number)
            code, out, err = ended(process)
        assert code == ENDS[number]
        assert "Stopping" in err
        assert "batchrunner apply specs" in out
        assert {made["id"] for made in project.batches()} == set(project.ids().values())
        assert len(project.batches()) == 1
        assert project.apply_until_done() == 1
        project.assert_exactly_once()


@pytest.mark.parametrize("number", ENDS)
def test_a_second_signal_leaves_at_once(number: signal.Signals) -> None:
    with at_desk(STALLS) as desk:
        project = desk.project(timeouts={"create_seconds": 3600})
        with applying(project) as process:
            process.send_signal(number)
            assert process.stderr
            while "Stopping" not in process.stderr.readline():
                pass
            process.send_signal(number)
            code, _, err = ended(process)
        assert code == ENDS[number]
        assert "run the same command again" in err
        project.write("batchrunner.yaml", {"project": project.name})
        assert project.apply_until_done() == 1
        project.assert_exactly_once()


@pytest.mark.parametrize("number", ENDS)
def test_a_signal_at_any_step(killer: Killer, number: signal.Signals) -> None:
    with at_desk() as desk:
        for step in count(3, 7):
            project = desk.project()
            run = partial(killer.run, project.folder, environment=project.environment)
            stopped = run("apply", "specs", "--concurrency", "1", step=step, number=number)
            assert stopped.code in {0, ENDS[number], -signal.SIGTERM}, stopped
            assert "Traceback" not in stopped.err, stopped
            assert "defect" not in stopped.err, stopped
            if project.batches():
                assert "nothing was sent" not in stopped.err, stopped
            assert project.apply_until_done(run=run) == 1
            project.assert_exactly_once()
            if not stopped.label:
                return


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGQUIT, signal.SIGKILL])
def test_what_ends_the_process_loses_nothing(number: signal.Signals) -> None:
    with at_desk(STALLS) as desk:
        project = desk.project(timeouts={"create_seconds": 3600})
        with applying(project) as process:
            process.send_signal(number)
            assert ended(process)[0] in {-number, 129}
        assert project.apply_until_done() == 1
        project.assert_exactly_once()


def test_interrupted_while_waiting_for_the_lock() -> None:
    with at_desk() as desk:
        project = desk.project()
        store = FileStore(project.folder / "specs" / "nightly.state.json")
        with store.lock(0, print), project.start("apply", "specs") as process:
            assert process.stderr
            assert "held by" in process.stderr.readline()
            process.send_signal(signal.SIGINT)
            code, _, err = ended(process)
        assert (code, desk.posts()) == (130, 0)
        assert "interrupted" in err
        assert project.apply_until_done() == 1
        project.assert_exactly_once()


def test_interrupted_while_reading_a_spec() -> None:
    with at_desk() as desk:
        project = desk.project()
        with project.start("apply", "-", stdin=subprocess.PIPE) as process:
            assert process.stdin
            process.stdin.write("# long\n" * 100_000)  # more than a pipe holds: when it is written, it is being read
            process.stdin.flush()
            process.send_signal(signal.SIGINT)
            code, _, err = ended(process)
        assert (code, desk.posts()) == (130, 0)
        assert "interrupted" in err


PIPELINES = {
    "read no further than a line": "| head -n 1 >/dev/null",
    "not read at all": "| true",
    "closed": ">&-",
    "closed, and errors too": ">&- 2>&-",
    "all closed": "<&- >&- 2>&-",
    "full": ">/dev/full 2>/dev/full",
}


@pytest.mark.parametrize("pipeline", PIPELINES.values(), ids=PIPELINES)
def test_output_that_nobody_takes_loses_nothing(pipeline: str, tmp_path: Path) -> None:
    with at_desk() as desk:
        project = desk.project()
        script = f'"{sys.executable}" -W error -m batchrunner apply specs {pipeline}'
        error = subprocess.run(
            ["bash", "-c", script], cwd=project.folder, env=project.whole_environment(), capture_output=True, text=True
        ).stderr
        assert "Traceback" not in error
        made = {each["id"] for each in project.batches()}
        assert made == set(project.ids().values())
        assert project.apply_until_done() == 1
        project.assert_exactly_once()


def test_the_terminal_goes_away() -> None:
    """A session leader's death hangs up its children, whose terminal then refuses every write."""
    with at_desk("slow=1:0.3") as desk:
        project = desk.project()
        script = (
            "import os, pty, sys, time\n"
            "pid, terminal = pty.fork()\n"
            "if not pid: os.execv(sys.executable, [sys.executable, '-m', 'batchrunner', 'apply', 'specs', '--yes'])\n"
            "sys.stdin.readline()\n"
            "os.close(terminal)\n"
            "os.waitpid(pid, 0)\n"
        )
        with subprocess.Popen(
            [sys.executable, "-c", script],
            cwd=project.folder,
            env=project.whole_environment(),
            stdin=subprocess.PIPE,
            text=True,
        ) as keeper:
            wait_for_create(desk)
            keeper.communicate("hang up\n")
        project.apply_until_done()
        project.assert_exactly_once()

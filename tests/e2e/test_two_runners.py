"""Several runners on one state, and one that does not give the lock back."""

import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from support.runs import Project, at_desk

STALLS = "create:stall=first:1:3600"
RUNNERS = 2


@contextmanager
def holding(project: Project) -> Iterator["subprocess.Popen[str]"]:
    """An apply that holds the lock, waiting for a reply that does not come."""
    with project.start("apply", "specs") as process:
        while not project.desk.ledger.requests().get("creates"):
            pass
        yield process
        process.kill()


def test_ten_times_two_at_once() -> None:
    with at_desk("slow=1:0.02") as desk:
        for _ in range(10):
            project = desk.project()
            with ThreadPoolExecutor(RUNNERS) as pool:
                runners = list(pool.map(lambda applied: applied.run("apply", "specs"), [project] * RUNNERS))
            assert [runner.code for runner in runners] == [0] * RUNNERS
            outputs = [runner.out for runner in runners]
            project.assert_exactly_once()
            assert sum("3 submitted" in output for output in outputs) == 1
            assert sum("0 submitted, 3 unchanged" in output for output in outputs) == RUNNERS - 1


def test_who_waits_is_told_for_whom_and_then_finds_it_unchanged() -> None:
    with at_desk("slow=1:0.3") as desk:
        project = desk.project()
        with holding(project) as holder, project.start("apply", "specs") as waiter:
            holder.send_signal(signal.SIGSTOP)
            assert waiter.stderr
            words = waiter.stderr.readline()
            assert f"pid {holder.pid}" in words
            assert "batchrunner apply specs" in words
            assert " on " in words
            assert "since 20" in words
            holder.send_signal(signal.SIGCONT)
            holder.communicate()
            out, _ = waiter.communicate()
        assert (holder.returncode, waiter.returncode) == (0, 0)
        assert "0 submitted, 3 unchanged" in out
        project.assert_exactly_once()


def test_who_does_not_wait_tries_again_later() -> None:
    with at_desk(STALLS) as desk:
        project = desk.project(timeouts={"create_seconds": 3600})
        with holding(project) as holder:
            impatient = project.run("apply", "specs", "--lock-timeout", "0.2")
            assert impatient.code == 75
            assert f"pid {holder.pid}" in impatient.err
            assert project.run("plan", "specs").code == 0, "a plan takes no lock"
            unlocking = project.run("state", "unlock")
            assert unlocking.code == 75
            assert f"pid {holder.pid}" in unlocking.err
            holder.send_signal(signal.SIGKILL)
            holder.communicate()
            assert project.run("state", "unlock").code == 0
        assert project.apply_until_done() == 1
        project.assert_exactly_once()


def test_a_killed_holder_lets_go_at_once() -> None:
    with at_desk(STALLS) as desk:
        project = desk.project(timeouts={"create_seconds": 3600})
        with holding(project) as holder, project.start("apply", "specs", "--lock-timeout", "3600") as waiter:
            assert waiter.stderr
            assert f"pid {holder.pid}" in waiter.stderr.readline()
            holder.send_signal(signal.SIGKILL)
            waiter.communicate()
        assert waiter.returncode == 0
        project.assert_exactly_once()


def test_two_that_name_the_same_specs_in_another_order_do_not_wait_for_each_other() -> None:
    with at_desk("slow=1:0.05") as desk:
        for _ in range(3):
            project = desk.project(two_specs=True)
            paths = ["specs/nightly.yaml", "specs/weekly.yaml"]
            runners = [project.start("apply", *order) for order in (paths, paths[::-1])]
            for runner in runners:
                runner.communicate()
            assert [runner.returncode for runner in runners] == [0, 0]
            project.assert_exactly_once(5)

"""`wait`: to the end, whatever happens on the way, with an exit code that scripts can believe."""

import json
import re
import shutil
import signal
import time
from pathlib import Path

import pytest
from support.cli import KEY, Desk, check_golden, request_lines, steady
from support.waiting import QUICK, SLOW, served, submitted, written

from batchrunner.sandbox import Timings

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def bench(empty: Desk) -> Desk:
    return written(empty)


def statuses(desk: Desk) -> list[str]:
    document = desk.run("status", "--json").document
    return [each["word"] for each in document["batches"]]


# Ends.


def test_it_waits_until_all_have_completed(bench: Desk) -> None:
    with served(bench, timings=Timings(in_progress=0.5)):
        ran = submitted(bench).run("wait")

    assert ran.code == 0
    assert "3 batches: 3 completed." in ran.out
    assert ran.err.count(" completed  ") == 3
    assert "batchrunner fetch" in ran.err
    check_golden(GOLDEN / "wait-completed.txt", re.sub(r"\d+ s ago", "N s ago", steady(ran.out, bench.folder)))


def test_what_has_ended_is_told_from_state_alone(bench: Desk) -> None:
    with served(bench):
        assert submitted(bench).run("wait").code == 0
    bench.env.pop("ALPHAEDGE_API_KEY")

    assert bench.run("wait").code == 0
    assert bench.run("status").code == 0


def test_a_batch_whose_every_request_failed_is_no_success(bench: Desk) -> None:
    with served(bench, row_failures=1.0):
        ran = submitted(bench).run("wait")

    assert ran.code == 5
    assert "completed, but all 2 requests failed" in ran.out
    assert "batchrunner retry s/one" in ran.out


def test_some_requests_that_failed_are_shown_and_are_a_success(bench: Desk) -> None:
    bench.write("data/one.jsonl", request_lines(*(f"one-{n}" for n in range(40))))
    with served(bench, row_failures=0.3):
        ran = submitted(bench).run("wait", "s/one")

    assert ran.code == 0
    assert " failed" in ran.out


def test_a_cancelled_batch_is_five(bench: Desk) -> None:
    with served(bench, timings=SLOW):
        submitted(bench)
        import httpx

        (one,) = bench.run("status", "s/one", "--json").document["batches"]
        batch = one["batch_id"]
        origin = bench.env["ALPHAEDGE_BASE_URL"]
        httpx.post(f"{origin}/v1/batch/{batch}/cancel", headers={"Authorization": f"Bearer {KEY}"}).raise_for_status()
        ran = bench.run("wait", "s/one", "--timeout", "30")

    assert ran.code == 5
    assert "cancelled" in ran.out
    assert "batchrunner retry s/one" in ran.out


def test_a_batch_that_expired_is_five_and_the_plan_says_so(bench: Desk) -> None:
    clock = [time.time() - 25 * 3600]
    with served(bench, timings=Timings(in_progress=10**6), clock=lambda: clock[0]):
        submitted(bench)
        clock[0] = time.time()
        ran = bench.run("wait")
        plan = bench.run("plan", "s.yaml")

    assert (ran.code, ran.out.count("batchrunner retry ")) == (5, 3)
    assert "expired; nothing is sent by itself" in " ".join(plan.out.split())
    assert "batchrunner retry s/one --state s.state.json" in plan.out
    assert bench.run("status").code == 5


# Odd providers.


@pytest.mark.parametrize(
    "habit",
    ["capitals", "iso-times", "null-counts", "scheduling", "uuid-ids", "404-young:3", "late-output:2", "slow-list:1",
     "errors-only"],
)  # fmt: skip
def test_habits_of_other_providers_are_understood(bench: Desk, habit: str) -> None:
    with served(bench, habits=(habit,), timings=Timings(in_progress=0.3)):
        ran = submitted(bench).run("wait", "--timeout", "30")

    assert ran.code == (5 if habit == "errors-only" else 0), ran
    assert "3 batches: 3 completed." in ran.out
    if habit.startswith("late-output"):
        sights = [attempt["sight"]["batch"] for runs in bench.state()["batches"].values()
                  for attempts in runs.values() for attempt in attempts]  # fmt: skip
        assert all(batch["files"] for batch in sights)


def test_a_batch_that_vanishes_is_gone_and_nothing_is_submitted_again(bench: Desk) -> None:
    with served(bench, habits=("vanishing:1",), timings=SLOW):
        ran = submitted(bench).run("wait", "--timeout", "30")
        plan = bench.run("plan", "s.yaml")
        again = bench.run("apply", "s.yaml")

    assert ran.code == 5
    assert "3 batches: 3 gone." in ran.out
    assert "which the provider lost" in " ".join(plan.out.split())
    assert again.code == 0
    assert bench.ledger.requests()["creates"] == 3


def test_a_batch_that_is_stuck_is_given_up_past_its_window(bench: Desk) -> None:
    clock = [time.time() - 26 * 3600]
    with served(bench, habits=("stuck",), timings=Timings(in_progress=0), clock=lambda: clock[0]):
        submitted(bench)
        state = bench.state()
        for runs in state["batches"].values():
            for attempts in runs.values():
                attempts[0]["sent_at"] = "2020-01-01T00:00:00.000+00:00"
        bench.write("s.state.json", json.dumps(state))
        ran = bench.run("wait", "--timeout", "30")

    assert ran.code == 5
    assert "waited for no longer" in " ".join(ran.out.split())
    assert "batchrunner cancel s/one" in ran.out


# Troubles on the way.


@pytest.mark.parametrize(
    "fault",
    ["429=0.5", "500=0.6", "503-html=0.6", "redirect=0.5:http://127.0.0.1:9/x",
     "drop-before=0.6", "drop-after-commit=0.6", "stall=0.3",
     "truncated=0.6", "junk=0.6", "html=0.6", "huge=0.5:2", "no-id=0.6", "hostile-id=0.6", "gzip=0.4:2", "ansi=0.6"],
)  # fmt: skip
def test_no_trouble_on_the_way_makes_a_batch_fail(bench: Desk, fault: str) -> None:
    with served(bench, f"look:{fault}", f"survey:{fault}", timings=Timings(in_progress=0.5)):
        ran = submitted(bench).run("wait", "--timeout", "50")

    assert ran.code == 0, ran


def test_an_outage_that_outlasts_every_retry_is_waited_out(bench: Desk) -> None:
    bench.write(
        "batchrunner.yaml",
        bench.read("batchrunner.yaml").replace("cap_seconds: 0.01}", "cap_seconds: 0.01, budget: 4}"),
    )
    with served(bench, "survey:500=first:30", "look:500=first:30"):
        ran = submitted(bench).run("wait", "--timeout", "30")

    assert ran.code == 0, ran
    assert "not seen    alphaedge  " in ran.err


def test_a_key_that_is_refused_ends_it_at_once(bench: Desk) -> None:
    with served(bench, timings=SLOW):
        submitted(bench)
        ran = bench.run("wait", env={"ALPHAEDGE_API_KEY": "sk-another"})

    assert ran.code == 1
    assert "alphaedge refused the key" in ran.err
    assert bench.ledger.requests()["unauthorized"] == 1


def test_a_key_that_is_missing_is_said_before_anything_is_asked(bench: Desk) -> None:
    with served(bench, timings=SLOW):
        submitted(bench)
        ran = bench.run("wait", env={"ALPHAEDGE_API_KEY": ""})

    assert (ran.code, "missing-key" in ran.err) == (1, True)


def test_batches_of_another_origin_are_not_taken_for_gone(bench: Desk) -> None:
    with served(bench, timings=SLOW):
        submitted(bench)
    with served(bench, timings=SLOW):
        ran = bench.run("wait", env={"ALPHAEDGE_BASE_URL": "http://127.0.0.1:9"})

    assert ran.code == 1
    assert "batches were sent to" in ran.err
    assert "gone" not in ran.out


# Time.


def test_a_timeout_is_75_and_says_how_to_go_on(bench: Desk) -> None:
    with served(bench, timings=SLOW):
        ran = submitted(bench).run("wait", "s.yaml", "--timeout", "0.3")

    assert ran.code == 75
    assert "Timed out: 3 batches of 3 not ended. Nothing is lost." in ran.err
    assert "  batchrunner wait s.yaml" in ran.err


def test_ctrl_c_is_130_and_what_was_seen_is_in_state(bench: Desk) -> None:
    with served(bench, timings=SLOW):
        submitted(bench)
        with bench.started("wait") as waiting:
            assert waiting.stderr
            waiting.stderr.readline()
            waiting.send_signal(signal.SIGINT)
            out, err = waiting.communicate(timeout=30)

    assert waiting.returncode == 130, err
    assert "3 batches: 3 in_progress." in out
    assert "batchrunner wait" in err
    assert statuses(bench) == ["in_progress"] * 3


def test_hours_later_on_another_machine_the_state_is_enough(bench: Desk, tmp_path: Path) -> None:
    clock = [time.time()]
    with served(bench, timings=SLOW, clock=lambda: clock[0]):
        submitted(bench)
        elsewhere = Desk(tmp_path / "elsewhere", dict(bench.env), bench.database)
        elsewhere.folder.mkdir()
        shutil.copy(bench.folder / "s.state.json", elsewhere.folder)
        clock[0] += 3 * 3600
        ran = elsewhere.run("wait", "--json")

    assert ran.code == 0
    assert ran.document["counts"] == {"completed": 3}
    assert ran.document["next"] == "batchrunner fetch"


def test_one_address_is_waited_for_alone(bench: Desk) -> None:
    with served(bench, timings=Timings(in_progress=0.3)):
        ran = submitted(bench).run("wait", "s/two", "--json")

    assert (ran.code, [each["address"] for each in ran.document["batches"]]) == (0, ["s/two"])


# How much is asked.


def test_a_cycle_costs_one_walk_over_the_list(bench: Desk) -> None:
    with served(bench, timings=SLOW):
        ran = submitted(bench).run("wait", "--interval", "0.1", "--timeout", "1", "--log-format", "json", "-vv")
        asked = bench.ledger.requests()

    cycles = sum('"looked"' in line for line in ran.err.splitlines())
    assert asked["looks"] == 0
    assert 2 <= cycles <= asked["surveys"] <= cycles + 1


def test_logs_are_json_where_that_is_asked_for(bench: Desk) -> None:
    with served(bench):
        ran = submitted(bench).run("wait", "--log-format", "json")

    lines = [json.loads(line) for line in ran.err.splitlines()]
    assert {line["event"] for line in lines} >= {"moved"}


# Beside others.


def test_a_state_that_another_command_locks_delays_only_notes(bench: Desk) -> None:
    from batchrunner.stores import FileStore

    with served(bench, timings=QUICK):
        submitted(bench)
        with FileStore(bench.folder / "s.state.json").lock(1, lambda who: None):
            ran = bench.run("status", "--refresh")
    assert ran.code == 0
    assert "3 batches: 3 completed." in ran.out
    assert "another command holds its lock" in ran.err


def test_apply_can_wait(bench: Desk) -> None:
    with served(bench, timings=Timings(in_progress=0.3)):
        ran = bench.run("apply", "s.yaml", "--wait", "--json")
        again = bench.run("apply", "s.yaml", "--wait")

    assert (ran.code, again.code) == (0, 0)
    assert ran.document["command"] == "apply"
    assert ran.document["submitted"] == 3
    assert ran.document["wait"]["counts"] == {"completed": 3}
    assert "3 batches: 3 completed." in again.out


def test_apply_that_waits_holds_no_lock(bench: Desk) -> None:
    with served(bench, timings=Timings(in_progress=2)), bench.started("apply", "s.yaml", "--wait") as waiting:
        assert waiting.stderr
        while "in_progress" not in waiting.stderr.readline():
            pass
        other = bench.run("apply", "s.yaml", "--lock-timeout", "5")
        assert waiting.wait(timeout=30) == 0

    assert other.code == 0


def test_apply_that_waits_for_what_fails_is_five(bench: Desk) -> None:
    with served(bench, row_failures=1.0):
        assert bench.run("apply", "s.yaml", "--wait").code == 5


def test_nothing_to_wait_for_is_said(bench: Desk) -> None:
    ran = bench.run("wait")

    assert (ran.code, "no-state" in ran.err) == (1, True)

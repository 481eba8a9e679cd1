"""`status`: where batches stand, from state alone unless it is told to look."""

import json
import os
import re
from pathlib import Path

import httpx
import pytest
from support.cli import KEY, Desk, check_golden, steady
from support.waiting import QUICK, SLOW, served, submitted, written

from batchrunner.sandbox import Timings

GOLDEN = Path(__file__).parent / "golden"
BAD_LINES = b'{"custom_id":"1","method":"POST","url":"/v1/embeddings","body":{"model":"m","input":"x"}}\nnot JSON\n[]\n'


@pytest.fixture
def bench(empty: Desk) -> Desk:
    return written(empty)


def comparable(text: str, folder: Path) -> str:
    return re.sub(r"\d+ (s|min) ago", "N s ago", steady(text, folder))


def test_without_a_look_it_asks_nobody_and_needs_no_key(bench: Desk) -> None:
    with served(bench, timings=SLOW):
        submitted(bench)
        asked = bench.ledger.requests()
        bench.env.pop("ALPHAEDGE_API_KEY")
        ran = bench.run("status")

    assert ran.code == 0
    assert bench.ledger.requests() == asked
    assert "3 batches: 3 submitted." in ran.out
    assert "batchrunner status --refresh" in ran.err
    check_golden(GOLDEN / "status-submitted.txt", comparable(ran.out, bench.folder))


def test_a_refresh_looks_once_and_is_remembered(bench: Desk) -> None:
    with served(bench, timings=SLOW):
        ran = submitted(bench).run("status", "--refresh")
        asked = bench.ledger.requests()

    assert (asked["surveys"], asked["looks"]) == (1, 0)
    assert "3 batches: 3 in_progress." in ran.out
    assert "3 batches: 3 in_progress." in bench.run("status", env={"ALPHAEDGE_API_KEY": ""}).out


def test_what_the_provider_says_is_wrong_is_shown_with_its_lines(bench: Desk) -> None:
    with served(bench):
        sent = httpx.post(
            f"{bench.env['ALPHAEDGE_BASE_URL']}/v1/files",
            headers={"Authorization": f"Bearer {KEY}"},
            data={"purpose": "batch"},
            files={"file": ("bad.jsonl", BAD_LINES)},
        )
        spec = f"batches: [{{name: bad, input_file_id: {sent.json()['id']}, endpoint: /v1/embeddings}}]"
        bench.write("t.yaml", spec)
        assert bench.run("apply", "t.yaml", "-q").code == 0
        ran = bench.run("status", "t.yaml", "--refresh")
        waited = bench.run("wait", "t.yaml", "--json")

    assert (ran.code, waited.code) == (5, 5)
    check_golden(GOLDEN / "status-failed.txt", comparable(ran.out, bench.folder))
    (batch,) = waited.document["batches"]
    assert [problem["line"] for problem in batch["problems"]] == [2, 3]
    assert batch["next"] == "batchrunner retry t/bad"


def test_in_doubt_is_three(bench: Desk) -> None:
    with served(bench, "create:500=1.0"):
        assert bench.run("apply", "s.yaml", "-q").code == 3
        ran = bench.run("status")

    assert ran.code == 3
    assert "in-doubt" in ran.out
    assert "batchrunner resolve s/one --adopt BATCH_ID" in ran.out


def test_the_newest_run_is_shown_and_what_is_open_and_all_on_request(bench: Desk) -> None:
    with served(bench):
        assert bench.run("apply", "s.yaml", "-q", "--run-key", "2026-11-20", "--target", "s/one").code == 0
        bench.run("wait")
        assert bench.run("apply", "s.yaml", "-q", "--run-key", "2026-11-21", "--target", "s/one").code == 0
        bench.run("wait")
        newest = bench.run("status", "--json").document["batches"]
        every = bench.run("status", "--all", "--json").document["batches"]
        one = bench.run("status", "--run-key", "2026-11-20", "--json").document["batches"]

    assert [each["run_key"] for each in newest] == ["day:2026-11-21"]
    assert [each["run_key"] for each in every] == ["day:2026-11-20", "day:2026-11-21"]
    assert [each["run_key"] for each in one] == ["day:2026-11-20"]


def test_an_open_batch_of_an_older_run_is_shown(bench: Desk) -> None:
    with served(bench, timings=SLOW):
        for day in ("2026-11-20", "2026-11-21"):
            assert bench.run("apply", "s.yaml", "-q", "--run-key", day, "--target", "s/one").code == 0
        ran = bench.run("status", "--json")

    assert [each["run_key"] for each in ran.document["batches"]] == ["day:2026-11-20", "day:2026-11-21"]


def test_watching_ends_when_all_have_ended(bench: Desk) -> None:
    with served(bench, timings=Timings(in_progress=0.3)):
        ran = submitted(bench).run("status", "--watch")

    assert (ran.code, "3 batches: 3 completed." in ran.out) == (0, True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_state_that_cannot_be_written_is_shown_all_the_same(bench: Desk) -> None:
    with served(bench, timings=QUICK):
        submitted(bench)
        bench.folder.chmod(0o555)
        try:
            ran = bench.run("status", "--refresh")
        finally:
            bench.folder.chmod(0o755)

    assert ran.code == 0
    assert "3 batches: 3 completed." in ran.out
    assert "What was seen is not in state" in ran.err


def test_a_lock_that_cannot_be_made_stops_no_look(bench: Desk) -> None:
    with served(bench, timings=QUICK):
        submitted(bench)
        lock = next(bench.folder.glob("*.lock"))
        lock.unlink()
        lock.symlink_to("elsewhere")
        ran = bench.run("status", "--refresh")

    assert ran.code == 0
    assert "3 batches: 3 completed." in ran.out
    assert "What was seen is not in state: a file of the state is a symbolic link.\n" in ran.err


def test_a_plan_that_is_told_to_look_sees_what_ended(bench: Desk) -> None:
    with served(bench, row_failures=1.0, timings=QUICK):
        submitted(bench)
        before = bench.run("plan", "s.yaml")
        ran = bench.run("plan", "s.yaml", "--refresh", "--format", "github")

    assert "ended" not in before.out
    assert ran.out.count("title=failed-remotely") == 3
    assert bench.run("plan", "s.yaml", "--detailed-exitcode").code == 0


def test_state_show_and_list_tell_what_was_seen(bench: Desk) -> None:
    with served(bench, row_failures=0.5):
        submitted(bench).run("wait")
    listed = bench.run("state", "list")
    shown = bench.run("state", "show", "s/one")

    assert listed.out.count("completed") == 3
    assert "last seen" in shown.out
    assert bench.run("state", "list", "--json").document["attempts"][0]["remote_status"] == "completed"
    assert (
        bench.run("state", "show", "s/one", "--json").document["attempts"][0]["sight"]["batch"]["status"] == "completed"
    )


def test_words_of_a_provider_cannot_paint_the_terminal(bench: Desk) -> None:
    with served(bench):
        submitted(bench).run("wait")
        state = bench.state()
        for runs in state["batches"].values():
            for (attempt,) in runs.values():
                batch = attempt["sight"]["batch"]
                batch["status"], batch["said"] = "unknown", "\x1b[31mred\u202e::error::"
                batch["problems"] = [{"code": "\x1b[2J", "message": "::error::\x1b]0;x\x07", "line": 1}]
        bench.write("s.state.json", json.dumps(state))
    ran = bench.run("status")

    assert "\x1b" not in ran.out
    assert "\u202e" not in ran.out
    assert "\x1b" not in bench.run("status", "--json").out

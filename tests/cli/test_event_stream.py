"""`apply --json` and `retry --json`: one object a line, as it happens. Every line is held to its schema by the desk."""

import json
import signal
import subprocess
from typing import Any

from support.cli import SCRIPT, Desk, provided
from support.schemas import check_stream


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [each["event"] for each in events]


def of_kind(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [each for each in events if each["event"] == kind]


def test_it_tells_what_is_planned_what_happens_and_how_it_ended(shop: Desk) -> None:
    ran = shop.run("apply", "s.yaml", "--json", "--concurrency", "1")
    assert kinds(ran.events) == [
        "version", "plan", "planned", "planned", "started",
        "submitted", "uploading", "uploaded", "submitted", "finished", "ended",
    ]  # fmt: skip
    version, plan, *_, ended = ran.events
    assert (version["command"], version["format_version"]) == ("apply", "1.0")
    assert (plan["counts"]["submit"], plan["plan_id"]) == (2, ended["plan_id"])
    assert [each["requests"] for each in of_kind(ran.events, "planned")] == [0, 2]
    assert (ended["exit_code"], ended["submitted"]) == (ran.code, 2) == (0, 2)


def test_nothing_to_do_is_a_stream_too(shop: Desk) -> None:
    shop.run("apply", "s.yaml")
    ran = shop.run("apply", "s.yaml", "--json")
    assert kinds(ran.events) == ["version", "plan", "planned", "planned", "ended"]
    assert {each["action"] for each in of_kind(ran.events, "planned")} == {"unchanged"}
    assert all(each["batch_id"] for each in of_kind(ran.events, "planned"))


def test_an_error_before_anything_is_one_line(desk: Desk) -> None:
    desk.write("broken.yaml", "batches: [{name: UPPER}]\n")
    for arguments, code, word in (
        (("apply", "broken.yaml"), 1, "invalid-files"),
        (("apply", "s.yaml", "--concurrency", "no"), 64, "usage"),
        (("apply", "none.json"), 1, "plan-not-read"),
        (("retry", "s/rows"), 1, "no-state"),
    ):
        ran = desk.run(*arguments, "--json")
        assert (kinds(ran.events), ran.code) == (["version", "error"], code)
        assert (ran.error["code"], ran.document["exit_code"]) == (word, code)


def test_an_error_after_the_plan_follows_it(desk: Desk) -> None:
    ran = desk.run("apply", "s.yaml", "--json")
    assert kinds(ran.events) == ["version", "plan", "planned", "planned", "error"]
    assert ran.error["code"] == "missing-key"


def test_waiting_is_told_after_what_was_applied(shop: Desk) -> None:
    ran = shop.run("apply", "s.yaml", "--json", "--wait")
    told = kinds(ran.events)
    assert told.index("finished") < told.index("applied") < told.index("moved") < told.index("ended")
    (applied,) = of_kind(ran.events, "applied")
    assert (applied["submitted"], ran.document["submitted"]) == (2, 2)
    assert ran.document["wait"]["counts"] == {"completed": 2}
    assert "wait" not in applied


def test_each_line_is_out_before_the_next_thing_is_done(desk: Desk) -> None:
    """What was submitted can be read while a later create hangs."""
    with provided(desk, "create:stall=first"):
        command = ("apply", "s.yaml", "--json", "--target", "s/rows")
        with desk.started(*command) as process:
            assert process.stdout
            lines = [json.loads(process.stdout.readline()) for _ in range(6)]
            assert kinds(lines)[-1] == "uploaded"
            assert process.poll() is None


def test_a_reader_that_leaves_stops_no_submission(shop: Desk) -> None:
    with shop.started("apply", "s.yaml", "--json", "--concurrency", "1") as process:
        assert process.stdout
        assert json.loads(process.stdout.readline())["event"] == "version"
        process.stdout.close()
        assert process.wait(60) == 141
    assert shop.run("apply", "s.yaml", "--json").document["unchanged"] == 2


def test_a_full_disk_stops_no_submission(shop: Desk) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([SCRIPT, "apply", "s.yaml", "--json"], stdout=full, stderr=subprocess.PIPE, text=True,
                              cwd=shop.folder, env=shop.environment(), check=False)  # fmt: skip
    assert (done.returncode, "No space left" in done.stderr) == (1, True)
    assert shop.run("apply", "s.yaml", "--json").document["unchanged"] == 2


def test_an_interrupted_run_ends_its_stream(desk: Desk) -> None:
    desk.write("batchrunner.yaml", "providers: {alphaedge: {polling: {base_seconds: 30, cap_seconds: 30}}}\n")
    with provided(desk), desk.started("apply", "s.yaml", "--json", "--wait") as process:
        assert process.stdout
        seen = [json.loads(process.stdout.readline())]
        while seen[-1]["event"] != "looked":
            seen.append(json.loads(process.stdout.readline()))
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate()
    events = [*seen, *map(json.loads, rest.splitlines())]
    check_stream(events)
    assert (process.returncode, events[-1]["event"], events[-1]["exit_code"]) == (130, "ended", 130)


def test_a_retry_says_what_it_leaves_alone(shop: Desk) -> None:
    shop.run("apply", "s.yaml", "--wait")
    ran = shop.run("retry", "s/rows", "--json")
    assert kinds(ran.events) == ["version", "ended"]
    assert (ran.document["command"], ran.document["ok"], ran.document["batches"]) == ("retry", ["s/rows"], [])

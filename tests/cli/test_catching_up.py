"""Which intervals were submitted, and those that were missed: shown by `runs`, planned and submitted by --catch-up."""

import json

import pytest
from support.cli import Desk, request_lines

SPEC = """\
run: {once_per: day, timezone: Europe/Paris}
defaults: {endpoint: /v1/embeddings}
batches:
  - {name: rows, input: "data/rows-${run.date}.jsonl"}
  - {name: labels, input: "data/labels-${run.date}.jsonl"}
"""
NOW = ("--at", "2026-11-22T10:00:00Z", "--sandbox")


def filled(desk: Desk, *gone: int) -> Desk:
    """A spec with inputs for a week, without those of the days that are `gone`, submitted on the 16th and the 19th."""
    desk.write("n.yaml", SPEC)
    for day in range(15, 23):
        desk.write(f"data/labels-2026-11-{day}.jsonl", request_lines(f"label-{day}"))
        if day not in gone:
            desk.write(f"data/rows-2026-11-{day}.jsonl", request_lines(f"row-{day}", f"other-{day}"))
    for day in (16, 19):
        assert desk.run("apply", "n.yaml", "--sandbox", "--yes", "--at", f"2026-11-{day}T10:00:00Z").code == 0
    return desk


def planned(desk: Desk, *flags: str) -> list[tuple[str, str]]:
    """What a plan would submit: addresses and runs, in order."""
    document = desk.run("plan", "n.yaml", *NOW, *flags, "--json").document
    return [(c["address"], c["run_key"]) for c in document["changes"] if c["action"] == "submit"]


def statuses(desk: Desk, *flags: str) -> dict[str, str]:
    """The intervals of the spec, newest first."""
    (spec,) = desk.run("runs", "n.yaml", *NOW, *flags, "--json").document["specs"]
    return {each["run_key"].removeprefix("day:2026-11-"): each["status"] for each in spec["intervals"]}


def test_runs_say_what_was_submitted_and_what_is_missing(empty: Desk) -> None:
    filled(empty)
    assert statuses(empty) == {"22": "due", "21": "missing", "20": "missing", "19": "submitted", "18": "missing",
                               "17": "missing", "16": "submitted"}  # fmt: skip
    assert list(statuses(empty, "--missing", "--since", "2026-11-14")) == ["21", "20", "18", "17", "15", "14"]
    assert list(statuses(empty, "--limit", "2")) == ["22", "21"]
    shown = empty.run("runs", "n.yaml", *NOW)
    assert "7 intervals since day:2026-11-16: 2 submitted, 4 missing, 1 due." in shown.out
    assert "batchrunner plan n.yaml --catch-up 4" in shown.err


def test_the_newest_that_were_missed_come_after_the_run_of_now(empty: Desk) -> None:
    filled(empty)
    runs = list(dict.fromkeys(run.removeprefix("day:2026-11-") for _, run in planned(empty, "--catch-up", "3")))
    assert runs == ["22", "21", "20", "18"]
    runs = list(dict.fromkeys(run.removeprefix("day:2026-11-") for _, run in planned(empty, "--catch-up", "99")))
    assert runs == ["22", "21", "20", "18", "17"]  # never before the first that was submitted
    assert ("n/rows", "day:2026-11-15") in planned(empty, "--catch-up", "99", "--since", "2026-11-15")


def test_an_apply_catches_up_once(empty: Desk) -> None:
    filled(empty)
    assert empty.run("apply", "n.yaml", *NOW, "--yes", "--catch-up", "2").code == 0
    assert statuses(empty)["20"] == "submitted"
    assert empty.run("apply", "n.yaml", *NOW, "--yes", "--catch-up", "9").code == 0
    posts = empty.posts
    ran = empty.run("apply", "n.yaml", *NOW, "--yes", "--catch-up", "9")
    assert ran.code == 0
    assert "no interval is missing" in ran.out
    assert empty.posts == posts
    assert set(statuses(empty).values()) == {"submitted"}
    keys = [record["intent"]["idempotency_key"] for runs in empty.state("n.sandbox.state.json")["batches"].values()
            for attempts in runs.values() for record in attempts]  # fmt: skip
    assert len(set(keys)) == len(keys) == 14


def test_a_saved_plan_catches_up_what_was_reviewed_and_no_more(empty: Desk) -> None:
    filled(empty)
    plan = empty.run("plan", "n.yaml", *NOW, "--catch-up", "1", "--out", "plan.json")
    assert "run day:2026-11-22 (Europe/Paris) and 1 missed before" in plan.out
    assert "3 more missed intervals are not in this plan; to list what is missing: batchrunner runs n.yaml --missing " \
           "--at 2026-11-22T10:00:00Z --sandbox" in " ".join(plan.out.split())  # fmt: skip
    assert json.loads(empty.read("plan.json"))["flags"].count("--catch-up") == 1
    assert empty.run("apply", "plan.json", "--catch-up", "2").code == 64
    assert empty.run("apply", "plan.json").code == 0
    assert empty.run("apply", "plan.json").code == 0
    assert [day for day, status in statuses(empty).items() if status == "missing"] == ["20", "18", "17"]


def test_what_a_catch_up_did_not_come_to_send_is_caught_up_by_the_next(shop: Desk) -> None:
    shop.write("n.yaml", SPEC)
    for day in range(18, 23):
        for name in ("rows", "labels"):
            shop.write(f"data/{name}-2026-11-{day}.jsonl", request_lines(f"{name}-{day}"))
    assert shop.run("apply", "n.yaml", "--at", "2026-11-18T10:00:00Z").code == 0
    catching = ("apply", "n.yaml", *NOW[:2], "--catch-up", "2")
    assert shop.run(*catching, env={"ALPHAEDGE_API_KEY": "refused"}).code == 1
    assert len(shop.ledger.batches()) == 2
    assert shop.run(*catching).code == 0
    done = shop.state("n.state.json")["batches"]["n/rows"]
    assert {run: [each["status"] for each in attempts] for run, attempts in done.items()} == {
        f"day:2026-11-{day}": ["submitted"] for day in (18, 20, 21, 22)
    }
    assert shop.run(*catching).code == 0
    assert shop.run(*catching).code == 0
    assert len(shop.ledger.batches()) == 10


def test_inputs_that_are_gone_are_passed_over_and_take_no_place(empty: Desk) -> None:
    filled(empty, 21)
    assert planned(empty, "--catch-up", "2")[2:] == [
        ("n/labels", "day:2026-11-21"), ("n/rows", "day:2026-11-20"), ("n/labels", "day:2026-11-20"),
    ]  # fmt: skip
    (empty.folder / "data/labels-2026-11-21.jsonl").unlink()
    document = empty.run("plan", "n.yaml", *NOW, "--catch-up", "2", "--json").document
    skipped = [notice for notice in document["notices"] if notice["code"] == "interval-skipped"]
    assert [notice["where"] for notice in skipped] == ["n/rows", "n/labels"]
    assert {c["run_key"] for c in document["changes"]} == {f"day:2026-11-{day}" for day in (22, 20, 18)}


def test_policy_is_over_all_of_it(empty: Desk) -> None:
    filled(empty)
    empty.write("batchrunner.yaml", "policy: {max_requests: 5}\n")
    assert empty.run("plan", "n.yaml", *NOW).code == 0
    ran = empty.run("plan", "n.yaml", *NOW, "--catch-up", "1")
    assert ran.code == 1
    assert "max_requests" in ran.out


def test_a_batch_that_was_added_misses_nothing_before_its_first_run(empty: Desk) -> None:
    filled(empty)
    empty.write("n.yaml", f"{SPEC}  - {{name: later, input_file_id: file-abc}}\n")
    assert ("n/later", "day:2026-11-22") in planned(empty, "--catch-up", "9")
    assert not [run for address, run in planned(empty, "--catch-up", "9") if address == "n/later"][1:]
    ran = empty.run("plan", "n.yaml", *NOW, "--catch-up", "2", "--since", "2026-11-20")
    assert "asks for the same in 3 intervals" in " ".join(ran.out.split())


def test_targets_narrow_what_is_missing(empty: Desk) -> None:
    filled(empty)
    assert {address for address, _ in planned(empty, "--catch-up", "2", "--target", "n/rows")} == {"n/rows"}


def test_content_has_nothing_to_catch_up(empty: Desk) -> None:
    empty.write("n.yaml", "batches: [{name: a, input_file_id: file-a, endpoint: /v1/embeddings}]\n")
    ran = empty.run("apply", "n.yaml", *NOW, "--yes", "--catch-up", "3")
    assert ran.code == 0
    assert "nothing to catch up" in " ".join(ran.out.split())
    (spec,) = empty.run("runs", "n.yaml", "--sandbox", "--json").document["specs"]
    assert spec["intervals"] == []
    assert [each["run_key"].partition(":")[0] for each in spec["others"]] == ["content"]


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (("--catch-up", "2", "--run-key", "2026-11-20"), "catch-up-of-one-run"),
        (("--since", "2026-11-20"), "since-without-catch-up"),
        (("--catch-up", "2", "--since", "soon"), "bad-time"),
        (("--catch-up", "2", "--since", "1700-01-01"), "too-many-intervals"),
    ],
)
def test_what_cannot_be_meant_is_64(empty: Desk, flags: tuple[str, ...], code: str) -> None:
    filled(empty)
    ran = empty.run("plan", "n.yaml", "--sandbox", *flags)
    assert ran.code == 64
    assert f"error[{code}]" in ran.err


def test_a_history_is_told_to_its_end_and_by_an_old_name(empty: Desk) -> None:
    filled(empty)
    empty.run("wait", "n.yaml", "--sandbox")
    assert empty.run("apply", "n.yaml", "--sandbox", "--yes", "--at", "2026-11-19T10:00:00Z", "--target", "n/rows",
                     "--replace", "n/rows").code == 0  # fmt: skip
    events = empty.run("history", "n/rows", "--sandbox", "--json").document["events"]
    told = [(each["run_key"].removeprefix("day:2026-11-"), each["attempt"], each["event"]) for each in events]
    assert [each for each in told if each[0] == "16"] == [
        ("16", 1, "decided"), ("16", 1, "submitted"), ("16", 1, "created"), ("16", 1, "ended"),
    ]  # fmt: skip
    assert told[-2:] == [("19", 2, "replaced"), ("19", 2, "submitted")]
    assert empty.run("state", "mv", "n/rows", "n/lines", "--sandbox").code == 0
    moved = empty.run("history", "n/rows", "--sandbox", "--run-key", "2026-11-16")
    assert moved.out.startswith("n/lines   day:2026-11-16   attempt 1")
    assert "as n/rows" in moved.out
    capped = empty.run("history", "n/*", "--sandbox", "--limit", "2", "--json").document
    assert (len(capped["events"]), capped["unlisted"] > 5) == (2, True)
    assert empty.run("history", "n/stranger", "--sandbox").code == 1

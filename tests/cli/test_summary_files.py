"""`--summary` and `--metrics-file`: how a run ended, for bots and dashboards, whatever ended it."""

import json
import os
import signal
import stat
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.cli import Desk, provided
from support.schemas import faults_of

from batchrunner.commands._files import replace_file

EVERYWHERE = ("--summary", "summary.json", "--metrics-file", "run.prom")


def summary_of(desk: Desk) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads(desk.read("summary.json"))
    assert not list(faults_of("summary", summary))
    return summary


def metrics_of(desk: Desk, name: str = "run.prom") -> dict[tuple[str, ...], float]:
    """The samples, by name and the values of their labels behind command, project and spec."""
    families = text_string_to_metric_families(desk.read(name))
    samples = [sample for family in families for sample in family.samples]
    for sample in samples:
        assert list(sample.labels)[:3] == ["command", "project", "spec"]
    return {(sample.name.removeprefix("batchrunner_"), *list(sample.labels.values())[3:]): sample.value
            for sample in samples}  # fmt: skip


def test_an_apply_tells_what_it_submitted(shop: Desk) -> None:
    ran = shop.run("apply", "s.yaml", *EVERYWHERE)
    summary, metrics = summary_of(shop), metrics_of(shop)
    assert (ran.code, summary["exit_code"], summary["error"], summary["next"]) == (0, 0, "", "")
    assert summary["counts"] == dict.fromkeys(summary["counts"], 0) | {"submitted": 2}
    assert [(each["address"], each["outcome"], each["status"]) for each in summary["batches"]] == [
        ("s/ready", "submitted", "submitted"),
        ("s/rows", "submitted", "submitted"),
    ]
    assert (summary["requests"], summary["bytes"]) == (2, len(shop.read("data/rows.jsonl")))
    assert (summary["specs"], summary["command"]) == (["s"], "apply")
    assert metrics["run_exit_code",] == 0
    assert metrics["batches", "submitted"] == 2
    assert metrics["submitted_requests",] == 2
    assert metrics["last_success_timestamp_seconds",] == metrics["run_finished_timestamp_seconds",]


def test_a_second_apply_submits_nothing_and_says_so(shop: Desk) -> None:
    shop.run("apply", "s.yaml")
    shop.run("apply", "s.yaml", *EVERYWHERE)
    summary = summary_of(shop)
    assert summary["counts"] == dict.fromkeys(summary["counts"], 0) | {"unchanged": 2}
    assert (summary["requests"], summary["cost_usd_low"], summary["cost_usd_high"]) == (0, 0, 0)
    assert all(each["batch_id"] for each in summary["batches"])


def test_what_failed_is_told_with_its_code(desk: Desk) -> None:
    with provided(desk, "create:404=first"):
        ran = desk.run("apply", "s.yaml", "--concurrency", "1", *EVERYWHERE)
    summary = summary_of(desk)
    (failure,) = summary["failures"]
    assert (ran.code, summary["exit_code"]) == (3, 3)
    assert (failure["address"], failure["outcome"], failure["code"]) == ("s/ready", "rejected", "not-found")
    assert (summary["counts"]["submitted"], summary["counts"]["failed"]) == (1, 1)
    assert summary["next"].startswith("batchrunner apply s.yaml")
    assert metrics_of(desk)["batches", "failed"] == 1


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        pytest.param(("apply", "broken.yaml"), 1, "invalid-files", id="invalid spec"),
        pytest.param(("apply", "none.json"), 1, "plan-not-read", id="no plan"),
        pytest.param(("apply", "s.yaml", "plan.json"), 64, "plan-is-alone", id="usage"),
        pytest.param(("apply", "s.yaml", "--json", "--format", "text"), 64, "usage", id="flags"),
        pytest.param(("apply", "s.yaml"), 1, "missing-key", id="no key"),
        pytest.param(("wait",), 1, "no-state", id="wait for nothing"),
        pytest.param(("fetch",), 1, "no-state", id="fetch of nothing"),
        pytest.param(("retry", "s/rows"), 1, "no-state", id="retry of nothing"),
    ],
)
def test_a_run_that_was_refused_is_told_too(desk: Desk, arguments: tuple[str, ...], code: int, error: str) -> None:
    desk.write("broken.yaml", "batches: [{name: UPPER}]\n")
    ran = desk.run(*arguments, *EVERYWHERE)
    summary = summary_of(desk)
    assert (ran.code, summary["exit_code"], summary["error"]) == (code, code, error)
    assert (summary["command"], bool(summary["message"])) == (arguments[0], True)
    metrics = metrics_of(desk)
    assert metrics["run_exit_code",] == code
    assert ("last_success_timestamp_seconds",) not in metrics


def test_the_last_success_outlives_failures_that_know_no_spec(shop: Desk) -> None:
    shop.write("batchrunner.yaml", 'version: 1\nproject: "acme"\n')
    shop.run("apply", "s.yaml", *EVERYWHERE)
    before = metrics_of(shop)
    shop.write("s.yaml", "batches: [")
    assert shop.run("apply", "s.yaml", *EVERYWHERE).code == 1
    after = metrics_of(shop)
    assert after["last_success_timestamp_seconds",] == before["last_success_timestamp_seconds",]
    assert (after["run_exit_code",], before["run_exit_code",]) == (1, 0)
    assert 'command="apply",project="acme",spec="s"' in shop.read("run.prom")


def test_a_lock_that_is_held_is_told(shop: Desk) -> None:
    import fcntl

    shop.run("apply", "s.yaml")
    with open(shop.folder / "s.state.lock", "a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ran = shop.run("apply", "s.yaml", "--lock-timeout", "0", *EVERYWHERE)
    summary = summary_of(shop)
    assert (ran.code, summary["exit_code"], summary["error"], summary["specs"]) == (75, 75, "lock-held", ["s"])


def test_a_run_that_policy_refuses_leaves_everything(desk: Desk) -> None:
    desk.write("batchrunner.yaml", "policy: {max_requests: 1, allow_unknown: true}\n")
    desk.run("apply", "s.yaml", *EVERYWHERE)
    summary = summary_of(desk)
    assert (summary["error"], summary["counts"]["left"]) == ("policy-refused", 2)


def test_an_interrupted_run_is_told(desk: Desk) -> None:
    with provided(desk), desk.started("apply", "s.yaml", "--wait", *EVERYWHERE) as process:
        assert process.stderr
        process.stderr.readline()
        process.send_signal(signal.SIGINT)
        process.communicate()
    summary = summary_of(desk)
    assert (process.returncode, summary["exit_code"], summary["interrupted"]) == (130, 130, True)


def test_waiting_tells_how_batches_stand(shop: Desk) -> None:
    shop.run("apply", "s.yaml", "--wait", *EVERYWHERE)
    summary = summary_of(shop)
    assert (summary["counts"]["submitted"], summary["verdicts"]["done"]) == (2, 2)
    assert {each["status"] for each in summary["batches"]} == {"completed"}
    assert metrics_of(shop)["looked_at_batches", "done"] == 2
    shop.run("wait", "s.yaml", "--summary", "summary.json")
    again = summary_of(shop)
    assert (again["command"], again["counts"]["watched"], again["verdicts"]["done"]) == ("wait", 2, 2)
    assert again["next"] == "batchrunner fetch s.yaml"


def test_a_fetch_tells_its_rows(shop: Desk) -> None:
    shop.run("apply", "s.yaml", "--wait")
    shop.run("fetch", "s.yaml", *EVERYWHERE)
    rows = summary_of(shop)["rows"]["s"]
    assert rows["total"] == rows["ok"] > 0
    assert metrics_of(shop)["result_rows", "ok"] == rows["ok"]


def test_files_are_for_their_readers_alone(shop: Desk) -> None:
    os.umask(0o077)
    shop.run("apply", "s.yaml", *EVERYWHERE)
    modes = [stat.S_IMODE((shop.folder / name).stat().st_mode) for name in ("summary.json", "run.prom")]
    assert modes == [0o600, 0o644]
    assert not list(shop.folder.glob("*.tmp"))


@pytest.mark.parametrize("place", ["data", "none/file", "s.yaml", "batchrunner.yaml"])
def test_what_cannot_be_written_is_a_warning(shop: Desk, place: str) -> None:
    before = shop.read("s.yaml"), shop.read("batchrunner.yaml")
    ran = shop.run("apply", "s.yaml", "--summary", place, "--metrics-file", place, "-q")
    assert ran.code == 0
    assert ran.err.count(f"{place} is not written: ") == 2
    assert (shop.read("s.yaml"), shop.read("batchrunner.yaml")) == before


@pytest.mark.parametrize("place", ["-", "/dev/stdout"])
def test_standard_output_is_taken(desk: Desk, place: str) -> None:
    ran = desk.run("apply", "s.yaml", "--summary", place, "--json")
    assert (ran.code, ran.error["code"]) == (64, "output-is-taken")


@pytest.mark.parametrize("option", ["--summary", "--metrics-file"])
@pytest.mark.parametrize("place", ["s.state.lock", "./S.STATE.LOCK", "s.state.journal.jsonl", "results/.lock/"])
def test_a_lock_or_a_journal_is_never_replaced(shop: Desk, option: str, place: str) -> None:
    lock = shop.folder / "s.state.lock"
    lock.touch()
    before = lock.stat().st_ino
    ran = shop.run("apply", "s.yaml", option, place, "--json")
    assert (ran.code, ran.error["code"], ran.error["where"]) == (64, "output-is-kept", place)
    assert lock.stat().st_ino == before
    assert not (shop.folder / "s.state.json").exists()


def test_a_pipe_is_written_into(shop: Desk) -> None:
    os.mkfifo(shop.folder / "pipe")
    reader = os.open(shop.folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    ran = shop.run("apply", "s.yaml", "--summary", "pipe")
    assert (ran.code, json.loads(os.read(reader, 1 << 16))["exit_code"]) == (0, 0)
    assert stat.S_ISFIFO((shop.folder / "pipe").stat().st_mode)
    os.close(reader)
    assert "pipe is not written" in shop.run("apply", "s.yaml", "--summary", "pipe").err


def test_nobody_elses_unfinished_file_is_touched(tmp_path: Path) -> None:
    """In containers that share a folder, each run is process 1."""
    unfinished = tmp_path / f"run.prom.{os.getpid()}.tmp"
    unfinished.write_bytes(b"of another")
    replace_file(str(tmp_path / "run.prom"), b"whole", 0o600)
    assert sorted(each.read_bytes() for each in tmp_path.iterdir()) == [b"of another", b"whole"]

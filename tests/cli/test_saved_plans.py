"""Plans as files: --out, show, apply, and what --detailed-exitcode means."""

import fcntl
import json
import os
import shlex
import termios
from pathlib import Path

import pytest
from support.cli import Desk, request_lines

NIGHT = ("--at", "2026-11-22T02:30:00Z")


@pytest.fixture
def planned(shop: Desk) -> Desk:
    """A provider in reach, and a saved plan."""
    ran = shop.run("plan", "s.yaml", *NIGHT, "--out", "plan.json")
    assert (ran.code, ran.err) == (0, "Saved to plan.json. Next: batchrunner apply plan.json\n")
    return shop


def test_a_saved_plan_is_private_and_shows_as_it_was_made(planned: Desk) -> None:
    assert (planned.folder / "plan.json").stat().st_mode & 0o777 == 0o600
    assert planned.run("show", "plan.json").out == planned.run("plan", "s.yaml", *NIGHT).out
    assert planned.run("show", "plan.json", "--format", "markdown").out.startswith("<!--")
    shown, saved = planned.run("show", "plan.json", "--json").document, json.loads(planned.read("plan.json"))
    assert shown.pop("command") == "show"
    assert shown == saved
    assert list(planned.folder.glob("plan.json.*")) == []


def test_it_is_applied_without_its_spec_and_applying_it_again_sends_nothing(planned: Desk) -> None:
    (planned.folder / "s.yaml").unlink()
    first = planned.run("apply", "plan.json", "--json")
    sent = planned.posts
    again = planned.run("apply", "plan.json", "--json")
    assert (first.code, first.document["submitted"]) == (0, 2)
    assert (again.code, again.document["submitted"], again.document["unchanged"]) == (0, 0, 2)
    assert planned.posts == sent
    said = planned.run("apply", "plan.json")
    assert (said.code, "to submit" in said.out) == (0, False)
    assert said.out.splitlines()[0] == "This plan was applied already: all that it submits is submitted."


def test_a_plan_that_was_applied_asks_for_no_key(planned: Desk) -> None:
    keyless = {"ALPHAEDGE_API_KEY": ""}
    assert "error[missing-key]" in planned.run("apply", "plan.json", env=keyless).err
    assert planned.run("apply", "plan.json").code == 0
    again = planned.run("apply", "plan.json", env=keyless)
    assert (again.code, again.out.startswith("This plan was applied already")) == (0, True)


def test_a_plan_for_a_provider_that_is_elsewhere_now_says_where(planned: Desk) -> None:
    was = planned.env["ALPHAEDGE_BASE_URL"]
    ran = planned.run("apply", "plan.json", "--json", env={"ALPHAEDGE_BASE_URL": "http://127.0.0.1:9"})
    assert (ran.code, ran.error["code"], planned.posts) == (4, "provider-moved", 0)
    assert ran.error["why"] == f"The plan is for {was}, and now it is http://127.0.0.1:9."


def test_a_plan_is_applied_alone(planned: Desk) -> None:
    ran = planned.run("apply", "plan.json", "s.yaml")
    assert (ran.code, planned.posts) == (64, 0)
    assert "= help: batchrunner apply plan.json, and the rest" in ran.err


def test_the_run_is_the_one_that_was_reviewed(planned: Desk) -> None:
    """Whenever it is applied: the key was frozen when it was made."""
    assert planned.run("apply", "plan.json").code == 0
    assert list(planned.state()["batches"]["s/rows"]) == ["day:2026-11-22"]


def test_a_plan_may_have_any_name(planned: Desk) -> None:
    planned.run("plan", "s.yaml", *NIGHT, "--out", "reviewed plan")
    ran = planned.run("plan", "s.yaml", *NIGHT, "--out", "reviewed plan")
    assert (ran.code, ran.err) == (0, "Saved to reviewed plan. Next: batchrunner apply 'reviewed plan'\n")
    assert planned.run("apply", "reviewed plan", "--json").document["submitted"] == 2


@pytest.mark.parametrize(("command", "place"), [("plan", "s.state.lock"), ("fetch", "results.lock")])
def test_nothing_is_saved_under_the_name_of_a_lock(shop: Desk, command: str, place: str) -> None:
    ran = shop.run(command, "s.yaml", "--out", place, "--json")
    assert (ran.code, ran.error["code"], ran.error["where"]) == (64, "output-is-kept", place)
    assert not (shop.folder / place).exists()


def test_a_plan_is_written_into_a_pipe_or_a_device_and_leaves_it_there(planned: Desk) -> None:
    os.mkfifo(planned.folder / "pipe")
    reader = os.open(planned.folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert planned.run("plan", "s.yaml", *NIGHT, "--out", "pipe").code == 0
        assert json.loads(os.read(reader, 1 << 16))["format"] == json.loads(planned.read("plan.json"))["format"]
    finally:
        os.close(reader)
    assert (planned.folder / "pipe").is_fifo()


def test_a_stale_plan_sends_nothing_and_the_advice_helps(planned: Desk) -> None:
    planned.write("data/rows.jsonl", request_lines("other"))
    stale = planned.run("apply", "plan.json")
    assert (stale.code, planned.posts) == (4, 0)
    advice = stale.err.partition("= help: batchrunner ")[2].split()
    assert planned.run(*advice).code == 0
    assert planned.run("apply", "plan.json", "--json").document["submitted"] == 2


def test_the_advice_has_the_flags_that_the_plan_was_made_with(desk: Desk) -> None:
    desk.write("other.yaml", desk.read("batchrunner.yaml"))
    flags = ("--project", "other.yaml", "--run-key", "2026-11-20", "--target", "s/ro*", "--sandbox")
    assert desk.run("plan", "s.yaml", *flags, "--out", "plan.json").code == 0
    desk.write("data/rows.jsonl", request_lines("other"))
    stale = desk.run("apply", "plan.json", "--json")
    command = (
        "batchrunner plan s.yaml --project other.yaml --run-key 2026-11-20 --sandbox --target 's/ro*' --out plan.json"
    )
    assert (stale.code, stale.error["hint"]) == (4, command)
    assert desk.run(*shlex.split(command)[1:]).code == 0
    assert desk.run("apply", "plan.json", "--json").document["submitted"] == 1


def test_a_plan_keeps_no_values_of_variables(desk: Desk) -> None:
    desk.write("s.yaml", "vars: {who: nobody}\n" + desk.read("s.yaml").replace("rows}", "rows, metadata: {a: b}}"))
    assert desk.run("plan", "s.yaml", "--sandbox", "--var", "who=top secret", "--out", "plan.json").code == 0
    assert "top secret" not in desk.read("plan.json")
    desk.write("data/rows.jsonl", request_lines("other"))
    hint = desk.run("apply", "plan.json", "--json").error["hint"]
    command, _, remark = hint.partition(" (")
    assert command == "batchrunner plan s.yaml --var who=VALUE --sandbox --out plan.json"
    assert remark == "a plan keeps no values of --var: type yours in place of VALUE)"


def test_a_sandbox_plan_is_applied_in_the_sandbox(desk: Desk) -> None:
    desk.run("plan", "s.yaml", "--sandbox", "--out", "plan.json")
    ran = desk.run("apply", "plan.json", "--json")
    assert (ran.code, ran.document["submitted"], len(desk.ledger.batches())) == (0, 2, 2)


def test_a_sandbox_plan_never_writes_into_a_state_that_was_paid_for(desk: Desk) -> None:
    desk.run("plan", "s.yaml", "--sandbox", "--out", "plan.json")
    assert desk.run("apply", "plan.json", "--state", "s.state.json").code == 0
    assert not (desk.folder / "s.state.json").exists()
    assert (desk.folder / "s.sandbox.state.json").exists()


def test_a_plan_that_was_not_made_for_the_sandbox_is_not_sent_anywhere_by_its_flag(planned: Desk) -> None:
    ran = planned.run("apply", "plan.json", "--sandbox", "--json")
    assert (ran.code, ran.error["code"], planned.posts) == (64, "plan-is-fixed", 0)


def test_a_detailed_exit_code_tells_changes_from_none(shop: Desk) -> None:
    plan = ["plan", "s.yaml", *NIGHT, "--detailed-exitcode"]
    assert shop.run(*plan).code == 2
    assert shop.run("apply", "s.yaml", *NIGHT).code == 0
    assert shop.run(*plan).code == 0
    shop.write("data/rows.jsonl", request_lines("other"))
    assert shop.run(*plan).code == 2
    shop.write("data/rows.jsonl", "nonsense\n")
    assert shop.run(*plan).code == 1
    assert shop.run(*plan, "--nonsense").code == 64
    assert shop.run("plan", "s.yaml", *NIGHT).code == 1


def test_a_plan_writes_nothing_but_itself(desk: Desk) -> None:
    before = sorted(desk.folder.rglob("*"))
    desk.run("plan", "s.yaml", "--out", "plan.json")
    desk.run("validate", "s.yaml")
    assert sorted(desk.folder.rglob("*")) == sorted([*before, desk.folder / "plan.json"])


def test_a_bit_flipped_anywhere_is_refused(planned: Desk) -> None:
    """A reviewed plan is applied as it was reviewed, or not at all."""
    good = (planned.folder / "plan.json").read_bytes()
    for position in range(len(good) // 16, len(good), len(good) // 8):
        planned.write("plan.json", bytes([*good[:position], good[position] ^ 1, *good[position + 1 :]]))
        assert planned.run("apply", "plan.json").code in {1, 4}
    assert planned.posts == 0


def test_validate_counts_what_it_checked(desk: Desk) -> None:
    assert desk.run("validate", "s.yaml").out == "Valid: 1 spec, 2 batches; 2 requests in 1 file checked, 212 B.\n"


def test_validate_annotates_a_pull_request(desk: Desk) -> None:
    desk.write("s.yaml", desk.read("s.yaml").replace("endpoint", "endpont"))
    ran = desk.run("validate", "s.yaml", "--format", "github")
    assert (ran.code, ran.err) == (1, "")
    assert ran.out.startswith("::error file=s.yaml,line=2,col=12,endLine=2,endColumn=19,title=unknown-key::")


def test_the_published_example_is_valid_and_applies(empty: Desk) -> None:
    specs = Path(__file__).parents[2] / "specs"
    for path in specs.rglob("*"):
        if path.is_file() and path.suffix in {".yaml", ".jsonl"} and ".state." not in path.name:
            empty.write(f"specs/{path.relative_to(specs)}", path.read_bytes())
    ran = empty.run("apply", "specs/nightly.yaml", "--sandbox", "--json")
    assert (ran.code, ran.document["submitted"]) == (0, 5)


@pytest.mark.parametrize("command", ["show", "apply"])
def test_a_device_that_never_ends_is_no_plan(planned: Desk, command: str) -> None:
    (planned.folder / "endless.json").symlink_to("/dev/zero")
    ran = planned.run(command, "endless.json", "--json")
    assert (ran.code, ran.error["code"], planned.posts) == (1, "plan-not-read", 0)
    assert ran.error["why"] == "It is neither a file nor a pipe."


def test_a_file_larger_than_any_plan_is_not_read(planned: Desk) -> None:
    with (planned.folder / "large.json").open("wb") as file:
        file.truncate(257 << 20)
    ran = planned.run("show", "large.json", "--json")
    assert (ran.code, ran.error["code"]) == (1, "plan-not-read")
    assert "256 MiB" in ran.error["why"]


def test_a_plan_comes_through_a_pipe_whose_writer_is_slow(planned: Desk) -> None:
    os.mkfifo(planned.folder / "pipe")
    writer = os.open(planned.folder / "pipe", os.O_RDWR)  # also a reader, so that opening it waits for nobody
    saved = planned.read("plan.json").encode()
    os.write(writer, saved[:100])
    with planned.started("show", "pipe") as process:
        while fcntl.ioctl(writer, termios.FIONREAD, bytes(4)) != bytes(4):
            os.sched_yield()  # until what was written has been read
        os.write(writer, saved[100:])
        os.close(writer)
        out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, planned.run("show", "plan.json").out)


def test_a_plan_comes_through_a_pipe(planned: Desk) -> None:
    saved = planned.read("plan.json").encode()
    shown = planned.run("show", "/dev/stdin", stdin=saved)
    assert (shown.code, shown.out) == (0, planned.run("show", "plan.json").out)

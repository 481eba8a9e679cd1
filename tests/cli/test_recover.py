"""A lost state is rebuilt from the provider: nothing is submitted anew, and nothing that state has is changed."""

import json
import os

import pytest
from support.cli import Desk, request_lines

NIGHT = ("--at", "2026-11-22T02:30:00Z")
TAGGED = """\
project: acme
providers:
  alphaedge: {metadata: sent, retry: {base_seconds: 0.001, cap_seconds: 0.01}}
"""


@pytest.fixture
def used(shop: Desk) -> Desk:
    """A state with two batches, at a provider that takes metadata."""
    shop.write("batchrunner.yaml", TAGGED)
    assert shop.run("apply", "s.yaml", *NIGHT).code == 0
    return shop


def lose(desk: Desk, name: str = "s.state.json") -> dict[str, object]:
    """What the state held, which is gone now."""
    before = desk.state(name)["batches"]
    os.unlink(desk.folder / name)
    return dict(before)


def paid(desk: Desk) -> int:
    return len(desk.ledger.batches())


def test_a_lost_state_is_rebuilt_and_nothing_is_submitted_anew(used: Desk) -> None:
    before = lose(used)
    ran = used.run("recover", "s.yaml", "--yes", *NIGHT)
    assert (ran.code, "Recorded 2 attempts in s.state.json.\n" in ran.out) == (0, True), ran
    assert ids(used.state()["batches"]) == ids(before)
    document = used.run("apply", "s.yaml", *NIGHT, "--json").document
    assert (document["unchanged"], document["submitted"], paid(used)) == (2, 0, 2)


def ids(batches: object) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    assert isinstance(batches, dict)
    for address, runs in batches.items():
        for run_key, attempts in runs.items():
            found[f"{address} {run_key}"] = [each["batch_id"] for each in attempts]
    return found


def test_a_state_that_is_there_is_left_as_it_is(used: Desk) -> None:
    before = used.read("s.state.json")
    ran = used.run("recover", "s.yaml", *NIGHT)
    assert (ran.code, ran.out) == (0, "alphaedge has 2 batches: 2 of these specs in state, 0 not.\n")
    assert used.read("s.state.json") == before


def test_nothing_is_written_without_approval(used: Desk) -> None:
    lose(used)
    ran = used.run("recover", "s.yaml", *NIGHT)
    assert (ran.code, "add --yes" in ran.err, "+  s/rows" in ran.out) == (64, True, True), ran
    assert not (used.folder / "s.state.json").exists()


def test_the_document_says_what_was_recovered(used: Desk) -> None:
    lose(used)
    document = used.run("recover", "s.yaml", "--yes", "--json", *NIGHT).document
    assert [(each["address"], each["attempt"], each["how"]) for each in document["recovered"]] == [
        ("s/ready", 1, "added"), ("s/rows", 1, "added"),
    ]  # fmt: skip
    assert (document["known"], document["alarms"], document["states"]) == (
        0, [], [{"state": "s.state.json", "backup": ""}],
    )  # fmt: skip


def test_every_run_and_every_replacement_comes_back(used: Desk) -> None:
    assert used.run("apply", "s.yaml", *NIGHT, "--run-key", "2026-11-20").code == 0
    used.write("data/rows.jsonl", request_lines("three"))
    assert used.run("apply", "s.yaml", *NIGHT, "--replace", "s/rows", "--yes").code == 0
    before = lose(used)
    assert used.run("recover", "s.yaml", "--yes", *NIGHT).code == 0
    assert ids(used.state()["batches"]) == ids(before)
    for flags in ([], ["--run-key", "2026-11-20"]):
        used.run("apply", "s.yaml", *NIGHT, *flags)
    assert paid(used) == 5


def test_the_next_replacement_has_a_key_of_its_own(used: Desk) -> None:
    lose(used)
    used.run("recover", "s.yaml", "--yes", *NIGHT)
    assert used.run("apply", "s.yaml", *NIGHT, "--replace", "s/rows", "--yes", "--json").document["submitted"] == 1
    assert paid(used) == 3


def test_inputs_that_are_gone_keep_nothing_from_being_found(used: Desk) -> None:
    before = lose(used)
    os.unlink(used.folder / "data/rows.jsonl")
    ran = used.run("recover", "s.yaml", "--yes", *NIGHT)
    assert (ran.code, "their input is the file at the provider" in ran.err) == (0, True), ran
    assert ids(used.state()["batches"]) == ids(before)
    used.write("data/rows.jsonl", request_lines("one", "two"))
    assert used.run("apply", "s.yaml", *NIGHT, "--json").document["unchanged"] == 2


def test_the_source_is_the_file_that_the_spec_names_while_it_is_the_same(used: Desk) -> None:
    before = lose(used)
    used.run("recover", "s.yaml", "--yes", *NIGHT)
    after = used.state()["batches"]
    for address in ("s/ready", "s/rows"):
        (was,), (now,) = (each[address]["day:2026-11-22"] for each in (before, after))  # type: ignore[index]
        kept = ("idempotency_key", "fingerprint", "provider", "endpoint", "completion_window", "source", "origin")
        assert {name: now["intent"].get(name) for name in kept} == {name: was["intent"].get(name) for name in kept}
        assert now["adopted"] is True


def test_what_changed_since_is_blocked_as_it_was_before(used: Desk) -> None:
    lose(used)
    used.write("data/rows.jsonl", request_lines("other"))
    used.run("recover", "s.yaml", "--yes", *NIGHT)
    ran = used.run("apply", "s.yaml", *NIGHT)
    assert (ran.code, "--replace s/rows" in ran.out, paid(used)) == (1, True, 2), ran


def test_batches_of_another_project_are_left_alone(used: Desk) -> None:
    lose(used)
    used.write("batchrunner.yaml", TAGGED.replace("acme", "other"))
    ran = used.run("recover", "s.yaml", "--yes", *NIGHT)
    assert (ran.code, "Tagged like these specs by another project, left alone: batch-" in ran.out) == (0, True), ran
    assert not (used.folder / "s.state.json").exists()


def test_a_submission_in_doubt_gets_the_outcome_it_had(used: Desk) -> None:
    state = json.loads(used.read("s.state.json"))
    (attempt,) = state["batches"]["s/rows"]["day:2026-11-22"]
    batch_id = attempt.pop("batch_id")
    attempt.update(status="in-doubt")
    attempt.pop("reply")
    used.write("s.state.json", json.dumps(state))
    document = used.run("recover", "s.yaml", "--yes", "--json", *NIGHT).document
    assert [(each["how"], each["batch_id"]) for each in document["recovered"]] == [("settled", batch_id)]
    assert (used.folder / document["states"][0]["backup"]).exists()
    (after,) = used.state()["batches"]["s/rows"]["day:2026-11-22"]
    assert (after["status"], after["batch_id"], after["intent"]) == ("submitted", batch_id, attempt["intent"])


def test_what_state_has_is_never_changed_for_another(used: Desk) -> None:
    state = json.loads(used.read("s.state.json"))
    (attempt,) = state["batches"]["s/rows"]["day:2026-11-22"]
    real, attempt["batch_id"] = attempt["batch_id"], "batch-other"
    used.write("s.state.json", json.dumps(state))
    ran = used.run("recover", "s.yaml", "--yes", *NIGHT)
    assert ran.code == 3
    assert f"batchrunner cancel --provider alphaedge --batch-id {real}" in ran.out
    assert used.state()["batches"] == state["batches"]


def test_a_moved_batch_is_known_by_its_key(used: Desk) -> None:
    assert used.run("state", "mv", "s/rows", "s/lines").code == 0
    before = used.read("s.state.json")
    assert used.run("recover", "s.yaml", "--yes", *NIGHT).code == 0
    assert used.read("s.state.json") == before


def test_names_of_files_tell_where_no_tags_are_taken(shop: Desk) -> None:
    assert shop.run("apply", "s.yaml", *NIGHT).code == 0
    before = lose(shop)
    ran = shop.run("recover", "s.yaml", "--yes", *NIGHT)
    (ready,) = before.pop("s/ready")["day:2026-11-22"]  # type: ignore[index]
    assert ids(shop.state()["batches"]) == ids(before)
    assert f"batchrunner state import s/ready {ready['batch_id']} s.yaml --at 2026-11-22T02:30:00Z" in ran.out
    assert shop.run("apply", "s.yaml", *NIGHT, "--target", "s/rows", "--json").document["unchanged"] == 1


def test_other_content_under_the_same_name_is_told_from_it(shop: Desk) -> None:
    assert shop.run("apply", "s.yaml", *NIGHT).code == 0
    lose(shop)
    shop.write("data/rows.jsonl", request_lines("other"))
    assert shop.run("recover", "s.yaml", "--yes", *NIGHT).code == 0
    ran = shop.run("apply", "s.yaml", *NIGHT, "--target", "s/rows")
    assert (ran.code, "--replace s/rows" in ran.out, paid(shop)) == (1, True, 2), ran


@pytest.mark.parametrize("flags", [[], ["--yes"], ["--json", "--yes"]])
def test_a_provider_that_lists_nothing_is_said(used: Desk, flags: list[str]) -> None:
    used.write("batchrunner.yaml", TAGGED.replace("metadata: sent", "metadata: sent, paths: {list_batches: null}"))
    ran = used.run("recover", "s.yaml", *flags, *NIGHT)
    assert (ran.code, "list-not-offered" in ran.out + ran.err) == (1, True), ran


def test_the_sandbox_has_its_own_state(desk: Desk) -> None:
    assert desk.run("apply", "s.yaml", "--sandbox", *NIGHT).code == 0
    before = lose(desk, "s.sandbox.state.json")
    assert desk.run("recover", "s.yaml", "--sandbox", "--yes", *NIGHT).code == 0
    assert ids(desk.state("s.sandbox.state.json")["batches"]) == ids(before)

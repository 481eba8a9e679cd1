"""At the end of an apply that met ambiguity the provider is looked at once: what it has too much of is said."""

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support.cli import KEY, SCRIPT, Desk, check_golden, provided, steady
from support.recovering import GOLDEN
from support.runs import scripted
from support.scripted_server import reply

NIGHT = ("--at", "2026-11-22T02:30:00Z")
FACTS = {"metadata": "sent", "retry": {"base_seconds": 0.001, "cap_seconds": 0.01}, "timeouts": {"create_seconds": 5}}


@contextmanager
def forgetful(desk: Desk, *faults: str, **facts: object) -> Iterator[Desk]:
    """A provider that is believed to honour keys, and does not."""
    desk.write("batchrunner.yaml", json.dumps({"project": "acme", "providers": {"alphaedge": {**FACTS, **facts}}}))
    with provided(desk, *faults, honour_keys=False):
        yield desk


def surveys(desk: Desk) -> int:
    return desk.ledger.requests().get("surveys", 0)


def test_an_apply_in_which_nothing_was_ambiguous_asks_nothing(desk: Desk) -> None:
    with forgetful(desk, "create:429=first:1:0"):
        ran = desk.run("apply", "s.yaml", *NIGHT, "--json")
        assert (ran.code, ran.document["alarms"], surveys(desk)) == (0, [], 0)


def test_a_second_batch_is_said_and_stopped_by_what_is_printed(desk: Desk) -> None:
    with forgetful(desk, "create:drop-after-commit=first"):
        ran = desk.run("apply", "s.yaml", *NIGHT, "--concurrency", "1")
        assert ran.code == 3
        first, second, _ = (each["id"] for each in desk.ledger.batches())
        assert f"duplicate  s/ready  alphaedge has {second} (in state), {first}" in ran.err
        check_golden(GOLDEN / "apply-duplicate.txt", steady(ran.out, desk.folder))
        (command,) = [line.strip() for line in ran.out.splitlines() if "--cancel-others" in line]
        settled = desk.run_script([SCRIPT, *shlex.split(command)[1:], "--json"])
        assert (settled.code, list(settled.document["others"])) == (0, [first])
        assert surveys(desk) == 2


def test_the_alarm_as_a_document(desk: Desk) -> None:
    with forgetful(desk, "create:drop-after-commit=first"):
        ran = desk.run("apply", "s.yaml", *NIGHT, "--concurrency", "1", "--json")
        first, second, _ = (each["id"] for each in desk.ledger.batches())
        assert (ran.code, ran.document["submitted"]) == (3, 2)
        assert ran.document["alarms"] == [
            {"event": "duplicated", "address": "s/ready", "run_key": "day:2026-11-22", "provider": "alphaedge",
             "kept": second, "others": [first]},
        ]  # fmt: skip


def test_a_list_that_fails_tells_nothing_and_changes_nothing(desk: Desk) -> None:
    with forgetful(
        desk, "create:drop-after-commit=first", "survey:500=1", retry={"attempts": 2, "base_seconds": 0.001}
    ):
        ran = desk.run("apply", "s.yaml", *NIGHT, "--json")
        assert (ran.code, ran.document["submitted"], ran.document["alarms"]) == (0, 2, [])


def test_a_provider_without_a_list_is_not_asked(desk: Desk) -> None:
    with forgetful(desk, "create:drop-after-commit=first", paths={"list_batches": None}):
        assert desk.run("apply", "s.yaml", *NIGHT).code == 0
        assert surveys(desk) == 0


def test_a_repeated_send_that_a_key_made_harmless_is_no_alarm(desk: Desk) -> None:
    desk.write("batchrunner.yaml", json.dumps({"providers": {"alphaedge": FACTS}}))
    with provided(desk, "create:drop-after-commit=first"):
        ran = desk.run("apply", "s.yaml", *NIGHT, "--json")
        assert (ran.code, ran.document["alarms"], surveys(desk), len(desk.ledger.batches())) == (0, [], 1, 2)


@pytest.mark.parametrize("metadata", ["kept"])
def test_where_no_tags_are_taken_the_file_tells(desk: Desk, metadata: str) -> None:
    with forgetful(desk, "create:drop-after-commit=first", metadata=metadata):
        ran = desk.run("apply", "s.yaml", *NIGHT, "--target", "s/rows", "--json")
        assert (ran.code, len(ran.document["alarms"])) == (3, 1)


def test_two_submissions_with_one_batch_are_said(desk: Desk) -> None:
    """Nothing was ambiguous, and still one of the two cannot have been made."""
    created = reply(200, b'{"id": "batch-1", "object": "batch"}')
    desk.write("s.yaml", desk.read("s.yaml").replace("input: data/rows.jsonl", "input_file_id: file-b"))
    with scripted(created) as server:
        env = {"ALPHAEDGE_BASE_URL": server.origin, "ALPHAEDGE_API_KEY": KEY}
        ran = desk.run("apply", "s.yaml", *NIGHT, "--json", env=env)
        assert len(server.seen) == 2
    assert (ran.code, ran.document["submitted"]) == (3, 2)
    (alarm,) = ran.document["alarms"]
    assert (alarm["event"], alarm["batch_id"], sorted(alarm["addresses"])) == (
        "shared-batch", "batch-1", ["s/ready", "s/rows"],
    )  # fmt: skip

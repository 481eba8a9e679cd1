"""aimock, a mock of OpenAI's API that checks keys, ignores idempotency keys and can be told to misbehave."""

from pathlib import Path

import pytest
from support.killing import Killer
from support.real_desks import MOMENTS, RealDesk
from support.real_servers import RealServer

pytestmark = pytest.mark.timeout(900)
CHAOS = {
    "drops": ("--chaos-drop", "0.4"),
    "malformed replies": ("--chaos-malformed", "0.4"),
    "disconnections": ("--chaos-disconnect", "0.4"),
    "rate limits": ("--chaos-ratelimit", "0.4"),
    "all of it": ("--chaos-drop", "0.15", "--chaos-malformed", "0.15", "--chaos-disconnect", "0.15"),
}


def opened(folder: Path, server: RealServer) -> RealDesk:
    return RealDesk.opened(folder, server, idempotency="list-match")


def test_all_the_way(tmp_path: Path, real_aimock: RealServer) -> None:
    desk = opened(tmp_path, real_aimock)
    assert desk.run("apply", "s.yaml").code == 0
    again = desk.run("apply", "s.yaml", "--json")
    assert (again.code, again.document["submitted"]) == (0, 0)
    assert desk.standing("--refresh")["word"] == "in_progress"
    assert desk.run("wait").code == 0
    fetched = desk.run("fetch", "--json")
    assert (fetched.code, fetched.document["rows"]["ok"]) == (0, 3), fetched
    assert [row["custom_id"] for row in desk.rows()] == ["r0", "r1", "r2"]
    assert desk.run("cancel", "s/rows", "--yes").code == 0
    desk.assert_once()


def test_a_batch_that_runs_is_stopped(tmp_path: Path, real_aimock: RealServer) -> None:
    desk = opened(tmp_path, real_aimock)
    assert desk.run("apply", "s.yaml").code == 0
    assert desk.run("cancel", "s/rows", "--yes").code == 0
    assert desk.run("wait").code == 5
    assert desk.standing()["word"] == "cancelled"
    assert desk.run("apply", "s.yaml", "--json").document["submitted"] == 0
    desk.assert_once()


def test_a_lost_state_is_recovered_from_metadata(tmp_path: Path, real_aimock: RealServer) -> None:
    desk = opened(tmp_path, real_aimock)
    assert desk.run("apply", "s.yaml").code == 0
    batch_id = desk.batch_id()
    desk.forget()
    recovered = desk.run("recover", "s.yaml", "--yes")
    assert recovered.code == 0, recovered
    assert desk.batch_id() == batch_id
    assert desk.run("apply", "s.yaml", "--json").document["submitted"] == 0
    desk.assert_once()


def test_a_wrong_key_stops_the_run(tmp_path: Path, real_aimock: RealServer) -> None:
    desk = opened(tmp_path, real_aimock)
    desk.desk.env["REAL_KEY"] = "sk-of-somebody-else"
    refused = desk.run("apply", "s.yaml", "--json")
    assert refused.code == 1, refused
    assert desk.batches() == []


@pytest.mark.parametrize("chaotic_aimock", CHAOS.values(), ids=CHAOS.keys(), indirect=True)
def test_chaos_loses_no_row(tmp_path: Path, chaotic_aimock: RealServer) -> None:
    desk = opened(tmp_path, chaotic_aimock)
    desk.apply_until_done()
    for command in ("wait", "fetch"):
        desk.until_done(command)
    assert [row["custom_id"] for row in desk.rows()] == ["r0", "r1", "r2"]


@pytest.mark.parametrize("chaotic_aimock", CHAOS.values(), ids=CHAOS.keys(), indirect=True)
def test_chaos_makes_no_second_batch(tmp_path: Path, chaotic_aimock: RealServer) -> None:
    desk = opened(tmp_path, chaotic_aimock)
    desk.write_spec(*({"name": f"rows-{number}", "input": "rows.jsonl"} for number in range(4)))
    desk.apply_until_done()
    chaotic_aimock.ask("/__aimock/chaos", "POST", {})
    known = [desk.batch_id(f"s/rows-{number}") for number in range(4)]
    assert sorted(known) == sorted(batch["id"] for batch in desk.batches())


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_and_applied_again_it_is_one_batch(
    tmp_path: Path, real_aimock: RealServer, killer: Killer, moment: str
) -> None:
    desk = opened(tmp_path, real_aimock)
    assert desk.killed(killer, "apply", "s.yaml", label=moment).killed
    desk.apply_until_done()
    desk.assert_once()

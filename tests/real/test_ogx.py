"""OGX, a server of OpenAI's files and batches that honours a key in the body. All we know of it is a project file."""

from pathlib import Path

import pytest
from support.killing import Killer
from support.real_desks import MOMENTS, RealDesk, request
from support.real_servers import OGX_MODEL, RealServer

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def desk(tmp_path: Path, real_ogx: RealServer) -> RealDesk:
    return RealDesk.opened(tmp_path, real_ogx, OGX_MODEL, idempotency="body")


def test_all_the_way(desk: RealDesk) -> None:
    assert desk.run("apply", "s.yaml").code == 0
    again = desk.run("apply", "s.yaml", "--json")
    assert (again.code, again.document["submitted"]) == (0, 0)
    assert desk.standing("--refresh")["word"] in ("validating", "in_progress", "finalizing", "completed")
    assert desk.run("wait").code == 0
    fetched = desk.run("fetch", "--json")
    assert (fetched.code, fetched.document["rows"]["ok"]) == (0, 3), fetched
    assert [row["custom_id"] for row in desk.rows()] == ["r0", "r1", "r2"]
    assert desk.run("cancel", "s/rows", "--yes").code == 0
    assert desk.standing("--refresh")["word"] == "completed"
    desk.assert_once()


def test_a_batch_that_runs_is_stopped(desk: RealDesk) -> None:
    desk.write_rows(*(request(f"r{number}", model=desk.model) for number in range(2000)))
    assert desk.run("apply", "s.yaml").code == 0
    assert desk.run("cancel", "s/rows", "--yes").code == 0
    assert desk.run("wait").code == 5
    assert desk.standing()["word"] == "cancelled"
    assert desk.run("apply", "s.yaml", "--json").document["submitted"] == 0
    desk.assert_once()


def test_a_failed_batch_says_which_lines(desk: RealDesk) -> None:
    """A file with a bad line that was uploaded by somebody else."""
    good = request("r0", model=desk.model)
    file_id = desk.upload([good, {**good, "custom_id": "r1", "url": "/v1/embeddings"}])
    desk.write_spec({"name": "rows", "input_file_id": file_id})
    assert desk.run("apply", "s.yaml").code == 0
    waited = desk.run("wait")
    assert waited.code == 5, waited
    problems = desk.standing()["problems"]
    assert [problem["line"] for problem in problems] == [2]
    assert "line 2" in waited.out, waited


def test_a_model_that_is_not_there_fails_every_row(desk: RealDesk) -> None:
    desk.write_rows(*(request(f"r{number}", model="nothing/like-it") for number in range(2)))
    assert desk.run("apply", "s.yaml").code == 0
    assert desk.run("wait").code == 5
    standing = desk.standing()
    assert standing["problems"] or standing["counts"]["failed"] == 2, standing


def test_a_lost_state_is_the_same_batch(desk: RealDesk) -> None:
    assert desk.run("apply", "s.yaml").code == 0
    batch_id = desk.batch_id()
    desk.forget()
    assert desk.run("recover", "s.yaml", "--yes").code == 0
    assert desk.batch_id() == batch_id
    desk.assert_once()


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_and_applied_again_it_is_one_batch(desk: RealDesk, killer: Killer, moment: str) -> None:
    assert desk.killed(killer, "apply", "s.yaml", label=moment).killed
    assert desk.apply_until_done() == 1
    desk.assert_once()


def test_a_lost_state_and_an_apply_are_no_second_batch(desk: RealDesk) -> None:
    """The key is the same, so what was uploaded before is the same batch; another upload is refused, not paid for."""
    file_id = desk.upload([request("r0", model=desk.model)])
    desk.write_spec({"name": "rows", "input": "rows.jsonl"}, {"name": "ready", "input_file_id": file_id})
    assert desk.run("apply", "s.yaml").code == 0
    before, made = desk.batch_id("s/ready"), sorted(batch["id"] for batch in desk.batches())
    desk.forget()
    again = desk.run("apply", "s.yaml")
    assert again.code in (0, 3), again
    assert desk.batch_id("s/ready") == before
    assert sorted(batch["id"] for batch in desk.batches()) == made
    assert again.code == 0 or "batchrunner re" in again.out + again.err, again

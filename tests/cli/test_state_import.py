"""A batch that was made elsewhere stands for one that a spec declares, and is not submitted again."""

import json
from contextlib import closing
from http.client import HTTPConnection

import pytest
from support.cli import KEY, Desk

NIGHT = ("--at", "2026-11-22T02:30:00Z")


def made_elsewhere(desk: Desk, file_id: str = "file-abc", endpoint: str = "/v1/embeddings", **more: object) -> str:
    """A batch that somebody made by hand."""
    body = {"input_file_id": file_id, "endpoint": endpoint, "completion_window": "24h", **more}
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    with closing(HTTPConnection(desk.env["ALPHAEDGE_BASE_URL"].removeprefix("http://"))) as connection:
        connection.request("POST", "/v1/batch", json.dumps(body), headers)
        return str(json.loads(connection.getresponse().read())["id"])


def test_what_was_imported_is_not_submitted(shop: Desk) -> None:
    batch_id = made_elsewhere(shop)
    ran = shop.run("state", "import", "s/ready", batch_id, *NIGHT)
    assert (ran.code, ran.out) == (0, f"s/ready (day:2026-11-22) is {batch_id}.\n")
    document = shop.run("apply", "s.yaml", *NIGHT, "--json").document
    assert (document["submitted"], document["unchanged"], len(shop.ledger.batches())) == (1, 1, 2)
    (attempt,) = shop.state()["batches"]["s/ready"]["day:2026-11-22"]
    assert (attempt["adopted"], attempt["reply"]["id"], attempt["intent"]["source"]["file_id"]) == (
        True, batch_id, "file-abc",
    )  # fmt: skip


def test_a_batch_of_a_local_file_and_another_run(shop: Desk) -> None:
    batch_id = made_elsewhere(shop, "file-mine")
    assert shop.run("apply", "s.yaml", *NIGHT).code == 0
    document = shop.run("state", "import", "s/rows", batch_id, "s.yaml", "--run-key", "2026-11-20", "--json").document
    assert (document["run_key"], document["attempt"]) == ("day:2026-11-20", 1)
    assert (shop.folder / document["backup"]).exists()
    made = len(shop.ledger.batches())
    again = shop.run("apply", "s.yaml", "--run-key", "2026-11-20", "--target", "s/rows", "--json").document
    assert (again["unchanged"], len(shop.ledger.batches())) == (1, made)


def test_a_run_that_was_submitted_is_left_alone(shop: Desk) -> None:
    assert shop.run("apply", "s.yaml", *NIGHT).code == 0
    before = shop.read("s.state.json")
    taken = shop.state()["batches"]["s/rows"]["day:2026-11-22"][0]["batch_id"]
    for arguments, code in (
        (["s/ready", made_elsewhere(shop)], "already-submitted"),
        (["s/ready", taken, "--run-key", "2026-11-20"], "already-recorded"),
    ):
        ran = shop.run("state", "import", *arguments, *NIGHT, "--json")
        assert (ran.code, ran.error["code"]) == (1, code)
    assert shop.read("s.state.json") == before


@pytest.mark.parametrize(
    ("made", "why"),
    [
        ({"file_id": "file-other"}, "It reads file-other, and the spec says file-abc."),
        ({"endpoint": "/v1/chat/completions"}, "It is for /v1/chat/completions, and the spec says /v1/embeddings."),
        ({"metadata": {"batchrunner_key": "br1-other"}}, "It is tagged as another submission of batchrunner."),
    ],
)
def test_what_the_spec_does_not_declare_is_taken_only_by_force(shop: Desk, made: dict[str, str], why: str) -> None:
    batch_id = made_elsewhere(shop, **made)
    ran = shop.run("state", "import", "s/ready", batch_id, *NIGHT, "--json")
    assert (ran.code, ran.error["code"], ran.error["why"]) == (1, "another-batch", why)
    assert shop.run("state", "import", "s/ready", batch_id, *NIGHT, "--force").code == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["s/ready", "batch-nowhere"], 1),
        (["s/ready", "../batch"], 64),
        (["s/nothing", "batch-1"], 64),
        (["t/ready", "batch-1"], 1),
    ],
)
def test_what_cannot_be_meant_is_refused(shop: Desk, arguments: list[str], code: int) -> None:
    assert shop.run("state", "import", *arguments, *NIGHT).code == code
    assert not (shop.folder / "s.state.json").exists()


def test_new_content_under_a_name_that_moved_has_a_key_of_its_own(shop: Desk) -> None:
    """The key of what was moved is computed for the old name: nothing new may be sent under it."""
    assert shop.run("apply", "s.yaml", *NIGHT).code == 0
    assert shop.run("state", "mv", "s/ready", "s/steady").code == 0
    rows = "  - {name: steady, input_file_id: file-abc}\n  - {name: rows,"
    text = shop.read("s.yaml").replace("file-abc", "file-new").replace("  - {name: rows,", rows)
    shop.write("s.yaml", text)
    ran = shop.run("apply", "s.yaml", *NIGHT, "--json")
    assert (ran.code, ran.document["submitted"], ran.document["unchanged"]) == (0, 1, 2), ran
    assert shop.run("apply", "s.yaml", *NIGHT, "--json").document["unchanged"] == 3
    assert len({each["idempotency_key"] for each in shop.ledger.batches()}) == 3


def test_a_lost_state_in_which_a_batch_had_moved_loses_neither(shop: Desk) -> None:
    shop.write("batchrunner.yaml", "project: acme\nproviders: {alphaedge: {metadata: sent}}\n")
    test_new_content_under_a_name_that_moved_has_a_key_of_its_own(shop)
    (shop.folder / "s.state.json").unlink()
    assert shop.run("recover", "s.yaml", "--yes", *NIGHT).code == 0
    made = {each["id"] for each in shop.ledger.batches()}
    found = shop.state()["batches"]
    assert {each["batch_id"] for runs in found.values() for run in runs.values() for each in run} == made

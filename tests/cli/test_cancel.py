"""Stopping batches: only with approval, as often as one likes, and what has ended stays as it is."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from support.cli import KEY, Desk, Ran

from batchrunner.sandbox import SandboxSettings, Timings, running


@pytest.fixture(params=[409, 200])
def slow(request: pytest.FixtureRequest, desk: Desk) -> Iterator[Desk]:
    """Two submitted batches that will not end by themselves."""
    with _submitted(desk, Timings(0.0, 3600.0, 0.0, 3600.0), terminal_cancel=request.param) as submitted:
        yield submitted


@pytest.fixture
def quick(desk: Desk) -> Iterator[Desk]:
    """Two submitted batches that have ended."""
    with _submitted(desk, Timings(0.0, 0.0, 0.0, 0.0)) as submitted:
        yield submitted


def _submitted(desk: Desk, timings: Timings, **settings: Any) -> Any:
    from contextlib import contextmanager

    @contextmanager
    def provided() -> Iterator[Desk]:
        database = desk.folder.with_name("provider.sqlite3")
        with running(SandboxSettings(database, key=KEY, timings=timings, **settings)) as provider:
            desk.database = database
            desk.env |= {"ALPHAEDGE_BASE_URL": provider.base_url, "ALPHAEDGE_API_KEY": KEY}
            assert desk.run("apply", "s.yaml").code == 0
            yield desk

    return provided()


def outcomes(ran: Ran) -> Mapping[str, str]:
    return {each["address"]: each["outcome"] for each in ran.document["batches"]}


def cancelled(desk: Desk) -> int:
    return sum(batch["cancelled_at"] is not None for batch in desk.ledger.batches())


def test_needs_approval(slow: Desk) -> None:
    ran = slow.run("cancel", "s/rows")
    assert (ran.code, ran.out) == (1, "")
    assert "not-approved" in ran.err
    assert "batchrunner cancel s/rows --yes" in ran.err
    assert slow.ledger.requests()["cancels"] == 0


def test_stops_what_is_named_and_nothing_else(slow: Desk) -> None:
    ran = slow.run("cancel", "s/rows", "--yes")
    assert ran.code == 0, ran
    assert ran.out.startswith("s/rows (day:")
    assert "is being cancelled" in ran.out
    assert "batchrunner fetch s/rows" in ran.out
    assert cancelled(slow) == 1
    runs = slow.state()["batches"]
    (seen,) = (attempt["sight"]["batch"]["status"] for attempts in runs["s/rows"].values() for attempt in attempts)
    assert seen == "cancelling"
    assert all("sight" not in attempt for attempts in runs["s/ready"].values() for attempt in attempts)


def test_again_changes_nothing(slow: Desk) -> None:
    codes = {slow.run("cancel", "s/rows", "--yes").code for _ in range(3)}
    assert codes == {0}
    assert cancelled(slow) == 1
    assert slow.run("apply", "s.yaml").code == 0
    assert len(slow.ledger.batches()) == 2


def test_a_whole_spec(slow: Desk) -> None:
    assert outcomes(slow.run("cancel", "s.yaml", "--yes", "--json")) == {
        "s/ready": "cancelling",
        "s/rows": "cancelling",
    }


def test_of_what_has_ended_is_nothing(quick: Desk) -> None:
    ran = quick.run("cancel", "s/rows", "--yes")
    assert (ran.code, cancelled(quick)) == (0, 0)
    assert "had ended before: completed. Nothing was cancelled." in ran.out
    asked = quick.ledger.requests()["cancels"]
    # Now state knows: nobody is asked, neither here nor there.
    assert outcomes(quick.run("cancel", "s/rows", "--json")) == {"s/rows": "ended"}
    assert quick.ledger.requests()["cancels"] == asked


def test_a_batch_that_state_does_not_know(slow: Desk) -> None:
    (first, _) = slow.ledger.batches()
    slow.folder.joinpath("s.state.json").unlink()
    slow.write("other.yaml", "batches:\n  - {name: x, input_file_id: file-x, endpoint: /v1/embeddings}\n")
    assert slow.run("apply", "other.yaml").code == 0
    unknown = slow.run("cancel", "--batch-id", first["id"], "--yes")
    assert unknown.code == 1
    assert "--provider NAME" in unknown.err
    ran = slow.run("cancel", "--batch-id", first["id"], "--provider", "alphaedge", "--yes", "--json")
    assert (ran.code, outcomes(ran), cancelled(slow)) == (0, {"": "cancelling"}, 1)


def test_by_the_batch_id_of_what_state_knows(slow: Desk) -> None:
    batch_id = slow.ledger.batches()[0]["id"]
    ran = slow.run("cancel", "--batch-id", batch_id, "--yes", "--json")
    assert list(outcomes(ran).values()) == ["cancelling"]
    assert "" not in outcomes(ran)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], "nothing-named"),
        (["s/rows", "--provider", "alphaedge"], "usage"),
        (["--batch-id", "../x", "--provider", "alphaedge"], "usage"),
        (["--batch-id", "batch-x", "--provider", "nobody", "--yes"], "unknown-provider"),
        (["s/nothing"], "no-such-address"),
    ],
)
def test_what_makes_no_sense(slow: Desk, arguments: list[str], code: str) -> None:
    assert slow.run("cancel", *arguments, "--json").error["code"] == code
    assert cancelled(slow) == 0


def test_an_id_that_the_provider_does_not_know(slow: Desk) -> None:
    ran = slow.run("cancel", "--batch-id", "batch-none", "--provider", "alphaedge", "--yes")
    assert ran.code == 1
    assert "the provider does not know batch-none" in ran.out


def test_an_unreachable_provider_is_tried_later(slow: Desk) -> None:
    ran = slow.run("cancel", "s/rows", "--yes", env={"ALPHAEDGE_BASE_URL": "http://127.0.0.1:9"})
    assert ran.code == 75, ran
    assert "run the same command again" in ran.out


def test_what_is_in_doubt_cannot_be_cancelled(slow: Desk) -> None:
    state = slow.state()
    for attempts in state["batches"]["s/rows"].values():
        attempts[-1] |= {"status": "in-doubt"}
        del attempts[-1]["batch_id"]
    slow.write("s.state.json", json.dumps(state))
    ran = slow.run("cancel", "s/rows", "--yes", "--json")
    assert ran.error["code"] == "not-submitted"
    assert "resolve s/rows" in ran.error["hint"]


def test_what_was_put_off_is_nothing_to_cancel(slow: Desk) -> None:
    assert slow.run("apply", "s.yaml", "--run-key", "late", env={"ALPHAEDGE_API_KEY": "wrong"}).code == 1
    ran = slow.run("cancel", "s/rows", "--run-key", "late", "--yes", "--json")
    assert (ran.error["code"], ran.error["message"]) == (
        "not-submitted",
        "there is nothing to cancel: s/rows is deferred",
    )
    assert ran.error["hint"].endswith("then batchrunner state rm s/rows")

"""Providers that never come to an end: every attempt has one, and so has the run."""

import pytest
from support.runs import at_desk, batch, scripted_desk, spec
from support.scripted_server import drip, reply, say_nothing

HURRIED = {"timeouts": {"connect_seconds": 5, "create_seconds": 0.3, "upload_seconds": 0.3}}
ONE_BATCH = {"nightly": spec(batch("ready", "file-1"))}
ONE_UPLOAD = {"nightly": spec(batch("first", "data/0.jsonl"))}
CREATED = reply(200, b'{"id": "batch-1", "object": "batch"}')
UPLOADED = reply(200, b'{"id": "file-1", "object": "file"}')
ENDLESS = {
    "nothing": say_nothing(),
    "a head that never ends": drip(b"HTTP/1.1 200 OK\r\nX-Endless: ", 0.02),
    "a body that never ends": drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", 0.02),
}


@pytest.mark.parametrize("answer", ENDLESS.values(), ids=ENDLESS)
def test_a_create_without_end_is_in_doubt_and_then_sent_again(answer) -> None:
    with scripted_desk(answer, answer, answer, CREATED) as (desk, server):
        retry, paths = {"attempts": 3, "base_seconds": 0.001}, {"list_batches": None}
        project = desk.project(ONE_BATCH, retry=retry, paths=paths, **HURRIED)
        endless = project.run("apply", "specs")
        assert endless.code == 3
        assert "in doubt" in endless.out
        assert project.run("apply", "specs").code == 0
        assert project.ids() == {"nightly/ready": "batch-1"}
        assert len({seen.headers["idempotency-key"] for seen in server.seen}) == 1
        assert len({seen.body for seen in server.seen}) == 1


@pytest.mark.parametrize("answer", ENDLESS.values(), ids=ENDLESS)
def test_an_upload_without_end_is_put_off(answer) -> None:
    with scripted_desk(answer, answer, UPLOADED, CREATED) as (desk, server):
        project = desk.project(
            ONE_UPLOAD, retry={"attempts": 2, "base_seconds": 0.001}, paths={"list_files": None}, **HURRIED
        )
        assert project.run("apply", "specs").code == 75
        assert [seen.path for seen in server.seen] == ["/v1/files"] * 2
        assert project.run("apply", "specs").code == 0
        assert project.ids() == {"nightly/first": "batch-1"}


def test_a_stall_after_the_commit_is_one_batch_within_the_same_run() -> None:
    with at_desk("stall=first:2:3600") as desk:
        project = desk.project(**HURRIED)
        assert project.apply_until_done() <= 2
        project.assert_exactly_once()


def test_a_provider_that_asks_for_too_much_patience_is_left_for_later() -> None:
    with at_desk("429=first:1:3600") as desk:
        project = desk.project()
        assert project.run("apply", "specs", "--concurrency", "1").code == 75
        assert desk.posts() == 1, "nobody sends while the provider wants peace"
        assert project.apply_until_done() == 1
        project.assert_exactly_once()


def test_a_broken_provider_is_not_hammered() -> None:
    """Retries end when half of the budget is gone, however many batches there are."""
    with at_desk("500=1") as desk:
        ready = [batch(f"b{number}", f"file-{number}") for number in range(40)]
        retry = {"attempts": 20, "base_seconds": 0.001, "cap_seconds": 0.001, "budget": 20}
        project = desk.project({"nightly": spec(*ready)}, retry=retry)
        assert project.run("apply", "specs").code == 3
        assert desk.posts() < 40 + 20
        assert not project.batches()

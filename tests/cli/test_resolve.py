"""What is in doubt is looked up at the provider before a person's answer is believed."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection

import pytest
from support.cli import KEY, SCRIPT, Desk, Ran, check_golden, provided, steady
from support.recovering import GOLDEN
from support.waiting import QUICK

NIGHT = ("--at", "2026-11-22T02:30:00Z")
FACTS = {
    "metadata": "sent",
    "idempotency": "none",
    "retry": {"attempts": 1, "base_seconds": 0.001},
    "timeouts": {"create_seconds": 2},
}


@contextmanager
def doubtful(desk: Desk, *faults: str, target: str = "s/rows", **facts: object) -> Iterator[Desk]:
    """A provider that honours no keys, and a submission to it that nothing was heard of."""
    desk.write("batchrunner.yaml", json.dumps({"project": "acme", "providers": {"alphaedge": {**FACTS, **facts}}}))
    with provided(desk, *faults, honour_keys=False, timings=QUICK):
        assert desk.run("apply", "s.yaml", *NIGHT, "--target", target).code == 3
        yield desk


@pytest.fixture
def lost_reply(desk: Desk) -> Iterator[Desk]:
    """The provider made the batch, and its reply was lost."""
    with doubtful(desk, "create:drop-after-commit=first") as there:
        yield there


@pytest.fixture
def lost_request(desk: Desk) -> Iterator[Desk]:
    """The provider never got the create."""
    with doubtful(desk, "create:drop-before=first") as there:
        yield there


def attempt(desk: Desk, address: str = "s/rows") -> dict[str, object]:
    (found,) = desk.state()["batches"][address]["day:2026-11-22"]
    return dict(found)


def only_batch(desk: Desk) -> str:
    (made,) = desk.ledger.batches()
    return str(made["id"])


def apply(desk: Desk) -> Ran:
    return desk.run("apply", "s.yaml", *NIGHT, "--target", "s/rows", "--json")


def typed(desk: Desk, line: str) -> Ran:
    """Run a command as it was printed."""
    words = line.split()
    assert words[0] == "batchrunner"
    return desk.run_script([SCRIPT, *words[1:]])


def test_without_an_answer_it_shows_what_there_is_and_what_to_type(lost_reply: Desk) -> None:
    ran = lost_reply.run("resolve", "s/rows")
    assert ran.code == 3
    check_golden(GOLDEN / "resolve-one-candidate.txt", steady(ran.out, lost_reply.folder))
    (command,) = [line for line in ran.out.splitlines() if "batchrunner resolve" in line]
    assert typed(lost_reply, command.strip()).code == 0
    assert apply(lost_reply).document["unchanged"] == 1
    assert len(lost_reply.ledger.batches()) == 1


def test_the_candidates_as_a_document(lost_reply: Desk) -> None:
    ran = lost_reply.run("resolve", "s/rows", "--json")
    (candidate,) = ran.document["candidates"]
    assert (ran.code, candidate["batch_id"], candidate["certain"]) == (3, only_batch(lost_reply), True)
    assert candidate["evidence"] == ["key", "file", "time", "requests"]
    assert ran.document["next"] == [
        f"batchrunner resolve s/rows --run-key day:2026-11-22 --adopt {candidate['batch_id']}"
    ]


def test_what_was_not_made_is_told(lost_request: Desk) -> None:
    ran = lost_request.run("resolve", "s/rows")
    assert ran.code == 3
    check_golden(GOLDEN / "resolve-no-candidate.txt", steady(ran.out, lost_request.folder))
    command = ran.out.splitlines()[-1].strip()
    assert command.endswith("--absent")
    assert typed(lost_request, command).code == 0
    assert apply(lost_request).document["submitted"] == 1


def test_what_is_adopted_comes_with_the_reply_and_what_was_seen(lost_reply: Desk) -> None:
    batch_id = only_batch(lost_reply)
    assert lost_reply.run("resolve", "s/rows", "--adopt", batch_id).code == 0
    found = attempt(lost_reply)
    assert (found["batch_id"], found["adopted"], found["status"]) == (batch_id, True, "submitted")
    assert found["reply"]["id"] == found["sight"]["batch"]["batch_id"] == batch_id  # type: ignore[index]


@pytest.mark.parametrize("answer", [["--absent"], ["--adopt", "batch-nowhere"]])
def test_an_answer_that_the_provider_denies_is_refused(lost_reply: Desk, answer: list[str]) -> None:
    before = lost_reply.read("s.state.json")
    ran = lost_reply.run("resolve", "s/rows", *answer, "--json")
    code = {"--absent": "it-is-there", "--adopt": "no-such-batch"}[answer[0]]
    assert (ran.code, ran.error["code"], "--force" in ran.error["hint"]) == (1, code, True)
    assert lost_reply.read("s.state.json") == before


@pytest.mark.parametrize("answer", [["--absent"], ["--adopt", "batch-nowhere"]])
def test_who_insists_is_believed(lost_reply: Desk, answer: list[str]) -> None:
    assert lost_reply.run("resolve", "s/rows", *answer, "--force").code == 0
    assert attempt(lost_reply)["status"] == {"--absent": "deferred", "--adopt": "submitted"}[answer[0]]


def test_the_batch_of_another_submission_is_not_ours(lost_reply: Desk) -> None:
    other = apply_other(lost_reply)
    ran = lost_reply.run("resolve", "s/rows", "--adopt", other, "--json")
    assert (ran.code, ran.error["code"]) == (1, "already-recorded")
    assert lost_reply.run("state", "rm", "s/ready", "--yes").code == 0
    ran = lost_reply.run("resolve", "s/rows", "--adopt", other, "--json")
    assert (ran.code, ran.error["code"]) == (1, "not-ours")


def apply_other(desk: Desk) -> str:
    assert desk.run("apply", "s.yaml", *NIGHT, "--target", "s/ready").code == 0
    return str(desk.state()["batches"]["s/ready"]["day:2026-11-22"][0]["batch_id"])


def test_a_file_that_many_may_read_proves_nothing_and_is_shown(desk: Desk) -> None:
    with doubtful(desk, "create:drop-after-commit=first", target="s/ready", metadata="kept"):
        ran = desk.run("resolve", "s/ready", "--json")
        (candidate,) = ran.document["candidates"]
        assert (candidate["certain"], candidate["evidence"]) == (False, ["file", "time"])
        refused = desk.run("resolve", "s/ready", "--absent", "--json")
        assert (refused.code, refused.error["code"]) == (1, "it-may-be-there")
        assert desk.run("resolve", "s/ready", "--adopt", candidate["batch_id"]).code == 0


def test_two_batches_of_one_submission_are_told_and_one_is_stopped(desk: Desk) -> None:
    """In doubt twice over: the first create was repeated by a gateway, and the reply to it was lost."""
    with doubtful(desk, "create:drop-after-commit=first") as shop:
        repeat_what_was_sent(shop)
        both = [str(each["id"]) for each in shop.ledger.batches()]
        ran = shop.run("resolve", "s/rows", "--json")
        assert {each["batch_id"] for each in ran.document["candidates"]} == {*both}
        assert all(command.endswith("--cancel-others") for command in ran.document["next"])
        (keep,) = [command for command in ran.document["next"] if both[0] in command]
        settled = typed(shop, f"{keep} --json")
        assert (settled.code, list(settled.document["others"])) == (0, both[1:])
        assert attempt(shop)["batch_id"] == both[0]
        before = shop.read("s.state.json")
        again = shop.run("resolve", "s/rows", "--adopt", both[0], "--cancel-others", "--json")
        assert again.code == 0
        assert shop.read("s.state.json") == before


def repeat_what_was_sent(desk: Desk) -> None:
    """Send the stored create once more, as a gateway would."""
    body = str(attempt(desk)["request"]).encode()
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    with closing(HTTPConnection(desk.env["ALPHAEDGE_BASE_URL"].removeprefix("http://"))) as connection:
        connection.request("POST", "/v1/batch", body, headers)
        assert connection.getresponse().status == 200


def test_where_nobody_can_look_the_answer_counts(lost_reply: Desk) -> None:
    batch_id = only_batch(lost_reply)
    ran = lost_reply.run("resolve", "s/rows", "--adopt", batch_id, env={"ALPHAEDGE_API_KEY": ""})
    assert (ran.code, "Not checked: there is no key for provider alphaedge." in ran.err) == (0, True), ran


@pytest.mark.parametrize("answer", [[], ["--absent"]])
def test_a_provider_without_a_list_is_said(desk: Desk, answer: list[str]) -> None:
    with doubtful(desk, "create:drop-after-commit=first", paths={"list_batches": None}):
        ran = desk.run("resolve", "s/rows", *answer)
        assert ran.code == (0 if answer else 3)
        assert "alphaedge does not" in ran.err
        if not answer:
            assert "--adopt BATCH_ID" in ran.out


def test_a_provider_that_cannot_be_reached_changes_nothing(desk: Desk) -> None:
    with doubtful(desk, "create:drop-before=first"):
        before = desk.read("s.state.json")
    for answer in ([], ["--absent"], ["--adopt", "batch-1"]):
        ran = desk.run("resolve", "s/rows", *answer)
        assert (ran.code, "error[not-reached]" in ran.err) == (75, True), ran
        assert desk.read("s.state.json") == before


def test_others_are_stopped_only_beside_one_that_is_kept(desk: Desk) -> None:
    assert desk.run("resolve", "s/rows", "--cancel-others").code == 64
    assert desk.run("resolve", "s/rows", "--absent", "--cancel-others").code == 64

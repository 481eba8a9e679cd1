"""A batch that is cut into shards, from plan to state, as its users meet it."""

import json
from typing import Any

import pytest
from support.cli import Desk, provided, request_lines

HEAD = "run: {once_per: day}\ndefaults: {endpoint: /v1/embeddings}\nbatches:\n"
NIGHT = ("--at", "2026-11-22T02:30:00Z")
APPLY = ("apply", "s.yaml", *NIGHT)


def cut(desk: Desk, *ids: str, at: int, more: str = "", once_per: str = "day") -> None:
    """Declare `s/x` with requests of these ids, `at` in a shard; 0 for one batch."""
    shard = f", shard: {{max_requests: {at}}}" if at else ""
    desk.write("data/x.jsonl", request_lines(*ids))
    desk.write("s.yaml", f"{HEAD}  - {{name: x, input: data/x.jsonl{shard}}}\n{more}".replace("day", once_per))


@pytest.fixture
def sharded(shop: Desk) -> Desk:
    """Five requests in three shards, submitted."""
    cut(shop, *"abcde", at=2)
    assert shop.run(*APPLY).code == 0
    return shop


def planned(desk: Desk, *arguments: str) -> list[tuple[str, str]]:
    changes = desk.run("plan", "s.yaml", *NIGHT, "--json", *arguments).document["changes"]
    return [(change["action"], change["address"]) for change in changes]


def sent(desk: Desk) -> int:
    return len(desk.ledger.batches())


def sources(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [change["source"] for change in document["changes"]]


def test_shards_are_batches_of_their_own_and_together_the_input(sharded: Desk) -> None:
    found = sharded.state()["batches"]
    assert list(found) == ["s/x#1", "s/x#2", "s/x#3"]
    intents = [found[address]["day:2026-11-22"][0]["intent"] for address in found]
    assert [intent["source"]["requests"] for intent in intents] == [2, 2, 1]
    assert sum(intent["source"]["size"] for intent in intents) == len(sharded.read("data/x.jsonl"))
    assert len({intent["source"]["part"]["whole_sha256"] for intent in intents}) == 1
    for key in ("idempotency_key", "fingerprint"):
        assert len({intent[key] for intent in intents}) == 3
    assert sent(sharded) == 3
    assert planned(sharded) == [("unchanged", "s/x#1"), ("unchanged", "s/x#2"), ("unchanged", "s/x#3")]


def test_more_than_ten_shards_are_in_order(desk: Desk) -> None:
    cut(desk, *"abcdefghijkl", at=1)
    assert [address for _, address in planned(desk)] == [f"s/x#{number}" for number in range(1, 13)]


def test_one_shard_can_be_targeted(shop: Desk) -> None:
    cut(shop, *"abcde", at=2, more="  - {name: y, input: data/y.jsonl}\n")
    shop.write("data/y.jsonl", "not even JSON\n")  # never read: it is not targeted
    assert planned(shop, "--target", "x#2") == [("submit", "s/x#2")]
    assert planned(shop, "--target", "x#3", "--target", "s/x#1") == [("submit", "s/x#1"), ("submit", "s/x#3")]
    assert len(planned(shop, "--target", "x")) == len(planned(shop, "--target", "x#*")) == 3
    assert shop.run(*APPLY, "--target", "x#2").code == 0
    assert planned(shop, "--target", "x") == [("submit", "s/x#1"), ("unchanged", "s/x#2"), ("submit", "s/x#3")]


@pytest.mark.parametrize("flag", ["--target", "--replace"])
def test_a_shard_that_is_not_there_is_refused_with_how_many_there_are(sharded: Desk, flag: str) -> None:
    ran = sharded.run(*APPLY, flag, "s/x#4")
    assert ran.code == 64
    assert "no shard is called s/x#4" in ran.err
    assert "There is s/x#1 … #3." in ran.err
    cut(sharded, *"abcde", at=0)
    refused = sharded.run("plan", "s.yaml", "--run-key", "2026-11-23", flag, "s/x#4", "--json")
    assert (refused.code, refused.error["code"]) == (64, "no-such-address")
    assert "s/x is one batch, not cut into shards" in refused.error["why"]


@pytest.mark.parametrize("word", ["s/x#*", "x#1", "s/x#01", "s/*"])
def test_a_replacement_is_one_exact_address(sharded: Desk, word: str) -> None:
    ran = sharded.run(*APPLY, "--replace", word)
    assert (ran.code, "--replace takes one exact address" in ran.err or "no batch is called" in ran.err) == (64, True)
    assert sent(sharded) == 3


def test_a_batch_that_is_cut_otherwise_waits_for_a_person(sharded: Desk) -> None:
    cut(sharded, *"abcde", at=3)
    ran = sharded.run(*APPLY)
    assert (ran.code, sent(sharded)) == (1, 3)
    first, _ = " ".join(ran.out.split()).split(" ! ")[1:]
    assert " was s/x#1 … #3 before, cut otherwise" in first
    assert first.count("submitted") == 1
    assert "--replace s/x\n" in ran.out
    assert sharded.run(*APPLY, "--replace", "s/x").code == 0
    assert sent(sharded) == 5
    assert planned(sharded) == [("unchanged", "s/x#1"), ("unchanged", "s/x#2")]


def test_one_shard_is_replaced_alone(sharded: Desk) -> None:
    assert planned(sharded, "--replace", "s/x#2") == [
        ("unchanged", "s/x#1"),
        ("replace", "s/x#2"),
        ("unchanged", "s/x#3"),
    ]


def test_the_same_content_is_submitted_once_however_it_is_cut(shop: Desk) -> None:
    cut(shop, *"abcde", at=2, once_per="content")
    assert shop.run("apply", "s.yaml").code == 0
    for at in (3, 0, 1):
        cut(shop, *"abcde", at=at, once_per="content")
        assert {action for action, _ in planned(shop)} == {"blocked"}
    cut(shop, *"abcdX", at=2, once_per="content")
    assert {action for action, _ in planned(shop)} == {"submit"}
    cut(shop, *"abcde", at=2, once_per="content")
    assert {action for action, _ in planned(shop)} == {"unchanged"}


def test_an_input_that_grows_within_the_day(sharded: Desk) -> None:
    cut(sharded, *"abcdefg", at=2)
    assert planned(sharded) == [
        ("unchanged", "s/x#1"),
        ("unchanged", "s/x#2"),
        ("blocked", "s/x#3"),
        ("blocked", "s/x#4"),
    ]


def test_lost_state_finds_the_same_shards_at_the_provider(sharded: Desk) -> None:
    before = {batch["id"] for batch in sharded.ledger.batches()}
    (sharded.folder / "s.state.json").unlink()
    assert sharded.run(*APPLY).code == 0
    assert {batch["id"] for batch in sharded.ledger.batches()} == before


# Saved plans.


def save(desk: Desk, *arguments: str) -> None:
    assert desk.run("plan", "s.yaml", *NIGHT, "--out", "plan.json", *arguments).code == 0


def test_a_saved_plan_is_applied_shard_by_shard(shop: Desk) -> None:
    cut(shop, *"abcde", at=2)
    save(shop)
    assert [source["part"]["before"] for source in sources(json.loads(shop.read("plan.json")))] == [0, 2, 4]
    for _ in range(2):
        assert shop.run("apply", "plan.json").code == 0
        assert sent(shop) == 3


@pytest.mark.parametrize("ids", ["abcdX", "abcdef", "abcd", "Xbcde"])
def test_a_saved_plan_refuses_an_input_of_which_any_shard_changed(shop: Desk, ids: str) -> None:
    cut(shop, *"abcde", at=2)
    save(shop)
    shop.write("data/x.jsonl", request_lines(*ids))
    ran = shop.run("apply", "plan.json")
    assert (ran.code, "input-changed" in ran.err, sent(shop)) == (4, True, 0)


def test_a_saved_plan_is_stale_once_other_shards_went_out(shop: Desk) -> None:
    cut(shop, *"abcde", at=2)
    save(shop)
    cut(shop, *"abcde", at=0)
    assert shop.run(*APPLY).code == 0
    ran = shop.run("apply", "plan.json")
    assert (ran.code, "s/x#1, s/x#2, s/x#3" in ran.err, sent(shop)) == (4, True, 1)


def test_a_saved_replacement_is_stale_once_another_one_was_made(sharded: Desk) -> None:
    cut(sharded, *"abcde", at=3)
    save(sharded, "--replace", "s/x")
    cut(sharded, *"abcde", at=0)
    assert sharded.run(*APPLY, "--replace", "s/x").code == 0
    assert (sharded.run("apply", "plan.json").code, sent(sharded)) == (4, 4)


# State.


def test_a_renamed_batch_takes_its_shards_along(sharded: Desk) -> None:
    ran = sharded.run("state", "mv", "s/x", "s/y")
    assert (ran.code, ran.out.startswith("s/x (3 shards) is now s/y. Backup: ")) == (0, True)
    assert list(sharded.state()["batches"]) == ["s/y#1", "s/y#2", "s/y#3"]
    assert sharded.run("state", "mv", "s/y#3", "s/z").code == 0
    assert list(sharded.state()["batches"]) == ["s/y#1", "s/y#2", "s/z"]
    sharded.write("s.yaml", sharded.read("s.yaml").replace("name: x", "name: y"))
    assert sharded.run("state", "mv", "s/z", "s/y#3").code == 0
    assert {action for action, _ in planned(sharded)} == {"unchanged"}


@pytest.mark.parametrize(("source", "target"), [("s/x", "s/y#1"), ("s/x#1", "s/x"), ("s/x", "s/x"), ("s/x#1", "s/x#2")])
def test_shards_are_never_moved_onto_others(sharded: Desk, source: str, target: str) -> None:
    before = sharded.read("s.state.json")
    assert sharded.run("state", "mv", source, target).code in {1, 64}
    assert sharded.read("s.state.json") == before


def test_the_one_shard_that_a_batch_became(shop: Desk) -> None:
    """`shard` was added to a batch that fits into one: a person says that it is the same, and nothing is paid again."""
    cut(shop, *"abc", at=0)
    assert shop.run(*APPLY).code == 0
    cut(shop, *"abc", at=9)
    assert planned(shop) == [("blocked", "s/x#1")]
    assert shop.run("state", "mv", "s/x", "s/x#1").code == 0
    assert planned(shop) == [("unchanged", "s/x#1")]
    assert shop.run("state", "mv", "s/x#1", "s/x").code == 0
    assert planned(shop) == [("blocked", "s/x#1")]


def test_a_batch_is_forgotten_with_its_shards_and_a_shard_alone(sharded: Desk) -> None:
    assert sharded.run("state", "rm", "s/x#2", "--yes").out.startswith("Forgot s/x#2. ")
    assert list(sharded.state()["batches"]) == ["s/x#1", "s/x#3"]
    sharded.run(*APPLY, "--run-key", "2026-11-20")
    assert sharded.run("state", "rm", "s/x", "--run-key", "2026-11-22", "--yes").code == 0
    assert {run for runs in sharded.state()["batches"].values() for run in runs} == {"day:2026-11-20"}
    assert sharded.run("state", "rm", "s/x", "--yes").out.startswith("Forgot s/x (3 shards). ")
    assert sharded.state()["batches"] == {}


def test_shards_are_listed_and_shown_with_their_batch(sharded: Desk) -> None:
    for arguments, count in ((["list", "s/x"], 3), (["list", "x#2"], 1), (["show", "s/x"], 3), (["show", "s/x#2"], 1)):
        assert len(sharded.run("state", *arguments, "--json").document["attempts"]) == count


def test_the_shard_in_doubt_is_resolved(shop: Desk) -> None:
    cut(shop, *"abcde", at=2)
    shop.write("batchrunner.yaml", "providers: {alphaedge: {idempotency: none, timeouts: {create_seconds: 1}}}\n")
    with provided(shop, "create:drop-after-commit=1", honour_keys=False):
        assert shop.run(*APPLY).code == 3
    state = shop.state()["batches"]
    assert {runs["day:2026-11-22"][-1]["status"] for runs in state.values()} == {"in-doubt"}
    ran = shop.run("resolve", "s/x", "--absent")
    assert (ran.code, "several shards of s/x are open: s/x#1, s/x#2, s/x#3" in ran.err) == (64, True)
    for number in (1, 2):
        assert shop.run("resolve", f"s/x#{number}", "--adopt", f"batch-{number}", "--force").code == 0
    third = shop.run("resolve", "s/x", "--adopt", "batch-3", "--force")
    assert third.out.startswith("s/x#3 (day:2026-11-22) is batch-3.")

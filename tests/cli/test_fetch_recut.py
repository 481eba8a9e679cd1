"""Results of a run whose shards were cut otherwise, changed one by one, or added to: each request counts once."""

import json
from collections.abc import Sequence

import pytest
from support.cli import Desk, request_lines
from support.fetching import PROJECT, served

HEAD = "run: {once_per: day}\ndefaults: {endpoint: /v1/embeddings}\nbatches:\n"


def applied(desk: Desk, ids: Sequence[str], *replaced: str, at: int = 2) -> None:
    """Have requests of `ids` submitted, `at` in a shard (0: all in one batch), with `replaced` shards anew."""
    cut(desk, ids, at)
    flags = [word for address in replaced for word in ("--replace", address)]
    desk.run("apply", "s.yaml", *flags)


def cut(desk: Desk, ids: Sequence[str], at: int) -> None:
    shard = f", shard: {{max_requests: {at}}}" if at else ""
    desk.write("batchrunner.yaml", PROJECT)
    desk.write("data/x.jsonl", request_lines(*ids))
    desk.write("s.yaml", f"{HEAD}  - {{name: x, input: data/x.jsonl{shard}}}\n")


def answers(desk: Desk) -> list[str]:
    """The ids of all results, which the account counts."""
    ran = desk.run("fetch", "s.yaml")
    assert ran.code == 0, ran
    (results,) = desk.folder.glob("results/s/*/x/results.jsonl")
    found = [json.loads(line)["custom_id"] for line in results.read_text().splitlines()]
    (summary,) = desk.folder.glob("results/s/*/x/summary.json")
    assert json.loads(summary.read_text())["rows"]["ok"] == len(found)
    return found


@pytest.mark.parametrize("at", [0, 3, 4, 1])
def test_what_was_cut_otherwise_and_replaced_counts_once(desk: Desk, at: int) -> None:
    with served(desk) as shop:
        applied(shop, "abcdef")
        assert answers(shop) == [*"abcdef"]
        applied(shop, "abcdef", "s/x", at=at)
        assert answers(shop) == [*"abcdef"]
        applied(shop, "abcdef", "s/x")
        assert answers(shop) == [*"abcdef"]


def test_fewer_requests_leave_none_of_the_old_ones(desk: Desk) -> None:
    with served(desk) as shop:
        applied(shop, "abcdef")
        applied(shop, "uvw", "s/x")
        assert answers(shop) == [*"uvw"]


def test_shards_are_added_to_those_that_are_as_they_were(desk: Desk) -> None:
    with served(desk) as shop:
        applied(shop, "abcd")
        applied(shop, "abcdef")
        assert answers(shop) == [*"abcdef"]


def test_one_shard_was_changed_and_replaced(desk: Desk) -> None:
    with served(desk) as shop:
        applied(shop, "abcdef")
        applied(shop, ["a", "b", "a-longer-id" * 20, "d", "e", "f"], "s/x#2")
        assert answers(shop) == ["a", "b", "a-longer-id" * 20, "d", "e", "f"]


def test_one_shard_of_another_cut_takes_over_its_requests_alone(desk: Desk) -> None:
    with served(desk) as shop:
        applied(shop, "abcdef")
        applied(shop, "abcdef", "s/x#1", at=3)
        assert sorted(answers(shop)) == [*"abcdef"]


def test_what_was_replaced_is_not_asked_again(desk: Desk) -> None:
    with served(desk) as shop:
        applied(shop, ["a", "b", "c", "d", "e-sandbox-flaky-9", "f"])
        applied(shop, ["a", "b", "c", "d", "e", "f"], "s/x", at=3)
        assert shop.run("wait", "s.yaml").code in {0, 5}
        assert len(shop.ledger.batches()) == 5
        ran = shop.run("retry", "s/x")
        assert ran.code == 0, ran
        assert len(shop.ledger.batches()) == 5


@pytest.mark.parametrize("ids", ["uvwxyz", "abcdefg", "abcdez", "zbcdef"])
def test_shards_that_were_recovered_count_whatever_the_input_is_now(desk: Desk, ids: str) -> None:
    with served(desk) as shop:
        applied(shop, "abcdef")
        shop.folder.joinpath("s.state.json").unlink()
        cut(shop, ids, 2)
        assert shop.run("recover", "s.yaml", "--yes").code == 0
        assert answers(shop) == [*"abcdef"]

"""Asking again for rows where batches were moved in state: their keys stay theirs."""

from support.cli import Desk, request_lines
from support.fetching import PROJECT, served

SPEC = """\
run: {once_per: day}
defaults: {endpoint: /v1/embeddings}
batches:
  - {name: rows, input: data/rows.jsonl}
"""


def test_a_retry_does_not_take_the_key_of_a_retry_that_was_moved_away(desk: Desk) -> None:
    desk.write("batchrunner.yaml", PROJECT)
    desk.write("s.yaml", SPEC)
    with served(desk) as shop:
        shop.write("data/rows.jsonl", request_lines("a", "b-sandbox-flaky-9"))
        assert shop.run("apply", "s.yaml").code == 0
        assert shop.run("retry", "s/rows").code == 0
        assert shop.run("state", "mv", "s/rows", "s/old").code == 0
        shop.write("data/rows.jsonl", request_lines("c", "d-sandbox-flaky-9"))
        assert shop.run("apply", "s.yaml").code == 1  # it looks renamed
        assert shop.run("apply", "s.yaml", "--replace", "s/rows").code == 0
        assert shop.run("retry", "s/rows").code == 0
        assert len(shop.ledger.batches()) == 4

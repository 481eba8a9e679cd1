"""A batch that its provider no longer shows: whether it was processed nobody knows, so it is asked again on request."""

import time

import pytest
from support.cli import Desk, request_lines
from support.fetching import PROJECT, served

from batchrunner.sandbox import Timings

SPEC = """\
run: {once_per: day}
defaults: {endpoint: /v1/embeddings}
batches:
  - {name: rows, input: data/rows.jsonl}
"""


@pytest.mark.parametrize("fetched", [False, True])
def test_what_is_gone_is_asked_again_only_with_force(desk: Desk, fetched: bool) -> None:
    desk.write("batchrunner.yaml", PROJECT)
    desk.write("s.yaml", SPEC)
    desk.write("data/rows.jsonl", request_lines("a", "b"))
    with served(desk, timings=Timings(0.0, 3600.0, 0.0, 0.0), habits=frozenset({"vanishing:0.1"})) as shop:
        assert shop.run("apply", "s.yaml").code == 0
        time.sleep(0.2)  # the provider's own clock
        assert shop.run("wait", "s.yaml").code == 5
        if fetched:
            assert shop.run("fetch", "s.yaml").code == 5
        for _ in range(2):
            ran = shop.run("retry", "s/rows", "--json")
            assert (ran.code, len(shop.ledger.batches())) == (1, 1)
            assert [each["code"] for each in ran.document["untouched"]] == ["batch-gone"]
        assert shop.run("retry", "s/rows", "--force").code == 0
        assert len(shop.ledger.batches()) == 2

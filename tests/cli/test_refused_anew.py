"""A batch that ended badly, and a further submission that its provider refused or put off: that is no success."""

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
ANEW = (("retry", "s/rows", "--yes"), ("apply", "s.yaml", "--replace", "s/rows", "--yes"))


@pytest.mark.parametrize("anew", ANEW, ids=["retry", "replace"])
@pytest.mark.parametrize("fault", ["create:404=1", "upload:404=1"])
def test_what_was_refused_mends_nothing(desk: Desk, anew: tuple[str, ...], fault: str) -> None:
    desk.write("batchrunner.yaml", PROJECT)
    desk.write("s.yaml", SPEC)
    desk.write("data/rows.jsonl", request_lines("a", "b"))
    slow = Timings(0.0, 3600.0, 0.0, 0.0)
    with served(desk, timings=slow) as shop:
        assert shop.run("apply", "s.yaml").code == 0
        assert shop.run("cancel", "s/rows", "--yes").code == 0
        assert shop.run("fetch", "s/rows").code == 5
        port = int(shop.env["ALPHAEDGE_BASE_URL"].rpartition(":")[2])
    with served(desk, fault, timings=slow, port=port) as shop:
        assert shop.run(*anew).code in {1, 3}
        assert shop.state()["batches"]["s/rows"].popitem()[1][-1]["status"] == "rejected"
        assert shop.run("status", "s.yaml").code == 5
        assert shop.run("wait", "s.yaml").code == 5
        assert shop.run("apply", "s.yaml", "--wait").code == 5

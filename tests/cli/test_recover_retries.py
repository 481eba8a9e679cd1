"""A state that was lost after a retry, at providers that take no metadata: the retry is known for one by its key."""

import json
import shutil

import pytest
from support.cli import Desk, request_lines
from support.fetching import PROJECT, served

SPEC = """\
run: {once_per: day}
defaults: {endpoint: /v1/embeddings}
batches:
  - {name: rows, input: data/rows.jsonl}
"""
FLAKY = "b-sandbox-flaky-3"


@pytest.mark.parametrize("once_per", ["day", "content"])
def test_a_retry_is_recovered_as_one(desk: Desk, once_per: str) -> None:
    desk.write("batchrunner.yaml", PROJECT)
    desk.write("s.yaml", SPEC.replace("day", once_per))
    desk.write("data/rows.jsonl", request_lines("a", FLAKY, "c"))
    with served(desk) as shop:
        assert shop.run("apply", "s.yaml").code == 0
        for _ in range(2):
            assert shop.run("wait", "s.yaml").code in {0, 5}
            assert shop.run("retry", "s/rows").code == 0
        assert shop.run("wait", "s.yaml").code == 0
        assert shop.run("fetch", "s.yaml").code == 0
        shop.folder.joinpath("s.state.json").unlink()
        shutil.rmtree(shop.folder / "results")
        assert shop.run("recover", "s.yaml", "--yes").code == 0
        ((attempts),) = shop.state()["batches"]["s/rows"].values()
        assert [each["intent"].get("retry_of", 0) for each in attempts] == [0, 1, 1]
        assert shop.run("fetch", "s.yaml").code == 0
        (summary,) = shop.folder.glob("results/s/*/rows/summary.json")
        assert json.loads(summary.read_text())["rows"]["ok"] == 3
        planned = shop.run("plan", "s.yaml", "--json").document["changes"]
        assert [each["action"] for each in planned] == ["unchanged"]
        assert shop.run("retry", "s/rows").code == 0
        assert shop.run("apply", "s.yaml").code == 0
        assert len(shop.ledger.batches()) == 3

"""A lost state and a lost input, at a provider without metadata: what cannot be told is said, and days are known."""

import os

import pytest
from support.cli import Desk


def lost(shop: Desk, run: str) -> Desk:
    """What was submitted, without state or input."""
    shop.write("s.yaml", f"{run}batches:\n  - {{name: b, endpoint: /v1/embeddings, input: data/rows.jsonl}}\n")
    assert shop.run("apply", "s.yaml", "--yes").code == 0
    os.unlink(shop.folder / "s.state.json")
    os.rename(shop.folder / "data/rows.jsonl", shop.folder / "spare.jsonl")
    return shop


@pytest.mark.parametrize("json", [False, True])
def test_batches_whose_keys_need_the_input_are_counted(shop: Desk, json: bool) -> None:
    ran = lost(shop, "").run("recover", "s.yaml", "--yes", *["--json"] * json)
    assert ran.code == 3, ran
    if json:
        assert ran.document["untold"] == {"alphaedge": 1}
    else:
        assert "alphaedge has 1 batch named as ours that could not be told" in ran.out
    assert not (shop.folder / "s.state.json").exists()


def test_the_key_of_a_day_needs_no_input(shop: Desk) -> None:
    lost(shop, "run: {once_per: day}\n")
    ran = shop.run("recover", "s.yaml", "--yes")
    assert (ran.code, "Recorded 1 attempt in s.state.json." in ran.out) == (0, True), ran
    assert list(shop.state()["batches"]) == ["s/b"]

    os.rename(shop.folder / "spare.jsonl", shop.folder / "data/rows.jsonl")
    assert shop.run("apply", "s.yaml", "--yes", "--json").document["submitted"] == 0
    assert len(shop.ledger.batches()) == 1

"""A plan of ten thousand batches can be read, and its totals are those of its changes."""

import pytest
from support.cli import Desk, request_lines

MANY = 10_000


@pytest.fixture
def crowded(empty: Desk) -> Desk:
    lines = [f"  - {{name: b{n}, input_file_id: file-{n}}}\n" for n in range(MANY)]
    lines += [f"  - {{name: local{n}, input: in.jsonl}}\n" for n in range(3)]
    empty.write("in.jsonl", request_lines("one", "two"))
    empty.write("s.yaml", "defaults: {endpoint: /v1/embeddings}\nbatches:\n" + "".join(lines))
    return empty


def test_totals_are_the_sums_of_the_changes_and_what_is_alike_is_one_row(crowded: Desk) -> None:
    changes = crowded.run("plan", "s.yaml", "--json").document["changes"]
    requests = sum(each["source"].get("requests", 0) for each in changes)
    assert (len(changes), requests) == (MANY + 3, 6)
    for form, lines in (("text", 40), ("markdown", 60), ("github", 1)):
        ran = crowded.run("plan", "s.yaml", "--format", form)
        assert f"{len(changes):,} to submit" in ran.out
        assert f"{requests} requests" in ran.out
        assert f"{MANY:,} files already at the provider" in " ".join(ran.out.split())
        assert len(ran.out.splitlines()) <= lines
        assert len(ran.out) <= 60_000
        assert form != "text" or max(map(len, ran.out.splitlines())) <= 80

"""Small things that save a day: the next step, one row for many shards, all keys that are missing at once."""

from support.cli import Desk, provided, request_lines

SHARDED = "batches: [{name: all, input: data/all.jsonl, endpoint: /v1/embeddings, shard: {max_requests: 1}}]\n"
TWO = """\
defaults: {endpoint: /v1/embeddings}
batches:
  - {name: a, input_file_id: f-1, provider: openai}
  - {name: b, input_file_id: f-2}
"""
DAILY = """\
run: {once_per: day}
batches: [{name: rows, input: "rows-${run.date}.jsonl", endpoint: /v1/embeddings}]
"""


def test_apply_names_the_wait_that_comes_next_and_it_can_be_typed(desk: Desk) -> None:
    ran = desk.run("apply", "s.yaml", "--sandbox", "--yes")
    (line,) = [line for line in ran.err.splitlines() if line.startswith("To wait for them: ")]
    assert desk.run(*line.partition("batchrunner ")[2].split()).code == 0
    again = desk.run("apply", "s.yaml", "--sandbox", "--yes")
    assert "To wait" not in again.err


def test_the_wait_is_not_named_where_nobody_asked(desk: Desk) -> None:
    assert "To wait" not in desk.run("apply", "s.yaml", "--sandbox", "--yes", "--json").err
    assert "To wait" not in desk.run("apply", "s.yaml", "--sandbox", "--yes", "--run-key", "x", "--wait").err


def test_shards_that_stand_alike_are_one_row_and_the_document_has_each(empty: Desk) -> None:
    empty.write("s.yaml", SHARDED)
    empty.write("data/all.jsonl", request_lines(*(f"id-{number}" for number in range(12))))
    assert empty.run("apply", "s.yaml", "--sandbox", "--yes").code == 0
    empty.run("wait", "s.yaml", "--sandbox")
    shown = empty.run("status", "--sandbox").out
    assert [line.split()[1] for line in shown.splitlines() if "s/all" in line] == ["s/all#1…#12"]
    assert "12/12" in shown
    assert "12 batches: 12 completed." in shown
    assert len(empty.run("status", "--sandbox", "--json").document["batches"]) == 12


def test_all_keys_that_are_missing_are_named_at_once(empty: Desk) -> None:
    empty.write("s.yaml", TWO)
    ran = empty.run("apply", "s.yaml", "--yes")
    assert ran.code == 1
    assert "error[missing-key]" in ran.err
    assert "OPENAI_API_KEY" in ran.err
    assert "ALPHAEDGE_API_KEY" in ran.err
    one = empty.run("apply", "s.yaml", "--yes", env={"OPENAI_API_KEY": "sk-some-key-or-other"})
    assert "no key for provider alphaedge" in one.err


def test_catching_up_pays_once_whatever_the_provider_drops(empty: Desk) -> None:
    empty.write("s.yaml", DAILY)
    empty.write("batchrunner.yaml", "providers:\n  alphaedge: {retry: {base_seconds: 0.001, cap_seconds: 0.01}}\n")
    for day in range(18, 23):
        empty.write(f"rows-2026-11-{day}.jsonl", request_lines(f"row-{day}"))
    now = ("--at", "2026-11-22T10:00:00Z")
    with provided(empty, "create:drop-after-commit=0.5"):
        assert empty.run("apply", "s.yaml", "--yes", "--at", "2026-11-18T10:00:00Z").code in {0, 3, 75}
        codes = [empty.run("apply", "s.yaml", "--yes", *now, "--catch-up", "2").code for _ in range(6)]
        assert codes[-1] == 0
        assert empty.run("plan", "s.yaml", *now, "--catch-up", "9", "--detailed-exitcode").code == 0
        assert len(empty.ledger.batches()) == 5

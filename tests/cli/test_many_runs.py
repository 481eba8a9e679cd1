"""A spec of every night, with all its nights in state: commands are about the newest run, and what is unfinished."""

import pytest
from support.cli import Desk, request_lines
from support.fetching import IDS, served, submitted, written

from batchrunner.sandbox import Timings

OLDER = ("2026-11-19", "2026-11-20", "2026-11-21")


@pytest.fixture
def bench(empty: Desk) -> Desk:
    return written(empty)


def on(desk: Desk, *days: str) -> Desk:
    for day in days:
        assert desk.run("apply", "s.yaml", "--yes", "--run-key", day).code == 0
    return desk


def runs(desk: Desk, *words: str) -> list[str]:
    """The days that a fetch accounts for."""
    return [batch["run_key"].removeprefix("day:") for batch in desk.run("fetch", *words, "--json").document["batches"]]


def test_fetch_is_about_the_newest_run_and_what_was_never_fetched(bench: Desk) -> None:
    with served(bench):
        assert runs(on(bench, *OLDER)) == list(OLDER)
        assert runs(bench) == ["2026-11-21"]
        assert runs(on(bench, "2026-11-22")) == ["2026-11-22"]
        assert runs(bench, "s/rows") == runs(bench, "s.yaml") == ["2026-11-22"]
        assert runs(bench, "--run-key", "2026-11-20") == ["2026-11-20"]
        assert runs(bench, "--all") == [*OLDER, "2026-11-22"]


def test_fetch_says_what_it_left_out(bench: Desk) -> None:
    with served(bench):
        on(bench, *OLDER).run("fetch")
        ran = bench.run("fetch", "s.yaml")

    assert ran.code == 0
    assert "2 earlier runs were fetched before. All of them: batchrunner fetch s.yaml --all" in ran.err


def test_rows_that_failed_long_ago_are_no_news_for_the_next_night(empty: Desk) -> None:
    with served(written(empty, ["a", "b-sandbox-fail-400"])):
        assert on(empty, "2026-11-20").run("fetch").code == 5
        empty.write("data/rows.jsonl", request_lines("a", "b"))
        assert on(empty, "2026-11-21").run("fetch").code == 0
        assert empty.run("fetch", "--all").code == 5


def test_an_older_run_that_has_not_ended_is_still_asked_for(bench: Desk) -> None:
    with served(bench, timings=Timings(in_progress=3600)):
        assert runs(on(bench, *OLDER)) == list(OLDER)
        assert runs(bench) == list(OLDER)


def test_shards_are_those_of_the_newest_run(bench: Desk) -> None:
    with served(bench):
        on(bench, "2026-11-20").run("fetch")
        bench.write("data/rows.jsonl", request_lines(*IDS[:5]))
        on(bench, "2026-11-21").run("fetch")
        batches = bench.run("status", "--json").document["batches"]
        ran = bench.run("retry", "s.yaml")

    assert [(batch["address"], batch["run_key"]) for batch in batches] == [
        ("s/rows#1", "day:2026-11-21"),
        ("s/rows#2", "day:2026-11-21"),
    ]
    assert "s/rows#3" not in ran.out + ran.err


def test_a_retry_makes_no_run_the_newest(empty: Desk) -> None:
    with served(written(empty, ["a", "b-sandbox-flaky-2"])):
        on(empty, "2026-11-20", "2026-11-21")
        assert empty.run("retry", "s/rows", "--run-key", "2026-11-20").code == 0
        empty.run("wait")
        shown = empty.run("status", "--json").document["batches"]

    assert [(batch["run_key"], batch["attempt"]) for batch in shown] == [("day:2026-11-21", 1)]


def test_nothing_is_left_out_of_what_was_submitted_only_now(bench: Desk) -> None:
    with served(bench):
        ran = submitted(bench).run("fetch")

    assert "--all" not in ran.err + ran.out


def test_a_run_that_nobody_took_hides_none_that_was(empty: Desk) -> None:
    with served(written(empty, ["a"])):
        on(empty, "2026-11-21").run("wait")
        empty.env |= {"ALPHAEDGE_API_KEY": "wrong"}
        assert empty.run("apply", "s.yaml", "--yes", "--run-key", "2026-11-20").code == 1
        shown = empty.run("status", "--json").document["batches"]

    assert [(batch["run_key"], batch["word"]) for batch in shown] == [
        ("day:2026-11-20", "deferred"),
        ("day:2026-11-21", "completed"),
    ]

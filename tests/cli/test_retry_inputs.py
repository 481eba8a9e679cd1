"""A retry when the input is not what was sent any more: answered rows need none, others are asked of the provider."""

from pathlib import Path

import pytest
from support.cli import Desk
from support.fetching import bare, served, submitted, written

FLAKY, BAD = "b-sandbox-flaky-2", "c-sandbox-fail-400"
GONE = ("unlink", "change")


def lose(desk: Desk, how: str) -> None:
    """Delete the input, or write another one in its place."""
    path = desk.folder / "data/rows.jsonl"
    if how == "unlink":
        path.unlink()
    else:
        path.write_text(path.read_text().replace('"a"', '"z"'))


def asked(desk: Desk) -> list[str]:
    return [path.read_text() for path in Path(desk.folder, ".batchrunner/retries").glob("*.jsonl")]


@pytest.mark.parametrize("how", GONE)
def test_where_every_row_is_ok_nothing_needs_a_retry(empty: Desk, how: str) -> None:
    with served(written(empty, ["a", "b"])):
        submitted(empty).run("fetch")
        lose(empty, how)
        bare(empty)
        ran = empty.run("retry", "s/rows")

    assert (ran.code, ran.err) == (0, "")
    assert ran.out == "s/rows: every request has its answer; nothing to retry.\n"


@pytest.mark.parametrize("how", GONE)
def test_what_was_asked_is_downloaded_where_rows_are_asked_again(empty: Desk, how: str) -> None:
    with served(written(empty, ["a", FLAKY])):
        sent = (submitted(empty).folder / "data/rows.jsonl").read_text().splitlines(keepends=True)
        assert empty.run("fetch").code == 5
        lose(empty, how)
        ran = empty.run("retry", "s/rows", "--wait")

        assert ran.code == 0, ran
        assert asked(empty) == [sent[1]]
        assert empty.run("fetch").code == 0


def test_what_nobody_has_any_more_is_named(empty: Desk) -> None:
    with served(written(empty, ["a", FLAKY])):
        submitted(empty).run("fetch")
        lose(empty, "change")
        bare(empty)
        ran = empty.run("retry", "s/rows")

    assert ran.code == 1
    assert "error[input-unknown]" in ran.err
    assert "bring back data/rows.jsonl as it was when it was submitted" in " ".join(ran.err.split())


def test_rows_that_failed_for_good_are_nothing_to_do(empty: Desk) -> None:
    with served(written(empty, ["a", BAD])):
        ran = submitted(empty).run("retry", "s/rows")

    assert (ran.code, ran.out) == (0, "Nothing was asked again.\n")
    assert "s/rows: 1 row failed for good, and would again; --force asks for it all the same" in ran.err

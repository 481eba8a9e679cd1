"""One command at a time writes results, and each says what it could not write."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support.cli import Desk
from support.fetching import served, written

AGAIN = "= help: wait for it to end, then run this again\n"


@contextmanager
def fetched_elsewhere(desk: Desk) -> Iterator[None]:
    """As if another fetch were writing its results."""
    desk.folder.joinpath("results").mkdir()
    descriptor = os.open(desk.folder / "results/.lock", os.O_WRONLY | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("words", [("fetch",), ("retry", "s/rows", "--yes")])
def test_only_one_command_writes_results(empty: Desk, words: tuple[str, ...]) -> None:
    with served(written(empty, ["a", "b-sandbox-flaky-2"])) as shop:
        assert empty.run("apply", "s.yaml", "--yes", "--wait").code in {0, 5}
        with fetched_elsewhere(empty):
            ran = empty.run(*words)
        assert len(shop.ledger.batches()) == 1
        again = empty.run(*words)

    assert (ran.code, again.code) == (75, 5 if words == ("fetch",) else 0)
    assert "error[fetch-running]: another command writes results here\n  --> results\n" in ran.err
    assert AGAIN in ran.err
    assert not list(empty.folder.glob("results/**/*.part"))


def test_a_retry_says_why_results_could_not_be_written(empty: Desk) -> None:
    with served(written(empty, ["a", "b-sandbox-flaky-2"])) as shop:
        assert empty.run("apply", "s.yaml", "--yes", "--wait").code in {0, 5}
        empty.write("results/s", "in the way")
        ran = empty.run("retry", "s/rows", "--yes")
        assert len(shop.ledger.batches()) == 1

    assert ran.code == 1
    assert "results cannot be written: Not a directory" in ran.err
    assert "error[not-fetched]: results of s/rows are not here" in ran.err


@pytest.mark.parametrize("way", ["results", "results/.lock/folder"])
def test_what_was_fetched_elsewhere_is_retried_where_results_cannot_be_written(empty: Desk, way: str) -> None:
    with served(written(empty, ["a", "b-sandbox-flaky-2"])) as shop:
        assert empty.run("apply", "s.yaml", "--yes", "--wait").code in {0, 5}
        empty.write(way, "in the way")
        before = empty.run("retry", "s/rows", "--yes")
        assert (before.code, len(shop.ledger.batches())) == (1, 1)
        assert "batchrunner fetch s/rows" in before.err
        assert empty.run("fetch", "s/rows", "--out", "elsewhere").code == 5
        ran = empty.run("retry", "s/rows", "--yes")
        assert (ran.code, len(shop.ledger.batches())) == (0, 2)
        assert "results cannot be written" in ran.err


def test_a_retry_where_nothing_was_submitted_makes_no_folder(empty: Desk) -> None:
    written(empty, ["a"])
    empty.run("retry", "s.yaml", "--yes")

    assert not empty.folder.joinpath("results").exists()

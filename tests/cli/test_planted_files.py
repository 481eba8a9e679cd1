"""Links and devices that somebody put where a command writes or reads: nothing outside is touched, nothing hangs."""

import json
import os
from pathlib import Path

import pytest
from support.cli import Desk
from support.fetching import IDS, fetched, lines_of, served, submitted, written


@pytest.fixture
def bench(empty: Desk) -> Desk:
    return written(empty, ids=IDS)


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("outside")


def test_a_retry_makes_no_file_where_a_link_leads(bench: Desk, outside: Path) -> None:
    with served(written(bench, ["a", "b-sandbox-drop"])):
        assert submitted(bench).run("fetch").code == 5
        bench.folder.joinpath(".batchrunner").mkdir(exist_ok=True)
        os.symlink(outside / "planted", bench.folder / ".batchrunner/.gitignore")
        assert bench.run("retry", "s.yaml", "--yes").code == 0
    assert list(outside.iterdir()) == []


def test_a_sandbox_makes_no_file_where_a_link_leads(bench: Desk, outside: Path) -> None:
    bench.folder.joinpath(".batchrunner").mkdir()
    os.symlink(outside / "planted", bench.folder / ".batchrunner/.gitignore")
    assert bench.run("apply", "s.yaml", "--sandbox", "--yes").code == 0
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("kind", ["link", "pipe", "device"])
def test_an_account_that_is_no_file_is_made_anew(bench: Desk, outside: Path, kind: str) -> None:
    with served(bench):
        assert submitted(bench).run("fetch").code == 0
        summary = fetched(bench) / "summary.json"
        content = summary.read_bytes()
        summary.unlink()
        if kind == "pipe":
            os.mkfifo(summary)
        else:
            outside.joinpath("theirs").write_bytes(content)
            summary.symlink_to(outside / "theirs" if kind == "link" else "/dev/zero")
        ran = bench.run("fetch")
    assert ran.code == 0, ran
    assert not summary.is_symlink()
    assert summary.read_bytes() == content
    assert len(lines_of(bench, "results.jsonl")) == len(IDS)


def test_a_table_is_not_written_through_a_link(bench: Desk, outside: Path) -> None:
    pytest.importorskip("pyarrow")
    with served(bench):
        assert submitted(bench).run("fetch").code == 0
        folder = fetched(bench)
        folder.rename(outside / "rows")
        folder.symlink_to(outside / "rows")
        ran = bench.run("fetch", "--parquet")
    assert (ran.code, "results-is-a-link" in ran.err) == (1, True), ran
    assert not (outside / "rows/results.parquet").exists()


@pytest.mark.parametrize("path", ["/dev/zero", "pipe"])
def test_a_state_that_names_what_is_no_file_makes_no_retry_wait(bench: Desk, path: str) -> None:
    with served(written(bench, ["a", "b-sandbox-drop"])):
        assert submitted(bench).run("fetch").code == 5
        state = bench.state()
        attempt = state["batches"]["s/rows"][next(iter(state["batches"]["s/rows"]))][0]
        for file in attempt["fetched"]["files"]:
            file |= {"path": path, "size": 0}
        bench.write("s.state.json", json.dumps(state))
        os.mkfifo(bench.folder / "pipe")
        ran = bench.run("retry", "s.yaml", "--json")
        os.unlink(bench.folder / "pipe")
    assert (ran.code, "not-fetched" in ran.out) == (1, True), ran

"""`fetch`: results on the disk, every row accounted for, and exit codes that say whether somebody has to look."""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from support.cli import SCRIPT, Desk, Ran, check_golden, request_lines, steady
from support.fetching import IDS, SPEC, bare, fetched, lines_of, served, submitted, written

from batchrunner.sandbox import Timings

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def bench(empty: Desk) -> Desk:
    return written(empty)


def outcomes(ran: Ran) -> dict[str, int]:
    return {name: number for name, number in ran.document["rows"].items() if number}


# What comes.


def of_any_day(ran: Ran, bench: Desk) -> str:
    """What was written on whatever day."""
    return re.sub(r"\bday([:-])\d{4}-\d\d-\d\d\b", r"day\1DAY", steady(ran.out, bench.folder))


def test_results_of_all_shards_come_in_the_order_of_the_input(bench: Desk) -> None:
    with served(bench):
        ran = submitted(bench).run("fetch")

    assert ran.code == 0, ran
    assert [line["custom_id"] for line in lines_of(bench, "results.jsonl")] == IDS
    assert lines_of(bench, "errors.jsonl") == []
    assert bench.read("results/.gitignore") == "*\n"
    assert ran.err.count(" fetched ") == 3
    check_golden(GOLDEN / "fetch-all-ok.txt", of_any_day(ran, bench))


def test_again_it_does_nothing_and_needs_no_key(bench: Desk) -> None:
    with served(bench):
        submitted(bench).run("fetch")
    bench.env.pop("ALPHAEDGE_API_KEY")
    before = {path: path.stat().st_mtime_ns for path in bench.folder.rglob("*") if path.is_file()}

    ran = bench.run("fetch")

    assert ran.code == 0
    assert ran.out.splitlines()[-1] == "Nothing new: 1 batch, 10 rows: 10 ok."
    assert ran.err == ""
    after = {path: path.stat().st_mtime_ns for path in bench.folder.rglob("*") if path.is_file()}
    assert after == before


def test_every_line_is_as_the_provider_wrote_it(bench: Desk) -> None:
    with served(bench):
        submitted(bench).run("fetch")

    raw = b"".join(path.read_bytes() for path in fetched(bench).glob("raw/*.output.jsonl"))
    results = (fetched(bench) / "results.jsonl").read_bytes()
    assert sorted(results.splitlines()) == sorted(raw.splitlines())


def test_rows_that_failed_are_told_with_why_and_what_to_type(bench: Desk) -> None:
    ids = ["a", "b-sandbox-fail-400", "c-sandbox-fail-500", "d", "e-sandbox-drop", "f-sandbox-duplicate",
           "g-sandbox-stranger"]  # fmt: skip
    with served(written(bench, ids)):
        submitted(bench)
        ran = bench.run("fetch")
        document = bench.run("fetch", "--json")

    assert ran.code == document.code == 5
    assert outcomes(document) == {
        "total": 7, "ok": 4, "error": 2, "transient": 1, "missing": 1, "duplicates": 1, "strangers": 1
    }  # fmt: skip
    assert [(row["custom_id"], row["outcome"], row["transient"]) for row in lines_of(bench, "errors.jsonl")] == [
        ("b-sandbox-fail-400", "error", False),
        ("c-sandbox-fail-500", "error", True),
        ("e-sandbox-drop", "missing", False),
    ]
    assert document.document["next"] == ["batchrunner retry s/rows"]
    check_golden(GOLDEN / "fetch-errors.txt", of_any_day(ran, bench))


def test_whoever_looks_at_rows_elsewhere_has_an_exit_code_for_that(bench: Desk) -> None:
    with served(written(bench, ["a", "b-sandbox-fail-400"])):
        assert submitted(bench).run("fetch", "--allow-errors").code == 0
        assert bench.run("fetch").code == 5


def test_what_has_not_ended_is_said_and_may_be_fetched_later(bench: Desk) -> None:
    with served(bench, timings=Timings(in_progress=3600)):
        ran = submitted(bench).run("fetch")

    assert ran.code == 75
    assert "no results are here yet; 3 remote batches not here yet." in ran.out
    assert "batchrunner wait" in ran.out
    assert list((bench.folder / "results").iterdir())
    assert not fetched(bench).exists()


def test_one_shard_can_be_fetched_alone_and_the_rest_joins_it(bench: Desk) -> None:
    with served(bench):
        first = submitted(bench).run("fetch", "s/rows#2")
        assert [line["custom_id"] for line in lines_of(bench, "results.jsonl")] == IDS[4:8]
        rest = bench.run("fetch")

    assert first.code == 75
    assert "s/rows#1" in first.out
    assert rest.code == 0
    assert [line["custom_id"] for line in lines_of(bench, "results.jsonl")] == IDS


def test_rows_of_a_cancelled_batch_are_kept_and_the_others_missing(bench: Desk) -> None:
    with served(bench, timings=Timings(in_progress=3600)):
        submitted(bench)
        assert bench.run("cancel", "s/rows", "--yes").code in {0, 5}
        assert bench.run("wait").code == 5
        ran = bench.run("fetch", "--json")

    assert ran.code == 5
    assert ran.document["rows"]["total"] == len(IDS)
    assert ran.document["rows"]["missing"] == len(IDS) - ran.document["rows"]["ok"]


def test_a_batch_that_was_refused_as_a_whole_has_missing_rows(bench: Desk) -> None:
    with served(bench, max_enqueued_tokens=1):
        ran = submitted(bench).run("fetch", "--json")

    assert ran.code == 5
    assert outcomes(ran) == {"total": 10, "missing": 10}


# Habits of providers.


@pytest.mark.parametrize(
    "habit",
    ["bare-errors", "bare-response", "body-string", "capitals", "empty-error-file", "in-order", "iso-times",
     "late-output:1", "no-ranges", "null-counts", "uuid-ids", "window-1d"],
)  # fmt: skip
def test_whatever_a_provider_is_used_to(bench: Desk, habit: str) -> None:
    ids = ["a", "b-sandbox-fail-500", "c"]
    with served(written(bench, ids), habits=frozenset({habit})):
        ran = submitted(bench).run("fetch", "--json")

    assert ran.code == 5, ran
    assert outcomes(ran) == {"total": 3, "ok": 2, "error": 1, "transient": 1}


def test_a_batch_with_an_error_file_only(bench: Desk) -> None:
    with served(bench, habits=frozenset({"errors-only"})):
        ran = submitted(bench).run("fetch", "--json")

    assert ran.code == 5
    assert ran.document["rows"]["error"] == ran.document["rows"]["total"] == 10


@pytest.mark.parametrize(
    "fault",
    ["content:500=first:2", "content:429=first:2:0.01", "content:drop-after-commit=first:3",
     "content:truncated=first:2", "content:503-html=first:2", "content:stall=first:1:0.2"],
)  # fmt: skip
def test_downloads_that_break_off_go_on(bench: Desk, fault: str) -> None:
    with served(bench, fault):
        ran = submitted(bench).run("fetch")

    assert ran.code == 0, ran
    assert [line["custom_id"] for line in lines_of(bench, "results.jsonl")] == IDS
    assert not list(bench.folder.rglob("*.part"))


def test_what_does_not_come_is_said_and_comes_later(bench: Desk) -> None:
    with served(bench, "content:500=first:15"):
        ran = submitted(bench).run("fetch", "--json")
        assert ran.code == 75, ran
        assert {each["why"] for each in ran.document["batches"][0]["pending"]} == {"server-error"}
        assert not list(bench.folder.rglob("*.output.jsonl"))
        assert bench.run("fetch").code == 0


def test_a_refused_key_is_said(bench: Desk) -> None:
    with served(bench):
        submitted(bench)
        assert bench.run("wait").code == 0
        ran = bench.run("fetch", env={"ALPHAEDGE_API_KEY": "another"})

    assert ran.code == 1
    assert not list(bench.folder.rglob("*.output.jsonl"))


# Inputs.


def test_an_input_that_is_gone_is_asked_of_the_provider(bench: Desk) -> None:
    with served(written(bench, ["b", "a", "c-sandbox-drop"])):
        submitted(bench)
        (bench.folder / "data/rows.jsonl").unlink()
        ran = bench.run("fetch", "--json")

    assert outcomes(ran) == {"total": 3, "ok": 2, "missing": 1}
    assert [line["custom_id"] for line in lines_of(bench, "results.jsonl")] == ["b", "a"]


def test_an_input_that_was_changed_counts_for_nothing(bench: Desk) -> None:
    with served(written(bench, ["b", "a", "c-sandbox-drop"])):
        submitted(bench)
        path = bench.folder / "data/rows.jsonl"
        path.write_text(path.read_text().replace('"b"', '"z"'))
        ran = bench.run("fetch", "--json")

    assert outcomes(ran) == {"total": 3, "ok": 2, "missing": 1}


def test_without_any_input_it_is_said_that_missing_rows_are_not_known(bench: Desk) -> None:
    with served(written(bench, ["b", "a", "c-sandbox-drop"])) as desk:
        submitted(bench)
        assert bench.run("wait").code == 0
        (bench.folder / "data/rows.jsonl").unlink()
        bare(desk)
        ran = bench.run("fetch")
        again = bench.run("fetch", "--json")

    assert ran.code == 0, ran
    assert "rows without a result are not known" in " ".join(ran.out.split())
    assert again.document["batches"][0]["is_known"] is False
    assert outcomes(again) == {"total": 2, "ok": 2}


def test_files_that_the_provider_had_already_are_asked_for(bench: Desk) -> None:
    with served(written(bench, ["b", "a", "c-sandbox-drop"])):
        submitted(bench)
        attempt = next(iter(next(iter(bench.state()["batches"].values())).values()))[0]
        there = {"name": "there", "input_file_id": attempt["file_id"], "endpoint": "/v1/embeddings"}
        bench.write("t.yaml", json.dumps({"batches": [there]}))
        bench.run("apply", "t.yaml", "--yes")
        ran = bench.run("fetch", "t.yaml", "--json")

    assert outcomes(ran) == {"total": 3, "ok": 2, "missing": 1}


# Where it is put.


def test_another_folder(bench: Desk) -> None:
    with served(bench):
        ran = submitted(bench).run("fetch", "--out", "elsewhere", "--json")

    folder = Path(ran.document["batches"][0]["folder"])
    assert folder.parts[0] == "elsewhere"
    assert (bench.folder / folder / "results.jsonl").exists()
    assert not (bench.folder / "results").exists()


def test_links_lead_nowhere(bench: Desk, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (bench.folder / "results").mkdir()
    (bench.folder / "results" / "s").symlink_to(outside)
    with served(bench):
        ran = submitted(bench).run("fetch")

    assert ran.code == 1
    assert not list(outside.iterdir())


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(bench: Desk) -> None:
    (bench.folder / "results").mkdir(mode=0o500)
    with served(bench):
        ran = submitted(bench).run("fetch")

    assert ran.code == 1
    assert "results cannot be written" in ran.err


def test_a_disk_that_is_full_loses_nothing(bench: Desk) -> None:
    """A limit on the size of files stands for it: 400 results are more than the 30 kB there are."""
    with served(written(bench, [f"row-{number}" for number in range(400)])):
        submitted(bench)
        assert bench.run("wait").code == 0
        ran = bench.run_script(["bash", "-c", f"ulimit -f 30; exec {SCRIPT} fetch"])
        assert ran.code == 1, ran
        assert not list(bench.folder.rglob("*.output.jsonl"))
        assert bench.run("fetch").code == 0

    assert len(lines_of(bench, "results.jsonl")) == 400


def test_a_disk_that_has_room_for_raw_files_alone(bench: Desk) -> None:
    ids = [f"row-{number}" for number in range(100)]
    bench.write("s.yaml", SPEC.replace("max_requests: 4", "max_requests: 50"))
    bench.write("data/rows.jsonl", request_lines(*ids))
    with served(bench):
        submitted(bench)
        assert bench.run("wait").code == 0
        ran = bench.run_script(["bash", "-c", f"ulimit -f 30; exec {SCRIPT} fetch"])
    bench.env.pop("ALPHAEDGE_API_KEY")

    assert ran.code == 1, ran
    assert "results cannot be written" in ran.err
    assert "then fetch again" in ran.err
    assert not list(bench.folder.rglob("*.tmp"))
    assert bench.run("fetch").code == 0
    assert [line["custom_id"] for line in lines_of(bench, "results.jsonl")] == ids


def test_a_retry_puts_its_answers_in_their_places(bench: Desk) -> None:
    ids = ["a", "b-sandbox-flaky-2", "c-sandbox-fail-400", "d-sandbox-flaky-2", "e"]
    with served(written(bench, ids)):
        assert submitted(bench).run("fetch").code == 5
        assert bench.run("retry", "s/rows", "--yes").code == 0
        assert bench.run("wait").code in {0, 5}
        ran = bench.run("fetch", "--json")

    assert outcomes(ran) == {"total": 5, "ok": 4, "error": 1}
    assert [line["custom_id"] for line in lines_of(bench, "results.jsonl")] == [ids[0], ids[1], ids[3], ids[4]]
    batches = ran.document["batches"][0]["batches"]
    assert [(each["attempt"], each["retry_of"], each["rows"]["total"]) for each in batches] == [(1, 0, 5), (2, 1, 2)]


def test_a_file_that_somebody_cut_is_fetched_again(bench: Desk) -> None:
    with served(bench):
        submitted(bench).run("fetch")
        raw = next(fetched(bench).glob("raw/*"))
        raw.write_bytes(raw.read_bytes()[:-20])
        ran = bench.run("fetch")

    assert ran.code == 0
    assert [line["custom_id"] for line in lines_of(bench, "results.jsonl")] == IDS


@pytest.mark.parametrize("name", ["results.jsonl", "errors.jsonl", "summary.json"])
def test_a_merged_file_that_is_gone_is_made_again_without_a_network(bench: Desk, name: str) -> None:
    with served(bench):
        submitted(bench).run("fetch")
    before = (fetched(bench) / name).read_bytes()
    (fetched(bench) / name).unlink()

    assert bench.run("fetch").code == 0
    assert (fetched(bench) / name).read_bytes() == before


def test_a_table(bench: Desk) -> None:
    import pyarrow.parquet as pq

    ids = ["b", "x-sandbox-fail-500", "a", "y-sandbox-drop"]
    with served(written(bench, ids)):
        ran = submitted(bench).run("fetch", "--parquet", "--allow-errors")

    assert ran.code == 0, ran
    rows: list[dict[str, Any]] = pq.read_table(fetched(bench) / "results.parquet").to_pylist()
    assert [row["custom_id"] for row in rows] == ids
    assert [row["outcome"] for row in rows] == ["ok", "error", "ok", "missing"]
    assert json.loads(rows[0]["body"])["object"] == "list"
    assert (rows[1]["status_code"], rows[1]["attempt"], rows[3]["attempt"]) == (500, 1, None)


# State.


def test_state_says_what_is_here(bench: Desk) -> None:
    with served(bench):
        submitted(bench).run("fetch")

    attempts = [attempt for runs in bench.state()["batches"].values() for each in runs.values() for attempt in each]
    assert sum(attempt["fetched"]["tally"]["ok"] for attempt in attempts) == len(IDS)
    for attempt in attempts:
        for file in attempt["fetched"]["files"]:
            assert (bench.folder / file["path"]).stat().st_size == file["size"]


def test_a_state_that_forgot_finds_what_is_here(bench: Desk) -> None:
    with served(bench):
        submitted(bench)
        bench.run("wait")
        shutil.copy(bench.folder / "s.state.json", bench.folder / "kept.json")
        bench.run("fetch")
    shutil.copy(bench.folder / "kept.json", bench.folder / "s.state.json")
    bench.env.pop("ALPHAEDGE_API_KEY")

    ran = bench.run("fetch")

    assert ran.code == 0
    assert "fetched" in next(iter(next(iter(bench.state()["batches"].values())).values()))[0]


def test_nothing_submitted_is_an_error_that_says_so(bench: Desk) -> None:
    ran = bench.run("fetch", "--json")

    assert ran.code == 1
    assert ran.error["code"] == "no-state"

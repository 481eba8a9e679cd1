"""Local inputs from the command line: patterns, shards, files that do not hold still, and what is remembered."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.cli import Desk, request_lines

ROOT = Path(__file__).parents[2]
NIGHT = ("--at", "2026-11-22T02:30:00Z")
PATTERN = """\
run: {once_per: day}
defaults: {endpoint: /v1/embeddings}
batches:
  - {name: chunks, input: data/chunks-*.jsonl}
"""
APPENDING = """\
import sys
with open(sys.argv[1], "ab", buffering=0) as file:
    print(flush=True)
    while True:
        file.write(b'{"custom_id"')
"""


@pytest.fixture
def chunks(empty: Desk) -> Desk:
    """Three files for one batch."""
    empty.write("s.yaml", PATTERN)
    empty.write("batchrunner.yaml", "{}\n")
    for number in (1, 2, 10):
        empty.write(f"data/chunks-{number}.jsonl", request_lines(f"r{number}"))
    return empty


def addresses(desk: Desk, *arguments: str) -> dict[str, str]:
    """What is planned for each address."""
    ran = desk.run("plan", "s.yaml", *NIGHT, "--json", *arguments)
    assert ran.code == 0, ran
    return {change["address"]: change["action"] for change in ran.document["changes"]}


def test_a_pattern_is_a_batch_for_each_file_for_good(chunks: Desk) -> None:
    files = [f"s/chunks[file=chunks-{number}.jsonl]" for number in (1, 2, 10)]
    assert addresses(chunks) == dict.fromkeys(files, "submit")
    assert list(addresses(chunks)) == files
    assert addresses(chunks, "--target", files[1]) == {files[1]: "submit"}
    assert addresses(chunks, "--target", "chunks") == dict.fromkeys(files, "submit")
    apply = ("apply", "s.yaml", "--sandbox", *NIGHT, "--json")
    assert chunks.run(*apply, "--target", "chunks[file=chunks-2.jsonl]").document["submitted"] == 1
    assert chunks.run(*apply).document["submitted"] == 2
    chunks.write("data/chunks-3.jsonl", request_lines("r3"))
    (chunks.folder / "data/chunks-1.jsonl").unlink()
    again = addresses(chunks, "--sandbox")
    assert again == {
        files[0]: "orphan", files[1]: "unchanged", "s/chunks[file=chunks-3.jsonl]": "submit", files[2]: "unchanged",
    }  # fmt: skip


def test_a_file_that_no_pattern_names_is_no_address(chunks: Desk) -> None:
    ran = chunks.run("plan", "s.yaml", "--target", "chunks[file=chunks-3.jsonl]")
    assert ran.code == 64
    assert "did you mean `s/chunks[file=chunks-" in ran.err


def test_a_saved_plan_names_files_and_not_the_pattern(chunks: Desk) -> None:
    assert chunks.run("plan", "s.yaml", "--sandbox", *NIGHT, "--out", "plan.json").code == 0
    chunks.write("data/chunks-3.jsonl", request_lines("r3"))
    assert chunks.run("apply", "plan.json", "--json").document["submitted"] == 3


def test_what_a_provider_does_not_take_at_once_is_split(desk: Desk) -> None:
    desk.write("data/rows.jsonl", request_lines(*map(str, range(50_001))))
    plan = desk.run("plan", "s.yaml", *NIGHT, "--target", "rows", "--json").document
    assert [(change["address"], change["source"]["requests"]) for change in plan["changes"]] == [
        ("s/rows#1", 50_000), ("s/rows#2", 1),
    ]  # fmt: skip
    report = desk.run("validate", "s.yaml", "--json").document
    size = (desk.folder / "data/rows.jsonl").stat().st_size
    assert (report["files"], report["batches"], report["requests"], report["bytes"]) == (1, 2, 50_001, size)


def test_validate_says_what_it_noticed(desk: Desk) -> None:
    desk.write("data/rows.jsonl", request_lines("one").replace("\n", "\r\n"))
    ran = desk.run("validate", "s.yaml")
    assert (ran.code, ran.err.count("warning: data/rows.jsonl:1: ")) == (0, 1)
    assert desk.run("validate", "s.yaml", "-q").err == ""
    (notice,) = desk.run("validate", "s.yaml", "--json").document["notices"]
    assert (notice["code"], notice["where"]) == ("crlf", "data/rows.jsonl:1")


def test_the_words_of_providers_are_there_for_programs(desk: Desk) -> None:
    lines = [request_lines("one"), "{\n", request_lines("one"), request_lines("two", endpoint="/v1/other")]
    desk.write("data/rows.jsonl", "".join(lines))
    told = {
        each["code"]: each["provider_code"] for each in desk.run("plan", "s.yaml", "--json").document["diagnostics"]
    }
    assert told == {
        "invalid-json-line": "invalid_json_line",
        "duplicate-custom-id": "duplicate_custom_id",
        "url-mismatch": "url_mismatch",
    }
    desk.write("data/rows.jsonl", "")
    (empty,) = desk.run("plan", "s.yaml", "--json").document["diagnostics"]
    assert empty["provider_code"] == "empty_file"


def test_a_file_that_grows_without_end_is_refused_in_the_end(desk: Desk) -> None:
    """Somebody writes to it faster than it is read."""
    path = desk.write("data/rows.jsonl", request_lines(*map(str, range(100_000))))
    with subprocess.Popen([sys.executable, "-c", APPENDING, str(path)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        try:
            ran = desk.run("plan", "s.yaml", *NIGHT)
        finally:
            writer.kill()
    assert ran.code == 1
    assert ran.err == (
        "error[input-changed]: the file changed while it was read\n"
        " --> data/rows.jsonl\n"
        "  = help: run the command again once nothing writes to it any more\n\n"
        "1 error in 1 file\n"
    )


def test_a_pipe_in_a_pattern_is_passed_over(chunks: Desk) -> None:
    os.mkfifo(chunks.folder / "data/chunks-4.jsonl")
    assert len(addresses(chunks)) == 3


# What is remembered.


def caches(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.scans"))


def test_inputs_are_remembered_outside_of_the_repository(desk: Desk) -> None:
    """Of this repository: its inputs have rested."""
    shutil.rmtree(desk.folder / "data")
    specs = str(ROOT / "specs")
    for variables, below in (
        ({"BATCHRUNNER_CACHE": ""}, ".cache/batchrunner"),
        ({"BATCHRUNNER_CACHE": "", "XDG_CACHE_HOME": str(desk.folder / "xdg")}, "xdg/batchrunner"),
        ({"BATCHRUNNER_CACHE": str(desk.folder / "own/place")}, "own/place"),
    ):
        first = desk.run("validate", specs, "--json", env=variables)
        (cache,) = caches(desk.folder / below)
        before = cache.stat()
        assert desk.run("validate", specs, "--json", env=variables) == first
        assert cache.stat().st_mtime_ns == before.st_mtime_ns
        cache.write_bytes(b"garbage")
        assert desk.run("validate", specs, "--json", env=variables) == first
        assert cache.read_bytes().startswith(b"batchrunner scans ")
        cache.unlink()
    assert desk.run("validate", specs, "--json", env={"BATCHRUNNER_CACHE": "off"}) == first
    assert not caches(desk.folder)
    assert not caches(ROOT / "specs")


def test_where_nothing_can_be_remembered_nothing_is_said(desk: Desk) -> None:
    specs = str(ROOT / "specs")
    expected = desk.run("validate", specs)
    assert expected.code == 0
    for home in ("/dev/null", "/proc/self", "/nonexistent/\x01", ""):
        assert desk.run("validate", specs, env={"BATCHRUNNER_CACHE": "", "HOME": home}) == expected
    assert desk.run("validate", specs, env={"BATCHRUNNER_CACHE": "/dev/full/x"}) == expected


TABLE = """\
batches:
  - name: a
    endpoint: /v1/embeddings
    input:
      rows: data/rows.csv
      custom_id: ${row.id}
      body: {model: m, input: "%s"}
"""


def rendering(desk: Desk, characters: int, rows: int) -> None:
    desk.write("s.yaml", TABLE % ("x" * characters))
    desk.write("data/rows.csv", "id\n" + "".join(f"{number}\n" for number in range(rows)))


def test_a_small_table_that_stands_for_much_is_not_rendered_to_its_end(empty: Desk) -> None:
    rendering(empty, 100_000, 100)
    assert empty.run("validate", "s.yaml").code == 0
    ran = empty.run("validate", "s.yaml", env={"BATCHRUNNER_MAX_RENDERED": "1"})
    assert ran.code == 1
    assert "error[renders-too-much]: the inputs stand for more than 1 MB" in ran.err
    assert "s.yaml:5:13" in ran.err


def test_a_template_that_no_line_has_room_for_is_refused_where_it_is_written(empty: Desk) -> None:
    empty.write("batchrunner.yaml", "providers: {alphaedge: {limits: {max_line_bytes: 2000}}}\n")
    rendering(empty, 2_000, 3)
    ran = empty.run("validate", "s.yaml")
    assert ran.code == 1
    assert "error[line-too-long]: data/rows.csv: without a value of any row, the request has 2,0" in ran.err
    assert "s.yaml:7:13" in ran.err


@pytest.mark.parametrize("said", ["-1", "1 GB", "²"])
def test_what_may_be_rendered_is_a_number(empty: Desk, said: str) -> None:
    ran = empty.run("validate", "s.yaml", "--json", env={"BATCHRUNNER_MAX_RENDERED": said})
    assert (ran.code, ran.error["code"]) == (64, "bad-setting")

"""From a workspace to scans: what is read, how often, by which rules, and what is said of it."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.cli import request_lines

from batchrunner.errors import Diagnostic, InvalidFiles
from batchrunner.inputs import Beneath, InputRefused, Scan, scanning
from batchrunner.wiring import Choices, open_workspace
from batchrunner.wiring.scanning import MAX_LISTED, scan_inputs

HEAD = "defaults: {endpoint: /v1/embeddings}\nbatches:\n"


class Folder:
    """A folder of specs, and every file that a pass went over."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.passes: list[str] = []

    def write(self, name: str, content: str) -> Path:
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        (self.path / name).write_text(content)
        return self.path / name

    def scan(self, *targets: str, sandbox: bool = False) -> Mapping[str, Scan]:
        choices = Choices(targets=targets, sandbox=sandbox)
        variables = {"BATCHRUNNER_CACHE": str(self.path.parent / "cache")}
        specs = sorted(str(path) for path in self.path.glob("*.yaml") if path.name != "batchrunner.yaml")
        self.passes.clear()
        return scan_inputs(open_workspace(specs, choices, stdin=bytes, variables=variables))

    def refused(self, *targets: str) -> InvalidFiles:
        with pytest.raises(InvalidFiles) as caught:
            self.scan(*targets)
        return caught.value

    def told(self) -> list[tuple[str, str, int]]:
        return [_told(each, self.path) for each in self.refused().diagnostics]


def _told(diagnostic: Diagnostic, folder: Path) -> tuple[str, str, int]:
    where = os.path.relpath(os.path.join(os.getcwd(), diagnostic.path), folder)
    return diagnostic.code, where, diagnostic.line


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """Its clock stands a day ahead, so that what was written just now has rested."""
    folder = Folder(tmp_path / "work")
    folder.write("batchrunner.yaml", "{}\n")
    folder.write("data/a.jsonl", request_lines("one", "two", "three"))
    really = scanning.scan_lines

    def counting(*arguments: Any, **keywords: Any) -> Scan:
        folder.passes.append(keywords["path"])
        return really(*arguments, **keywords)

    monkeypatch.setattr(scanning, "scan_lines", counting)
    ahead = (tmp_path / "work/data/a.jsonl").stat().st_ctime_ns + 86_400_000_000_000
    monkeypatch.setattr("batchrunner.inputs.cache.time", SimpleNamespace(time_ns=lambda: ahead))
    return folder


def sizes(scan: Scan) -> list[int]:
    return [part.file.requests for part in scan.parts]


# How often a file is read.


def test_one_content_is_read_once_for_all_who_ask_the_same(folder: Folder) -> None:
    same = "  - {name: a, input: data/a.jsonl}\n  - {name: b, input: ./data/../data/a.jsonl}\n"
    folder.write("s.yaml", HEAD + same)
    folder.write("t.yaml", HEAD + same)
    scans = folder.scan()
    assert list(scans) == ["s/a", "s/b", "t/a", "t/b"]
    assert len({id(scan) for scan in scans.values()}) == 1
    assert folder.passes == ["data/a.jsonl"]


def test_other_limits_are_another_question(folder: Folder) -> None:
    folder.write("batchrunner.yaml", "providers: {alphaedge: {limits: {max_requests: 2}}}\n")
    folder.write(
        "s.yaml",
        HEAD
        + "  - {name: a, input: data/a.jsonl}\n"
        + "  - {name: b, input: data/a.jsonl, shard: {max_requests: 1}}\n"
        + "  - {name: c, input: data/a.jsonl, shard: {max_requests: 9}}\n",
    )
    scans = folder.scan()
    assert {address: sizes(scan) for address, scan in scans.items()} == {
        "s/a": [2, 1], "s/b": [1, 1, 1], "s/c": [2, 1],
    }  # fmt: skip
    assert len(folder.passes) == 3


def test_the_sandbox_shows_what_the_provider_would_take(folder: Folder) -> None:
    folder.write("batchrunner.yaml", "providers: {alphaedge: {limits: {max_requests: 2}}}\n")
    folder.write("s.yaml", HEAD + "  - {name: a, input: data/a.jsonl}\n")
    assert sizes(folder.scan(sandbox=True)["s/a"]) == [2, 1]


def test_only_what_is_targeted_is_read_and_a_shard_selects_its_batch(folder: Folder) -> None:
    folder.write("data/b.jsonl", "nonsense\n")
    folder.write(
        "s.yaml",
        HEAD + "  - {name: a, input: data/a.jsonl, shard: {max_requests: 1}}\n  - {name: b, input: 'data/b.*'}\n",
    )
    assert list(folder.scan("a#2")) == ["s/a"]
    assert list(folder.scan("s/a")) == ["s/a"]
    assert folder.refused("b[file=b.jsonl]").diagnostics


# The cache.


def test_what_was_sound_is_not_read_again_until_it_changes(folder: Folder) -> None:
    folder.write("s.yaml", HEAD + "  - {name: a, input: data/*.jsonl}\n")
    folder.write("data/b.jsonl", request_lines("four"))
    first = folder.scan()
    assert folder.passes == ["data/a.jsonl", "data/b.jsonl"]
    assert (folder.scan(), folder.passes) == (first, [])
    folder.write("data/b.jsonl", request_lines("five"))
    second = folder.scan()
    assert folder.passes == ["data/b.jsonl"]
    assert second["s/a[file=a.jsonl]"] == first["s/a[file=a.jsonl]"]
    assert second["s/a[file=b.jsonl]"] != first["s/a[file=b.jsonl]"]


def test_other_rules_read_the_file_again(folder: Folder) -> None:
    folder.write("s.yaml", HEAD + "  - {name: a, input: data/a.jsonl}\n")
    folder.scan()
    folder.write("batchrunner.yaml", "providers: {alphaedge: {limits: {max_requests: 2}}}\n")
    assert (sizes(folder.scan()["s/a"]), folder.passes) == ([2, 1], ["data/a.jsonl"])
    folder.write("s.yaml", HEAD.replace("embeddings", "responses") + "  - {name: a, input: data/a.jsonl}\n")
    assert {code for code, _, _ in folder.told()} == {"url-mismatch"}


def test_templates_are_rules_too(folder: Folder) -> None:
    table = HEAD + "  - {name: a, input: {rows: data/t.csv, custom_id: 'r${row.id}', body: {model: m, input: x}}}\n"
    folder.write("data/t.csv", "id\n1\n2\n")
    folder.write("s.yaml", table)
    first = folder.scan()["s/a"]
    assert folder.scan()["s/a"] == first
    folder.write("s.yaml", table.replace("input: x", "input: y"))
    (part,) = folder.scan()["s/a"].parts
    assert part.file.template is not None
    assert part.file.template.body == {"model": "m", "input": "y"}
    assert part.file.sha256 != first.parts[0].file.sha256


def test_what_is_wrong_is_read_again_and_what_is_sound_beside_it_is_not(folder: Folder) -> None:
    folder.write("s.yaml", HEAD + "  - {name: a, input: data/*.jsonl}\n")
    folder.write("data/b.jsonl", "nonsense\n")
    assert folder.told() == folder.told() == [("invalid-json-line", "data/b.jsonl", 1)]
    assert folder.passes == ["data/b.jsonl"]


def test_from_another_folder_files_are_named_as_seen_from_there(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write("s.yaml", HEAD + "  - {name: a, input: data/a.jsonl}\n")
    folder.write("data/a.jsonl", request_lines("one").replace("\n", "\r\n"))
    seen = {}
    for start in (folder.path, folder.path / "data", folder.path.parent):
        monkeypatch.chdir(start)
        seen[start.name] = [notice.where for notice in folder.scan()["s/a"].notices]
    assert seen == {
        "work": ["data/a.jsonl:1"],
        "data": ["a.jsonl:1"],
        folder.path.parent.name: ["work/data/a.jsonl:1"],
    }
    assert not folder.passes


# What is said.


def test_all_that_is_wrong_is_said_in_the_order_of_specs_and_batches(folder: Folder) -> None:
    folder.write("data/x.jsonl", "[]\n")
    folder.write("data/t.csv", "id\n1\n")
    folder.write(
        "s.yaml",
        HEAD
        + "  - {name: a, input: data/x.jsonl}\n"
        + "  - {name: b, input: data/nope.jsonl}\n"
        + "  - {name: c, input: {rows: data/t.csv, custom_id: '${row.no}', body: {model: m, input: '${row.nor}'}}}\n",
    )
    folder.write("t.yaml", HEAD + "  - {name: a, input: data/gone.jsonl}\n  - {name: b, input: data/x.jsonl}\n")
    expected = [
        ("not-an-object", "data/x.jsonl", 1),
        ("input-not-found", "s.yaml", 4),
        ("unknown-column", "s.yaml", 5),
        ("unknown-column", "s.yaml", 5),
        ("input-not-found", "t.yaml", 3),
    ]
    assert folder.told() == folder.told() == expected


def test_of_a_great_many_problems_some_are_listed(folder: Folder) -> None:
    for number in range(30):
        folder.write(f"data/{number}.jsonl", "[]\n" * 30)
    folder.write("s.yaml", HEAD + "  - {name: a, input: data/*.jsonl}\n")
    refused = folder.refused()
    assert (len(refused.diagnostics), len(refused.diagnostics) + refused.unlisted) == (MAX_LISTED, 900)


def test_a_file_that_changes_while_it_is_read_is_no_input(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else was found may come from that."""
    folder.write("s.yaml", HEAD + "  - {name: a, input: data/a.jsonl}\n")
    counting = scanning.scan_lines

    def changing(*arguments: Any, **keywords: Any) -> Scan:
        with (folder.path / "data/a.jsonl").open("a") as file:
            file.write('{"half a line')
        return counting(*arguments, **keywords)

    with monkeypatch.context() as patched:
        patched.setattr(scanning, "scan_lines", changing)
        assert folder.told() == [("input-changed", "data/a.jsonl", 0)]
    assert folder.told() == [("invalid-json-line", "data/a.jsonl", 4)]


def test_a_table_that_changes_is_not_blamed_on_its_template(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.write("data/t.csv", "id\n1\n")
    table = "  - {name: a, input: {rows: data/t.csv, custom_id: '${row.no}', body: {model: m, input: x}}}\n"
    folder.write("s.yaml", HEAD + table)
    really = Beneath.descriptor

    def changing(self: Beneath, relative: str) -> tuple[int, os.stat_result]:
        opened = really(self, relative)
        folder.write("data/t.csv", "id,no\n1,2\n")
        return opened

    with monkeypatch.context() as patched:
        patched.setattr(Beneath, "descriptor", changing)
        assert folder.told() == [("input-changed", "data/t.csv", 0)]
    assert sizes(folder.scan()["s/a"]) == [1]


# Whoever swaps folders while files are opened.


def contents(beneath: Beneath, names: Sequence[str]) -> list[str]:
    found = []
    for name in names:
        try:
            with beneath.open(name) as stream:
                found.append(stream.read().decode())
        except InputRefused as refusal:
            found.append(refusal.code)
    return found


def test_no_swap_leads_out_of_the_root(tmp_path: Path) -> None:
    root, secret = tmp_path / "root", tmp_path / "secret"
    for folder in (root / "x", root / "y", secret):
        folder.mkdir(parents=True)
        for name in ("1", "2"):
            (folder / name).write_text("secret" if folder == secret else "fine")
    with Beneath(str(root)) as beneath:
        assert contents(beneath, ["x/1"]) == ["fine"]
        (root / "x").rename(tmp_path / "away")
        (root / "x").symlink_to(secret)
        (root / "y" / "2").unlink()
        (root / "y" / "2").symlink_to(secret / "2")
        assert contents(beneath, ["x/2", "y/1", "x/1", "y/2"]) == ["fine", "fine", "input-is-a-link", "input-is-a-link"]


def test_a_folder_stays_open_for_its_files_only(tmp_path: Path) -> None:
    for folder in range(20):
        (tmp_path / f"{folder}").mkdir()
        for file in range(3):
            (tmp_path / f"{folder}" / f"{file}").touch()
    before = len(os.listdir("/dev/fd"))
    with Beneath(str(tmp_path)) as beneath:
        for folder in range(20):
            contents(beneath, [f"{folder}/{file}" for file in range(3)])
            assert len(os.listdir("/dev/fd")) <= before + 1
    assert len(os.listdir("/dev/fd")) == before

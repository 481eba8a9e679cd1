"""Inputs on a real disk: what may be opened, and where a file may be that was meant."""

import os
import socket
from pathlib import Path

import pytest

from batchrunner.inputs import InputRefused, Patterns, open_beneath, path_meant, relative_to_root

# What may be opened.


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "specs" / "data").mkdir(parents=True)
    (root / "specs" / "data" / "x.jsonl").write_bytes(b"x")
    (root / ".hidden").mkdir()
    (root / ".hidden" / "x.jsonl").write_bytes(b"hidden")
    (root / "specs" / ".env").write_bytes(b"KEY=1")
    (tmp_path / "outside.jsonl").write_bytes(b"outside")
    (root / "link.jsonl").symlink_to("specs/data/x.jsonl")
    (root / "out.jsonl").symlink_to(tmp_path / "outside.jsonl")
    (root / "up").symlink_to(tmp_path)
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "fifo")
    return root


def opened(root: Path, path: str, folder: str = "specs") -> bytes:
    relative = relative_to_root(str(root), str(root / folder), path)
    with open_beneath(str(root), relative) as stream:
        return stream.read()


@pytest.mark.parametrize(
    "path", ["data/x.jsonl", "./data//x.jsonl", "../specs/data/x.jsonl", "nowhere/../data/x.jsonl"]
)
def test_files_beneath_the_root_are_read(root: Path, path: str) -> None:
    assert opened(root, path) == b"x"


def test_an_absolute_path_beneath_the_root_is_read(root: Path) -> None:
    assert opened(root, str(root / "specs" / "data" / "x.jsonl")) == b"x"


def test_the_root_itself_may_be_reached_by_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(root)
    assert opened(tmp_path / "alias", "data/x.jsonl") == b"x"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("../../outside.jsonl", "input-outside-root"),
        ("../../root/../outside.jsonl", "input-outside-root"),
        ("../..", "input-outside-root"),
        ("/etc/passwd", "input-outside-root"),
        ("/", "input-outside-root"),
        ("../.hidden/x.jsonl", "input-hidden"),
        (".env", "input-hidden"),
        ("...", "input-hidden"),
        ("../link.jsonl", "input-is-a-link"),
        ("../out.jsonl", "input-is-a-link"),
        ("../up/outside.jsonl", "input-is-a-link"),
        ("../up/root/specs/data/x.jsonl", "input-is-a-link"),
        ("../loop", "input-is-a-link"),
        ("../fifo", "input-not-a-file"),
        ("data", "input-not-a-file"),
        ("data/", "input-not-a-file"),
        ("..", "input-outside-root"),
        ("nowhere.jsonl", "input-not-found"),
        ("nowhere/x.jsonl", "input-not-found"),
        ("data/x.jsonl/y", "input-unreadable"),
        ("x" * 300, "input-unreadable"),
        ("data/x\0.jsonl", "input-not-found"),
        ("\0", "input-not-found"),
        ("\ud800", "input-not-found"),
    ],
)
def test_hostile_paths(root: Path, path: str, code: str) -> None:
    with pytest.raises(InputRefused) as caught:
        opened(root, path)
    assert caught.value.code == code
    assert caught.value.message


@pytest.mark.parametrize(
    "relative",
    ["../outside.jsonl", "specs/../../outside.jsonl", "/etc/passwd", ".hidden/x.jsonl", "specs/.env", "", ".", "a//b"],
)
def test_a_path_from_a_plan_or_a_state_is_trusted_no_more_than_one_from_a_spec(root: Path, relative: str) -> None:
    with pytest.raises(InputRefused) as caught:
        open_beneath(str(root), relative)
    assert caught.value.code == "input-outside-root"


STARTS = "a path starts at the folder of its spec: write "


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("data\\x.jsonl", "write `/` between folders"),
        ("..\\specs\\data\\x.jsonl", "write `/` between folders"),
        ("specs/data/x.jsonl", f"{STARTS}`data/x.jsonl`"),
        ("rows.jsonl", f"{STARTS}`../work/rows.jsonl`"),
        ("data/xx.jsonl", "did you mean `data/x.jsonl`?"),
        ("./data/../data/y.jsonl", "did you mean `./data/../data/x.jsonl`?"),
        ("data/{0}x.jsonl", "did you mean `data/x.jsonl`?"),
        ("../specs/rows.jsonl", ""),
        ("env", ""),
        ("dat", ""),
        ("../link.json", ""),
        ("../outside.json", ""),
        ("outside.jsonl", ""),
        ("link.jsonl", ""),
        ("nowhere/x.jsonl", ""),
        ("far/from/all", ""),
        ("data/x\0.jsonl", "did you mean `data/x.jsonl`?"),
        ("nowhere\0/x.jsonl", ""),
        ("\ud800", ""),
    ],
)
def test_what_was_meant_is_named_if_it_may_be_an_input(
    root: Path, path: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "work").mkdir()
    (root / "work" / "rows.jsonl").write_bytes(b"x")
    monkeypatch.chdir(root / "work")
    assert path_meant(str(root), str(root / "specs"), path, Patterns(str(root))) == hint


def test_what_lies_beside_the_root_is_not_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root.parent)
    assert path_meant(str(root), str(root / "specs"), "outside.jsonl", Patterns(str(root))) == ""


def test_a_name_that_no_spec_can_hold_is_not_named(root: Path) -> None:
    (root / "specs" / "data" / "x.jsonl").rename(root / "specs" / "data" / "x\x1b.jsonl")
    assert path_meant(str(root), str(root / "specs"), "data/x.jsonl", Patterns(str(root))) == ""


def test_devices_and_sockets_are_no_inputs(root: Path) -> None:
    with pytest.raises(InputRefused) as caught:
        open_beneath("/dev", "null")
    assert caught.value.code == "input-not-a-file"
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(root)  # a socket's path is short or not at all
        try:
            listener.bind("socket")
        finally:
            os.chdir(here)
        with pytest.raises(InputRefused):
            open_beneath(str(root), "socket")


def test_a_root_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(InputRefused) as caught:
        open_beneath(str(tmp_path / "gone"), "x")
    assert "gone" in caught.value.message


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_may_not_be_read(root: Path) -> None:
    (root / "specs" / "data" / "x.jsonl").chmod(0)
    with pytest.raises(InputRefused) as caught:
        opened(root, "data/x.jsonl")
    assert caught.value.code == "input-unreadable"


def test_no_descriptor_is_left_open(root: Path) -> None:
    before = len(os.listdir("/dev/fd"))
    for path in ("../fifo", "data", "../link.jsonl", "nowhere/x", "data/x.jsonl/y"):
        with pytest.raises(InputRefused):
            opened(root, path)
    assert opened(root, "data/x.jsonl") == b"x"
    assert len(os.listdir("/dev/fd")) == before

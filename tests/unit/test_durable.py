"""Files that take the place of others: whole or not at all, and nothing is left behind."""

import stat
from pathlib import Path

import pytest

from batchrunner.durable import created, rename, replacing, write_all

lasting_or_not = pytest.mark.parametrize("lasting", [True, False])


def replaced(path: Path, data: bytes, *, lasting: bool) -> None:
    with replacing(path, path.with_suffix(".tmp"), 0o600, lasting=lasting) as descriptor:
        write_all(descriptor, data)


def half_written(path: Path, *, lasting: bool) -> None:
    with replacing(path, path.with_suffix(".tmp"), 0o600, lasting=lasting) as descriptor:
        write_all(descriptor, b"ne")
        raise KeyboardInterrupt


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@lasting_or_not
def test_a_new_file_takes_the_place_of_the_old(lasting: bool, tmp_path: Path) -> None:
    for data in (b"old", b"new"):
        replaced(tmp_path / "x", data, lasting=lasting)
    assert files_in(tmp_path) == {"x": b"new"}
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o600


@lasting_or_not
def test_what_could_not_be_written_leaves_the_old(lasting: bool, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        half_written(tmp_path / "x", lasting=lasting)
    assert files_in(tmp_path) == {"x": b"old"}


@lasting_or_not
def test_what_cannot_get_its_name_is_gone(lasting: bool, tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(IsADirectoryError):
        replaced(tmp_path / "x", b"new", lasting=lasting)
    assert files_in(tmp_path) == {}


def test_what_a_killed_process_left_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "x.tmp").write_bytes(b"more than the new one has")
    replaced(tmp_path / "x", b"new", lasting=True)
    assert files_in(tmp_path) == {"x": b"new"}


def test_a_link_in_its_way_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"other")
    (tmp_path / "x.tmp").symlink_to(tmp_path / "other")
    replaced(tmp_path / "x", b"new", lasting=True)
    assert files_in(tmp_path) == {"x": b"new", "other": b"other"}


def test_a_file_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"old")
    with pytest.raises(FileExistsError), created(tmp_path / "x", 0o600):
        pass
    assert files_in(tmp_path) == {"x": b"old"}


def test_names_without_a_folder_are_of_the_current_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("part").write_bytes(b"whole")
    rename("part", "x")
    assert files_in(tmp_path) == {"x": b"whole"}

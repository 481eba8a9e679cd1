"""Which files the paths of a command line stand for."""

import os
from pathlib import Path

import pytest

from batchrunner.errors import InvalidFiles
from batchrunner.loader import find_specs
from batchrunner.loader.files import read_file

SPEC = "batches: []\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("b.yaml", "a.yml", ".hidden.yaml", "batchrunner.yaml", "notes.txt", "plan.json", "below/c.yaml"):
        path = tmp_path / "specs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SPEC)
    (tmp_path / "specs" / "d.yaml").mkdir()
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        (["specs/b.yaml"], ["specs/b.yaml"]),
        (["specs"], ["specs/a.yml", "specs/b.yaml"]),
        (["specs/"], ["specs/a.yml", "specs/b.yaml"]),
        (["-"], ["-"]),
        (["specs/b.yaml", "specs"], ["specs/b.yaml", "specs/a.yml"]),
        (["specs/b.yaml", "./specs/../specs/b.yaml", "specs/*.yaml"], ["specs/b.yaml"]),
        (["specs/**/*.y*ml"], ["specs/a.yml", "specs/b.yaml", "specs/below/c.yaml"]),
        (["specs/?.yaml", "-", "-"], ["specs/b.yaml", "-"]),
        ([], []),
    ],
)
def test_paths_stand_for_specs(paths: list[str], found: list[str]) -> None:
    assert find_specs(paths) == tuple(found)


@pytest.mark.parametrize(
    ("path", "code", "said"),
    [
        ("specs/bb.yaml", "no-such-file", "did you mean `specs/b.yaml`?"),
        ("nowhere/x.yaml", "no-such-file", ""),
        ("a\0b", "no-such-file", "NUL"),
        ("empty", "no-specs", "no spec"),
        (".", "no-specs", "**"),
        ("specs/*.json", "no-specs", "matches"),
        ("x*.yaml", "no-specs", "matches"),
        ("specs/plan.json", "not-a-spec", "saved plan"),
        ("specs/notes.txt", "not-a-spec", ".yaml"),
        ("specs/batchrunner.yaml", "not-a-spec", "project file"),
    ],
)
def test_paths_that_stand_for_none_are_refused(path: str, code: str, said: str) -> None:
    with pytest.raises(InvalidFiles) as raised:
        find_specs([path])
    (diagnostic,) = raised.value.diagnostics
    assert (diagnostic.code, diagnostic.path) == (code, path)
    assert said in f"{diagnostic.message} {diagnostic.hint}"


def test_a_link_to_a_spec_is_that_spec(folder: Path) -> None:
    os.symlink(folder / "specs" / "b.yaml", folder / "link.yaml")
    assert find_specs(["link.yaml", "specs/b.yaml"]) == ("link.yaml",)


@pytest.mark.parametrize(
    ("link", "target", "code"),
    [
        ("repository/specs/out.yaml", "secret.yaml", "outside-root"),
        ("repository/specs/key.yaml", "repository/.git/config", "not-a-spec"),
        ("repository/specs/other.yaml", "repository/shared/other.yaml", ""),
        ("repository/outside", "elsewhere", "outside-root"),
        ("bare/specs/out.yaml", "secret.yaml", "outside-root"),
        ("bare/specs/..data", "bare/specs/..2026", ""),
        ("bare/linked", "elsewhere", ""),
    ],
)
def test_a_link_stays_in_the_work_tree_or_the_folder(folder: Path, link: str, target: str, code: str) -> None:
    for name in ("secret.yaml", "elsewhere/.git/HEAD", "elsewhere/s.yaml", "repository/.git/config",
                 "repository/shared/other.yaml", "repository/specs/a.yaml", "bare/specs/..2026/s.yaml"):  # fmt: skip
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SPEC)
    os.symlink(folder / target, folder / link)
    path = f"{link}/s.yaml" if (folder / target).is_dir() else link
    if not code:
        assert read_file(path).data == SPEC.encode()
        return
    with pytest.raises(InvalidFiles) as raised:
        read_file(path)
    assert raised.value.diagnostics[0].code == code


def test_a_file_with_a_pattern_for_a_name_is_itself(folder: Path) -> None:
    (folder / "a[1].yaml").write_text(SPEC)
    assert find_specs(["a[1].yaml"]) == ("a[1].yaml",)


def test_every_path_that_is_wrong_is_told() -> None:
    with pytest.raises(InvalidFiles) as raised:
        find_specs(["nope.yaml", "specs", "empty"])
    assert [diagnostic.path for diagnostic in raised.value.diagnostics] == ["nope.yaml", "empty"]

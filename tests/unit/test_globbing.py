"""Patterns on a real disk: which files they name, in which order, and what they never reach."""

import os
import re
import socket
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchrunner.address import MATRIX_VALUE
from batchrunner.inputs import InputRefused, Patterns, path_meant
from batchrunner.inputs.globbing import DEEPEST, Pattern, is_fit, is_pattern

FILES = (
    "a1.jsonl", "a2.jsonl", "a10.jsonl", "a02.jsonl", "b.csv", "[a]1.jsonl", "a{1}.jsonl", "x/a1.jsonl", "x/y/a1.jsonl",
    "x/y/z/b.csv", "y/a1.jsonl", "y/é.jsonl", ".hidden.jsonl", ".x/a1.jsonl", "x/.y/a1.jsonl",
)  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    for name in FILES:
        path = root / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (root / "specs").mkdir()
    return root


def names(root: Path, path: str, folder: str = "data") -> list[str]:
    return list(Patterns(str(root)).files(str(root / folder), path).names)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a*.jsonl", ["a1.jsonl", "a02.jsonl", "a2.jsonl", "a10.jsonl", "a{1}.jsonl"]),
        ("a?.jsonl", ["a1.jsonl", "a2.jsonl"]),
        ("a??.jsonl", ["a02.jsonl", "a10.jsonl"]),
        ("*.csv", ["b.csv"]),
        ("*", ["a1.jsonl", "a02.jsonl", "a2.jsonl", "a10.jsonl", "a{1}.jsonl", "b.csv"]),
        ("*/a1.jsonl", ["x/a1.jsonl", "y/a1.jsonl"]),
        ("x/*", ["a1.jsonl"]),
        ("x/*/*.jsonl", ["y/a1.jsonl"]),
        ("**/b.csv", ["b.csv", "x/y/z/b.csv"]),
        ("x/**/b.csv", ["y/z/b.csv"]),
        ("x/**", ["a1.jsonl", "y/a1.jsonl", "y/z/b.csv"]),
        ("x/**/", ["a1.jsonl", "y/a1.jsonl", "y/z/b.csv"]),
        ("**/y/*.jsonl", ["x/y/a1.jsonl", "y/a1.jsonl", "y/é.jsonl"]),
        ("**/y/**/*", ["x/y/a1.jsonl", "x/y/z/b.csv", "y/a1.jsonl", "y/é.jsonl"]),
        ("**/**/a1.jsonl", ["a1.jsonl", "x/a1.jsonl", "x/y/a1.jsonl", "y/a1.jsonl"]),
        ("**.csv", ["b.csv"]),
        ("*/y/*", ["x/y/a1.jsonl"]),
        (".//./x//./*.jsonl", ["a1.jsonl"]),
        ("a{?}.jsonl", ["a{1}.jsonl"]),
        ("y/?.jsonl", ["é.jsonl"]),
        ("../data/x/*", ["a1.jsonl"]),
        ("nowhere/../x/*", ["a1.jsonl"]),
    ],
)
def test_what_is_named_and_in_which_order(root: Path, pattern: str, expected: list[str]) -> None:
    (root / "data" / "[a]1.jsonl").unlink()
    assert names(root, pattern) == expected


def test_only_stars_and_question_marks_are_special(root: Path) -> None:
    with pytest.raises(InputRefused):
        names(root, "[ab]?.jsonl")
    assert not is_pattern("data/[ab]{1,2}!$^.jsonl")


def test_the_folder_of_a_pattern_is_as_it_was_written(root: Path) -> None:
    for path, folder in (
        ("x/*", "x/"),
        ("*", ""),
        ("./x/y/*/b.csv", "./x/y/"),
        (f"{root}/data/x/*", f"{root}/data/x/"),
    ):
        assert Patterns(str(root)).files(str(root / "data"), path).folder == folder


def test_the_root_itself_can_be_looked_in(root: Path) -> None:
    (root / "top.jsonl").touch()
    assert names(root, "*.jsonl", ".") == ["top.jsonl"]
    assert names(root, "../*.jsonl", "specs") == ["top.jsonl"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("../../*.jsonl", "input-outside-root"),
        ("/*", "input-outside-root"),
        ("/etc/*", "input-outside-root"),
        ("*/../../*.jsonl", "bad-pattern"),
        ("*/..", "bad-pattern"),
        (".*", "bad-pattern"),
        ("*/.git/*", "bad-pattern"),
        (".x/*", "input-hidden"),
        ("nope/*.jsonl", "input-not-found"),
        ("x/*.txt", "no-file-matches"),
        ("a1.jsonl/*", "input-unreadable"),
        ("\0/*", "input-not-found"),
        ("\ud800/*", "input-not-found"),
    ],
)
def test_hostile_and_empty_patterns(root: Path, path: str, code: str) -> None:
    (root.parent / "outside.jsonl").touch()
    with pytest.raises(InputRefused) as caught:
        names(root, path)
    assert caught.value.code == code


def test_links_are_never_followed_and_never_match(root: Path) -> None:
    (root.parent / "secret").mkdir()
    (root.parent / "secret" / "a9.jsonl").touch()
    (root / "data" / "a9.jsonl").symlink_to("a1.jsonl")
    (root / "data" / "out").symlink_to(root.parent / "secret")
    (root / "data" / "in").symlink_to("x")
    (root / "data" / "loop").symlink_to(".")
    found = names(root, "**/*.jsonl")
    assert not {name for name in found if name.startswith(("a9", "out", "in", "loop"))}
    assert len(found) == 9 + 1
    for path in ("in/*", "out/*", "loop/*"):
        with pytest.raises(InputRefused) as caught:
            names(root, path)
        assert caught.value.code == "input-is-a-link"
    with pytest.raises(InputRefused) as caught:
        names(root, "a9*")
    assert "symbolic links" in caught.value.message


def test_pipes_sockets_and_folders_never_match(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(root / "data" / "a7.jsonl")
    (root / "data" / "a8.jsonl").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(root / "data")  # a socket's path is short or not at all
        listener.bind("a9.jsonl")
        assert not {"a7.jsonl", "a8.jsonl", "a9.jsonl"} & set(names(root, "*.jsonl"))


@pytest.mark.parametrize("name", ["a b\nc.jsonl", "\x1b[31mred.jsonl", "a=b.jsonl", "a,b.jsonl", "a#1.jsonl", "x" * 65])
def test_names_that_no_address_can_hold_are_told_apart(root: Path, name: str) -> None:
    (root / "data" / "x" / name).touch()
    found = Patterns(str(root)).files(str(root / "data"), "x/*")
    assert name in found.names
    (told,) = found.unfit
    assert told.isprintable()


def test_a_name_that_is_not_unicode_is_no_part_of_an_address(root: Path) -> None:
    with open(os.fsencode(root / "data" / "x") + b"/\xff.jsonl", "wb"):
        pass
    assert Patterns(str(root)).files(str(root / "data"), "x/*").unfit == ("\\udcff.jsonl",)


def test_more_files_than_anybody_means(tmp_path: Path) -> None:
    for number in range(10_000):
        os.mknod(tmp_path / f"{number}.jsonl")
    assert len(names(tmp_path, "*.jsonl", ".")) == 10_000
    (tmp_path / "one-more.jsonl").touch()
    with pytest.raises(InputRefused) as caught:
        names(tmp_path, "*.jsonl", ".")
    assert caught.value.code == "too-many-files"
    assert names(tmp_path, "one-*.jsonl", ".") == ["one-more.jsonl"]


def test_a_folder_of_very_many_files_is_looked_through(tmp_path: Path) -> None:
    for number in range(20_000):
        os.mknod(tmp_path / f"other-{number}")
    (tmp_path / "a.jsonl").touch()
    assert names(tmp_path, "*.jsonl", ".") == ["a.jsonl"]
    with pytest.raises(InputRefused) as caught:
        names(tmp_path, "*", ".")
    assert caught.value.code == "too-many-files"
    root = str(tmp_path)
    assert path_meant(root, root, "nothing-*", Patterns(root)).startswith("in `.` there is `other-")


def test_more_folders_than_an_address_can_hold(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(DEEPEST):
        deep /= "d"
        deep.mkdir()
    (deep / "f").touch()
    assert len(Patterns(str(tmp_path)).files(str(tmp_path), "**/f").unfit) == 1
    (deep / "d").mkdir()
    with pytest.raises(InputRefused) as caught:
        names(tmp_path, "**/f", ".")
    assert caught.value.code == "pattern-too-wide"
    assert caught.value.message


def test_what_is_looked_at_again_for_other_patterns_is_bounded(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batchrunner.inputs.globbing.MOST_AGAIN", 500)
    patterns, folder = Patterns(str(root)), str(root / "data")
    for _ in range(100):  # what is known of a pattern is not looked for
        assert patterns.files(folder, "**/z/b.csv").names == ("x/y/z/b.csv",)
    (root / "data" / "x" / "a1.jsonl").unlink()  # nor is a folder read again
    assert patterns.files(folder, "x/a*").names == ("a1.jsonl",)
    with pytest.raises(InputRefused, match="too many names") as caught:
        _ = [patterns.files(folder, "**/" * number + "*.jsonl") for number in range(100)]
    assert caught.value.code == "pattern-too-wide"


def test_a_folder_that_is_swapped_for_a_link_is_not_entered(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between seeing a folder and opening it, it becomes a link that leads out."""
    (root.parent / "secret").mkdir()
    (root.parent / "secret" / "a9.jsonl").touch()
    really, swapped = os.open, []

    def swapping(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if path == "y" and not swapped:
            swapped.append((root / "data" / "x" / "y").rename(root / "data" / "was-y"))
            (root / "data" / "x" / "y").symlink_to(root.parent / "secret")
        return really(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", swapping)
    assert names(root, "x/**/*.jsonl") == ["a1.jsonl"]
    assert swapped


def test_no_descriptor_is_left_open(root: Path) -> None:
    before = len(os.listdir("/dev/fd"))
    names(root, "**")
    for path in ("nope/*", "x/*.txt", "../../*", "in/*", "*/.."):
        with pytest.raises(InputRefused):
            names(root, path)
        path_meant(str(root), str(root / "data"), path.replace("..", "x"), Patterns(str(root)))
    assert len(os.listdir("/dev/fd")) == before


def test_what_an_attacker_would_match_takes_linear_time(tmp_path: Path) -> None:
    # With backtracking these would not be done before the sun is.
    (tmp_path / ("a" * 250)).touch()
    with pytest.raises(InputRefused):
        names(tmp_path, "*a" * 100 + "b", ".")
    with pytest.raises(InputRefused):
        names(tmp_path, "**/" * 1000 + "*b", ".")


# Against the rules, said the slow way.

letters = st.text("ab.", min_size=1, max_size=3).filter(lambda name: not name.startswith("."))
trees = st.sets(st.lists(letters, min_size=1, max_size=3).map("/".join), min_size=1, max_size=12)
components = st.text("ab.*?", min_size=1, max_size=3).filter(lambda part: not part.startswith("."))
patterns = st.lists(components | st.just("**"), min_size=1, max_size=4).map("/".join).filter(is_pattern)


def naive(path: list[str], parts: list[str]) -> bool:
    """Whether a path matches, by trying everything."""
    if not parts or not path:
        return not parts and not path
    if parts[0] == "**":
        return naive(path, parts[1:]) or naive(path[1:], parts)
    escaped = re.escape(parts[0]).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(escaped, path[0]) is not None and naive(path[1:], parts[1:])


@settings(max_examples=300, deadline=None)
@given(trees, patterns)
def test_a_pattern_names_what_the_rules_say(
    tmp_path_factory: pytest.TempPathFactory, tree: set[str], path: str
) -> None:
    root = tmp_path_factory.mktemp("tree")
    made = {name for name in tree if _make(root / name)}
    parts = path.split("/") + (["*"] if path.endswith("**") and path.split("/")[-1] == "**" else [])
    folder = Pattern.of(path).folder
    expected = {name.removeprefix(folder) for name in made if naive(name.split("/"), parts)}
    try:
        found = Patterns(str(root)).files(str(root), path)
    except InputRefused:
        assert not expected
    else:
        assert set(found.names) == expected
        assert len(found.names) == len(expected)


def _make(path: Path) -> bool:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(exist_ok=False)
    except OSError:  # a folder is in the way, or a file where a folder should be
        return False
    return True


@given(st.text(max_size=70))
def test_what_fits_into_an_address_is_a_matrix_value_that_can_be_printed(name: str) -> None:
    if is_fit(name):
        assert MATRIX_VALUE.match(name)
        assert name.encode()
        assert not set("\n\x1b\u202e\u200b") & set(name)


# What was meant.


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("data/x/*", "a path starts at the folder of its spec: write `../data/x/*`"),
        ("../data/c*.csv", "in `../data/` there is `b.csv`"),
        ("../data/q-*.parquet", "in `../data/` there is `[a]1.jsonl`, `a02.jsonl`, `a1.jsonl` and 4 more"),
        ("../dta/*.jsonl", "did you mean `../data`?"),
        ("..\\data\\*.jsonl", "write `/` between folders"),
        ("*.jsonl", "there is no file in `.`"),
        ("nowhere/at/all/*", ""),
    ],
)
def test_hints_name_what_lies_near(root: Path, path: str, hint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    assert path_meant(str(root), str(root / "specs"), path, Patterns(str(root))) == hint

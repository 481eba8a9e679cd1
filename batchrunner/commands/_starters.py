"""What `batchrunner init` writes: files of the package, as they are, below `batchrunner/starters`."""

from collections.abc import Iterator, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable

Part = tuple[str, str]
"""A folder, or a file, of the starters, and where in a repository it goes; empty for its root."""

SPECS: dict[bool, Sequence[Part]] = {False: [("base", ""), ("first", "")], True: [("base", ""), ("demo", "")]}
"""By whether it is the demonstration."""
PIPELINES: dict[tuple[str, bool], Sequence[Part]] = {
    ("github", False): [("github", ".github")],
    ("github", True): [("github", ".github"), ("demo-github", ".github")],
    ("gitlab", False): [("gitlab", ""), ("github/batchrunner/keep-state.sh", ".gitlab/batchrunner")],
    ("gitlab", True): [("gitlab", ""), ("github/batchrunner/keep-state.sh", ".gitlab/batchrunner")],
}
HIDDEN = {"gitignore", "gitlab-ci.yml", "pre-commit-config.yaml"}
"""Files that get a dot before their name. In the package a `.gitignore` would be one of its own."""


def starter_files(pipeline: str, *, demo: bool) -> dict[str, str]:
    """The files of a new repository by path: `pipeline` is github, gitlab or none."""
    parts = [*SPECS[demo], *PIPELINES.get((pipeline, demo), [])]
    return {path: text for source, target in parts for path, text in _below(_starter(source), target)}


def ignored_lines() -> list[str]:
    """The lines that a .gitignore needs."""
    return _starter("base/gitignore").read_text(encoding="utf-8").splitlines()


def _starter(name: str) -> Traversable:
    return files("batchrunner").joinpath("starters", *name.split("/"))


def _below(source: Traversable, target: str) -> Iterator[Part]:
    if source.is_file():
        yield _path(target, source.name), source.read_text(encoding="utf-8")
        return
    for each in sorted(source.iterdir(), key=lambda each: each.name):
        yield from _below(each, _path(target, each.name) if each.is_dir() else target)


def _path(folder: str, name: str) -> str:
    shown = f".{name}" if name in HIDDEN else name
    return f"{folder}/{shown}" if folder else shown

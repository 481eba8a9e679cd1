"""Where paths of the command line lie in a git repository, and the specs that they stood for at a revision of it."""

import os
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from batchrunner.errors import InvalidFiles, Refused, UsageError
from batchrunner.loader import find_specs, is_spec_name, work_tree
from batchrunner.revisions import Entry, Repository
from batchrunner.wiring.workspace import nearest_folder

WILD = frozenset("*?[")
GONE = frozenset({"no-such-file", "no-specs"})


def paths_gone(paths: Sequence[str], revision: str, variables: Mapping[str, str]) -> frozenset[str]:
    """Those of `paths` that have no spec any more and had one at `revision`: that it is deleted is no mistake.

    Raises as `compare` does, where it has to look.
    """
    return frozenset(path for path in paths if _is_empty(path) and _was_there(path, revision, variables))


def _is_empty(path: str) -> bool:
    try:
        find_specs([path])
    except InvalidFiles as error:
        return all(each.code in GONE for each in error.diagnostics)
    return False


def _was_there(path: str, revision: str, variables: Mapping[str, str]) -> bool:
    if "\0" in path or work_tree(Path(os.path.realpath(nearest_folder(path)))) is None:
        return False
    repository = repository_of([path], variables)
    inside = within(repository.top, path)
    if inside is None:
        return False
    start = within(repository.top, nearest_folder(path)) or ""
    tree = repository.tree(repository.commit(revision), [start])
    return any(specs_in(tree, path, inside, repository.top))


def repository_of(paths: Sequence[str], variables: Mapping[str, str]) -> Repository:
    """The repository of the first of `paths`. Raises `Refused` `no-repository`, `UsageError` `base-of-stdin`."""
    if "-" in paths:
        raise UsageError("base-of-stdin", "standard input has no revisions to compare with", where="--base",
                         hint="give the specs as files, or leave --base out")  # fmt: skip
    start = Path(os.path.realpath(nearest_folder(paths[0])))
    top = work_tree(start)
    if top is None:
        raise Refused("no-repository", "--base needs a git work tree, and this is none", where=str(start),
                      hint="run it in a clone, or leave --base out")  # fmt: skip
    return Repository(str(top), variables)


def within(top: str, path: str) -> str | None:
    """`path` relative to `top`, links in its folder followed; None outside of it."""
    folder, name = os.path.split(os.path.abspath(path))
    real = os.path.join(os.path.realpath(folder), name)
    inside = os.path.relpath(real, os.path.realpath(top))
    if inside == os.curdir:
        return ""
    return None if inside.split(os.sep)[0] == os.pardir else inside


def specs_in(tree: Mapping[str, Entry], path: str, inside: str, top: str) -> Iterator[tuple[str, str]]:
    """The specs of `tree` that `path`, `inside` the repository at `top`, stands for: as typed, and as it has them."""
    if inside in tree:
        yield path, inside
    elif WILD.intersection(path):
        parts = inside.split("/")
        for each in tree:
            if is_spec_name(os.path.basename(each)) and _matches(parts, each.split("/")):
                yield os.path.relpath(os.path.join(top, each)), each
    else:
        prefix = f"{inside}/" if inside else ""
        for each in tree:
            name = each.removeprefix(prefix)
            if each.startswith(prefix) and "/" not in name and is_spec_name(name):
                yield os.path.join(path, name), each


def _matches(parts: Sequence[str], names: Sequence[str]) -> bool:
    """Whether a path of `names` is what a pattern of `parts` names, as a shell that knows `**` would say.

    Hidden files and folders are matched by no wildcard.
    """
    if not parts or not names:
        return not parts and not names
    hidden = names[0].startswith(".") and not parts[0].startswith(".")
    if parts[0] == "**":
        return _matches(parts[1:], names) or (not hidden and _matches(parts, names[1:]))
    return not hidden and fnmatchcase(names[0], parts[0]) and _matches(parts[1:], names[1:])

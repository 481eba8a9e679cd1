"""Where the file may be that an input path was meant to lead to."""

import os
from collections.abc import Callable
from functools import partial
from itertools import islice

from batchrunner.inputs.globbing import Pattern, Patterns, is_pattern
from batchrunner.inputs.opening import InputRefused, open_beneath, open_folder, relative_to_root
from batchrunner.suggestions import did_you_mean, listed

_LOOKED_AT = 1000
_SHOWN = 3


def path_meant(root: str, folder: str, path: str, patterns: Patterns) -> str:
    """A hint for a `path` at which, from `folder`, there is no file; empty where nothing is near.

    It names only what may be an input: regular files beneath `root` that are not hidden. For a pattern that no file
    matches it is what lies where they were looked for. `patterns` are those beneath `root`.
    """
    if "\\" in path:
        return "write `/` between folders"
    if is_pattern(path):
        matches_any = partial(_matches_any, patterns)
        return _from_elsewhere(root, folder, path, matches_any) or _beside(root, folder, Pattern.of(path))
    return _from_elsewhere(root, folder, path, _may_be_input) or _similar(root, folder, path, _is_plain_file)


def _from_elsewhere(root: str, folder: str, path: str, is_meant: Callable[[str, str, str], bool]) -> str:
    for start in (root, os.curdir):
        meant = os.path.relpath(os.path.join(os.path.realpath(start), path), os.path.realpath(folder))
        if is_meant(root, folder, meant):
            return f"a path starts at the folder of its spec: write `{meant}`"
    return ""


def _may_be_input(root: str, folder: str, path: str) -> bool:
    try:
        open_beneath(root, relative_to_root(root, folder, path)).close()
    except InputRefused:
        return False
    return True


def _matches_any(patterns: Patterns, _root: str, folder: str, path: str) -> bool:
    try:
        return bool(patterns.files(folder, path).names)
    except InputRefused:
        return False


def _similar(root: str, folder: str, path: str, is_kind: "Callable[[os.DirEntry[str]], bool]") -> str:
    inside, name = os.path.split(relative_to_root(root, folder, path))
    beside = os.path.dirname(path.rstrip("/")).replace("{", "{{").replace("}", "}}")
    return did_you_mean(name, _names(root, inside, is_kind) or (), os.path.join(beside, "{}"))


def _beside(root: str, folder: str, pattern: Pattern) -> str:
    """What is in the folder of `pattern`: the file that is nearest by name, or the first ones."""
    shown = pattern.folder or os.curdir
    names = _names(root, relative_to_root(root, folder, shown), _is_plain_file)
    if names is None:
        return _similar(root, folder, pattern.folder.rstrip("/"), _is_plain_folder)
    if not names:
        return f"there is no file in `{shown}`"
    if near := did_you_mean(pattern.parts[-1], names):
        return f"in `{shown}` there is {near.removeprefix('did you mean ').removesuffix('?')}"
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return f"in `{shown}` there is {listed(sorted(names)[:_SHOWN])}{more}"


def _names(root: str, inside: str, is_kind: "Callable[[os.DirEntry[str]], bool]") -> list[str] | None:
    """Names in a folder, of its first thousand; None where the folder is missing too, or its name is none."""
    try:
        folder = open_folder(root, inside or os.curdir)
    except InputRefused:
        return None
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in islice(entries, _LOOKED_AT) if _is_plain(entry.name) and is_kind(entry)]
    except OSError:
        return None
    finally:
        os.close(folder)


def _is_plain(name: str) -> bool:
    # What no spec can hold is no help either.
    return name.isprintable() and not name.startswith(".")


def _is_plain_file(entry: "os.DirEntry[str]") -> bool:
    return entry.is_file(follow_symlinks=False)


def _is_plain_folder(entry: "os.DirEntry[str]") -> bool:
    return entry.is_dir(follow_symlinks=False)

"""Where the file may be that an input path was meant to lead to."""

import os
from itertools import islice

from batchrunner.inputs.opening import InputRefused, open_beneath, relative_to_root
from batchrunner.suggestions import did_you_mean

_LOOKED_AT = 1000


def path_meant(root: str, folder: str, path: str) -> str:
    """A hint for a `path` at which, from `folder`, there is no file; empty where nothing is near.

    It names only what may be an input: regular files beneath `root` that are not hidden.
    """
    if "\\" in path:
        return "write `/` between folders"
    return _from_elsewhere(root, folder, path) or _similar(root, folder, path)


def _from_elsewhere(root: str, folder: str, path: str) -> str:
    for start in (root, os.curdir):
        meant = os.path.relpath(os.path.join(os.path.realpath(start), path), os.path.realpath(folder))
        if _may_be_input(root, folder, meant):
            return f"a path starts at the folder of its spec: write `{meant}`"
    return ""


def _may_be_input(root: str, folder: str, path: str) -> bool:
    try:
        open_beneath(root, relative_to_root(root, folder, path)).close()
    except InputRefused:
        return False
    return True


def _similar(root: str, folder: str, path: str) -> str:
    inside, name = os.path.split(relative_to_root(root, folder, path))
    try:
        with os.scandir(os.path.join(root, inside)) as entries:
            names = [entry.name for entry in islice(entries, _LOOKED_AT) if _is_plain(entry)]
    except (OSError, ValueError):  # the folder is missing too, or its name is none
        return ""
    beside = os.path.dirname(path.rstrip("/")).replace("{", "{{").replace("}", "}}")
    return did_you_mean(name, names, os.path.join(beside, "{}"))


def _is_plain(entry: "os.DirEntry[str]") -> bool:
    # What no spec can hold is no help either.
    visible = entry.name.isprintable() and not entry.name.startswith(".")
    return visible and entry.is_file(follow_symlinks=False)

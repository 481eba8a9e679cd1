"""The project in force: its file, found and read, laid over the providers that are built in."""

import os
from collections.abc import Iterator
from pathlib import Path
from shlex import quote

from batchrunner.catalog import built_in
from batchrunner.errors import Diagnostic, InvalidFiles
from batchrunner.extensions import Providers
from batchrunner.loader.confines import work_tree
from batchrunner.loader.files import PROJECT_FILE
from batchrunner.loader.findings import Source
from batchrunner.loader.profiles import unknown_profile
from batchrunner.project import Policy, Project


def load_project(explicit: str | None, start: Path, profile: str = "") -> Project:
    """The project that a spec in the folder `start` belongs to, with that profile of it in force, empty for none.

    Its file is `explicit` (or the `batchrunner.yaml` in that folder), else the `batchrunner.yaml` in `start` or the
    nearest folder around it, not looking beyond a git work tree. Its root is the file's folder, else the work tree's
    root, else `start`. Raises `InvalidFiles`, `nested-project-file` too, and `UsageError` `unknown-profile`.
    """
    here = start.absolute()
    top = work_tree(here)
    path = _named(explicit) if explicit else _found(here, top)
    if path is None:
        if profile:
            raise unknown_profile(profile, {}, "")
        return bare_project(str(top or here))
    # The models of the project file are only imported where there is one.
    from batchrunner.loader.projectfile import read_project

    return read_project(path, profile)


def bare_project(root: str) -> Project:
    """The project where there is no project file."""
    return Project(
        root=root, path="", name="", state_url="", state_env="", providers=Providers(built_in()), policy=Policy()
    )


def project_of(source: Source, profile: str = "") -> Project:
    """The project whose file is `source`, wherever its bytes come from. Raises as `load_project` does."""
    from batchrunner.loader.projectfile import parse_project

    return parse_project(source, profile)


def _found(here: Path, top: Path | None) -> str | None:
    found = list(_around(here, top))
    # Who may write specs may write beside them, and would be rid of the policy and send keys elsewhere.
    if top and len(found) > 1:
        raise _nested(found[0], found[1])
    return found[0] if found else None


def _around(here: Path, top: Path | None) -> Iterator[str]:
    """The project files in `here` and the folders around it, the nearest first."""
    for folder in (here, *here.parents):
        if os.path.isfile(folder / PROJECT_FILE):
            yield os.path.relpath(folder / PROJECT_FILE)
        if folder == top:
            break


def _nested(inner: str, outer: str) -> InvalidFiles:
    message = f"there is a project file around this one, {outer}, and its policy could be left out by adding a file"
    hint = f"remove this one, or say which of them counts: --project {quote(outer)}"
    return InvalidFiles((Diagnostic(code="nested-project-file", message=message, path=inner, hint=hint),))


def _named(path: str) -> str:
    file = os.path.join(path, PROJECT_FILE) if os.path.isdir(path) else path
    if "\0" in file or not os.path.exists(file):
        message = "there is no such project file"
        raise InvalidFiles((Diagnostic(code="no-such-file", message=message, path=file),))
    return file

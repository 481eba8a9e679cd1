"""Whether a spec that has no state here left one behind in another folder, which would be paid for again."""

import os
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from batchrunner.desired import Desired, content_of
from batchrunner.errors import Refused, StateError
from batchrunner.loader.files import has_spec
from batchrunner.spec import Spec
from batchrunner.state import Entry, State
from batchrunner.wiring.moving import states_among
from batchrunner.wiring.places import SNAPSHOT
from batchrunner.wiring.workspace import Workspace

if TYPE_CHECKING:
    from batchrunner.stores import FileStore

MOST_FOLDERS = 2_000
"""Folders that are looked into, the near ones first: a plan stays quick in a repository of any size."""
_PASSED_BY = frozenset({"results", "node_modules", "venv", "__pycache__"})

Marks = Collection[tuple[str, str]]
"""Run keys, each with the content of what is wanted for it, or with its address."""


def check_left_behind(
    workspace: Workspace, desired: Mapping[str, Sequence[Desired]], states: Mapping[str, State]
) -> None:
    """Refuse a spec that was submitted from a folder that it has left. Raises `Refused` `state-left-behind`.

    Only where states lie beside their specs, and not for a trial in the sandbox, which costs nothing.
    """
    begun = {spec.name: spec for spec in workspace.specs if spec.path != "-" and not states[spec.name].serial}
    wanted = {name: marks for name in begun if (marks := _marks(desired[name]))}
    if not wanted or workspace.state_url() or workspace.choices.sandbox:
        return
    suffix, known = workspace.state_suffix(), {os.path.abspath(spec.folder) for spec in workspace.specs}
    for store in _without_spec(workspace.project.root, suffix, known):
        with suppress(StateError):  # a damaged one is no concern of this spec
            for entry in store.load().entries():
                for name, marks in wanted.items():
                    if entry.attempt.may_be_sent and not marks.isdisjoint(_marks_of(entry)):
                        raise _left_behind(begun[name], store.url, suffix, entry)


def _marks(desired: Sequence[Desired]) -> set[tuple[str, str]]:
    return {(each.run_key, mark) for each in desired for mark in (content_of(each), each.address)}


def _marks_of(entry: Entry) -> Marks:
    return ((entry.run_key, content_of(entry.attempt.intent)), (entry.run_key, entry.address))


def _without_spec(root: str, suffix: str, known: Collection[str]) -> "Iterator[FileStore]":
    """The states beneath `root` whose spec is not beside them; those in folders that are `known` are seen otherwise."""
    for folder, names in _folders(root):
        if os.path.abspath(folder) not in known:
            for stem, store in states_among(names, folder, suffix):
                if not has_spec(folder, stem):
                    yield store


def _folders(root: str) -> Iterator[tuple[str, set[str]]]:
    """Folders from `root` on, with the names of what is in them."""
    waiting = deque([os.path.relpath(root)])
    for _ in range(MOST_FOLDERS):
        if not waiting:
            return
        folder = waiting.popleft()
        with suppress(OSError), os.scandir(folder) as found:
            entries = list(found)
            waiting.extend(each.path for each in entries if _is_looked_into(each))
            yield os.path.normpath(folder), {each.name for each in entries}


def _is_looked_into(entry: os.DirEntry[str]) -> bool:
    return not entry.name.startswith(".") and entry.name not in _PASSED_BY and entry.is_dir(follow_symlinks=False)


def _left_behind(spec: Spec, url: str, suffix: str, entry: Entry) -> Refused:
    beside = os.path.join(os.path.dirname(spec.path), Path(url).name)
    own = f"{Path(spec.path).stem}{suffix}{SNAPSHOT}"
    renamed = "" if Path(url).name == own else ", then say in `moved` how it was called"
    return Refused(
        "state-left-behind",
        f"{spec.name} has no state here, and {url} has no spec beside it",
        where=spec.path,
        why=f"{entry.address} was submitted there for {entry.run_key}: what this spec wants would be paid for again.",
        hint=f"have the state move with the spec{renamed}: git mv {quote(url)} {quote(beside)}",
    )

"""Where states are kept, and how those of a profile and of the sandbox are set apart."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from batchrunner.errors import Refused
from batchrunner.project import Project
from batchrunner.settings import Settings, environment

if TYPE_CHECKING:
    from batchrunner.stores import FileStore

SANDBOX = "sandbox"
SNAPSHOT, JOURNAL = ".state.json", ".state.journal.jsonl"
"""How the names of a state's files end."""
ENDINGS = (SNAPSHOT, ".json")
OWN_FOLDER = ".batchrunner"


def hide_from_git(folder: Path) -> None:
    """Keep all that is in a folder of ours out of git, unless it has said otherwise."""
    # Not `exists`: a link that leads nowhere yet would be followed.
    with suppress(FileExistsError), (folder / ".gitignore").open("x") as ignore:
        ignore.write("*\n")


@dataclass(frozen=True, slots=True)
class Apart:
    """What sets a state apart: a trial with a profile, or in the sandbox, never writes into what was paid for.

    `own` is where a profile says that its state is, empty where it says nothing: there nothing else is kept.
    """

    profile: str = ""
    own: str = ""
    sandbox: bool = False

    def url(self, url: str) -> str:
        """`url` with what sets it apart in the file's name; a folder's as it is."""
        suffix = self.suffix(url)
        for ending in ENDINGS:
            if suffix and url.endswith(ending):
                return url if url.endswith(f"{suffix}{ending}") else f"{url.removesuffix(ending)}{suffix}{ending}"
        return url

    def suffix(self, url: str) -> str:
        """What comes between a state's name and its ending, in a file or folder at `url`."""
        profile = f".{self.profile}" if self.profile and not self.is_own(url) else ""
        return f"{profile}.{SANDBOX}" if self.sandbox else profile

    def is_own(self, url: str) -> bool:
        """Whether `url` is where the profile says that its state is, or in there."""
        own, path = _path_of(self.own), _path_of(url)
        return bool(self.own and url) and (path == own or path.startswith(f"{own}{os.sep}"))


def apart_of(project: Project, *, sandbox: bool) -> Apart:
    """What sets states apart, as the project in force has it."""
    own = ""
    if project.profile in project.housed:
        own = environment().get(project.state_env, "") if project.state_env else project.state_url
    return Apart(project.profile, own, sandbox)


def store_of_spec(path: str, name: str, url: str, apart: Apart) -> "FileStore":
    """Where the state of the spec at `path` is kept: at `url`, or beside it where that is empty."""
    from batchrunner.stores import open_store

    suffix = apart.suffix(url)
    stem = Path(path).stem if path != "-" else name
    default = Path(os.path.dirname(path), f"{stem}{suffix}{SNAPSHOT}")
    return open_store(apart.url(url), spec_name=name + suffix, default=default)


def state_url(settings: Settings, project: Project) -> str:
    """Where state is kept by variable or project file; empty for beside the spec. Raises `Refused`."""
    if settings.state or not project.state_env:
        return settings.state or project.state_url
    return _from_environment(project.state_env, project.path)


def _from_environment(name: str, where: str) -> str:
    url = environment().get(name, "")
    if not url:
        raise Refused("state-url-missing", f"the environment variable {name} is not set", where=where,
                      why="The project file keeps its state URL there.",
                      hint="Set it, or name the state with --state.")  # fmt: skip
    if not url.startswith("file:"):
        # A proposal may name any variable, that of a key too: what it holds is not quoted, nor what looks like a path
        # shown as one in plans.
        raise Refused("bad-state-url", f"the environment variable {name} holds no state URL", where=where,
                      why="Plans show where state is kept, so that a variable has to say that it is meant for this.",
                      hint=f"Set {name} to file:PATH, or name the state with --state.")  # fmt: skip
    return url


def _path_of(url: str) -> str:
    return os.path.abspath(url.removeprefix("file:"))

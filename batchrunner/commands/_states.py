"""Finding the state that knows an address, for commands that take no spec."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from batchrunner.address import spec_of
from batchrunner.commands._console import Console
from batchrunner.errors import Refused
from batchrunner.loader import load_project
from batchrunner.settings import Settings, environment
from batchrunner.state import State
from batchrunner.stores import FileStore, open_store
from batchrunner.wiring.workspace import SANDBOX

F = TypeVar("F", bound=Callable[..., Any])
FOLDERS = (Path("specs"), Path())


def state_options(command: F) -> F:
    """Add `--state` and `--sandbox` to a command that works on state alone."""

    @click.option("--state", default="", metavar="URL", help="State file or folder.  [default: found in specs/ or .]")
    @click.option("--sandbox", is_flag=True, help="The sandbox's own state.")
    @wraps(command)
    def with_state(*args: Any, **kwargs: Any) -> Any:
        return command(*args, **kwargs)

    return with_state  # type: ignore[return-value]


def find_stores(state: str, sandbox: bool) -> list[FileStore]:
    """The stores that `state`, BATCHRUNNER_STATE, the project file or the usual folders hold. Raises `Refused`."""
    named = state or Settings.read(environment()).state
    if named.endswith(".json"):
        return [open_store(named, spec_name="", default=Path(named))]
    folders = [Path(named.removeprefix("file:"))] if named else [*_project_folder(), *FOLDERS]
    found = {path.resolve(): path for folder in folders for path in sorted(folder.glob("*.state.j*"))}
    stores = {_snapshot(path): None for path in found.values() if _wanted(path, sandbox)}
    if not stores:
        raise Refused(
            "no-state",
            "there is no state here yet",
            why=f"Looked in {', '.join(str(folder) for folder in folders)}.",
            hint="Name it: --state FILE",
        )
    return [FileStore(path) for path in stores]


def _project_folder() -> list[Path]:
    start = next((folder for folder in FOLDERS if folder.is_dir()), Path())
    url = load_project(Settings.read(environment()).project or None, start).state_url
    return [Path(url.removeprefix("file:"))] if url else []


def _wanted(path: Path, sandbox: bool) -> bool:
    if not path.name.endswith((".state.json", ".state.journal.jsonl")):
        return False
    return (f".{SANDBOX}.state." in path.name) == sandbox


def _snapshot(path: Path) -> Path:
    """The snapshot's path; before the first fold there is only a journal."""
    return path.with_name(path.name.replace(".state.journal.jsonl", ".state.json"))


@contextmanager
def located(address: str, state: str, sandbox: bool, console: Console) -> Iterator[tuple[FileStore, State]]:
    """The store that knows `address`, locked, and its state. Raises `Refused` `no-such-address`."""
    stores = find_stores(state, sandbox)
    for store in stores:
        if address in store.load().batches:
            with store.lock(Settings.read(environment()).lock_timeout, console.warn):
                yield store, store.load()
            return
    raise Refused(
        "no-such-address",
        f"no state knows {address}",
        why=f"Looked in {', '.join(store.url for store in stores)}.",
        hint=f"batchrunner state list   (spec {spec_of(address)})",
    )

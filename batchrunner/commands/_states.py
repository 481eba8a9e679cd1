"""Finding the state that knows an address, for commands that take no spec."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from shlex import quote
from typing import Any, TypeVar

import click

from batchrunner.address import natural, spec_of, whole_of
from batchrunner.commands._console import Console
from batchrunner.commands._options import profile_option, word_option
from batchrunner.errors import InvalidFiles, Refused
from batchrunner.loader import load_project
from batchrunner.project import Project
from batchrunner.settings import Settings, environment
from batchrunner.state import Entry, State
from batchrunner.stores import FileStore, open_store
from batchrunner.suggestions import did_you_mean
from batchrunner.wiring.places import JOURNAL, SANDBOX, SNAPSHOT, Apart, apart_of, state_url

F = TypeVar("F", bound=Callable[..., Any])
FOLDERS = (Path("specs"), Path())
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Sought:
    """Which state is meant: what the flags said, empty where they said nothing."""

    state: str
    project: str
    sandbox: bool
    profile: str = ""

    def typed(self, command: str) -> str:
        """`command` for this state, as one would type it."""
        names = ("state", "project", "profile")
        flags = [f"--{name} {quote(value)}" for name in names if (value := getattr(self, name))]
        return " ".join([f"batchrunner {command}", *flags, *(["--sandbox"] if self.sandbox else [])])


def state_options(command: F) -> F:
    """Add the options that say which state is meant; the command receives one `sought: Sought`."""

    @word_option("--state", metavar="URL", help="State file or folder.  [default: found in specs/ or .]")
    @word_option("--project", metavar="FILE", help="Project file instead of the nearest batchrunner.yaml.")
    @profile_option
    @click.option("--sandbox", is_flag=True, help="The sandbox's own state.")
    @wraps(command)
    def with_state(*args: Any, state: str, project: str, profile: str, sandbox: bool, **kwargs: Any) -> Any:
        return command(*args, sought=Sought(state, project, sandbox, profile), **kwargs)

    return with_state  # type: ignore[return-value]


def project_sought(sought: Sought, folder: Path) -> Project:
    """The project of what lies in `folder`, with the profile that is meant in force. Raises as `load_project` does."""
    return load_project(sought.project or Settings.read(environment()).project or None, folder, sought.profile)


def find_stores(sought: Sought) -> list[FileStore]:
    """The stores that the flags, BATCHRUNNER_STATE, the project file or the usual folders hold, at least one.

    Raises `Refused` `no-state`, `unknown-store`.
    """
    project = _known_project(sought)
    named = sought.state or (state_url(Settings.read(environment()), project) if project else "")
    apart = apart_of(project, sandbox=False) if project else Apart()
    folders: tuple[Path, ...] = FOLDERS
    if named:
        # Any spec's name will do: what counts is whether the URL means a file or a folder.
        path = Path(open_store(apart.url(named), spec_name=SANDBOX, default=Path()).url)
        if named.endswith(".json"):
            return [_existing(path)]
        folders = (path.parent,)
    found = {path.resolve(): path for folder in folders for path in sorted(folder.glob("*.state.j*"))}
    states = {_snapshot(path): path for path in found.values() if path.name.endswith((SNAPSHOT, JOURNAL))}
    wanted = "" if named and apart.is_own(named) else sought.profile
    known = project.profiles if project else ()
    stores = [FileStore(path) for path in states if _kind(path, known) == (wanted, sought.sandbox)]
    if not stores:
        raise _no_state(folders, sought, others=any(_is_sandbox(path) != sought.sandbox for path in states))
    return stores


def _known_project(sought: Sought) -> Project | None:
    """The project around; None for one that cannot be read, where it is not needed to know which state is meant."""
    try:
        return project_sought(sought, usual_folder())
    except InvalidFiles:
        if sought.profile or not sought.state:
            raise
        return None


def usual_folder() -> Path:
    """Where specs are looked for first."""
    return next((folder for folder in FOLDERS if folder.is_dir()), Path())


def _kind(path: Path, profiles: Iterable[str]) -> tuple[str, bool]:
    """Which of `profiles` the state at `path` is of, empty for none, and whether it is the sandbox's."""
    stem = path.name.removesuffix(SNAPSHOT).removesuffix(f".{SANDBOX}")
    return next((name for name in profiles if stem.endswith(f".{name}")), ""), _is_sandbox(path)


def _existing(path: Path) -> FileStore:
    store = FileStore(path)
    if not (path.exists() or path.is_symlink() or store.journal.exists()):
        raise Refused("no-state", "there is no such state", where=str(path),
                      hint="batchrunner state list, without --state, shows what is in specs/ and here")  # fmt: skip
    return store


def _no_state(folders: Iterable[Path], sought: Sought, *, others: bool) -> Refused:
    where = " and ".join("this folder" if folder == Path() else f"{folder}/" for folder in folders)
    hint = "apply makes it; if it is elsewhere, name it: --state FILE"
    if others:
        hint = "leave out --sandbox" if sought.sandbox else "there is a sandbox's state: add --sandbox"
    kind = "no sandbox state" if sought.sandbox else "no state"
    whose = f" of the profile {sought.profile}" if sought.profile else ""
    return Refused("no-state", f"there is {kind}{whose} in {where}", why="Nothing was applied from here yet.",
                   hint=hint)  # fmt: skip


def _is_sandbox(path: Path) -> bool:
    return f".{SANDBOX}.state." in path.name


def _snapshot(path: Path) -> Path:
    """The snapshot's path; before the first fold there is only a journal."""
    return path.with_name(path.name.removesuffix(JOURNAL) + SNAPSHOT) if path.name.endswith(JOURNAL) else path


@contextmanager
def located(address: str, sought: Sought, console: Console) -> Iterator[tuple[FileStore, State]]:
    """The store that knows `address`, locked, and its state. Raises `Refused` `no-such-address`."""
    stores = find_stores(sought)
    store = next((store for store in stores if meant(address, store.load())), None)
    if store is None:
        raise no_such_address(address, stores, sought)
    with store.lock(lock_timeout(), console.warn):
        state = store.load()
        if not meant(address, state):
            raise no_such_address(address, stores, sought)
        yield store, state


def meant(address: str, state: State) -> list[str]:
    """What `address` names in `state`: itself, and all shards of a batch."""
    return sorted((each for each in state.batches if address in {each, whole_of(each)}), key=natural)


def in_order(state: State) -> list[Entry]:
    """Every attempt as a person looks for it: `[i=2]` before `[i=10]`, and the run that moved last at the end."""
    return sorted(state.entries(), key=lambda entry: (natural(entry.address), _last_update(state, entry)))


def _last_update(state: State, entry: Entry) -> tuple[str, str]:
    latest = state.latest(entry.address, entry.run_key)
    return (latest.updated_at if latest else "", entry.run_key)


def no_such_address(address: str, stores: Sequence[FileStore], sought: Sought) -> Refused:
    """What to say of an address that no state knows."""
    known = [each for store in stores for each in store.load().batches]
    looked = ", ".join(store.url for store in stores)
    same_spec = [each for each in known if spec_of(each) == spec_of(address)]
    now = called_now(address, stores, sought)
    meant = f"it was moved, and is {', '.join(now[:_NAMED])} now." if now else did_you_mean(address, same_spec or known)
    hint = " ".join(filter(None, [meant, typed_list([address], known, sought)]))
    return Refused("no-such-address", f"no state knows {address}", why=f"Looked in {looked}.", hint=hint)


def typed_list(words: Iterable[str], known: Iterable[str], sought: Sought) -> str:
    """How one lists what there is: of a spec alone where one of `words` is its name or its file."""
    specs = {spec_of(address) for address in known}
    named = next((name for word in words if (name := Path(word).stem) in specs), "")
    return sought.typed(f"state list {quote(f'{named}/*')}" if named else "state list")


def called_now(name: str, stores: Sequence[FileStore], sought: Sought) -> list[str]:
    """What is called otherwise in `stores` than `name`, which it was submitted as."""
    from batchrunner.chronicle import was_submitted_as

    project = _known_project(sought)
    entries = (entry for store in stores for entry in store.load().entries())
    found = {entry.address for entry in entries if was_submitted_as(name, entry, project.name if project else "")}
    return sorted(found, key=natural)


def saved(store: FileStore, state: State, entries: Sequence[Entry]) -> Path | None:
    """Add `entries` to the `state` of a locked `store`; the backup, None where the state held nothing before."""
    if not state.serial:
        store.append(entries)
        store.fold()
        return None
    state.record(entries)
    return store.rewrite(state)


def lock_timeout() -> float:
    """How many seconds to wait for a lock."""
    return Settings.read(environment()).lock_timeout

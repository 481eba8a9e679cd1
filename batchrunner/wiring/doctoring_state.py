"""Looks at where a setup keeps things: states with their locks and journals, git, the cache, the disk, limits."""

import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from batchrunner.checkups import Check, failure, ok, skipped, warning
from batchrunner.errors import BatchrunnerError
from batchrunner.loader import work_tree
from batchrunner.render.units import counted
from batchrunner.revisions import Repository
from batchrunner.settings import Settings, environment
from batchrunner.wiring.doctoring import Patient, failed

if TYPE_CHECKING:
    from batchrunner.stores import FileStore

ROOM_BYTES = 256 << 20
FILES_NEEDED = 1024
_NETWORKED = (
    "nfs nfs4 cifs smb3 smbfs 9p afs ceph glusterfs fuse.sshfs fuse.s3fs fuse.rclone fuse.gcsfuse fuse.glusterfs"
)
NETWORKED = frozenset(_NETWORKED.split(" "))
MOUNTS = "/proc/self/mountinfo"
LEFT_BEHIND = ("*.state.lock", "*.state.journal.jsonl", "*.sandbox.sqlite3*")


def examine_places(patient: Patient) -> None:
    """Make the checks of states, git, cache, disk and limits, adding them to `patient`."""
    stores = _stores(patient)
    for store in stores:
        patient.checks += _of_state(store)
    patient.checks += _git(patient, stores)
    patient.checks += _cache()
    patient.checks += _disk(patient)
    patient.checks += _limits()


def _stores(patient: Patient) -> "list[FileStore]":
    if patient.workspace is None:
        return []
    try:
        return list({store.url: store for store in patient.workspace.stores().values()}.values())
    except BatchrunnerError as error:
        patient.checks.append(failed("state", error))
        return []


def _of_state(store: "FileStore") -> Iterator[Check]:
    path = Path(store.url)
    try:
        state = store.load()
    except BatchrunnerError as error:
        yield failed("state", error, store.url)
        return
    there = path.exists()
    attempts = sum(1 for _ in state.entries())
    yield ok("state", f"readable, with {counted(attempts, 'attempt')}" if there else "there is none yet", store.url)
    yield _writable(path)
    yield from _lock(store, path)
    yield from _journal(store, path)
    if there:
        yield _permissions(path)
    yield from _file_system(path)


def _writable(path: Path) -> Check:
    folder = _existing(path.parent)
    if os.access(folder, os.W_OK | os.X_OK) and (not path.exists() or os.access(path, os.W_OK)):
        return ok("state-writable", "can be written", str(path))
    return failure("state-writable", f"{folder} may not be written to",
                   "run as its owner, or name another place with --state", str(path))  # fmt: skip


def _existing(folder: Path) -> Path:
    return next((each for each in (folder, *folder.parents) if each.is_dir()), Path())


def _lock(store: "FileStore", path: Path) -> Iterator[Check]:
    try:
        holder = store.holder()
    except (OSError, BatchrunnerError) as error:
        yield warning("state-lock", f"the lock cannot be looked at: {error}", "see who owns the lock file", str(path))
        return
    if holder:
        yield warning("state-lock", holder, "wait until it has ended; an apply waits by itself", str(path))
    else:
        yield ok("state-lock", "free", str(path))


def _journal(store: "FileStore", path: Path) -> Iterator[Check]:
    try:
        size = store.journal.stat().st_size
    except OSError:
        return
    if size and not store.holder():
        words = f"a run was cut short: its journal ({size:,} bytes) is not in the snapshot yet"
        yield warning(
            "state-journal",
            words,
            "nothing is lost; the next apply takes it in, also one with nothing to send",
            str(path),
        )


def _permissions(path: Path) -> Check:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        return warning(
            "state-permissions", f"others may read or write it (mode {mode:04o})", f"chmod 600 {path}", str(path)
        )
    return ok("state-permissions", f"mode {mode:04o}", str(path))


def _file_system(path: Path) -> Iterator[Check]:
    kind = file_system_of(_existing(path.parent))
    if kind in NETWORKED:
        yield warning("state-file-system", f"it lies on a network file system ({kind}), whose locks may not hold",
                      "keep the state on a local disk, or see that one machine alone applies", str(path))  # fmt: skip


def file_system_of(folder: Path, mounts: str = MOUNTS) -> str:
    """The kind of file system that `folder` is on, as `proc(5)` names it; empty where that is not known."""
    try:
        lines = Path(mounts).read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return ""
    real, best = os.path.realpath(folder), ("", "")
    for line in lines:
        fields, _, after = line.partition(" - ")
        point = fields.split(" ")[4].replace("\\040", " ") if fields.count(" ") >= 4 else ""
        if point and (real == point or real.startswith(point.rstrip("/") + "/")) and len(point) >= len(best[0]):
            best = point, after.split(" ")[0]
    return best[1]


# Git.


def _git(patient: Patient, stores: "Iterable[FileStore]") -> Iterator[Check]:
    top = work_tree(Path(os.path.realpath(patient.project.root if patient.project else ".")))
    if top is None:
        yield skipped("git", "this is no git work tree")
        return
    repository = Repository(str(top), environment())
    try:
        yield from _ignored(repository, str(top), stores)
        yield from _committed(repository)
    except BatchrunnerError as error:
        yield skipped("git", error.message)


def _ignored(repository: Repository, top: str, stores: "Iterable[FileStore]") -> Iterator[Check]:
    inside = {store.url: os.path.relpath(os.path.realpath(store.url), os.path.realpath(top)) for store in stores}
    kept = {url: path for url, path in inside.items() if not path.startswith(os.pardir) and ".sandbox." not in path}
    found = repository.ignored(kept.values())
    if ignored := [url for url, path in kept.items() if path in found]:
        yield warning("git-state", f"git ignores {', '.join(ignored[:3])}: another clone would not know what was paid",
                      "take it out of .gitignore and commit it, or keep the state elsewhere for all")  # fmt: skip
    else:
        yield ok("git-state", "git ignores no state")


def _committed(repository: Repository) -> Iterator[Check]:
    found = repository.tracked(*LEFT_BEHIND)
    if found:
        named = " ".join(found[:3])
        yield warning("git-lock-files", f"locks and journals are committed: {', '.join(found[:3])}",
                      f"git rm --cached {named}, and put {' '.join(LEFT_BEHIND[:2])} into .gitignore")  # fmt: skip
    else:
        yield ok("git-lock-files", "no lock or journal is committed")


# The machine.


def _cache() -> Iterator[Check]:
    folder = Settings.read(environment()).cache
    if not folder:
        yield ok("cache", "off: inputs are read anew each time")
    elif os.access(_existing(Path(folder)), os.W_OK | os.X_OK):
        yield ok("cache", f"{folder} can be written")
    else:
        yield warning("cache", f"{folder} may not be written to: inputs are read anew each time",
                      "set BATCHRUNNER_CACHE to a folder of yours, or to off")  # fmt: skip


def _disk(patient: Patient) -> Iterator[Check]:
    folder = _existing(Path(patient.project.root if patient.project else "."))
    free = shutil.disk_usage(folder).free
    if free < ROOM_BYTES:
        yield warning("disk", f"{free / 1e6:,.0f} MB are free, which results and state may fill",
                      "make room: what was sent and cannot be written stops a run")  # fmt: skip
    else:
        yield ok("disk", f"{free / 1e9:,.1f} GB are free")


def _limits() -> Iterator[Check]:
    try:
        import resource
    except ImportError:
        return
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if 0 <= soft < FILES_NEEDED:
        yield warning("open-files", f"{soft:,} files may be open at once; many sends at a time need more",
                      f"ulimit -n {FILES_NEEDED}, or a small --concurrency")  # fmt: skip
    else:
        yield ok("open-files", "as many files may be open as there are" if soft < 0 else f"{soft:,} files may be open")

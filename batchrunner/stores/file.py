"""The state in files: a snapshot for people and git, a journal for speed, a lock.

nightly.state.json           the snapshot, rewritten by a fold only
nightly.state.journal.jsonl  what was appended since
nightly.state.lock           what the one writer holds
"""

import errno
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from batchrunner.errors import StateError
from batchrunner.state import Entry, State
from batchrunner.stores import _disk, _lock
from batchrunner.stores._names import Names
from batchrunner.stores._reading import read_beside_writer
from batchrunner.stores._salvage import RepairReport, dump, repair
from batchrunner.stores._snapshot import UPGRADES, Upgrade, render
from batchrunner.stores._writer import Writer


class FileStore:
    """The state at `path`, a `.json` file that may not exist yet, and its siblings. Safe to call from several threads.

    `command` names the holder of the lock to others, by default what was typed. All methods raise `StateError`:
    `state-not-read`, `state-not-written`, `state-is-a-symlink`, `unreadable-state`, `newer-format`, `corrupt-journal`,
    `foreign-journal`, `missing-revisions`; those that write also `lock-not-held` and `lock-lost`.
    """

    def __init__(self, path: Path, *, command: str = "", upgrades: Mapping[int, Upgrade] = UPGRADES) -> None:
        self._names = Names(path)
        self._command = command
        self._upgrades = upgrades
        self._newborn = str(uuid4())
        self._mutex = threading.Lock()
        self._writer: Writer | None = None
        self._descriptor = -1
        self._failure: OSError | None = None

    @property
    def url(self) -> str:
        """The path of the snapshot."""
        return str(self._names.snapshot)

    @property
    def journal(self) -> Path:
        """The path of what was appended since the snapshot."""
        return self._names.journal

    def load(self) -> State:
        """The state as of now. Under the lock, what a crash left is made whole; without it nothing is written.

        Until something is appended, a state that does not exist keeps one lineage in all loads of this object.
        """
        with self._mutex:
            if self._writer is not None:
                with self._writing():
                    self._require_lock()
                    return self._writer.load()
            with self._telling("read"):
                return read_beside_writer(self._names, self._newborn, self._upgrades).state

    @contextmanager
    def lock(self, timeout: float, waiting: Callable[[str], None]) -> Iterator[None]:
        """Hold the exclusive right to write, in this process and all others on this host.

        Calls `waiting` once with who holds it; raises `TryAgain` `lock-held` after `timeout` seconds.
        """
        with self._telling("written"):
            _disk.make_directory(self._names.lock.parent)
            descriptor = _lock.acquire(self._names.lock, _lock.this_process(self._command), timeout, waiting)
        try:
            with self._mutex:
                self._writer = Writer(self._names, self._newborn, self._upgrades)
                self._descriptor = descriptor
            yield
        finally:
            # The mutex waits for an append in another thread: its descriptor must not be closed under it.
            with self._mutex:
                if self._writer is not None:
                    self._writer.close()
                self._writer = None
            _lock.release(descriptor)

    def append(self, entries: Sequence[Entry]) -> None:
        """Make entries durable, all or none, as one frame and one revision."""
        with self._held() as writer:
            writer.append(entries)

    def fold(self) -> None:
        """Bring the journal into the snapshot. Writes nothing where nothing was appended."""
        with self._held() as writer:
            writer.fold()

    def rewrite(self, state: State) -> Path:
        """Make a changed `state` the next revision, and return the path of a backup of what was there.

        `state` is one that was loaded under this lock; raises `StateError` `state-moved` where it is not.
        """
        with self._held() as writer:
            current = writer.load()
            if (state.lineage, state.serial) != (current.lineage, current.serial):
                raise StateError(
                    "state-moved",
                    "the state is not the one that was changed",
                    where=self.url,
                    why=f"it is at revision {current.serial}, the change was made to {state.serial}",
                    hint="run the command again",
                )
            backup = self._names.write_aside("backup", "json", render(current))
            writer.save(State(state.lineage, state.serial + 1, state.batches))
            return backup

    def repair(self) -> RepairReport:
        """Save what can be read of a damaged journal. The report says what was kept and lost, and where copies are."""
        with self._held() as writer:
            return repair(self._names, self._newborn, self._upgrades, writer.save)

    def holder(self) -> str | None:
        """Who holds the lock now, for people; `None` where nobody does. Writes nothing."""
        with self._telling("read"):
            return _lock.holder_of(self._names.lock) if _lock.is_held(self._names.lock) else None

    def unlock(self) -> None:
        """Clear the text a dead holder left. Raises `TryAgain` `lock-held` where a living process holds the lock.

        There is nothing else to undo: the kernel let go of the lock when its holder ended.
        """
        with self._telling("written"):
            _lock.clear(self._names.lock)

    def dump_elsewhere(self, entries: Sequence[Entry]) -> Path | None:
        """Write entries that could not be appended to a new file, beside the state or else in the temporary directory.

        Returns its path, or `None` where that fails too. One entry a line; needs no lock; never raises for the disk.
        """
        return dump(self._names, entries)

    @contextmanager
    def _held(self) -> Iterator[Writer]:
        with self._mutex, self._writing():
            if self._writer is None:
                raise StateError("lock-not-held", "the state is written by the holder of its lock only", where=self.url)
            self._require_lock()
            yield self._writer

    def _require_lock(self) -> None:
        """Before every write: whoever comes after a deletion locks a new file, and two would send the same jobs."""
        if not _lock.is_still(self._descriptor, self._names.lock):
            raise StateError(
                "lock-lost",
                "the state is no longer locked by this command",
                where=str(self._names.lock),
                why="the lock file was deleted or replaced while this command ran, so that another may write as well",
                hint="nothing further is sent; run the same command again",
            )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """The first failure is the last: what a failed write or sync left on the medium cannot be known."""
        if self._failure is not None:
            raise self._not_done("written", self._failure)
        try:
            yield
        except OSError as error:
            self._failure = error
            raise self._not_done("written", error) from error

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._not_done(what, error) from error

    def _not_done(self, what: str, error: OSError) -> StateError:
        where = str(error.filename or self._names.journal)
        if error.errno == errno.ELOOP:
            return StateError(
                "state-is-a-symlink",
                "a file of the state is a symbolic link",
                where=where,
                hint="replace the link by the file itself, or name that file with --state",
            )
        return StateError(
            f"state-not-{what}",
            f"the state could not be {what}",
            where=where,
            why=error.strerror or str(error),
            hint="nothing further is sent; mend that and run the same command again" if what == "written" else "",
        )

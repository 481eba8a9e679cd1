"""The lock holder's half of a file store: appends to the journal, folds it into the snapshot.

Raises `OSError` where the disk says no, and `StateError` for what cannot be trusted; nothing is tried twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from batchrunner import durable
from batchrunner.state import FORMAT_VERSION, Entry, State
from batchrunner.stores import _disk
from batchrunner.stores._frames import Frame, check_of, identity, line_of
from batchrunner.stores._journal import Journal
from batchrunner.stores._names import Names
from batchrunner.stores._reading import Reading, read
from batchrunner.stores._snapshot import Upgrade, render


@dataclass(frozen=True, slots=True)
class _Cursor:
    """What the next frame follows. `check` is empty at the beginning of a journal."""

    lineage: str
    serial: int
    check: str = ""

    def next_frame(self, entries: Sequence[Entry]) -> Frame:
        frame_entries = tuple(entries)
        if self.check:
            return Frame(serial=self.serial + 1, prev=self.check, entries=frame_entries)
        return Frame(
            serial=self.serial + 1,
            prev=identity(self.lineage, self.serial),
            lineage=self.lineage,
            format_version=FORMAT_VERSION,
            entries=frame_entries,
        )


class Writer:
    """One holder of the lock, from taking it to letting it go. `lineage` is for a state that does not exist yet."""

    def __init__(self, names: Names, lineage: str, upgrades: Mapping[int, Upgrade]) -> None:
        self._names = names
        self._lineage = lineage
        self._upgrades = upgrades
        self._journal = Journal(names.journal)
        self._cursor: _Cursor | None = None

    def close(self) -> None:
        """Let go of the journal."""
        self._journal.close()

    def load(self) -> State:
        """The state on disk, made whole: an unfinished line is cut off, and what a crash left unsynced is synced."""
        reading = self._read()
        self._cursor = self._settled(reading)
        return reading.state

    def append(self, entries: Sequence[Entry]) -> None:
        """Write one frame and return when it is durable. Nothing is written for no entries."""
        if not entries:
            return
        cursor = self._cursor or self._settled(self._read())
        line = line_of(cursor.next_frame(entries))
        self._journal.append(line)
        self._cursor = _Cursor(cursor.lineage, cursor.serial + 1, check_of(line))

    def fold(self) -> None:
        """Bring the journal into the snapshot. Nothing is written where there is nothing to bring."""
        if self._cursor is not None and not self._cursor.check:
            return
        reading = self._read()
        if reading.scan.count or reading.scan.torn:
            self._cursor = self._folded(reading)

    def save(self, state: State) -> None:
        """Make `state` the snapshot, with no journal after it."""
        _disk.replace(self._names.snapshot, self._names.temporary, render(state))
        self._journal.cut(0)
        self._cursor = _Cursor(state.lineage, state.serial)

    def _read(self) -> Reading:
        return read(self._names, self._lineage, self._upgrades)

    def _settled(self, reading: Reading) -> _Cursor:
        """Finish what a crash left unfinished, and return where appending goes on."""
        state, found = reading.state, reading.scan
        if not found.count and not found.torn:
            return _Cursor(state.lineage, state.serial)
        if state.serial == reading.folded or reading.outdated:
            # Frames of two versions in one journal could not be told apart.
            return self._folded(reading)
        if found.torn:
            self._journal.cut(found.end)
        else:
            self._journal.sync()
        return _Cursor(state.lineage, state.serial, found.check)

    def _folded(self, reading: Reading) -> _Cursor:
        state = reading.state
        if state.serial > reading.folded:
            self.save(state)
        else:
            # Whoever renamed the snapshot may have died before that was durable; the journal must not be gone first.
            durable.sync_directory(self._names.snapshot.parent)
            self._journal.cut(0)
        return _Cursor(state.lineage, state.serial)

"""A snapshot and the journal after it, read together as one state."""

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from batchrunner.errors import StateError
from batchrunner.state import FORMAT_VERSION, State
from batchrunner.stores import _disk
from batchrunner.stores._frames import Scan, scan, version_of
from batchrunner.stores._names import Names
from batchrunner.stores._snapshot import Upgrade, frame_reader, parse, refuse_newer

_RACES = 20


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found: the state, the journal's frames, the serial of the snapshot (0: there is none).

    `outdated` says that the journal is of an older format version.
    """

    state: State
    scan: Scan
    folded: int
    outdated: bool


def read(names: Names, lineage: str, upgrades: Mapping[int, Upgrade]) -> Reading:
    """The state on disk, or an empty one of the given lineage. Raises `StateError` for what cannot be trusted.

    The journal is read before the snapshot: a fold between the two reads then shows as frames that the newer snapshot
    already holds, and not as a gap.
    """
    with _uncollected():
        journal = _disk.read(names.journal) or b""
        text = _disk.read(names.snapshot)
        found = scan_journal(journal, names.journal, upgrades)
        _require_sound(found, names)
        base = snapshot_of(text, names, found, lineage, upgrades)
        _require_following(found, base, text is not None, names)
        folded = base.serial
        replay(found, base)
    return Reading(state=base, scan=found, folded=folded, outdated=_is_old(journal))


def read_beside_writer(names: Names, lineage: str, upgrades: Mapping[int, Upgrade]) -> Reading:
    """`read` without a lock: what a writer changed half-way through reading is read again."""
    for _ in range(_RACES):
        before = names.stamps()
        try:
            return read(names, lineage, upgrades)
        except StateError:
            if names.stamps() == before:
                raise
    return read(names, lineage, upgrades)


def scan_journal(data: bytes, path: Path, upgrades: Mapping[int, Upgrade]) -> Scan:
    """A journal's frames. Raises `StateError` `newer-format`, and nothing else."""
    version = version_of(data)
    if version is None:
        return scan(data)
    refuse_newer(version, str(path))
    return scan(data, frame_reader(version, upgrades))


def snapshot_of(text: bytes | None, names: Names, found: Scan, lineage: str, upgrades: Mapping[int, Upgrade]) -> State:
    """What the snapshot holds; where there is none, the empty state the journal began from."""
    if text is not None:
        return parse(text, str(names.snapshot), upgrades)
    return State(found.frames[0].lineage if found.frames else lineage)


def replay(found: Scan, state: State) -> None:
    """Bring the frames a state does not hold yet into it."""
    for frame in found.frames:
        if frame.serial > state.serial:
            state.record(frame.entries)
            state.serial = frame.serial


def follows(found: Scan, state: State) -> bool:
    """Whether the journal belongs to this state and no revision between them is missing."""
    return not found.frames or (found.frames[0].lineage == state.lineage and found.frames[0].serial <= state.serial + 1)


def _require_sound(found: Scan, names: Names) -> None:
    if found.damage is not None:
        raise StateError(
            "corrupt-journal",
            "the journal is damaged where no crash damages it",
            where=f"{names.journal}:{found.damage.line}",
            why=f"line {found.damage.line}, at byte {found.damage.offset}: {found.damage.why}",
            hint="batchrunner state repair keeps what can be read, after a backup",
        )


def _require_following(found: Scan, base: State, has_snapshot: bool, names: Names) -> None:
    if follows(found, base):
        return
    first = found.frames[0]
    if first.lineage != base.lineage:
        code, message = "foreign-journal", "the journal belongs to another state"
        why = f"its lineage is {first.lineage[:64]}, the snapshot's is {base.lineage[:64]}"
    else:
        code, message = "missing-revisions", "the journal goes on from a newer snapshot than there is"
        ends = f"ends at revision {base.serial}" if has_snapshot else "is missing"
        why = f"the journal begins at revision {first.serial}, and the snapshot {ends}"
    raise StateError(
        code,
        message,
        where=f"{names.journal}:1",
        why=f"line 1, at byte 0: {why}",
        hint=f"put the right {names.snapshot.name} back, or: batchrunner state repair",
    )


def _is_old(journal: bytes) -> bool:
    version = version_of(journal)
    return version is not None and version != FORMAT_VERSION


@contextmanager
def _uncollected() -> Iterator[None]:
    """No garbage collection: it would walk every record again and again, and none of them is garbage."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()

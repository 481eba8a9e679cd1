"""A snapshot and the journal after it, read together as one state."""

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from shlex import quote

from batchrunner.errors import StateError
from batchrunner.state import FORMAT_VERSION, State
from batchrunner.stores import _disk
from batchrunner.stores._frames import Damage, Frame, Head, Scan, head_of, scan
from batchrunner.stores._names import Names
from batchrunner.stores._snapshot import Upgrade, frame_reader, parse, refuse_newer

_RACES = 20


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found: the state, how far its journal is good, the serial of the snapshot (0: there is none).

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
    journal = _disk.read(names.journal) or b""
    text = _disk.read(names.snapshot)
    with _uncollected():
        head = journal_head(journal, names)
        state = base_of(text, names, head, lineage, upgrades)
        if problem := unrelated(head, state):
            raise _unrelated_error(problem, names)
        folded = state.serial
        found = replay(journal, head, state, upgrades)
    if found.damage is not None:
        raise _damage_error(found.damage, names)
    return Reading(state, found, folded, outdated=head is not None and head.format_version != FORMAT_VERSION)


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


def journal_head(data: bytes, names: Names) -> Head | None:
    """What a journal's first frame says, if anything. Raises `StateError` `newer-format`."""
    head = head_of(data)
    if head is not None:
        refuse_newer(head.format_version, str(names.journal))
    return head


def base_of(
    text: bytes | None, names: Names, head: Head | None, lineage: str, upgrades: Mapping[int, Upgrade]
) -> State:
    """The state a journal goes on from: the snapshot's, or an empty one."""
    if text is not None:
        return parse(text, str(names.snapshot), upgrades)
    return State(lineage if head is None else head.lineage)


def unrelated(head: Head | None, base: State) -> str:
    """Why a journal cannot go on from a state: `foreign-journal`, `missing-revisions`, or `""` where it can."""
    if head is None:
        return ""
    if head.lineage != base.lineage:
        return "foreign-journal"
    return "missing-revisions" if head.serial > base.serial + 1 else ""


def replay(data: bytes, head: Head | None, state: State, upgrades: Mapping[int, Upgrade]) -> Scan:
    """Bring what a journal holds, up to its first bad line, into the state it goes on from."""

    def take(frame: Frame) -> None:
        if frame.serial > state.serial:
            state.record(frame.entries)
            state.serial = frame.serial

    return scan(data, take, frame_reader(FORMAT_VERSION if head is None else head.format_version, upgrades))


def _repairing(names: Names) -> str:
    return f"batchrunner state repair --state {quote(str(names.snapshot))}"


def _damage_error(damage: Damage, names: Names) -> StateError:
    return StateError(
        "corrupt-journal",
        "the journal is damaged where no crash damages it",
        where=f"{names.journal}:{damage.line}",
        why=f"line {damage.line}, at byte {damage.offset}: {damage.why}",
        hint=_repairing(names),
    )


_UNRELATED = {
    "foreign-journal": ("the journal belongs to another state", "its lineage is not the snapshot's"),
    "missing-revisions": (
        "the journal goes on from a snapshot that is not there",
        "revisions between them are missing",
    ),
}


def _unrelated_error(code: str, names: Names) -> StateError:
    message, why = _UNRELATED[code]
    return StateError(
        code,
        message,
        where=f"{names.journal}:1",
        why=f"line 1, at byte 0: {why}",
        hint=f"put the right {names.snapshot.name} back (git, or a backup beside it), or: {_repairing(names)}",
    )


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

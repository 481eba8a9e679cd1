"""What to do when a journal is damaged, or nothing can be written."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from batchrunner.errors import StateError
from batchrunner.records import MALFORMED, encode
from batchrunner.state import FORMAT_VERSION, Entry, State
from batchrunner.stores import _disk
from batchrunner.stores._frames import Damage, Frame, FrameReader, Scan, is_sound, text_of
from batchrunner.stores._names import Names, new_file
from batchrunner.stores._reading import base_of, journal_head, replay, unrelated
from batchrunner.stores._snapshot import Upgrade, frame_reader


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What a repair did. `damage` says what was wrong, and is empty where nothing was: then nothing was done.

    `kept` counts the frames before the damage, which are now in the snapshot; `dropped` the lines from it on. `lost` is
    what could still be read of those, `doubtful` what their text says though its checksum is wrong: each may be a paid
    batch that the state no longer knows. `journal` and `snapshot` are copies of the files as they were, `snapshot` is
    `None` where there was none.
    """

    damage: str = ""
    kept: int = 0
    dropped: int = 0
    lost: tuple[Entry, ...] = ()
    doubtful: tuple[Entry, ...] = ()
    journal: Path | None = None
    snapshot: Path | None = None


def repair(names: Names, lineage: str, upgrades: Mapping[int, Upgrade], save: Callable[[State], None]) -> RepairReport:
    """Copy the files aside, then `save` what a damaged journal still tells. `lineage` is for a state that tells none.

    Raises `StateError` where the snapshot cannot be read, `OSError` where the disk says no.
    """
    journal, text = _disk.read(names.journal) or b"", _disk.read(names.snapshot)
    head = journal_head(journal, names)
    state = base_of(text, names, head, lineage, upgrades)
    problem = unrelated(head, state)
    # Another state's history is not mixed into this one; where only revisions are missing, what is left still counts.
    found = Scan() if problem == "foreign-journal" else replay(journal, head, state, upgrades)
    damage = _words(found.damage) if found.damage else problem
    if not damage:
        return RepairReport()
    rest = journal[found.end :].splitlines()
    sound, doubtful = _frames_in(rest, frame_reader(head.format_version if head else FORMAT_VERSION, upgrades))
    copies = _copies(names, journal, text)
    state.serial = 1 + max(state.serial, *(frame.serial for frame in sound), 0)
    save(state)
    return RepairReport(damage, found.count, len(rest), _latest(sound), _latest(doubtful), *copies)


def dump(names: Names, entries: Sequence[Entry]) -> Path | None:
    """Write entries, one a line, to a new file beside the state, else in the temporary directory; its path, if any."""
    data = b"".join(encode(entry) + b"\n" for entry in entries)
    for directory in _refuges(names):
        with suppress(OSError):
            return new_file(directory, f"{names.stem}.unsaved", "jsonl", data)
    return None


def _refuges(names: Names) -> Iterator[Path]:
    yield names.snapshot.parent
    with suppress(OSError):
        yield Path(tempfile.gettempdir())


def _words(damage: Damage) -> str:
    return f"line {damage.line}, at byte {damage.offset}: {damage.why}"


def _frames_in(lines: Iterable[bytes], read: FrameReader) -> tuple[list[Frame], list[Frame]]:
    """The frames that can be read, those with a right and those with a wrong checksum."""
    sound: list[Frame] = []
    doubtful: list[Frame] = []
    for line in lines:
        with suppress(*MALFORMED, StateError):
            (sound if is_sound(line) else doubtful).append(read(text_of(line)))
    return sound, doubtful


def _copies(names: Names, journal: bytes, snapshot: bytes | None) -> tuple[Path, Path | None]:
    return (
        names.write_aside("journal.damaged", "jsonl", journal),
        None if snapshot is None else names.write_aside("backup", "json", snapshot),
    )


def _latest(frames: Iterable[Frame]) -> tuple[Entry, ...]:
    state = State("")
    for frame in frames:
        state.record(frame.entries)
    return tuple(state.entries())

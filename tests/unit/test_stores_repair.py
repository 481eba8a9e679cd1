"""Repair keeps what is good, says what is lost, and destroys nothing."""

from pathlib import Path

import pytest

from batchrunner.errors import StateError
from batchrunner.state import Entry
from batchrunner.stores import FileStore, RepairReport
from batchrunner.testing import example_entry


def written(path: Path, *frames: str) -> FileStore:
    """A store with one frame for each word, and one entry for each letter in it."""
    store = FileStore(path)
    with store.lock(0, print):
        for frame in frames:
            store.append([example_entry(f"nightly/{letter}", batch_id=f"batch-{letter}") for letter in frame])
    return store


def journal_of(store: FileStore) -> Path:
    return Path(store.url).with_name("nightly.state.journal.jsonl")


def addresses(store: FileStore) -> str:
    return "".join(address[-1] for address in sorted(store.load().batches))


def letters(entries: tuple[Entry, ...]) -> str:
    return "".join(entry.address[-1] for entry in entries)


def repaired(store: FileStore) -> RepairReport:
    with store.lock(0, print):
        return store.repair()


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return written(tmp_path / "nightly.state.json", "ab", "c", "de", "f")


def damage(store: FileStore, old: bytes, new: bytes) -> bytes:
    text = journal_of(store).read_bytes()
    assert text.count(old) >= 1
    journal_of(store).write_bytes(text.replace(old, new))
    return journal_of(store).read_bytes()


def test_a_sound_state_is_left_alone(store: FileStore, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name.endswith("l")}
    assert repaired(store) == RepairReport()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name.endswith("l")} == before


def test_a_torn_end_is_no_damage(store: FileStore) -> None:
    journal_of(store).write_bytes(journal_of(store).read_bytes()[:-5])
    assert repaired(store).damage == ""
    assert addresses(store) == "abcde"


def test_frames_before_the_damage_are_kept_and_those_after_it_reported(store: FileStore) -> None:
    broken = damage(store, b"batch-c", b"batch-X")
    lineage = FileStore(Path(store.url))
    report = repaired(store)
    assert report.damage.startswith("line 2, at byte ")
    assert (report.kept, report.dropped) == (1, 3)
    assert letters(report.lost) == "def"
    assert [(entry.address, entry.attempt.batch_id) for entry in report.doubtful] == [("nightly/c", "batch-X")]
    assert addresses(lineage) == "ab"
    assert report.journal is not None
    assert report.journal.read_bytes() == broken
    assert report.journal.stat().st_mode & 0o777 == 0o600
    assert ".damaged-" in report.journal.name
    assert report.snapshot is None


def test_revisions_go_on_after_the_highest_ever_seen(store: FileStore) -> None:
    lineage = store.load().lineage
    damage(store, b"batch-c", b"batch-X")
    repaired(store)
    assert (store.load().serial, store.load().lineage) == (5, lineage)
    with store.lock(0, print):
        store.append([example_entry("nightly/g")])
    assert (addresses(store), store.load().serial) == ("abg", 6)


def test_the_snapshot_is_backed_up(store: FileStore) -> None:
    with store.lock(0, print):
        store.fold()
        store.append([example_entry("nightly/g")])
        store.append([example_entry("nightly/h")])
    damage(store, b'nightly/g"', b'nightly/G"')
    snapshot = Path(store.url).read_bytes()
    report = repaired(store)
    assert report.snapshot is not None
    assert report.snapshot.read_bytes() == snapshot
    assert (addresses(store), letters(report.lost), letters(report.doubtful)) == ("abcdef", "h", "G")


def test_a_journal_that_is_damaged_from_its_first_line_on(store: FileStore) -> None:
    damage(store, b'"lineage"', b'"LINEAGE"')
    report = repaired(store)
    assert (report.kept, report.dropped, letters(report.lost)) == (0, 4, "cdef")
    assert addresses(store) == ""
    assert store.load().serial == 5


def test_the_journal_of_another_state_is_set_aside(store: FileStore, tmp_path: Path) -> None:
    with store.lock(0, print):
        store.fold()
    (tmp_path / "other").mkdir()
    other = written(tmp_path / "other" / "nightly.state.json", "x", "yz")
    journal_of(store).write_bytes(journal_of(other).read_bytes())
    report = repaired(store)
    assert report.damage == "foreign-journal"
    assert (report.kept, report.dropped, letters(report.lost)) == (0, 2, "xyz")
    assert addresses(store) == "abcdef"


def test_a_journal_whose_snapshot_is_gone_is_kept(store: FileStore) -> None:
    with store.lock(0, print):
        store.fold()
        store.append([example_entry("nightly/g")])
    Path(store.url).unlink()
    report = repaired(store)
    assert (report.damage, report.kept, report.lost) == ("missing-revisions", 1, ())
    assert addresses(store) == "g"


def test_garbage_is_dropped_and_kept_aside(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "nightly.state.json")
    journal_of(store).write_bytes(b"a\n\xff\xfe\n\nb\n")
    report = repaired(store)
    assert (report.kept, report.dropped, report.lost, report.doubtful) == (0, 4, (), ())
    assert store.load().batches == {}


def test_an_unreadable_snapshot_is_not_repaired_away(store: FileStore) -> None:
    Path(store.url).write_bytes(b"{")
    with pytest.raises(StateError) as caught:
        repaired(store)
    assert caught.value.code == "unreadable-state"
    assert Path(store.url).read_bytes() == b"{"


def test_repair_needs_the_lock(store: FileStore) -> None:
    with pytest.raises(StateError) as caught:
        store.repair()
    assert caught.value.code == "lock-not-held"

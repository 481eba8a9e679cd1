"""States that older versions wrote, as they wrote them: read, carried on, and from then on theirs no more.

`states/version-1.*` are the files of a version 1 that was killed while a create was on its way.
"""

import json
import shutil
from pathlib import Path

import pytest
from support.builders import attempt, shards

from batchrunner.manifest import LocalFile
from batchrunner.state import FORMAT_VERSION, Entry
from batchrunner.stores import FileStore

STATES = Path(__file__).with_name("states")
TICKETS = "nightly/tickets"
JOURNAL = "nightly.state.journal.jsonl"


def silent(_: str) -> None:
    """Nobody waits in these tests."""


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    shutil.copyfile(STATES / "version-1.state.json", tmp_path / "nightly.state.json")
    shutil.copyfile(STATES / "version-1.state.journal.jsonl", tmp_path / JOURNAL)
    return FileStore(tmp_path / "nightly.state.json")


def test_version_1_is_read_with_its_journal(store: FileStore) -> None:
    state = store.load()
    assert [(entry.address, entry.run_key, entry.attempt.status) for entry in state.entries()] == [
        ("nightly/ready", "day:2026-11-22", "submitted"),
        (TICKETS, "day:2026-11-22", "submitted"),
        (TICKETS, "day:2026-11-23", "in-doubt"),
    ]
    open_attempt = state.latest(TICKETS, "day:2026-11-23")
    assert open_attempt is not None
    assert (state.serial, open_attempt.intent.estimate) == (5, None)
    assert isinstance(open_attempt.intent.source, LocalFile)
    assert (open_attempt.intent.source.part, open_attempt.intent.source.template) == (None, None)
    assert json.loads(open_attempt.request)["input_file_id"] == open_attempt.file_id
    assert b'"filename":"br1-' in bytes(open_attempt.upload_reply)


def test_reading_version_1_changes_nothing(store: FileStore) -> None:
    before = [path.read_bytes() for path in sorted(Path(store.url).parent.iterdir())]
    store.load()
    assert [path.read_bytes() for path in sorted(Path(store.url).parent.iterdir())] == before


@pytest.mark.parametrize("with_journal", [True, False])
def test_what_was_written_by_a_newer_version_no_older_one_takes_for_its_own(
    store: FileStore, with_journal: bool
) -> None:
    """Version 1 would take a shard for the whole file, and send all of it; it refuses what says 2."""
    if not with_journal:
        Path(store.url).with_name(JOURNAL).unlink()
    before = [entry for entry in store.load().entries() if with_journal or entry.run_key == "day:2026-11-22"]
    (one, two) = (
        Entry(address=each.address, run_key=each.run_key, attempt=attempt(wanted=each)) for each in shards("abc", 2)
    )
    with store.lock(0, silent):
        store.append([one])
        head = Path(store.url).with_name(JOURNAL).read_text().partition("\n")[0]
        assert f'"format_version":{FORMAT_VERSION}' in head
        store.append([two])
        store.fold()
    assert json.loads(Path(store.url).read_bytes())["format_version"] == FORMAT_VERSION
    assert list(store.load().entries()) == [one, two, *before]

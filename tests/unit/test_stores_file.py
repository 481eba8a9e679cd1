"""The snapshot, the fold, and every way in which a disk says no."""

import errno
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from batchrunner.errors import ExitCode, Refused, StateError
from batchrunner.records import Raw, encode
from batchrunner.state import FORMAT_VERSION, State
from batchrunner.stores import FileStore, open_store
from batchrunner.stores._snapshot import UPGRADES
from batchrunner.testing import example_entry

REPLY = b'{"z":1.0,"id":"batch-1","a":"\\u00e9\\/","n":12345678901234567890123456789,"e":1E400,"d":1,"d":2}'


def silent(_: str) -> None:
    """Nobody waits in these tests."""


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "nightly.state.json")


@pytest.fixture
def folded(store: FileStore) -> FileStore:
    with store.lock(0, silent):
        store.append([example_entry("nightly/b", reply=REPLY), example_entry("nightly/a")])
        store.fold()
    return store


def snapshot(store: FileStore) -> Path:
    return Path(store.url)


def journal(store: FileStore) -> Path:
    return Path(store.url).with_name("nightly.state.journal.jsonl")


def refused(action: Callable[[], object]) -> StateError:
    with pytest.raises(StateError) as caught:
        action()
    assert caught.value.exit_code == ExitCode.CONFLICT
    return caught.value


def stamp(path: Path) -> tuple[int, int]:
    return (path.stat().st_mtime_ns, path.stat().st_ino)


def test_the_snapshot_is_for_people_and_diffs(folded: FileStore) -> None:
    text = snapshot(folded).read_text("utf-8")
    document = json.loads(text)
    assert list(document) == ["batches", "format", "format_version", "lineage", "serial"]
    assert list(document["batches"]) == ["nightly/a", "nightly/b"]
    assert (document["format"], document["format_version"], document["serial"]) == (
        "batchrunner.state",
        FORMAT_VERSION,
        1,
    )
    assert document["batches"]["nightly/a"]["day:2026-11-22"][0]["batch_id"] == "batch-1"
    assert text.startswith('{\n  "batches": {\n    "nightly/a": {\n')
    assert text.endswith("}\n")


def test_replies_are_kept_token_by_token(folded: FileStore) -> None:
    attempt = folded.load().latest("nightly/b", "day:2026-11-22")
    assert attempt is not None
    assert attempt.reply == Raw(REPLY)
    assert b'"n": 12345678901234567890123456789' in snapshot(folded).read_bytes()


def test_a_snapshot_written_again_is_the_same_text(folded: FileStore) -> None:
    before = snapshot(folded).read_text()
    with folded.lock(0, silent):
        folded.append([example_entry("nightly/b", reply=REPLY)])
        folded.fold()
    assert snapshot(folded).read_text() == before.replace('"serial": 1', '"serial": 2')


def test_a_fold_of_nothing_touches_nothing(folded: FileStore) -> None:
    before = stamp(snapshot(folded)), stamp(journal(folded))
    with folded.lock(0, silent):
        folded.load()
        folded.append([])
        folded.fold()
    assert (stamp(snapshot(folded)), stamp(journal(folded))) == before


def test_a_state_that_was_never_written_leaves_no_files_but_the_lock(store: FileStore, tmp_path: Path) -> None:
    store.load()
    assert not list(tmp_path.iterdir())
    with store.lock(0, silent):
        store.load()
        store.fold()
    assert [path.name for path in tmp_path.iterdir()] == ["nightly.state.lock"]


def test_one_lineage_for_all_loads_until_it_exists(store: FileStore) -> None:
    seen = store.load().lineage
    with store.lock(0, silent):
        assert store.load().lineage == seen
        store.append([example_entry()])
    assert FileStore(snapshot(store)).load().lineage == seen


@pytest.mark.parametrize("umask", [0, 0o022, 0o777])
def test_files_are_private_whatever_the_umask(umask: int, tmp_path: Path) -> None:
    store = FileStore(tmp_path / "nightly.state.json")
    before = os.umask(umask)
    try:
        with store.lock(0, silent):
            store.append([example_entry()])
            store.fold()
            store.rewrite(store.load())
            store.dump_elsewhere([example_entry()])
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert len(modes) == 5
    assert set(modes.values()) == {0o600}


def test_files_are_private_from_the_first_byte(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    modes = []
    write = os.write

    def watched(descriptor: int, data: Any) -> int:
        modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", watched)
    with store.lock(0, silent):
        store.append([example_entry()])
        store.fold()
    assert modes == [0o600] * len(modes)
    assert len(modes) == 2


def test_a_journal_others_could_read_becomes_private(store: FileStore) -> None:
    journal(store).touch(0o644)
    with store.lock(0, silent):
        store.append([example_entry()])
    assert stat.S_IMODE(journal(store).stat().st_mode) == 0o600


def test_short_writes_are_completed(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:7]))
    with store.lock(0, silent):
        store.append([example_entry()])
        assert len(store.load().batches) == 1
        store.fold()
    assert len(store.load().batches) == 1


def test_folders_are_made(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "not" / "yet" / "nightly.state.json")
    with store.lock(0, silent):
        store.append([example_entry()])
    assert len(store.load().batches) == 1


@pytest.mark.parametrize(
    ("name", "siblings"),
    [
        ("x.json", {"x.journal.jsonl", "x.lock", "x.json"}),
        ("nightly.state.json", {"nightly.state.journal.jsonl", "nightly.state.lock", "nightly.state.json"}),
        ("state", {"state.journal.jsonl", "state.lock", "state"}),
    ],
)
def test_siblings_are_named_after_the_snapshot(name: str, siblings: set[str], tmp_path: Path) -> None:
    store = FileStore(tmp_path / name)
    with store.lock(0, silent):
        store.append([example_entry()])
        store.fold()
    assert {path.name for path in tmp_path.iterdir()} == siblings


def changed(folded: FileStore, **fields: object) -> None:
    document = json.loads(snapshot(folded).read_bytes().replace(b"1E400", b"1"))
    snapshot(folded).write_text(json.dumps(document))
    assert len(folded.load().batches) == 2, "what is refused must be refused for the change"
    snapshot(folded).write_text(json.dumps({**document, **fields}))


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"null", b"<<<<<<< HEAD\n{}", b"\xff\xfe{}", b'{"a":"\xff"}', b"[" * 100_000, b"{}", b"\0" * 64],
)
def test_an_unreadable_snapshot_is_refused(text: bytes, folded: FileStore) -> None:
    snapshot(folded).write_bytes(text)
    error = refused(folded.load)
    assert (error.code, error.where) == ("unreadable-state", folded.url)
    assert error.why
    assert error.hint
    with folded.lock(0, silent):
        assert refused(lambda: folded.append([example_entry()])).code == "unreadable-state"
        assert refused(folded.fold).code == "unreadable-state"
    assert snapshot(folded).read_bytes() == text


@pytest.mark.parametrize(
    "fields",
    [
        {"surprise": 1},
        {"serial": "1"},
        {"serial": None},
        {"lineage": 7},
        {"format": "terraform"},
        {"batches": {"nightly/a": {"day:2026-11-22": []}}},
        {"batches": {"nightly/a": {"day:2026-11-22": [{"number": 1, "status": "?"}]}}},
        {"format_version": "1"},
        {"format_version": 0},
    ],
)
def test_a_snapshot_of_another_shape_is_refused(fields: dict[str, object], folded: FileStore) -> None:
    changed(folded, **fields)
    assert refused(folded.load).code == "unreadable-state"


def test_attempts_out_of_order_are_refused(folded: FileStore) -> None:
    runs = json.loads(snapshot(folded).read_bytes())["batches"]["nightly/a"]["day:2026-11-22"]
    changed(folded, batches={"nightly/a": {"day:2026-11-22": runs * 2}})
    assert "out of order" in refused(folded.load).why


def test_invalid_utf8_inside_a_reply_is_refused(folded: FileStore) -> None:
    snapshot(folded).write_bytes(snapshot(folded).read_bytes().replace(b'"validating"', b'"\xff"'))
    assert refused(folded.load).code == "unreadable-state"


def test_a_newer_snapshot_is_refused_and_says_so(folded: FileStore) -> None:
    changed(folded, format_version=FORMAT_VERSION + 1, new_field={"anything": True})
    error = refused(folded.load)
    assert error.code == "newer-format"
    assert f"format_version is {FORMAT_VERSION + 1}" in error.why
    assert f"up to {FORMAT_VERSION}" in error.why
    assert "upgrade" in error.hint


def reframed(text: bytes) -> bytes:
    from zlib import crc32

    return b"%08x %b\n" % (crc32(text), text)


def test_a_newer_journal_is_refused_and_says_so(store: FileStore) -> None:
    text = b'{"serial":1,"prev":"?","lineage":"x","format_version":99,"entries":[{"unheard":"of"}]}'
    journal(store).write_bytes(reframed(text))
    error = refused(store.load)
    assert (error.code, error.where) == ("newer-format", str(journal(store)))
    with store.lock(0, silent):
        assert refused(store.repair).code == "newer-format"


def from_version_zero(document: dict[str, Any]) -> dict[str, Any]:
    """In the made-up version 0, `batch_id` was called `id`."""
    for runs in document["batches"].values():
        for attempts in runs.values():
            attempts[:] = [{"batch_id" if key == "id" else key: raw for key, raw in old.items()} for old in attempts]
    return document


def as_version_zero(text: bytes) -> bytes:
    now = b'"format_version": %d' % FORMAT_VERSION
    return text.replace(b'"batch_id"', b'"id"').replace(now, b'"format_version": 0')


def test_an_older_snapshot_is_upgraded_and_its_replies_kept(folded: FileStore) -> None:
    expected = list(folded.load().entries())
    snapshot(folded).write_bytes(as_version_zero(snapshot(folded).read_bytes()))
    assert refused(folded.load).code == "unreadable-state"
    upgrading = FileStore(snapshot(folded), upgrades={0: from_version_zero, **UPGRADES})
    assert list(upgrading.load().entries()) == expected
    with upgrading.lock(0, silent):
        upgrading.append([example_entry("nightly/c")])
        upgrading.fold()
    assert len(folded.load().batches) == 3


def test_an_older_journal_is_upgraded_and_folded_before_anything_is_added(store: FileStore) -> None:
    with store.lock(0, silent):
        store.append([example_entry(reply=REPLY), example_entry("nightly/a")])
    expected = list(store.load().entries())
    old = journal(store).read_bytes()[9:-1].replace(b'"batch_id"', b'"id"')
    now = b'"format_version":%d' % FORMAT_VERSION
    journal(store).write_bytes(reframed(old.replace(now, b'"format_version":0')))
    upgrading = FileStore(snapshot(store), upgrades={0: from_version_zero, **UPGRADES})
    assert list(upgrading.load().entries()) == expected
    with upgrading.lock(0, silent):
        upgrading.append([example_entry("nightly/z")])
    assert list(store.load().entries())[:2] == sorted(expected, key=lambda entry: entry.address)
    assert len(store.load().batches) == 3


@pytest.mark.parametrize("name", ["nightly.state.json", "nightly.state.journal.jsonl", "nightly.state.lock"])
@pytest.mark.parametrize("dangling", [True, False])
def test_symbolic_links_are_refused(name: str, dangling: bool, tmp_path: Path) -> None:
    target = tmp_path / "target"
    if not dangling:
        target.write_bytes(b"precious")
    (tmp_path / name).symlink_to(target)
    store = FileStore(tmp_path / "nightly.state.json")

    def use() -> None:
        with store.lock(0, silent):
            store.append([example_entry()])

    error = refused(use)
    assert (error.code, error.where) == ("state-is-a-symlink", str(tmp_path / name))
    assert target.exists() is not dangling
    assert dangling or target.read_bytes() == b"precious"


@pytest.mark.parametrize("name", ["nightly.state.json", "nightly.state.journal.jsonl"])
def test_a_folder_in_the_place_of_a_file_is_refused(name: str, store: FileStore) -> None:
    snapshot(store).with_name(name).mkdir()
    error = refused(store.load)
    assert (error.code, error.why) == ("state-not-read", "Is a directory")


def test_a_fifo_in_the_place_of_a_file_does_not_hang(store: FileStore) -> None:
    os.mkfifo(snapshot(store))
    assert refused(store.load).why == "Not a regular file"


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = FileStore(tmp_path / "file" / "nightly.state.json")
    with pytest.raises(StateError) as caught, store.lock(0, silent):
        pass
    assert caught.value.code == "state-not-written"


@pytest.mark.parametrize(
    ("call", "step"),
    [
        ("write", "append"),
        ("fdatasync", "append"),
        ("fdatasync", "fold"),
        ("fsync", "fold"),
        ("replace", "fold"),
        ("ftruncate", "fold"),
    ],
)
def test_the_first_failure_is_the_last(call: str, step: str, store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def fail(*_: object) -> None:
        calls.append(call)
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    steps = {"append": lambda: store.append([example_entry()]), "fold": store.fold}
    with store.lock(0, silent):
        store.append([example_entry("nightly/before")])
        monkeypatch.setattr(os, call, fail)
        errors = [refused(steps[step])]
        errors += [refused(later) for later in (*steps.values(), store.load, store.repair)]
        assert calls == [call], "after a failed call there must be no other"
    assert {(error.code, error.why) for error in errors} == {("state-not-written", "Read-only file system")}
    monkeypatch.undo()
    assert "nightly/before" in FileStore(snapshot(store)).load().batches


def test_a_failed_snapshot_leaves_no_half_of_it(
    store: FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store.lock(0, silent):
        store.append([example_entry()])
        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left")))
            assert refused(store.fold).why == "No space left"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["nightly.state.journal.jsonl", "nightly.state.lock"]
    assert len(FileStore(snapshot(store)).load().batches) == 1


def test_a_journal_deleted_while_in_use_is_noticed(store: FileStore) -> None:
    with store.lock(0, silent):
        store.append([example_entry()])
        journal(store).unlink()
        assert "deleted" in refused(lambda: store.append([example_entry("nightly/b")])).why


def test_rewriting_keeps_a_backup_and_makes_a_revision(folded: FileStore) -> None:
    with folded.lock(0, silent):
        folded.append([example_entry("nightly/c")])
        before = list(folded.load().entries())
        state = folded.load()
        del state.batches["nightly/a"]
        backup = folded.rewrite(state)
        assert set(folded.load().batches) == {"nightly/b", "nightly/c"}
        assert (folded.load().serial, folded.load().lineage) == (3, state.lineage)
        folded.append([example_entry("nightly/d")])
    assert set(folded.load().batches) == {"nightly/b", "nightly/c", "nightly/d"}
    assert list(FileStore(backup).load().entries()) == before
    assert backup.name.startswith("nightly.state.backup-20")


def test_backups_never_overwrite_each_other(folded: FileStore) -> None:
    with folded.lock(0, silent):
        backups = [folded.rewrite(folded.load()) for _ in range(5)]
    assert len({*backups}) == 5
    assert [FileStore(backup).load().serial for backup in backups] == [1, 2, 3, 4, 5]


def test_a_state_that_moved_is_not_overwritten(folded: FileStore) -> None:
    state = folded.load()
    with folded.lock(0, silent):
        folded.append([example_entry("nightly/c")])
        assert refused(lambda: folded.rewrite(state)).code == "state-moved"
        assert refused(lambda: folded.rewrite(State("other", 2))).code == "state-moved"
    assert len(folded.load().batches) == 3


def test_entries_that_could_not_be_saved_go_elsewhere(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [example_entry("nightly/a"), example_entry("nightly/b")]
    beside = store.dump_elsewhere(entries)
    assert beside is not None
    assert beside.parent == snapshot(store).parent
    assert beside.read_bytes() == b"".join(encode(entry) + b"\n" for entry in entries)
    elsewhere = FileStore(snapshot(store).parent / "missing" / "nightly.state.json").dump_elsewhere(entries)
    assert elsewhere is not None
    assert elsewhere.read_bytes() == beside.read_bytes()
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o600
    elsewhere.unlink()
    monkeypatch.setattr(os, "write", lambda *_: 0)
    assert store.dump_elsewhere(entries) is None
    assert [path for path in snapshot(store).parent.iterdir() if "unsaved" in path.name] == [beside]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", "specs/nightly.state.json"),
        ("file:state.json", "base/state.json"),
        ("file:.batchrunner/state", "base/.batchrunner/state/nightly.state.json"),
        ("file:/var/state", "/var/state/nightly.state.json"),
        ("file:///var/state.json", "/var/state.json"),
        ("FILE:x", "base/x/nightly.state.json"),
        ("there", "base/there/nightly.state.json"),
        ("/there/it.json", "/there/it.json"),
        ("./with:colon", "base/with:colon/nightly.state.json"),
        ("a b%20c", "base/a b%20c/nightly.state.json"),
    ],
)
def test_stores_are_opened_by_url(url: str, expected: str) -> None:
    store = open_store(url, spec_name="nightly", default=Path("specs/nightly.state.json"), base=Path("base"))
    assert store.url == expected


@pytest.mark.parametrize("url", ["postgresql://u:secret@h/d", "s3://secret", "gs://secret", "az://secret", "file:"])
def test_other_urls_are_refused_without_repeating_them(url: str) -> None:
    with pytest.raises(Refused) as caught:
        open_store(url, spec_name="nightly", default=Path("x.json"))
    error = caught.value
    assert error.code == "unknown-store"
    assert "secret" not in f"{error.message}{error.why}{error.hint}{error.where}"
    assert url.partition(":")[0] in error.message
    assert "file:PATH" in error.why


def test_a_file_url_with_a_host_is_refused() -> None:
    with pytest.raises(Refused):
        open_store("file://host/path", spec_name="nightly", default=Path("x.json"))

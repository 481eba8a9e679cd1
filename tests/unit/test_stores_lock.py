"""Who may write, and what others are told."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from batchrunner.errors import ExitCode, StateError, TryAgain
from batchrunner.stores import FileStore
from batchrunner.testing import example_entry


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "nightly.state.json", command="batchrunner apply specs/nightly.yaml")


@pytest.fixture
def lock_file(store: FileStore) -> Path:
    return Path(store.url).with_name("nightly.state.lock")


def test_the_lock_file_says_who_holds_it(store: FileStore, lock_file: Path) -> None:
    with store.lock(0, print):
        holder = json.loads(lock_file.read_text())
        inode = lock_file.stat().st_ino
    assert holder["command"] == "batchrunner apply specs/nightly.yaml"
    assert holder["pid"] == os.getpid()
    assert holder["host"] == os.uname().nodename
    assert holder["since"].endswith("Z")
    assert lock_file.read_bytes() == b""
    with store.lock(0, print):
        assert lock_file.stat().st_ino == inode, "the lock file must never be replaced"


def test_who_waits_hears_who_holds_it_once(store: FileStore) -> None:
    heard: list[str] = []
    other = FileStore(Path(store.url))
    with store.lock(0, heard.append), pytest.raises(TryAgain) as caught, other.lock(0.1, heard.append):
        pass
    assert len(heard) == 1
    assert heard[0].startswith(f"held by `batchrunner apply specs/nightly.yaml`, pid {os.getpid()} on ")
    error = caught.value
    assert (error.code, error.exit_code, error.why) == ("lock-held", ExitCode.TRY_AGAIN, heard[0])
    assert "--lock-timeout" in error.hint
    assert "batchrunner state unlock" in error.hint


@pytest.mark.parametrize(
    "text",
    [b"", b"\x1b[2J", b"{}", b"[" * 5000, b"\xff" * 5000, b'{"command":1,"pid":2,"host":"h","since":"s"}'],
)
def test_a_lock_file_that_says_nothing_sensible_is_no_reason_to_fail(
    text: bytes, store: FileStore, lock_file: Path
) -> None:
    with store.lock(0, print):
        lock_file.write_bytes(text)
        assert store.holder() == "held by another process, which did not say who it is"


def test_what_a_lock_file_says_is_printed_safely(store: FileStore, lock_file: Path) -> None:
    hostile = {"command": "\x1b]0;x\x07`" + "a" * 1000, "pid": 1, "host": "h\u202eost\r\n::error::x", "since": "\x9b"}
    with store.lock(0, print):
        lock_file.write_text(json.dumps(hostile))
        told = store.holder()
    assert told is not None
    assert told.isprintable()
    assert len(told) < 600
    assert told.count("`") == 2


def test_nobody_holds_it(store: FileStore, lock_file: Path, tmp_path: Path) -> None:
    assert store.holder() is None
    assert not lock_file.exists()
    with store.lock(0, print):
        assert store.holder() is not None
    assert store.holder() is None
    assert FileStore(tmp_path / "no" / "such" / "folder.json").holder() is None


def test_unlock_clears_what_a_dead_holder_left(store: FileStore, lock_file: Path) -> None:
    store.unlock()
    assert not lock_file.exists()
    lock_file.write_text('{"command":"gone"}')
    store.unlock()
    assert lock_file.read_bytes() == b""


def test_unlock_takes_nothing_from_the_living(store: FileStore, lock_file: Path) -> None:
    with store.lock(0, print):
        text = lock_file.read_bytes()
        with pytest.raises(TryAgain) as caught:
            FileStore(Path(store.url)).unlock()
        assert lock_file.read_bytes() == text
    assert caught.value.code == "lock-held"
    assert "it is alive" in caught.value.hint


def test_a_lock_file_deleted_while_waiting_is_not_waited_for(store: FileStore, lock_file: Path) -> None:
    heard: list[str] = []

    def delete(told: str) -> None:
        heard.append(told)
        lock_file.unlink()

    with store.lock(0, print), FileStore(Path(store.url)).lock(5, delete):
        assert lock_file.exists()
    assert len(heard) == 1


def test_what_was_typed_names_the_holder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/usr/lib/batchrunner/__main__.py", "apply", "a b.yaml"])
    store = FileStore(tmp_path / "nightly.state.json")
    with store.lock(0, print):
        assert "held by `batchrunner apply 'a b.yaml'`," in str(store.holder())


def test_what_was_typed_may_be_no_utf_8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["batchrunner", "apply", os.fsdecode(b"\xff")])
    store = FileStore(tmp_path / "nightly.state.json")
    with store.lock(0, print):
        assert "held by `batchrunner apply '\\udcff'`," in str(store.holder())


def test_reading_needs_no_lock(store: FileStore) -> None:
    with store.lock(0, print):
        store.append([example_entry()])
        assert len(FileStore(Path(store.url)).load().batches) == 1


def replace_by_another(lock_file: Path) -> None:
    lock_file.unlink()
    lock_file.write_bytes(b"")


@pytest.mark.parametrize("spoil", [Path.unlink, replace_by_another])
@pytest.mark.parametrize(
    "write",
    [
        lambda store: store.append([example_entry("nightly/b")]),
        lambda store: store.fold(),
        lambda store: store.load(),
        lambda store: store.repair(),
    ],
    ids=["append", "fold", "load", "repair"],
)
def test_who_lost_the_lock_file_writes_nothing_more(
    write: Callable[[FileStore], object], spoil: Callable[[Path], None], store: FileStore, lock_file: Path
) -> None:
    with store.lock(0, print):
        store.append([example_entry("nightly/a")])
        before = {path: path.read_bytes() for path in lock_file.parent.iterdir() if path != lock_file}
        spoil(lock_file)
        for _ in range(2):
            with pytest.raises(StateError) as caught:
                write(store)
            assert (caught.value.code, caught.value.where) == ("lock-lost", str(lock_file))
            assert "run the same command again" in caught.value.hint
        assert {path: path.read_bytes() for path in lock_file.parent.iterdir() if path != lock_file} == before
    with store.lock(0, print):
        store.append([example_entry("nightly/b")])
        assert len(store.load().batches) == 2

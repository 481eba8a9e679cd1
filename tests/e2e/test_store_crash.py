"""The file store under real kills, real locks and real full disks, in processes of its own.

Run as a program, this file is those processes: `test_store_crash.py kill|count|fill DIRECTORY`.
"""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from batchrunner.errors import StateError
from batchrunner.state import State
from batchrunner.stores import FileStore
from batchrunner.testing import example_entry

CALLS = ("open", "write", "pwrite", "fdatasync", "fsync", "replace", "ftruncate", "fchmod", "mkdir", "unlink", "close")
Say = Callable[[str], None]


def store_in(directory: Path) -> FileStore:
    return FileStore(directory / "state" / "nightly.state.json")


def work(directory: Path, say: Say) -> None:
    """All that changes a state: appends, folds, a rewrite; `say` tells what was promised."""
    store = store_in(directory)
    with store.lock(10, print):
        for name in ("a", "b", "c"):
            store.append([example_entry(f"nightly/{name}-{number}") for number in range(2)])
            say(f"+nightly/{name}-0 +nightly/{name}-1")
            if name == "b":
                store.fold()
        state = store.load()
        del state.batches["nightly/a-0"]
        say("?nightly/a-0")
        store.rewrite(state)
        say("-nightly/a-0")
        store.append([example_entry("nightly/d")])
        say("+nightly/d")
        store.fold()


class Killer:
    """Kills this process before its n-th system call, which is after the one before it, or half-way through a write."""

    def __init__(self, point: int) -> None:
        self.left = point

    def watch(self) -> None:
        for name in CALLS:
            setattr(os, name, self.deadly(getattr(os, name), is_write=name == "write"))

    def passes(self) -> None:
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1

    def deadly(self, call: Callable[..., Any], is_write: bool) -> Callable[..., Any]:
        def made(*arguments: Any, **options: Any) -> Any:
            self.passes()
            if is_write:
                if self.left == 0:
                    call(arguments[0], arguments[1][: len(arguments[1]) // 2])
                self.passes()
            return call(*arguments, **options)

        return made


def killed_at(point: int, directory: Path) -> tuple[bool, list[str]]:
    """Do the work in a child that is killed at a point: whether it was, and what it had promised."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        write = os.write
        Killer(point).watch()
        work(directory, lambda text: void(write(writing, f"{text} ".encode())))
        os._exit(0)
    os.close(writing)
    with open(reading, encoding="ascii") as pipe:
        said = pipe.read().split()
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status), said


def void(_: object) -> None:
    """Nothing is done with it."""


def complaints(directory: Path, said: list[str]) -> Iterator[str]:
    """What is wrong with the state a killed child left, for readers and for the next writer."""
    store = store_in(directory)
    yield from wrong(store.load(), said)
    with store.lock(0, print):
        yield from wrong(store.load(), said)
        store.append([example_entry("nightly/next")])
        store.fold()
    after = FileStore(Path(store.url)).load()
    yield from wrong(after, [*said, "+nightly/next"])
    if left := [path.name for path in Path(store.url).parent.iterdir() if path.name.endswith(".tmp")]:
        yield f"left behind: {left}"


def wrong(state: State, said: list[str]) -> Iterator[str]:
    promised = {word[1:]: word[0] for word in said}
    for address, sign in promised.items():
        if sign == "+" and address not in state.batches:
            yield f"lost {address}"
        if sign == "-" and address in state.batches:
            yield f"came back: {address}"


def kill_everywhere(directory: Path) -> None:
    """Print, as JSON, how many points there were and what went wrong at which."""
    found = []
    point = 0
    was_killed = True
    while was_killed:
        shutil.rmtree(directory / "state", ignore_errors=True)
        was_killed, said = killed_at(point, directory)
        found += [f"point {point}: {complaint}" for complaint in complaints(directory, said)]
        point += 1
    print(json.dumps({"points": point - 1, "wrong": found}))


def count_up(directory: Path) -> None:
    """Add one to a counter kept in the state, fifty times, each time under the lock."""
    store = store_in(directory)
    for _ in range(50):
        with store.lock(60, void):
            known = store.load().latest("nightly/counter", "manual:x")
            number = known.number + 1 if known else 1
            store.append([example_entry("nightly/counter", "manual:x", number=number)])
            if number % 7 == 0:
                store.fold()


def fill(directory: Path) -> None:
    """Append until the disk says no; print, as JSON, how far that came and what was said."""
    if limit := os.environ.get("LIMIT"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    store = store_in(directory)
    kept = 0
    with store.lock(0, print):
        try:
            while True:
                store.append([example_entry(f"nightly/{kept}")])
                kept += 1
        except StateError as error:
            first = (error.code, error.why)
        try:
            store.append([example_entry("nightly/again")])
        except StateError as error:
            second = (error.code, error.why)
    saved = store.dump_elsewhere([example_entry(f"nightly/{kept}")] * int(os.environ["DUMP"]))
    print(json.dumps({"kept": kept, "first": first, "second": second, "saved": str(saved)}))


def process(what: str, directory: Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-B", __file__, what, str(directory)],  # no half of what is compiled where the disk is full
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def result_of(child: subprocess.Popen[str]) -> Any:
    output, _ = child.communicate(timeout=100)
    assert child.returncode == 0
    return json.loads(output) if output else None


def test_killed_at_every_system_call(tmp_path: Path) -> None:
    result = result_of(process("kill", tmp_path))
    assert result["wrong"] == []
    assert result["points"] > 60


def test_two_processes_never_lose_an_update(tmp_path: Path) -> None:
    for child in [process("count", tmp_path) for _ in range(2)]:
        result_of(child)
    attempts = store_in(tmp_path).load().batches["nightly/counter"]["manual:x"]
    assert [attempt.number for attempt in attempts] == list(range(1, 101))


def test_a_reader_beside_a_busy_writer_sees_one_history(tmp_path: Path) -> None:
    child = process("count", tmp_path)
    reader = store_in(tmp_path)
    serials = [0]
    while child.poll() is None:
        state = reader.load()
        serials.append(state.serial)
        attempts = state.batches.get("nightly/counter", {}).get("manual:x", [])
        assert [attempt.number for attempt in attempts] == list(range(1, state.serial + 1))
    assert result_of(child) is None
    assert serials == sorted(serials)
    assert reader.load().serial == 50


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from batchrunner.stores import FileStore\n"
    code += "with FileStore(Path(sys.argv[1])).lock(0, print): print('held', flush=True); sys.stdin.read()"
    store = store_in(tmp_path)
    child = subprocess.Popen(
        [sys.executable, "-c", code, store.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        assert f"pid {child.pid} on " in str(store.holder())
        child.kill()
        child.wait()
        assert store.holder() is None
        with store.lock(0, pytest.fail):
            store.append([example_entry()])


def assert_full(result: Any, directory: Path, words: str) -> None:
    assert result["kept"] > 0
    assert result["first"] == result["second"] == ["state-not-written", words]
    saved = Path(result["saved"])
    try:
        assert f"nightly/{result['kept']}" in saved.read_text()
    finally:
        saved.unlink()
    store = store_in(directory)
    assert len(store.load().batches) == result["kept"]


def test_a_file_may_grow_no_further(tmp_path: Path) -> None:
    result = result_of(process("fill", tmp_path, LIMIT="20000", DUMP="1"))
    assert_full(result, tmp_path, "File too large")
    store = store_in(tmp_path)
    with store.lock(0, print):
        store.append([example_entry("nightly/again")])
        store.fold()
    assert len(store.load().batches) == result["kept"] + 1


@pytest.fixture
def tmpfs(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a small file system in memory, with options; skips where that is not allowed."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = False

    def mount(options: str) -> Path:
        nonlocal mounted
        command = ["mount", "-t", "tmpfs", "-o", f"{options},size=64k", "none", str(place)]
        if os.geteuid() != 0 or not shutil.which("mount"):
            pytest.skip("only root can mount a small disk")
        if subprocess.run(command, capture_output=True).returncode:
            pytest.skip("mounting is not allowed here")
        mounted = True
        return place

    yield mount
    if mounted:
        subprocess.run(["umount", str(place)], check=True)


def test_the_disk_is_full(tmpfs: Callable[[str], Path]) -> None:
    disk = tmpfs("rw")
    result = result_of(process("fill", disk, DUMP="100"))
    assert not Path(result["saved"]).is_relative_to(disk), "there is no room beside the state"
    assert_full(result, disk, "No space left on device")
    store = store_in(disk)
    with pytest.raises(StateError) as caught, store.lock(0, print):
        store.fold()
    assert caught.value.why == "No space left on device"
    assert len(store.load().batches) == result["kept"], "a fold that fails loses nothing"


def test_the_disk_is_read_only(tmpfs: Callable[[str], Path]) -> None:
    disk = tmpfs("rw")
    store = store_in(disk)
    with store.lock(0, print):
        store.append([example_entry()])
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    assert len(store.load().batches) == 1
    with pytest.raises(StateError) as caught, store.lock(0, print):
        pass
    assert (caught.value.code, caught.value.why) == ("state-not-written", "Read-only file system")


def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    code = "import os, sys; from pathlib import Path; from batchrunner.stores import FileStore\n"
    code += "from batchrunner.errors import StateError\n"
    code += "if os.geteuid() == 0: os.setuid(65534)\n"
    code += "try:\n with FileStore(Path('nightly.state.json')).lock(0, print): pass\n"
    code += "except StateError as error: print(error.code, '|', error.why)"
    locked = tmp_path / "locked"
    locked.mkdir(0o555)
    outcome = subprocess.run([sys.executable, "-c", code], cwd=locked, capture_output=True, text=True, check=True)
    assert outcome.stdout.strip() == "state-not-written | Permission denied"


if __name__ == "__main__":
    {"kill": kill_everywhere, "count": count_up, "fill": fill}[sys.argv[1]](Path(sys.argv[2]))

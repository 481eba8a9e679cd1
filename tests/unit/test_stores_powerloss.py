"""Every state a disk may be in when the power goes, at every system call, also after an earlier kill.

The model is what POSIX promises and nothing more: content reaches the disk by a sync of the file, names by a sync of
the directory; what was not synced may be there, not there, half there, or there as zeros.
"""

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from batchrunner.errors import StateError
from batchrunner.stores import FileStore
from batchrunner.testing import example_entry

Content = tuple[bytes | int, ...]  # appended bytes, or a length the file was cut to


class KilledError(BaseException):
    """The process ends here: nothing after it, not even a `finally`, reaches the disk."""


@dataclass
class File:
    """What was done to a file, and how much of that was synced."""

    content: Content = ()
    synced: int = 0


@dataclass
class Disk:
    """Watches the system calls of one directory. `moments` holds what a power loss could leave, after each of them."""

    root: Path
    kill_at: int = -1
    files: dict[int, File] = field(default_factory=dict)
    known: dict[int, int] = field(default_factory=dict)
    names: list[tuple[str, str, int]] = field(default_factory=list)
    names_synced: int = 0
    open: dict[int, int] = field(default_factory=dict)
    folders: set[int] = field(default_factory=set)
    promised: list[str] = field(default_factory=list)
    moments: list[tuple[Any, ...]] = field(default_factory=list)
    calls: int = 0

    def promise(self, address: str) -> None:
        self.promised.append(address)
        self.note()

    def note(self) -> None:
        files = tuple((inode, file.content, file.synced) for inode, file in self.files.items())
        self.moments.append((files, tuple(self.names), self.names_synced, tuple(self.promised)))

    def step(self, name: str, call: Callable[..., Any], arguments: Any) -> None:
        """One system call is about to be made; a write that the process is killed in gets half-way."""
        if self.calls == self.kill_at:
            if name == "write" and arguments[0] in self.open:
                descriptor, data = arguments
                self.on_write(call(descriptor, data[: len(data) // 2]), descriptor, data)
            raise KilledError
        self.calls += 1

    def watch(self, patch: pytest.MonkeyPatch) -> None:
        for name in ("open", "write", "fdatasync", "fsync", "replace", "ftruncate", "unlink", "close"):
            patch.setattr(os, name, self.watched(name, getattr(os, name)))

    def watched(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        handle = getattr(self, f"on_{name}")

        def made(*arguments: Any, **options: Any) -> Any:
            if name != "close":
                self.step(name, call, arguments)
            elif self.calls == self.kill_at:
                return None  # the kernel closes what a killed process had open; `bury` does it here
            result = call(*arguments, **options)
            handle(result, *arguments)
            self.note()
            return result

        return made

    def bury(self, close: Callable[[int], None]) -> None:
        """Let go of what the killed process had open, its lock too."""
        for descriptor in (*self.open, *self.folders):
            with suppress(OSError):
                close(descriptor)
        self.open.clear()
        self.folders.clear()
        self.kill_at = -1

    def on_open(self, descriptor: int, path: Any, flags: int, *_: Any) -> None:
        if Path(path) == self.root:
            self.folders.add(descriptor)
            return
        inode = os.fstat(descriptor).st_ino
        if inode not in self.known or flags & os.O_EXCL:
            # The number of a removed file is used again.
            self.known[inode] = len(self.files)
            self.files[self.known[inode]] = File()
            self.names.append(("make", Path(path).name, self.known[inode]))
        self.open[descriptor] = self.known[inode]

    def on_close(self, _: None, descriptor: int) -> None:
        self.open.pop(descriptor, None)
        self.folders.discard(descriptor)

    def on_write(self, written: int, descriptor: int, data: Any) -> None:
        self.files[self.open[descriptor]].content += (bytes(data[:written]),)

    def on_ftruncate(self, _: None, descriptor: int, length: int) -> None:
        self.files[self.open[descriptor]].content += (length,)

    def on_fdatasync(self, _: None, descriptor: int) -> None:
        file = self.files[self.open[descriptor]]
        file.synced = len(file.content)

    def on_fsync(self, _: None, descriptor: int) -> None:
        if descriptor in self.folders:
            self.names_synced = len(self.names)
        else:
            self.on_fdatasync(None, descriptor)

    def on_replace(self, _: None, source: Any, target: Any) -> None:
        self.names.append(("move", f"{Path(source).name}/{Path(target).name}", 0))

    def on_unlink(self, _: None, path: Any, *__: Any) -> None:
        self.names.append(("remove", Path(path).name, 0))


def possible_contents(content: Content, synced: int) -> list[bytes]:
    """What a file may hold: any number of the calls since the last sync, and the next one in part."""
    found = []
    for count in range(synced, len(content) + 1):
        base = built(content[:count])
        found.append(base)
        following = content[count] if count < len(content) else 0
        if isinstance(following, bytes):
            half = len(following) // 2
            found += [base + following[:1], base + following[:9], base + following[:half], base + following[:-1]]
            found += [base + bytes(len(following)), base + following[:half] + bytes(len(following) - half)]
            found.append(base + bytes(half) + following[half:])
    return list(dict.fromkeys(found))


def built(content: Content) -> bytes:
    text = b""
    for part in content:
        text = text + part if isinstance(part, bytes) else text[:part]
    return text


def possible_disks(moment: tuple[Any, ...]) -> Iterator[dict[str, bytes]]:
    files, names, names_synced, _ = moment
    contents = {inode: (content, synced) for inode, content, synced in files}
    for count in range(names_synced, len(names) + 1):
        present = named(names[:count])
        choices = [possible_contents(*contents[inode]) for inode in present.values()]
        for chosen in itertools.product(*choices):
            yield dict(zip(present, chosen, strict=True))


def named(operations: tuple[tuple[str, str, int], ...]) -> dict[str, int]:
    names: dict[str, int] = {}
    for kind, name, inode in operations:
        if kind == "make":
            names[name] = inode
        elif kind == "remove":
            names.pop(name, None)
        else:
            source, target = name.split("/")
            names[target] = names.pop(source)
    return {name: inode for name, inode in names.items() if not name.endswith((".lock", ".tmp"))}


def work(root: Path, disk: Disk, prefix: str) -> None:
    """What an apply does: find out, write down, fold; then once more."""
    store = FileStore(root / "nightly.state.json")
    with store.lock(0, print):
        for known in store.load().batches:
            disk.promise(known)  # what was found is reported, and acted on
        for number in range(4):
            address = f"nightly/{prefix}-{number}"
            store.append([example_entry(address)])
            disk.promise(address)
            if number in {1, 3}:
                store.fold()


def lost(moments: list[tuple[Any, ...]], place: Path) -> tuple[int, list[str]]:
    """How many different disks there were, and what was promised but is not on them, or keeps them from being read."""
    seen = set()
    problems = []
    for moment in moments:
        for disk in possible_disks(moment):
            state = (tuple(sorted(disk.items())), moment[3])
            if state not in seen:
                seen.add(state)
                problems += missing(disk, moment[3], place)
    return len(seen), problems


def missing(disk: dict[str, bytes], promised: tuple[str, ...], place: Path) -> list[str]:
    for path in place.iterdir():
        path.unlink()
    for name, content in disk.items():
        (place / name).write_bytes(content)
    try:
        known = FileStore(place / "nightly.state.json").load().batches
    except StateError as error:
        return [f"{error.code}: {error.why}"]
    return [address for address in promised if address not in known]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "place").mkdir()
    return tmp_path / "place"


def test_nothing_promised_is_lost_with_the_power(root: Path, place: Path) -> None:
    disk = Disk(root)
    with pytest.MonkeyPatch.context() as patch:
        disk.watch(patch)
        work(root, disk, "a")
    count, problems = lost(disk.moments, place)
    assert problems == []
    assert count > 40


def calls_of_one_run(root: Path) -> int:
    disk = Disk(root)
    with pytest.MonkeyPatch.context() as patch:
        disk.watch(patch)
        work(root, disk, "a")
    return disk.calls


def killed_then_run_again(root: Path, kill_at: int) -> Disk:
    for path in root.iterdir():
        path.unlink()
    disk = Disk(root, kill_at=kill_at)
    close = os.close
    with pytest.MonkeyPatch.context() as patch:
        disk.watch(patch)
        with suppress(KilledError):
            work(root, disk, "a")
        disk.bury(close)
        disk.moments.clear()
        work(root, disk, "b")
    return disk


def test_nothing_promised_is_lost_with_the_power_after_a_kill(root: Path, place: Path) -> None:
    total = 0
    for kill_at in range(calls_of_one_run(root)):
        disk = killed_then_run_again(root, kill_at)
        count, problems = lost(disk.moments, place)
        total += count
        assert problems == [], f"after a kill at call {kill_at}"
    assert total > 1000


def no_sync(_: int) -> None:
    """A sync that was forgotten."""


@pytest.mark.parametrize("forgotten", ["sync", "sync_directory"])
def test_a_forgotten_sync_is_found_out(
    forgotten: str, root: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"batchrunner.durable.{forgotten}", no_sync)
    disk = Disk(root)
    with pytest.MonkeyPatch.context() as patch:
        disk.watch(patch)
        work(root, disk, "a")
    assert lost(disk.moments, place)[1]

"""The files of one state: `nightly.state.json` and the siblings made from its name."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from batchrunner import durable
from batchrunner.stores import _disk


@dataclass(frozen=True, slots=True)
class Names:
    """Where the files of a state are. `snapshot` is the file people see and commit."""

    snapshot: Path

    @property
    def journal(self) -> Path:
        """What was appended since the snapshot."""
        return self._sibling("journal.jsonl")

    @property
    def lock(self) -> Path:
        """What `flock` is taken on; never renamed, never deleted."""
        return self._sibling("lock")

    @property
    def temporary(self) -> Path:
        """The next snapshot while it is written."""
        return self.snapshot.with_name(f".{self.snapshot.name}.tmp")

    def write_aside(self, word: str, extension: str, data: bytes) -> Path:
        """Make a durable new sibling named after `word` and the time, and return its path. Raises `OSError`."""
        path = new_file(self.snapshot.parent, f"{self._stem}.{word}", extension, data)
        durable.sync_directory(path.parent)
        return path

    @property
    def stem(self) -> str:
        """The snapshot's name without `.json`."""
        return self._stem

    def stamps(self) -> tuple[tuple[int, int, int] | None, ...]:
        """Changes whenever the snapshot or the journal does."""
        return (_stamp(self.journal), _stamp(self.snapshot))

    @property
    def _stem(self) -> str:
        return self.snapshot.name.removesuffix(".json")

    def _sibling(self, ending: str) -> Path:
        return self.snapshot.with_name(f"{self._stem}.{ending}")


def new_file(directory: Path, stem: str, extension: str, data: bytes) -> Path:
    """Write `data` to `directory/stem-20261122T023107Z.extension`, numbered where that is taken. Raises `OSError`."""
    time = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    for number in count(1):
        path = directory / f"{stem}-{time}{'' if number == 1 else f'-{number}'}.{extension}"
        try:
            _disk.create(path, data)
        except FileExistsError:
            continue
        return path
    raise AssertionError("unreachable: there is always another number")


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path, follow_symlinks=False)
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns)

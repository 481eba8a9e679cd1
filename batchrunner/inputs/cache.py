"""Remembers inputs that were found sound, so that they need not be read again until they change.

A file is known by what the file system says of it: device, inode, size, and both times to the nanosecond. Setting a
time back moves the other one, ctime, which nobody can set. A change within the same tick of the file system's clock
would be missed, so only what had rested for two seconds when the run began is remembered (git's racy index entries).

The cache is a convenience: whatever is wrong with it, it counts as empty, and where it cannot be written it is not. It
lies in a folder of its user, never in the repository, is checked against its own digest, and nothing in it is executed.
"""

import hashlib
import os
import re
import stat
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from batchrunner import durable, records
from batchrunner._version import __version__
from batchrunner.inputs.scan import Scan, ScannedPart
from batchrunner.inputs.steady import Identity, identity_of
from batchrunner.plans import Notice
from batchrunner.records import Raw, Record

CHECKER = f"{__version__}/3"
"""Which checks a result is of: another version of them knows nothing of it."""
RESTED_NS = 2_000_000_000
MOST_ENTRIES = 50_000
MOST_BYTES = 64 << 20
KEPT_DAYS = 60

_TOUCHED_DAYS = 7
_DAY_NS = 86_400_000_000_000
_OURS = re.compile(r"[0-9a-f]{32}\.scans(\.[0-9]+)?\Z")


class _Sound(Record):
    """A sound input. `identity` is of the file, `shown` how notices named it."""

    identity: Identity
    shown: str
    parts: tuple[ScannedPart, ...]
    notices: tuple[Notice, ...]
    counted_by: str


class _Entry(NamedTuple):
    """A sound input as it is stored, undecoded until it is asked for, and the day it was last of use."""

    day: int
    sound: Raw


_entries = records.decoder(dict[str, _Entry])
_sound = records.decoder(_Sound)


def decided_by(*everything: object) -> str:
    """A digest of all that decides what a scan finds beside the file: rules, limits, template, the counter's name."""
    return hashlib.sha256(records.encode([CHECKER, everything])).hexdigest()[:32]


class ScanCache:
    """The sound inputs of the project at `root`, kept in `folder`; nothing is kept where that is empty.

    `began` is the time at which the run began, before any input was opened, in nanoseconds since 1970.
    """

    def __init__(self, folder: str, root: str, began: int | None = None) -> None:
        self._began = time.time_ns() if began is None else began
        self._folder = folder
        name = hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()[:32]
        self._path = os.path.join(folder, f"{name}.scans") if folder else ""
        self._entries = _read(self._path) if folder else {}
        self._is_news = False

    def get(self, path: str, decided: str, status: os.stat_result, shown: str) -> Scan | None:
        """The scan of the file at `path`, relative to the root, that has this `status`; None where it is not known."""
        entry = self._entries.get(f"{decided} {path}")
        sound = _decoded(entry) if entry else None
        if entry is None or sound is None or sound.identity != identity_of(status):
            return None
        if any(part.file.path != path for part in sound.parts):
            return None
        if self._today - entry.day >= _TOUCHED_DAYS:
            self._keep(f"{decided} {path}", entry.sound)
        return Scan(sound.parts, _renamed(sound.notices, sound.shown, shown), counted_by=sound.counted_by)

    def put(self, path: str, decided: str, status: os.stat_result, shown: str, scan: Scan) -> None:
        """Remember `scan` if it is sound, and the file, which had this `status` before and after it, had rested."""
        rested = max(status.st_mtime_ns, status.st_ctime_ns) < self._began - RESTED_NS
        if self._path and rested and not scan.diagnostics and not scan.unlisted:
            sound = _Sound(
                identity=identity_of(status),
                shown=shown,
                parts=scan.parts,
                notices=scan.notices,
                counted_by=scan.counted_by,
            )
            with suppress(ValueError):  # text that is not Unicode
                self._keep(f"{decided} {path}", Raw(records.encode(sound)))

    def save(self) -> None:
        """Write what is new. Another process that does so at the same time wins or loses as a whole."""
        if self._is_news:
            self._is_news = False
            with suppress(OSError, ValueError):
                os.makedirs(self._folder, mode=0o700, exist_ok=True)
                _sweep(self._folder, self._began)
                _write(self._path, _sealed(self._pruned()))

    @property
    def _today(self) -> int:
        return self._began // _DAY_NS

    def _keep(self, key: str, sound: Raw) -> None:
        self._entries.pop(key, None)
        self._entries[key] = _Entry(self._today, sound)
        self._is_news = True

    def _pruned(self) -> dict[str, _Entry]:
        """The entries that were of use lately, the latest of them as far as there is room."""
        recent = {key: entry for key, entry in self._entries.items() if self._today - entry.day < KEPT_DAYS}
        ordered = sorted(recent.items(), key=lambda item: item[1].day, reverse=True)
        room, kept = MOST_BYTES // 2, {}
        for key, entry in ordered[:MOST_ENTRIES]:
            room -= len(key) + len(bytes(entry.sound))
            if room < 0:
                break
            kept[key] = entry
        return kept


def _decoded(entry: _Entry) -> _Sound | None:
    try:
        return _sound.decode(entry.sound)
    except records.MALFORMED:
        return None


def _renamed(notices: Sequence[Notice], before: str, now: str) -> tuple[Notice, ...]:
    """`notices` of a file that is shown as `now`: the same run from another folder names it in another way."""
    return tuple(
        records.replace(notice, where=now + notice.where.removeprefix(before))
        if notice.where.startswith(before)
        else notice
        for notice in notices
    )


def _sealed(entries: dict[str, _Entry]) -> bytes:
    body = records.encode(entries)
    return f"batchrunner scans {CHECKER} {hashlib.sha256(body).hexdigest()}\n".encode() + body


def _read(path: str) -> dict[str, _Entry]:
    """The entries of a cache file that is whole, ours alone to write, and of these checks; else none."""
    try:
        sealed = _content(path)
        body = memoryview(sealed)[sealed.index(b"\n") + 1 :]
        head = f"batchrunner scans {CHECKER} {hashlib.sha256(body).hexdigest()}\n".encode()
        return _entries.decode(body) if sealed.startswith(head) else {}
    except (OSError, ValueError, *records.MALFORMED):
        return {}


def _content(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
            raise OSError("others may write here")
        if status.st_size > MOST_BYTES:
            raise OSError("too large to be ours")
        return file.read()


def _write(path: str, content: bytes) -> None:
    temporary = f"{path}.{os.getpid()}{time.time_ns()}"
    with durable.replacing(path, temporary, 0o600, lasting=False) as descriptor:
        durable.write_all(descriptor, content)


def _sweep(folder: str, now: int) -> None:
    """Delete the caches of projects that have been gone for long, and what killed processes left behind."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if ours := _OURS.match(entry.name):
                age = now - entry.stat(follow_symlinks=False).st_mtime_ns
                if age > (_DAY_NS if ours[1] else KEPT_DAYS * _DAY_NS):
                    with suppress(OSError):
                        os.unlink(entry.path)

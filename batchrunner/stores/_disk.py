"""Files that must survive: private from the first byte, never reached through a symbolic link, synced before we say so.

Every function raises `OSError`; the store turns it into words.
"""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from batchrunner import durable

PRIVATE = 0o600
# O_NONBLOCK: opening a FIFO put in a file's place must not hang.
_CAREFUL = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def open_private(path: Path, flags: int) -> int:
    """A descriptor of the regular file `path`, made with mode 0600 whatever the umask where `flags` make one."""
    descriptor = os.open(path, flags | _CAREFUL, PRIVATE)
    try:
        _require_regular(descriptor, path)
        if flags & os.O_CREAT:
            _close_to_others(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _require_regular(descriptor: int, path: Path) -> None:
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "Not a regular file", str(path))


def _close_to_others(descriptor: int) -> None:
    if stat.S_IMODE(os.fstat(descriptor).st_mode) != PRIVATE:
        # A file of another owner keeps its mode; that they let us write to it is their decision.
        with suppress(PermissionError):
            os.fchmod(descriptor, PRIVATE)


def read(path: Path, limit: int = -1) -> bytes | None:
    """The whole of a file, or its first `limit` bytes; `None` where there is none.

    One read, never a memory map: a map of a file that its writer truncates kills the reading process.
    """
    try:
        descriptor = open_private(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    with open(descriptor, "rb", buffering=0) as file:
        return file.read(limit)


def make_directory(directory: Path) -> None:
    """Make a directory and its parents, and their names durable."""
    missing = [folder for folder in (directory, *directory.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        durable.sync_directory(folder.parent)


def create(path: Path, data: bytes) -> None:
    """Make a new file durable, its name excepted. What could not be written whole is removed; never overwrites."""
    with durable.created(path, PRIVATE) as descriptor:
        _fill(descriptor, data)
        durable.sync(descriptor)


def replace(path: Path, temporary: Path, data: bytes) -> None:
    """Make `data` the content of `path`: at no moment is there less than the old or the new, even without power.

    `temporary` is on the same filesystem and belongs to whoever holds the lock, so what lies there was left by a crash.
    """
    with durable.replacing(path, temporary, PRIVATE, lasting=True) as descriptor:
        _fill(descriptor, data)


def _fill(descriptor: int, data: bytes) -> None:
    _close_to_others(descriptor)
    durable.write_all(descriptor, data)

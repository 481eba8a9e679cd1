"""Files that must survive: private from the first byte, never reached through a symbolic link, synced before we say so.

Every function raises `OSError`; the store turns it into words.
"""

import errno
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

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


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte: one call may write fewer than it was given."""
    rest = memoryview(data)
    while rest:
        written = os.write(descriptor, rest)
        if not written:
            raise OSError(errno.EIO, "Nothing was written")
        rest = rest[written:]


def sync(descriptor: int) -> None:
    """Return when the content and the length of a file are on the medium."""
    if sys.platform == "darwin":
        _full_sync(descriptor)
    else:
        os.fdatasync(descriptor)


def _full_sync(descriptor: int) -> None:
    import fcntl

    try:
        # fsync(2) on macOS stops at the drive's cache.
        fcntl.fcntl(descriptor, getattr(fcntl, "F_FULLFSYNC"))  # noqa: B009 - the constant exists on macOS only
    except OSError as error:
        if error.errno not in {errno.ENOTSUP, errno.EINVAL, errno.ENOTTY}:
            raise
        os.fsync(descriptor)


def sync_directory(directory: Path) -> None:
    """Return when the names in a directory are on the medium."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(directory: Path) -> None:
    """Make a directory and its parents, and their names durable."""
    missing = [folder for folder in (directory, *directory.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        sync_directory(folder.parent)


def create(path: Path, data: bytes) -> None:
    """Make a new file durable, its name excepted. What could not be written whole is removed; never overwrites."""
    descriptor = open_private(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        write_all(descriptor, data)
        sync(descriptor)
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise
    finally:
        os.close(descriptor)


def replace(path: Path, temporary: Path, data: bytes) -> None:
    """Make `data` the content of `path`: at no moment is there less than the old or the new, even without power.

    `temporary` is on the same filesystem and belongs to whoever holds the lock, so what lies there was left by a crash.
    """
    temporary.unlink(missing_ok=True)
    create(temporary, data)
    os.replace(temporary, path)
    sync_directory(path.parent)

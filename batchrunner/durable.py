"""Files that are there whole or not at all, also after a crash, and where it is said so after the power went.

Every function raises `OSError`; the caller turns it into words.
"""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

AnyPath = str | os.PathLike[str]
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def write_all(descriptor: int, data: bytes | memoryview) -> None:
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


def sync_directory(directory: AnyPath) -> None:
    """Return when the names in a directory are on the medium."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def rename(source: AnyPath, target: AnyPath) -> None:
    """Give the file `source`, which is synced, the name `target` in the same directory; return when that is durable."""
    os.replace(source, target)
    sync_directory(os.path.dirname(target) or ".")


@contextmanager
def created(path: AnyPath, mode: int) -> Iterator[int]:
    """A descriptor of a new file, which is gone where the block does not end well. Never overwrites."""
    descriptor = os.open(path, _NEW, mode)
    with _removed_on_failure(path):
        try:
            yield descriptor
        finally:
            os.close(descriptor)


@contextmanager
def replacing(path: AnyPath, temporary: AnyPath, mode: int, *, lasting: bool) -> Iterator[int]:
    """A descriptor of a new file that takes the place of `path` when the block ends well, and is gone otherwise.

    A reader sees the old or the new one, never a part. Where it is `lasting`, so does whoever looks after the power
    went. `temporary` is where it is written, in the same directory; what lies there was left by a killed process.
    """
    with suppress(FileNotFoundError):
        os.unlink(temporary)
    with created(temporary, mode) as descriptor:
        yield descriptor
        if lasting:
            sync(descriptor)
    with _removed_on_failure(temporary):
        (rename if lasting else os.replace)(temporary, path)


@contextmanager
def _removed_on_failure(path: AnyPath) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with suppress(OSError):
            os.unlink(path)
        raise

"""Files of results: they appear whole or not at all, beneath their folder, and what cannot be written is said."""

import errno
import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from batchrunner import durable
from batchrunner.errors import Refused, TryAgain

BLOCK = 1 << 20
PART = ".part"
MOST_BYTES = 64 << 20
"""Bytes of a file that is read whole."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_NO_PLACE = frozenset({errno.ENOENT, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EROFS})
_KEPT = "then fetch again: what is here already is kept."
_HINT_FULL = f"Make room there, or name another folder with --out DIR; {_KEPT}"
_HINT_NO_PLACE = f"Name a folder that can be made and written to with --out DIR; {_KEPT}"
_HINT = f"Name another folder with --out DIR; {_KEPT}"
_LOCK, _IGNORE = ".lock", ".gitignore"


def not_written(path: Path, error: OSError) -> Refused:
    """The error for results that could not be written."""
    return Refused(
        "results-not-written",
        "results cannot be written",
        where=str(path),
        why=error.strerror or str(error),
        hint=_HINT_FULL if error.errno in _FULL else _HINT_NO_PLACE if error.errno in _NO_PLACE else _HINT,
    )


@contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Turn an `OSError` into `Refused` `results-not-written` about `path`."""
    try:
        yield
    except OSError as error:
        raise not_written(path, error) from None


def make_folder(top: Path, *names: str) -> Path:
    """The folder `names` beneath `top`, made where it is missing. No part of it may be a link.

    A `top` that is made here is hidden from git: results hold data. Raises `Refused` `results-not-written`,
    `results-is-a-link`.
    """
    with writing_to(top):
        if not top.is_dir():
            _make_top(top)
        folder = top
        for name in names:
            folder = folder / name
            _make_one(folder)
    return folder


def _make_top(top: Path) -> None:
    # Whoever makes it at the same moment wants the same.
    top.mkdir(parents=True, exist_ok=True)
    ignore = top / _IGNORE
    try:
        ignore.write_text("*\n")
    except OSError:
        # As on a full disk: once there is room, it is made anew, and is hidden.
        with suppress(OSError):
            ignore.unlink(missing_ok=True)
            top.rmdir()
        raise
    durable.sync_directory(top.parent)


def _make_one(folder: Path) -> None:
    with suppress(FileExistsError):
        folder.mkdir()
        durable.sync_directory(folder.parent)
    if folder.is_symlink():
        raise Refused("results-is-a-link", "results are not written through a symbolic link", where=str(folder),
                      hint="remove it, or name another folder with --out DIR")  # fmt: skip


@contextmanager
def only_one(top: Path) -> Iterator[None]:
    """Be the only one that writes beneath `top`, which is made where it is missing.

    Raises `TryAgain` `fetch-running`, `Refused` `results-not-written`.
    """
    make_folder(top)
    with writing_to(top):
        descriptor = os.open(top / _LOCK, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        _hold(descriptor, top)
        yield
    finally:
        os.close(descriptor)


def _hold(descriptor: int, top: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # Some network file systems have no locks.
        if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
            raise TryAgain("fetch-running", "another command writes results here", where=os.path.relpath(top),
                           hint="wait for it to end, then run this again") from None  # fmt: skip


@contextmanager
def replacing(path: Path) -> Iterator[int]:
    """A descriptor of a new file that becomes `path` when the block ends well, and is gone otherwise.

    Raises `Refused` `results-not-written`.
    """
    temporary = path.with_name(f"{path.name}.tmp")
    with writing_to(path), durable.replacing(path, temporary, 0o666, lasting=True) as descriptor:
        yield descriptor


def put(path: Path, data: bytes) -> None:
    """Make `data` the content of `path`. Raises `Refused` `results-not-written`."""
    with replacing(path) as descriptor:
        durable.write_all(descriptor, data)


def settle(part: Path, path: Path) -> None:
    """Give what was downloaded to `part` its name. Raises `Refused` `results-not-written`."""
    with writing_to(path):
        descriptor = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            durable.sync(descriptor)
        finally:
            os.close(descriptor)
        durable.rename(part, path)


def size_of(path: Path) -> int | None:
    """The size of a regular file in bytes; None where there is none."""
    try:
        status = os.stat(path, follow_symlinks=False)
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def content_of(path: Path) -> bytes:
    """The bytes of a regular file of at most `MOST_BYTES`. Raises `OSError`, for a link or a device too."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_BYTES:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return file.read(MOST_BYTES)


def sha256_of(path: Path) -> str:
    """`sha256:` and the digest of a file's bytes. Raises `OSError`."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"

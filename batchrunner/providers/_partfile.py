"""A file on this disk that a download is brought to the end of. What is in it already is kept, and counts.

Everything here may block: it is called from a thread, or with little to write.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Iterable
from typing import Any

from batchrunner import durable
from batchrunner.digest import sha256
from batchrunner.jobs import Deferred, Rejected
from batchrunner.records import MALFORMED, decoder

_READ_BYTES = 1024 * 1024
_LONGEST_LINE = 16 * 1024 * 1024
_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_read_any = decoder(Any).decode


class Busy(Exception):
    """Another process is writing the file."""


class PartFile:
    """The file at `path`, `size` bytes of it so far.

    Result lines are JSON, which holds no zero byte: what comes from the first of these on was never written before the
    power went, and is dropped.
    """

    def __init__(self, path: str) -> None:
        self.size = 0
        self._path = path
        self._file = -1
        self._digest = sha256()

    def open(self) -> None:
        """Open it, a new one where there is none, and digest what is in it. Raises `Busy` or `OSError`."""
        # Not O_NOFOLLOW alone: a FIFO that somebody put there would block for ever.
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        self._file = os.open(self._path, flags, 0o666)
        if not stat.S_ISREG(os.fstat(self._file).st_mode):
            raise OSError("it is not a file")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy from None
        self._take_in()

    def restart(self) -> None:
        """Drop all of it."""
        os.ftruncate(self._file, 0)
        os.lseek(self._file, 0, os.SEEK_SET)
        self.size = 0
        self._digest = sha256()

    def write(self, pieces: Iterable[bytes]) -> None:
        """Add `pieces` at its end."""
        for piece in pieces:
            self._digest.update(piece)
            durable.write_all(self._file, piece)
            self.size += len(piece)

    def ends_within_a_line(self) -> bool:
        """Whether its last line has no end, and is no JSON as it stands."""
        start = max(0, self.size - _LONGEST_LINE)
        *_, line = os.pread(self._file, self.size - start, start).rpartition(b"\n")
        try:
            return bool(line) and _read_any(line) is None
        except MALFORMED:
            return True

    def sync(self) -> None:
        """Make it durable."""
        durable.sync(self._file)

    def close(self) -> None:
        """Close it, and let others write it."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    @property
    def digest(self) -> str:
        """`sha256:` and the digest of all that is in it, in hexadecimal."""
        return f"sha256:{self._digest.hexdigest()}"

    def _take_in(self) -> None:
        while piece := os.read(self._file, _READ_BYTES):
            end = piece.find(0)
            kept = piece if end < 0 else piece[:end]
            self._digest.update(kept)
            self.size += len(kept)
            if end >= 0:
                break
        os.ftruncate(self._file, self.size)
        os.lseek(self._file, self.size, os.SEEK_SET)


def unwritable(error: Exception, path: str) -> Rejected | Deferred:
    """The outcome where a file at `path` cannot be written."""
    if isinstance(error, Busy):
        return Deferred(code="output-in-use", words=f"{path}: another command is writing it")
    code = "disk-full" if getattr(error, "errno", 0) in _DISK_FULL else "output-not-written"
    why = (isinstance(error, OSError) and error.strerror) or str(error)
    return Rejected(code=code, words=f"{path}: {why}")

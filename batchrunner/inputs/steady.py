"""A file that must stay as it is while it is read, and afterwards, for what was found in it to be true of it."""

import io
import os
from typing import cast

Identity = tuple[int, int, int, int, int]


def identity_of(status: os.stat_result) -> Identity:
    """What changes when a file does, or when a path becomes that of another: device, inode, size, mtime, ctime."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


class SteadyFile(io.FileIO):
    """A file read to where it ended when it was opened: one that grows all the time has an end, too.

    `before` is its status then. The descriptor stays open when this is closed: whether the file has changed is asked
    once everything that read it is gone.
    """

    def __init__(self, descriptor: int, before: os.stat_result) -> None:
        super().__init__(descriptor, "rb", closefd=False)
        self._descriptor = descriptor
        self._before = before

    @property
    def has_changed(self) -> bool:
        """Whether the file is another one now than when it was opened, by size, either time, or place."""
        return identity_of(os.fstat(self._descriptor)) != identity_of(self._before)

    def readall(self) -> bytes:
        """All that is left up to what was the end (io)."""
        return self.read()

    def read(self, size: int | None = -1, /) -> bytes:
        """The next `size` bytes, or all; none at what was the end (io)."""
        left = max(self._before.st_size - self.tell(), 0)
        return cast("bytes", super().read(left if size is None or size < 0 else min(size, left)))

    def readinto(self, buffer: "bytearray | memoryview", /) -> int:  # type: ignore[override]
        """Fill `buffer` from its start; how many bytes were read, 0 at what was the end (io)."""
        left = max(self._before.st_size - self.tell(), 0)
        with memoryview(buffer) as room, room[:left] as wanted:
            return super().readinto(wanted) or 0

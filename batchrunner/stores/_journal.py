"""The journal file in the hands of its one writer."""

import errno
import os
from pathlib import Path

from batchrunner import durable
from batchrunner.stores import _disk


class Journal:
    """An append-only file, opened when first needed and made where it is missing. Raises `OSError`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1
        self._is_named = False

    def append(self, line: bytes) -> None:
        """Return when `line` is at the end of the file on the medium."""
        journal = self._opened()
        if not os.fstat(journal).st_nlink:
            # What goes into a deleted file is gone with the process, however often it is synced.
            raise FileNotFoundError(errno.ENOENT, "It was deleted while in use", str(self._path))
        durable.write_all(journal, line)
        self._sync(journal)

    def cut(self, length: int) -> None:
        """Return when the file is `length` bytes long on the medium."""
        journal = self._opened()
        os.ftruncate(journal, length)
        self._sync(journal)

    def sync(self) -> None:
        """Return when what an earlier writer left unsynced is on the medium."""
        self._sync(self._opened())

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _opened(self) -> int:
        if self._descriptor < 0:
            self._descriptor = _disk.open_private(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        return self._descriptor

    def _sync(self, journal: int) -> None:
        durable.sync(journal)
        if not self._is_named:
            # Once a session, not once a file: whoever made the file may have died before its name was durable.
            durable.sync_directory(self._path.parent)
            self._is_named = True

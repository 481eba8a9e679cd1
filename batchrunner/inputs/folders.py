"""What is in the folders beneath a root: each is read once for all who ask, and none is reached through a link."""

import os
from itertools import islice
from types import TracebackType
from typing import NamedTuple, Self

from batchrunner.inputs.opening import open_folder

MOST_NAMES = 1_000_000
"""How many names of one folder are read, and one more where it has more."""
REMEMBERED = 250_000
"""How many names are kept in memory. Folders beyond are read each time."""


class Listing(NamedTuple):
    """The names in a folder: of regular files, of links, of folders, all without those that are hidden.

    `size` is how many entries there were, `is_first` whether what comes of reading it is remembered from now on.
    """

    files: tuple[str, ...]
    links: tuple[str, ...]
    folders: tuple[str, ...]
    size: int
    is_first: bool


class Folders:
    """The folders beneath `root`; those that lead to the last one stay open until the end of `with`."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._known: dict[str, Listing] = {}
        self._kept = 0
        self._way: list[tuple[str, int]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._step_back(0)

    def listing(self, inside: str) -> Listing:
        """What is in the folder at `inside`, a path relative to the root; `.` is the root itself.

        Raises `OSError` where it cannot be read, or is no folder, `InputRefused` where the root cannot.
        """
        if (known := self._known.get(inside)) is not None:
            return known
        listing = _read(self._opened(inside))
        if self._kept + listing.size > REMEMBERED:
            return listing._replace(is_first=False)
        self._kept += listing.size
        self._known[inside] = listing._replace(is_first=False)
        return listing

    def _opened(self, inside: str) -> int:
        """A descriptor of a folder, which stays ours. Each is opened from the one around it, as far as those are."""
        parts = [] if inside == os.curdir else inside.split(os.sep)
        if not self._way:
            self._way.append((os.curdir, open_folder(self.root, os.curdir)))
        shared = 0
        while shared < min(len(parts), len(self._way) - 1) and parts[shared] == self._way[shared + 1][0]:
            shared += 1
        self._step_back(shared + 1)
        for part in parts[shared:]:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            self._way.append((part, os.open(part, flags, dir_fd=self._way[-1][1])))
        return self._way[-1][1]

    def _step_back(self, kept: int) -> None:
        for _, descriptor in self._way[kept:]:
            os.close(descriptor)
        del self._way[kept:]


def _read(folder: int) -> Listing:
    files: list[str] = []
    links: list[str] = []
    folders: list[str] = []
    size = 0
    with os.scandir(folder) as entries:
        for entry in islice(entries, MOST_NAMES + 1):
            size += 1
            if entry.name.startswith("."):
                continue
            if entry.is_file(follow_symlinks=False):
                files.append(entry.name)
            elif entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            elif entry.is_symlink():
                links.append(entry.name)
    return Listing(tuple(files), tuple(links), tuple(folders), size, is_first=True)

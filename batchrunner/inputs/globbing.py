"""Which files a pattern names: beneath a root, never through a link, in the order people would give them.

`*` and `?` stand for any characters of one component, `**` for any number of folders; nothing else is special. Hidden
entries, links and what is no regular file are never named. Untrusted patterns and names are matched in linear time.
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from batchrunner.address import MATRIX_VALUE, natural
from batchrunner.inputs.opening import Beneath, InputRefused, open_folder
from batchrunner.printable import printable

MOST_FILES = 10_000
MOST_ENTRIES = 1_000_000
"""How many names are looked at for one pattern: a root without bounds must not keep a plan busy for hours."""
DEEPEST = 64
"""Folders below the pattern's own. A path through more cannot be part of an address, which has 64 characters."""

FOLDERS = "**"


class Pattern(NamedTuple):
    """A path with wildcards: the `folder` before the first of them, as written (`data/`), and the components after."""

    folder: str
    parts: tuple[str, ...]

    @classmethod
    def of(cls, path: str) -> "Pattern":
        """The pattern that `path`, which has wildcards, is. Raises `InputRefused` for one that leads upwards."""
        wild = min(at for at in map(path.find, "*?") if at >= 0)
        cut = path.rfind("/", 0, wild) + 1
        parts = [part for part in path[cut:].split("/") if part not in ("", os.curdir)]
        if any(part.startswith(".") for part in parts):
            what = "cannot lead upwards after a wildcard" if os.pardir in parts else "names what is hidden"
            raise InputRefused("bad-pattern", f"{path} {what}")
        if parts[-1] == FOLDERS:
            parts.append("*")
        return cls(path[:cut], tuple(parts))


class Found(NamedTuple):
    """The files that a pattern names, by their paths below `folder`, which is as the pattern was written.

    `unfit` are names among them that cannot be part of an address, printable.
    """

    folder: str
    names: tuple[str, ...]
    unfit: tuple[str, ...] = ()


def is_pattern(path: str) -> bool:
    """Whether `path` has wildcards."""
    return "*" in path or "?" in path


def find_files(root: str, folder: str, path: str) -> Found:
    """The files that the pattern `path`, which is relative to `folder`, names beneath `root`.

    Raises `InputRefused` where that is none, more than 10,000, or not to be found out.
    """
    pattern = Pattern.of(path)
    walk = _Walk(path, tuple(map(_matcher, pattern.parts)))
    inside = Beneath(root).relative(folder, pattern.folder or os.curdir, shown=path)
    opened = open_folder(root, inside, shown=f"the folder {inside}")
    names = sorted(walk.files(opened), key=lambda name: (natural(name), name))
    if not names:
        raise walk.without_match
    unfit = tuple(printable(name) for name in names if not is_fit(name))
    return Found(pattern.folder, tuple(names), unfit)


def is_fit(name: str) -> bool:
    """Whether a path can be part of an address: a matrix value that is printed as it is."""
    return printable(name) == name and MATRIX_VALUE.match(name) is not None


def _matcher(part: str) -> "re.Pattern[str] | None":
    """What a name is matched with; None stands for any number of folders."""
    if part == FOLDERS:
        return None
    first, *pieces = (re.escape(piece).replace(r"\?", ".") for piece in re.split(r"\*+", part))
    if not pieces:
        return re.compile(first + r"\Z", re.DOTALL)
    # Atomic groups: what one `*` took is never looked at again for the sake of a later one, which is right as each
    # piece is found as early as it can be.
    middle = "".join(f"(?>.*?{piece})" for piece in pieces[:-1])
    return re.compile(rf"{first}{middle}.*{pieces[-1]}\Z", re.DOTALL)


@dataclass(slots=True)
class _Walk:
    """One walk over folders, each entry looked at once whatever the pattern is."""

    path: str
    matchers: "tuple[re.Pattern[str] | None, ...]"
    entries: int = 0
    found: int = 0
    links: int = 0

    @property
    def without_match(self) -> InputRefused:
        """What to say where nothing was found."""
        if not self.links:
            return InputRefused("no-file-matches", f"no file matches {self.path}")
        hint = "put the files themselves there: what a link points to can change after the review"
        return InputRefused("no-file-matches", f"only symbolic links match {self.path}: they are not followed", hint)

    def files(self, folder: int) -> Iterator[str]:
        """The paths of all files that match, below the opened `folder`, which is closed."""
        return self._below(folder, "", frozenset({0}))

    def _below(self, folder: int, prefix: str, places: frozenset[int]) -> Iterator[str]:
        """`places` are the components of the pattern that names in `folder` may be of."""
        places = self._without_folders(places)
        deeper: list[tuple[str, frozenset[int]]] = []
        try:
            for entry in self._visible(folder, prefix):
                if entry.is_dir(follow_symlinks=False):
                    if following := frozenset(self._following(entry.name, places)):
                        deeper.append((entry.name, following))
                elif self._is_match(entry, places):
                    yield self._counted(prefix + entry.name)
            for name, following in deeper:
                yield from self._stepped_into(folder, name, prefix, following)
        finally:
            os.close(folder)

    def _stepped_into(self, folder: int, name: str, prefix: str, places: frozenset[int]) -> Iterator[str]:
        if prefix.count("/") >= DEEPEST:
            raise InputRefused(
                "pattern-too-wide", f"{self.path} leads into more than {DEEPEST} folders, one in another"
            )
        try:
            inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        except PermissionError as error:
            raise self._unreadable(prefix + name, error) from None
        except OSError:  # it is no longer a folder, or is gone
            return
        yield from self._below(inner, f"{prefix}{name}/", places)

    def _visible(self, folder: int, prefix: str) -> "Iterator[os.DirEntry[str]]":
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    self.entries += 1
                    if self.entries > MOST_ENTRIES:
                        what = f"{self.path} would have to look at more than {MOST_ENTRIES:,} names"
                        raise InputRefused("pattern-too-wide", what)
                    if not entry.name.startswith("."):
                        yield entry
        except OSError as error:
            raise self._unreadable(prefix, error) from None

    def _unreadable(self, name: str, error: OSError) -> InputRefused:
        where = printable(name.rstrip("/")) or "the folder"
        return InputRefused("input-unreadable", f"{self.path}: {where} cannot be read: {error.strerror}")

    def _without_folders(self, places: Iterable[int]) -> frozenset[int]:
        """`places`, and those that come next where `**` stands for no folder at all."""
        reached = set(places)
        for place in range(len(self.matchers) - 1):
            if place in reached and self.matchers[place] is None:
                reached.add(place + 1)
        return frozenset(reached)

    def _following(self, name: str, places: Iterable[int]) -> Iterator[int]:
        """Which components names in the folder `name` may be of."""
        for place in places:
            matcher = self.matchers[place]
            if matcher is None:
                yield place
            elif place + 1 < len(self.matchers) and matcher.match(name):
                yield place + 1

    def _is_match(self, entry: "os.DirEntry[str]", places: Iterable[int]) -> bool:
        last = len(self.matchers) - 1
        matcher = self.matchers[last] if last in places else None
        if matcher is None or not matcher.match(entry.name):
            return False
        self.links += entry.is_symlink()
        return entry.is_file(follow_symlinks=False)

    def _counted(self, name: str) -> str:
        self.found += 1
        if self.found > MOST_FILES:
            raise InputRefused("too-many-files", f"more than {MOST_FILES:,} files match {self.path}")
        return name

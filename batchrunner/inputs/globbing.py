"""Which files a pattern names: beneath a root, never through a link, in the order people would give them.

`*` and `?` stand for any characters of one component, `**` for any number of folders; nothing else is special. Hidden
entries, links and what is no regular file are never named. Untrusted patterns and names are matched in linear time.
"""

import errno
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from batchrunner.address import MATRIX_VALUE, natural
from batchrunner.inputs.folders import Folders, Listing
from batchrunner.inputs.opening import Beneath, InputRefused, open_folder
from batchrunner.printable import printable

MOST_FILES = 10_000
MOST_ENTRIES = 1_000_000
"""How many names are looked at for one pattern: a root without bounds must not keep a plan busy for hours."""
MOST_AGAIN = 2_000_000
"""How many names are looked at once more, for other patterns: that takes about half a second."""
_FOLDER = 32
_FOUND = 16
"""How many names could be looked at in the time that a folder takes beside, and a name that is found."""
_LONG = 64
"""Characters of a pattern with which a name is matched in the time of one."""
DEEPEST = 64
"""Folders below the pattern's own. A path through more cannot be part of an address, which has 64 characters."""

FOLDERS = "**"
_GONE = Listing((), (), (), 0, is_first=True)


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


class Patterns:
    """The files that patterns name, for all of a command: each folder is read once, each pattern followed once.

    Looking at a folder the first time is free, so that a repository may be as large as it is; what is bounded is
    the work of looking at the same names for one pattern after the other.
    """

    def __init__(self, root: str) -> None:
        self._folders = Folders(root)
        self._beneath = Beneath(root)
        self._left = MOST_AGAIN
        self._known: dict[tuple[str, str], Found | InputRefused] = {}

    def files(self, folder: str, path: str) -> Found:
        """The files that the pattern `path`, which is relative to `folder`, names beneath the root.

        Raises `InputRefused` where that is none, more than 10,000, or not to be found out.
        """
        known = self._known.get((folder, path))
        if known is None:
            try:
                known = self._followed(folder, path)
            except InputRefused as refusal:
                known = refusal
            self._known[folder, path] = known
        if isinstance(known, InputRefused):
            raise known
        return known

    def _followed(self, folder: str, path: str) -> Found:
        pattern = Pattern.of(path)
        inside = self._beneath.relative(folder, pattern.folder or os.curdir, shown=path)
        os.close(open_folder(self._folders.root, inside, shown=f"the folder {inside}"))
        walk = _Walk(path, tuple(map(_matcher, pattern.parts)), self._folders, self._left)
        try:
            with self._folders:
                names = sorted(walk.files(inside), key=lambda name: (natural(name), name))
        finally:
            self._left = walk.left
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
    """One walk over folders, each name looked at once whatever the pattern is."""

    path: str
    matchers: "tuple[re.Pattern[str] | None, ...]"
    folders: Folders
    left: int
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

    def files(self, inside: str) -> Iterator[str]:
        """The paths of all files that match, below the folder at `inside`."""
        return self._below("" if inside == os.curdir else inside + os.sep, "", frozenset({0}))

    def _below(self, start: str, prefix: str, places: frozenset[int]) -> Iterator[str]:
        """`places` are the components of the pattern that names in the folder `prefix`, below `start`, may be of."""
        places = self._without_folders(places)
        listing = self._listing(start, prefix)
        self._count(listing, len(places))
        matcher = self.matchers[-1]
        if matcher is not None and len(self.matchers) - 1 in places:
            self.links += sum(1 for name in listing.links if matcher.match(name))
            names = [prefix + name for name in listing.files if matcher.match(name)]
            self._count_found(len(names))
            yield from names
        for name in listing.folders:
            if following := frozenset(self._following(name, places)):
                if prefix.count("/") >= DEEPEST:
                    what = f"{self.path} leads into more than {DEEPEST} folders, one in another"
                    raise InputRefused("pattern-too-wide", what)
                yield from self._below(start, f"{prefix}{name}/", following)

    def _listing(self, start: str, prefix: str) -> Listing:
        try:
            return self.folders.listing((start + prefix).rstrip(os.sep) or os.curdir)
        except (FileNotFoundError, NotADirectoryError):
            return _GONE
        except OSError as error:
            if error.errno == errno.ELOOP:
                return _GONE
            where = printable(prefix.rstrip("/")) or "the folder"
            message = f"{self.path}: {where} cannot be read: {error.strerror}"
            raise InputRefused("input-unreadable", message) from None

    def _count(self, listing: Listing, places: int) -> None:
        """Count the work of looking at a folder, where names may be of so many components of the pattern."""
        self.entries += listing.size
        if self.entries > MOST_ENTRIES:
            what = f"{self.path} would have to look at more than {MOST_ENTRIES:,} names"
            raise InputRefused("pattern-too-wide", what)
        self.left -= (places - 1) * (1 + len(listing.folders))
        if not listing.is_first:
            long = 1 + len(self.path) // _LONG  # it takes longer to match
            self.left -= _FOLDER + long * (len(listing.files) + len(listing.folders))
        self._check_left()

    def _count_found(self, number: int) -> None:
        self.found += number
        if self.found > MOST_FILES:
            raise InputRefused("too-many-files", f"more than {MOST_FILES:,} files match {self.path}")
        self.left -= _FOUND * number
        self._check_left()

    def _check_left(self) -> None:
        if self.left < 0:
            what = f"{self.path}: the patterns together would look at too many names, again for each of them"
            raise InputRefused("pattern-too-wide", what)

    def _without_folders(self, places: Iterable[int]) -> frozenset[int]:
        """`places`, and those that come next where `**` stands for no folder at all."""
        reached = set(places)
        for place in places:
            while self.matchers[place] is None and place + 1 not in reached:
                place += 1
                reached.add(place)
        return frozenset(reached)

    def _following(self, name: str, places: Iterable[int]) -> Iterator[int]:
        """Which components names in the folder `name` may be of."""
        for place in places:
            matcher = self.matchers[place]
            if matcher is None:
                yield place
            elif place + 1 < len(self.matchers) and matcher.match(name):
                yield place + 1

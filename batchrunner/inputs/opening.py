"""Opens a path beneath a root, following no symbolic link, and nothing but regular files.

Every component is opened relative to the one before with O_NOFOLLOW, so a path that is swapped for a link while it is
being walked is refused too.
"""

import os
import stat
from types import TracebackType
from typing import BinaryIO, Self


class InputRefused(Exception):
    """An input path that may not or cannot be read: a kebab-case `code`, the reason in words, a hint or none."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


class Beneath:
    """The files beneath a root, for many of them: the folder of the last one stays open until the end of `with`."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._real: dict[str, str] = {}
        self._folder = -1
        self._opened = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._close()

    def relative(self, folder: str, path: str, *, shown: str = "") -> str:
        """`path`, which is relative to `folder`, as a path relative to the root; `.` is the root itself.

        Raises `InputRefused`, which names it as `shown`, where it leaves the root or is hidden.
        """
        # POSIX keeps two slashes at the start apart from one; no system that this runs on does.
        absolute = os.path.normpath(os.path.join(self._resolved(folder), path).replace("//", "/", 1))
        root = self._resolved(self._root)
        relative = os.curdir if absolute == root else absolute.removeprefix(root.rstrip(os.sep) + os.sep)
        if relative == absolute:
            raise InputRefused("input-outside-root", f"{shown or path} is outside the project root {self._root}")
        if relative != os.curdir and any(map(_is_strange, relative.split(os.sep))):
            words = f"{shown or path} is hidden: hidden files and folders are never uploaded"
            raise InputRefused("input-hidden", words)
        return relative

    def open(self, relative: str) -> BinaryIO:
        """The regular file at `relative`, opened for reading. Raises `InputRefused`."""
        descriptor, _ = self.descriptor(relative)
        return os.fdopen(descriptor, "rb", buffering=1 << 20)

    def descriptor(self, relative: str) -> tuple[int, os.stat_result]:
        """A descriptor of the regular file at `relative`, to be closed, and its status. Raises `InputRefused`."""
        name = self._step_into(relative)
        # Without O_NONBLOCK, opening a FIFO would wait for a writer that may never come.
        descriptor = _open(name, os.O_NONBLOCK, self._folder, relative)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            raise InputRefused("input-not-a-file", f"{relative} is not a regular file")
        return descriptor, status

    def _step_into(self, relative: str) -> str:
        """Open the folder of `relative` unless that was done for the last one; the name in it."""
        inside, _, name = relative.rpartition(os.sep)
        if _is_strange(name):
            raise _not_plain(relative)
        if self._folder < 0 or inside != self._opened:
            self._close()
            self._folder, self._opened = open_folder(self._root, inside or os.curdir, shown=relative), inside
        return name

    def _close(self) -> None:
        if self._folder >= 0:
            os.close(self._folder)
            self._folder = -1

    def _resolved(self, folder: str) -> str:
        if folder not in self._real:
            self._real[folder] = os.path.realpath(folder)
        return self._real[folder]


def relative_to_root(root: str, folder: str, path: str) -> str:
    """`path`, which is relative to `folder`, as a path relative to `root`. Raises `InputRefused` where it leaves it."""
    return Beneath(root).relative(folder, path)


def open_beneath(root: str, relative: str) -> BinaryIO:
    """The regular file at `relative` under `root`, opened for reading. Raises `InputRefused`."""
    with Beneath(root) as beneath:
        return beneath.open(relative)


def open_folder(root: str, relative: str, *, shown: str = "") -> int:
    """A descriptor of the folder at `relative` under `root`, `.` being the root itself.

    Raises `InputRefused`, which names `shown`: the path that leads through the folder.
    """
    parts = [] if relative == os.curdir else relative.split(os.sep)
    if any(map(_is_strange, parts)):
        raise _not_plain(shown or relative)
    folder = _root(root)
    for part in parts:
        try:
            deeper = _open(part, os.O_DIRECTORY, folder, shown or relative)
        finally:
            os.close(folder)
        folder = deeper
    return folder


def _is_strange(part: str) -> bool:
    return part == "" or part.startswith(".")


def _not_plain(relative: str) -> InputRefused:
    return InputRefused("input-outside-root", f"{relative} is not a plain path beneath the project root")


def _nameless(relative: str) -> InputRefused:
    """NUL, or text that no file system encoding has."""
    return InputRefused("input-not-found", f"{relative!r} cannot be the name of a file")


def _root(root: str) -> int:
    try:
        return os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise InputRefused("input-unreadable", f"the project root {root} cannot be read: {error.strerror}") from None


def _open(part: str, flags: int, folder: int, relative: str) -> int:
    try:
        return os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | flags, dir_fd=folder)
    except OSError as error:
        raise _refused(error, part, folder, relative) from None
    except ValueError:
        raise _nameless(relative) from None


def _refused(error: OSError, part: str, folder: int, relative: str) -> InputRefused:
    if isinstance(error, FileNotFoundError):
        return InputRefused("input-not-found", f"{relative} does not exist")
    if _is_link(part, folder):
        return InputRefused("input-is-a-link", f"{relative} goes through the symbolic link {part}")
    return InputRefused("input-unreadable", f"{relative} cannot be read: {error.strerror}")


def _is_link(part: str, folder: int) -> bool:
    try:
        return stat.S_ISLNK(os.stat(part, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return False

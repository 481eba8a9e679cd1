"""Opens a path beneath a root, following no symbolic link, and nothing but regular files.

Every component is opened relative to the one before with O_NOFOLLOW, so a path that is swapped for a link while it is
being walked is refused too.
"""

import os
import stat
from typing import BinaryIO


class InputRefused(Exception):
    """An input path that may not or cannot be read: a kebab-case `code` and the reason in words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def relative_to_root(root: str, folder: str, path: str) -> str:
    """`path`, which is relative to `folder`, as a path relative to `root`. Raises `InputRefused` where it leaves it."""
    absolute = os.path.normpath(os.path.join(os.path.realpath(folder), path))
    relative = os.path.relpath(absolute, os.path.realpath(root))
    if relative == ".." or relative.startswith(f"..{os.sep}"):
        raise InputRefused("input-outside-root", f"{path} is outside the project root {root}")
    if any(part.startswith(".") for part in relative.split(os.sep) if part != "."):
        raise InputRefused("input-hidden", f"{path} is hidden: hidden files and folders are never uploaded")
    return relative


def open_beneath(root: str, relative: str) -> BinaryIO:
    """The regular file at `relative` under `root`, opened for reading. Raises `InputRefused`."""
    parts = relative.split(os.sep)
    if any(part == "" or part.startswith(".") for part in parts):
        raise InputRefused("input-outside-root", f"{relative} is not a plain path beneath the project root")
    folder = _root(root)
    try:
        for part in parts[:-1]:
            deeper = _open(part, os.O_DIRECTORY, folder, relative)
            os.close(folder)
            folder = deeper
        # Without O_NONBLOCK, opening a FIFO would wait for a writer that may never come.
        return _regular(_open(parts[-1], os.O_NONBLOCK, folder, relative), relative)
    finally:
        os.close(folder)


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
    except ValueError:  # NUL, or text that no file system encoding has
        raise InputRefused("input-not-found", f"{relative!r} cannot be the name of a file") from None


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


def _regular(descriptor: int, relative: str) -> BinaryIO:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InputRefused("input-not-a-file", f"{relative} is not a regular file")
    return os.fdopen(descriptor, "rb", buffering=1 << 20)

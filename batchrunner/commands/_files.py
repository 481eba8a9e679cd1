"""Files that a person named to be written: whole or not at all, and nothing of somebody else's."""

import os
import stat
from collections.abc import Callable

from batchrunner import durable
from batchrunner.errors import UsageError

MOST_BYTES = 64 << 20
KEPT = (".lock", ".state.json", ".state.json.tmp", ".journal.jsonl", ".sqlite3", ".part")
"""How the names of files end that states, results and the sandbox keep."""


def refuse_kept(option: str, path: str) -> None:
    """Raise `UsageError` `output-is-kept` where `path` has a name of ours, whatever is there, and whether anything is.

    A lock is an empty file: with another in its place, two runs would each hold one, and pay twice.
    """
    # Of file systems that do not tell upper from lower case, too.
    if os.path.normpath(path).lower().endswith(KEPT):
        raise UsageError("output-is-kept", f"{option} would take the place of a file that batchrunner keeps",
                         where=path, why=f"So it is named: *{', *'.join(KEPT)}.", hint="name another file")  # fmt: skip


def replace_file(path: str, data: bytes, mode: int) -> None:
    """Put `data` in the place of the file at `path`; a reader sees the old or the new one, never a part.

    A pipe or a device is written into. Raises `OSError`, `ValueError`.
    """
    if is_special(path):
        # Renamed over, a device would be a file from then on. A pipe that nobody reads must not hold the run.
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC)
        os.set_blocking(descriptor, True)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        return
    # Not named by the process: in containers that share the folder each may be process 1. Which one still writes
    # cannot be told, so that what a killed one leaves stays.
    with durable.replacing(path, f"{path}.{os.urandom(8).hex()}.tmp", mode, lasting=False) as descriptor:
        os.fchmod(descriptor, mode)
        durable.write_all(descriptor, data)


def require_ours(path: str, is_ours: Callable[[bytes], bool]) -> None:
    """Raise `OSError` where a file is there that is neither empty nor ours."""
    if not is_special(path) and (old := content_of(path)) and not is_ours(old):
        raise FileExistsError(17, "there is another file of that name, which batchrunner did not write")


def is_special(path: str) -> bool:
    """Whether `path` is a pipe, a device or another process's stream rather than a file. Raises `OSError`."""
    try:
        return path.startswith(("/dev/", "/proc/")) or not stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        return False


def content_of(path: str) -> bytes:
    """What a file holds, nothing where there is none. Raises `OSError`."""
    try:
        with open(path, "rb") as file:
            return file.read(MOST_BYTES)
    except FileNotFoundError:
        return b""

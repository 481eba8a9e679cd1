"""The lock: `flock` on a file of its own, which is never renamed and never deleted.

The kernel lets go of it when its holder ends, however it ends, so there are no stale locks. The text in the file says
who holds it; it is for people and decides nothing.
"""

import fcntl
import os
import shlex
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from batchrunner.errors import TryAgain
from batchrunner.printable import brief, printable
from batchrunner.records import MALFORMED, Record, decoder, encode
from batchrunner.stores import _disk

_LONGEST = 4096
_SHOWN = 200
_HINT = "wait for it, or give --lock-timeout more seconds; `batchrunner state unlock` explains"
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5


class Holder(Record):
    """Who holds a lock. `since` is an RFC 3339 UTC time."""

    command: str
    pid: int
    host: str
    since: str


_read_holder = decoder(Holder)


def this_process(command: str) -> Holder:
    """The holder we would be. `command` is what a person would recognise, by default what was typed."""
    return Holder(
        # What was typed may be no UTF-8; the text is for people and must not fail.
        command=(command or _typed()).encode(errors="backslashreplace").decode(),
        pid=os.getpid(),
        host=os.uname().nodename,
        since=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def acquire(path: Path, holder: Holder, timeout: float, waiting: Callable[[str], None]) -> int:
    """A descriptor that holds the lock. Calls `waiting` once with who holds it, if anyone does.

    Raises `TryAgain` `lock-held` after `timeout` seconds, `OSError` where the file cannot be opened.
    """
    deadline = time.monotonic() + timeout
    pause = _FIRST_PAUSE
    announced = False
    while (descriptor := try_lock(path)) is None:
        held = holder_of(path)
        if not announced:
            waiting(held)
            announced = True
        left = deadline - time.monotonic()
        if left <= 0:
            raise _held_error(path, held, _HINT)
        time.sleep(min(pause, left))
        pause = min(pause * 2, _LONGEST_PAUSE)
    _write_text(descriptor, encode(holder) + b"\n")
    return descriptor


def try_lock(path: Path) -> int | None:
    """A descriptor that holds the lock, or `None` where somebody else does."""
    while True:
        descriptor = _disk.open_private(path, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if is_still(descriptor, path):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def is_still(descriptor: int, path: Path) -> bool:
    """Whether the locked file is the one others will lock: somebody may have deleted it meanwhile."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    return False


def release(descriptor: int) -> None:
    """Clear the text and let go, also where a forked child still has the descriptor."""
    try:
        _write_text(descriptor, b"")
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def holder_of(path: Path) -> str:
    """Who a lock file says holds it, as one safe line. Says so where it does not say."""
    try:
        holder = _read_holder.decode(_disk.read(path, _LONGEST) or b"")
    except (OSError, *MALFORMED):
        return "held by another process, which did not say who it is"
    command, host, since = (_safe(text) for text in (holder.command, holder.host, holder.since))
    return f"held by `{command}`, pid {_safe(str(holder.pid))} on {host}, since {since}"


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock. Makes and changes nothing."""
    try:
        descriptor = _disk.open_private(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def clear(path: Path) -> None:
    """Clear what a holder that is gone left in the file. Raises `TryAgain` `lock-held` where it is not gone."""
    if not path.exists():
        return
    descriptor = try_lock(path)
    if descriptor is None:
        raise _held_error(path, holder_of(path), "it is alive: wait for it, or end that process; the lock goes with it")
    release(descriptor)


def _held_error(path: Path, held: str, hint: str) -> TryAgain:
    return TryAgain("lock-held", "the state is locked", where=str(path), why=held, hint=hint)


def _write_text(descriptor: int, text: bytes) -> None:
    # The lock holds without it, on a full disk too.
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text, 0)


def _typed() -> str:
    program = Path(sys.argv[0] or "python")
    name = program.parent.name if program.name == "__main__.py" else program.name
    return shlex.join([name, *sys.argv[1:]])[: _LONGEST // 4]


def _safe(text: str) -> str:
    """One printable line, not too long: the file may hold anything."""
    return printable(brief(text, _SHOWN)).replace("`", "'")

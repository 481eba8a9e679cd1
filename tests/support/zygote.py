"""Runs the command line in forked children that kill themselves at a chosen step.

Started as a process of its own: everything is imported once, and each order is a fork, so that thousands of crashes
take minutes. The product has no hooks for this: a child replaces what it calls of the operating system.

A step lies before and after every write, sync, rename, truncation, creation, removal and lock of a file, every opening
of an input, and every connect, send and receive of a socket; and halfway through each write and send, where only half
of the bytes get out.

    {"folder": …, "arguments": […], "environment": {…}, "step": 17, …}                one order a line, on stdin
    {"code": -9, "step": 17, "label": "after fdatasync nightly.state.journal.jsonl"}  one answer a line, on stdout

`label` instead of `step` is a pattern: the first step that matches it. `seconds` instead ends the process after a time,
wherever it is. `signal` is what is sent at the step: SIGKILL, or one that the command handles and then goes on.

With `forbidden`, a list of paths, the environment of the order is the whole environment, and what the command does
that a plan must not is noted, line by line, in the file `audit` of the outputs: sockets, processes, and the opening of
anything at or below those paths. An answer says what the child used: seconds of CPU, and MiB at its peak.
"""

import fcntl
import itertools
import json
import os
import re
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any, NoReturn

SHOWN = 48
WATCHED = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "ctypes.",
           "ftplib.", "http.", "urllib.", "webbrowser.")  # fmt: skip
READING = ("open", "os.listdir", "os.scandir")


class Steps:
    """Counts steps, and sends `number` to the process at the `fatal` one, or at the first that matches `pattern`."""

    def __init__(self, fatal: int, pattern: str, number: int, tell: Callable[[str], None]) -> None:
        self._numbers = itertools.count(1)
        self._fatal = fatal
        self._signal = number
        self._pattern = re.compile(pattern) if pattern else None
        self._tell = tell
        self.passed = 0

    def at(self, label: str, last_act: Callable[[], object] = lambda: None) -> None:
        """One step. `last_act` is done if it is the last."""
        number = self.passed = next(self._numbers)
        if number == self._fatal or (self._pattern and self._pattern.search(label)):
            if self._signal == signal.SIGKILL:
                last_act()
            self._tell(f"{number} {label}")
            os.kill(os.getpid(), self._signal)

    def around(self, name: str, function: Callable[..., Any], describe: Callable[..., str]) -> Callable[..., Any]:
        """`function` with a step before and after."""

        def stepped(*args: Any, **kwargs: Any) -> Any:
            what = describe(*args)
            self.at(f"before {name} {what}")
            result = function(*args, **kwargs)
            self.at(f"after {name} {what}{_received(result)}")
            return result

        return stepped

    def sending(self, name: str, function: Callable[..., Any], describe: Callable[..., str]) -> Callable[..., Any]:
        """`function(target, data, …)` with a step before, after, and where half of the data is out."""

        def halved(target: Any, data: Any, *rest: Any) -> Any:
            half = bytes(data)[: len(data) // 2]
            if half:
                self.at(f"halfway {name} {describe(target, data)}", lambda: function(target, half, *rest))
            return function(target, data, *rest)

        return self.around(name, halved, describe)

    def watch(self) -> None:
        """Put steps around everything outside the process that this process can change or learn from."""
        os.write = self.sending("write", os.write, _descriptor)
        os.pwrite = self.sending("pwrite", os.pwrite, _descriptor)
        for name in ("fsync", "fdatasync", "ftruncate"):
            setattr(os, name, self.around(name, getattr(os, name), _descriptor))
        for name in ("replace", "rename", "unlink", "mkdir"):
            setattr(os, name, self.around(name, getattr(os, name), _path))
        fcntl.flock = self.around("flock", fcntl.flock, _descriptor)
        os.open = self._opening(os.open)  # type: ignore[assignment]
        for name in ("send", "sendall"):
            self._on_network(name, self.sending)
        for name in ("connect", "recv", "recv_into", "sendmsg"):
            self._on_network(name, self.around)

    def _opening(self, opening: Callable[..., int]) -> Callable[..., int]:
        creating, beneath = self.around("create", opening, _path), self.around("open", opening, _path)

        def opened(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
            # Only inputs are opened relative to a folder.
            stepped = creating if flags & os.O_CREAT else beneath if "dir_fd" in kwargs else opening
            return stepped(path, flags, *args, **kwargs)

        return opened

    def _on_network(self, name: str, wrap: Callable[..., Callable[..., Any]]) -> None:
        plain = getattr(socket.socket, name)
        stepped = wrap(name, plain, _first_words)

        def chosen(self: socket.socket, *args: Any) -> Any:
            # asyncio wakes itself through a pair of Unix sockets; nobody outside sees those.
            return (plain if self.family == socket.AF_UNIX else stepped)(self, *args)

        setattr(socket.socket, name, chosen)


def _path(path: Any, *_: Any) -> str:
    return os.path.basename(os.fspath(path))


def _descriptor(descriptor: int, *_: Any) -> str:
    return os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}"))


def _first_words(_: socket.socket, data: Any = b"", *rest: Any) -> str:
    return _line(data) if isinstance(data, bytes | bytearray | memoryview) and not rest else ""


def _received(result: object) -> str:
    return _line(result) if isinstance(result, bytes) else ""


def _line(data: Any) -> str:
    return bytes(data[:SHOWN]).partition(b"\r\n")[0].decode("latin-1")


def run_in_child(order: dict[str, Any], report: int) -> NoReturn:
    """Become the command of `order`; `report` is where the last step is told."""
    tell = os.write
    steps = Steps(order["step"], order["label"], order["signal"], lambda text: tell(report, text.encode()) and None)
    leave = os._exit

    def leaving(code: int) -> NoReturn:
        tell(report, f"\n{steps.passed} ".encode())
        leave(code)

    os._exit = leaving  # type: ignore[assignment]
    os.chdir(order["folder"])
    if (forbidden := order.get("forbidden")) is not None:
        os.environ.clear()
        audit(os.path.join(order["outputs"], "audit"), tuple(forbidden))
    os.environ.update(order["environment"])
    _redirect(order["outputs"])
    sys.argv = ["batchrunner", *order["arguments"]]
    if order["step"] or order["label"]:
        steps.watch()
    from batchrunner.commands import run

    # SIGALRM, unhandled, ends a process as SIGKILL does: at once, and nothing of it runs any more.
    signal.setitimer(signal.ITIMER_REAL, order["seconds"])
    run(order["arguments"])


def audit(notes: str, forbidden: tuple[str, ...]) -> None:
    """Note in the file `notes` whatever this process does from now on that a plan must not do."""
    descriptor = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    write = os.write

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event.startswith(WATCHED) or (event in READING and _is_below(*arguments, forbidden=forbidden)):
            write(descriptor, f"{event} {arguments!a}\n".encode())

    sys.addaudithook(note)


def _is_below(path: object, _: object = None, flags: int = 0, *, forbidden: tuple[str, ...]) -> bool:
    if not isinstance(path, str | bytes):
        return False
    folder, name = os.path.split(os.path.abspath(os.fsdecode(path)))
    follows = not flags & os.O_NOFOLLOW
    real = os.path.realpath(os.path.join(folder, name)) if follows else os.path.join(os.path.realpath(folder), name)
    return any(real == each or real.startswith(f"{each}/") for each in forbidden)


def _redirect(outputs: str) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(os.path.join(outputs, name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)


def carry_out(order: dict[str, Any]) -> dict[str, Any]:
    """Fork for one order and wait for its end."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        try:
            run_in_child(order, writing)
        finally:
            os._exit(99)
    os.close(writing)
    with open(reading, "rb") as pipe:
        step, _, label = pipe.read().decode().strip("\n").partition("\n")[0].partition(" ")
    _, status, used = os.wait4(child, 0)
    figures = {"cpu": used.ru_utime + used.ru_stime, "peak": used.ru_maxrss / 1024}
    return {"code": os.waitstatus_to_exitcode(status), "step": int(step or 0), "label": label, **figures}


def main() -> None:
    """Serve orders until stdin ends."""
    from warming import warm  # beside this file, which is no package where it is a program

    warm("batchrunner.sandbox", "batchrunner.telemetry")
    orders, answers = os.dup(0), os.dup(1)
    with open(orders) as lines, open(answers, "w") as out:
        for line in lines:
            out.write(json.dumps(carry_out(json.loads(line))) + "\n")
            out.flush()


if __name__ == "__main__":
    main()

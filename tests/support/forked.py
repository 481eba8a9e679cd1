"""The command line in forks of a process that has imported it once: the same command for a tenth of its start.

    done = forks().run(["apply", "s.yaml"], stdin=b"", folder=folder, environment={…}, patience=60)
    assert (done.returncode, done.stderr) == (0, b"")

The fork has pipes for streams, the environment it was given and no other, and ends as the command ends; what a start
itself does (imports on use, an environment that Python itself reads) is for processes of their own: see `fits`.
"""

import atexit
import contextlib
import functools
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

USUAL = {"LANG": "C.UTF-8", "PYTHONWARNINGS": "error"}
READ_AT_START = ("LANG", "LC_", "PYTHON", "OTEL_", "LD_", "MALLOC_")
LONGEST_ORDER = 60_000
MOST_FILES = 256


def fits(arguments: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Whether a fork is what a new process would be: an order that can be sent, and nothing that a start would read."""
    read = {name: value for name, value in environment.items() if name.startswith(READ_AT_START)}
    return read == USUAL and len(json.dumps([*arguments, environment])) < LONGEST_ORDER


class Forks:
    """A process to fork from, started when made."""

    def __init__(self) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                # As those of every fork are: Python looks at its streams when it starts.
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                env={"PATH": os.environ["PATH"], **USUAL},
            )

    def close(self) -> None:
        """Let the process end, which it does when nobody is left to order anything."""
        self._orders.close()
        with self._server:
            pass

    def run(
        self, arguments: Sequence[str], *, stdin: bytes, folder: str, environment: Mapping[str, str], patience: float
    ) -> subprocess.CompletedProcess[bytes]:
        """Run the command line to its end, or kill it after `patience` seconds."""
        order = json.dumps({"arguments": arguments, "folder": folder, "environment": environment}).encode()
        with contextlib.ExitStack() as stack, ThreadPoolExecutor(3) as pool:
            ours = [stack.enter_context(pipe) for pipe in self._send(order)]
            pid = int(ours[3].readline())
            pool.submit(_feed, ours[0], stdin)
            out, err = pool.submit(ours[1].read), pool.submit(ours[2].read)
            deadline = time.monotonic() + patience
            try:
                texts = [each.result(deadline - time.monotonic()) for each in (out, err)]
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise
            return subprocess.CompletedProcess(arguments, int(ours[3].readline()), *texts)

    def _send(self, order: bytes) -> list[Any]:
        """Send `order` with its streams. Returns our ends: to write stdin, to read stdout, stderr and how it goes."""
        pipes = [os.pipe() for _ in range(4)]
        theirs = [pipes[0][0], *(writing for _, writing in pipes[1:])]
        socket.send_fds(self._orders, [order], theirs)
        for descriptor in theirs:
            os.close(descriptor)
        return [open(pipes[0][1], "wb"), *(open(reading, "rb") for reading, _ in pipes[1:])]


@functools.cache
def forks() -> Forks:
    """The one of this process."""
    made = Forks()
    atexit.register(made.close)
    return made


def _feed(pipe: Any, content: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), pipe:
        pipe.write(content)


def become(order: dict[str, Any]) -> NoReturn:
    """Be the command of `order`."""
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    os.chdir(order["folder"])
    sys.argv = [os.path.join(os.path.dirname(sys.executable), "batchrunner"), *order["arguments"]]
    from batchrunner.cli import main

    main()
    os._exit(0)


def start(order: bytes, streams: Sequence[int]) -> int:
    """Fork for one order. Returns its process."""
    child = os.fork()
    if not child:
        try:
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
            os.closerange(3, MOST_FILES)
            become(json.loads(order))
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(99)
    return child


def serve(orders: socket.socket) -> None:
    """Fork for each order, and tell the end of each fork, until nobody is there to order."""
    ready = selectors.DefaultSelector()
    ready.register(orders, selectors.EVENT_READ)
    while True:
        for key, _ in ready.select():
            if key.data is None:
                order, descriptors, *_ = socket.recv_fds(orders, 2 * LONGEST_ORDER, 4)
                if not order:
                    return
                *streams, telling = descriptors
                child = start(order, streams)
                os.write(telling, f"{child}\n".encode())
                ready.register(os.pidfd_open(child), selectors.EVENT_READ, (child, telling))
                for stream in streams:
                    os.close(stream)
            else:
                child, telling = key.data
                ready.unregister(key.fileobj)
                os.close(key.fd)
                code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
                os.write(telling, f"{code}\n".encode())
                os.close(telling)


def main() -> None:
    """Import everything that commands import, then serve."""
    from warming import warm  # beside this file, which is no package where it is a program

    del sys.path[0]
    warm("batchrunner.tracing")
    with socket.socket(fileno=int(sys.argv[1])) as orders:
        serve(orders)


if __name__ == "__main__":
    main()

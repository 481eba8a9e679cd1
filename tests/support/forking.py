"""Runs the command line for a shell, in forks of a process that has imported it already.

A shell function `batchrunner` stands in front of the script: it writes who and where it is, and what it was given, and
waits for the exit code. The fork takes the shell's own open files, so that pipes and redirections are what they are.
"""

import os
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

FUNCTION = r"""
batchrunner() {
  local order="$FORKING/$BASHPID.$RANDOM" answer code
  mkfifo "$order.code"
  exec {answer}<>"$order.code"
  { printf '%s\0' "$BASHPID" "$order.code" "$PWD" "$#" "$@"; env -0; } >"$order"
  # Of a shell's own: until a redirected builtin has ended, this one's standard output is the pipe of orders.
  (printf '%s\n' "$order" >"$FORKING/orders")
  read -r -u "$answer" code
  exec {answer}>&-
  rm -f "$order" "$order.code"
  return "$code"
}
"""


def become(shell: str, folder: str, arguments: list[str], environment: dict[str, str]) -> NoReturn:
    """Be the command that `shell` waits for."""
    for number in (0, 1, 2):
        flags = int(Path(f"/proc/{shell}/fdinfo/{number}").read_text().split("flags:\t")[1].split()[0], 8)
        opened = os.open(f"/proc/{shell}/fd/{number}", flags & (os.O_ACCMODE | os.O_APPEND))
        os.dup2(opened, number)
        os.close(opened)
    # What Python knows of the streams it was started with is not so of these.
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False, buffering=1)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    sys.argv = ["batchrunner", *arguments]
    from batchrunner.cli import main

    main()
    os._exit(0)


def carry_out(order: str) -> None:
    """Fork for one order, and tell its exit code."""
    if os.fork():
        return
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    shell, answer, folder, count, *rest = Path(order).read_bytes().decode().split("\0")
    arguments, exported = rest[: int(count)], rest[int(count) : -1]
    child = os.fork()
    if not child:
        try:
            become(shell, folder, arguments, dict(word.split("=", 1) for word in exported))
        finally:
            os._exit(99)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    Path(answer).write_text(f"{code if code >= 0 else 128 - code}\n")
    os._exit(0)


def main() -> None:
    """Serve orders until nobody is there to write one."""
    from warming import warm  # beside this file, which is no package where it is a program

    warm("batchrunner.tracing")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that wait for the commands
    print("ready", flush=True)
    orders = os.open(f"{sys.argv[1]}/orders", os.O_RDWR)
    with open(orders) as lines:
        for line in lines:
            carry_out(line.strip())


if __name__ == "__main__":
    main()

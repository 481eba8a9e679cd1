"""The command line's front door: answers `--version` before anything is imported, then hands over to the commands."""

import os
import sys


def main() -> None:
    """Run the command named by `sys.argv` and end the process with its exit code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        _tell_version()
    from batchrunner.commands import run

    run(sys.argv[1:])


def _tell_version() -> None:
    from batchrunner._version import __version__

    try:
        sys.stdout.write(f"batchrunner {__version__}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        pass
    os._exit(0)  # the interpreter's tear-down would take as long again

"""The command line's front door: answers `--version` before anything is imported, then hands over to the commands."""

import sys


def main() -> None:
    """Run the command named by `sys.argv` and end the process with its exit code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from batchrunner._version import __version__

        sys.stdout.write(f"batchrunner {__version__}\n")
        return
    from batchrunner.commands import run

    run(sys.argv[1:])

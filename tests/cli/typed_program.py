"""A program as users write it, held against the types that the package ships; `test_python_api` checks and runs it."""

import sys

from batchrunner import apply, load, plan
from batchrunner.applier import Report
from batchrunner.errors import BatchrunnerError, ExitCode, InvalidFiles
from batchrunner.events import Event
from batchrunner.plans import Plan


class Printer:
    """A reporter of one's own."""

    def report(self, event: Event) -> None:
        """Print the event's kind."""
        print(type(event).__name__)


def main(path: str) -> int:
    """Apply the spec at `path` in the sandbox."""
    try:
        workspace = load(path, sandbox=True, targets=["s/*"], at="2026-11-22T02:30:00Z")
        planned: Plan = plan(workspace)
        counts: dict[str, int] = planned.counts
        report: Report = apply(workspace, concurrency=4, lock_timeout=5.0, reporter=Printer())
    except InvalidFiles as invalid:
        for diagnostic in invalid.diagnostics:
            print(diagnostic.where, diagnostic.code)
        return invalid.exit_code
    except BatchrunnerError as error:
        print(error.code, error.hint)
        return error.exit_code
    print(counts["submit"], report.submitted, len(report.failed))
    return ExitCode.DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

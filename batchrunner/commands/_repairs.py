"""What a repair did, in words."""

from collections.abc import Iterator

from batchrunner.printable import printable
from batchrunner.state import Entry
from batchrunner.stores._salvage import RepairReport


def repair_text(url: str, report: RepairReport) -> str:
    """What was wrong, what was kept, and every submission that the state may no longer know."""
    if not report.damage:
        return f"{url} is sound; nothing was done."
    return "\n".join(_lines(url, report))


def _lines(url: str, report: RepairReport) -> Iterator[str]:
    yield f"{url}: {report.damage}. Kept {report.kept} revisions, dropped {report.dropped} lines."
    for copy in (report.journal, report.snapshot):
        if copy is not None:
            yield f"  as it was: {copy}"
    for entry in report.lost:
        yield f"  not in state any more: {_named(entry)}"
    for entry in report.doubtful:
        yield f"  not in state, and damaged: {_named(entry)}"
    if report.lost or report.doubtful:
        yield "  Each of these may be a paid batch: look at the provider before the next apply."


def _named(entry: Entry) -> str:
    attempt = entry.attempt
    known = attempt.batch_id or f"key {attempt.intent.idempotency_key}"
    return printable(f"{entry.address} {entry.run_key} {attempt.status} {known}")

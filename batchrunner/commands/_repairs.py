"""What a repair did, in words."""

from collections.abc import Iterator
from typing import Any

from batchrunner.printable import printable
from batchrunner.state import Entry
from batchrunner.stores import RepairReport


def repair_text(url: str, report: RepairReport) -> str:
    """What was wrong, what was kept, and every submission that the state may no longer know."""
    if not report.damage:
        return f"{url} is sound; nothing was done."
    return "\n".join(_lines(url, report))


def repair_object(url: str, report: RepairReport) -> dict[str, Any]:
    """The same as a JSON object."""
    return {
        "state": url,
        "damage": report.damage,
        "kept": report.kept,
        "dropped": report.dropped,
        "copies": [str(copy) for copy in (report.journal, report.snapshot) if copy is not None],
        "lost": [_entry_object(entry) for entry in report.lost],
        "doubtful": [_entry_object(entry) for entry in report.doubtful],
    }


def _entry_object(entry: Entry) -> dict[str, str]:
    attempt = entry.attempt
    return {
        "address": entry.address,
        "run_key": entry.run_key,
        "status": attempt.status,
        "batch_id": attempt.batch_id,
        "idempotency_key": attempt.intent.idempotency_key,
    }


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

"""Files at providers that can go, and what became of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from batchrunner.clearing import Leftover
from batchrunner.jobs import NotFound, Outcome, Removed
from batchrunner.moments import time_of
from batchrunner.printable import printable
from batchrunner.render.json import envelope
from batchrunner.render.layout import table
from batchrunner.render.units import counted, size

HEADINGS = ("PROVIDER", "FILE", "SIZE", "AGE", "ADDRESS", "WHY")


def leftovers_text(left: Sequence[Leftover], now: datetime) -> str:
    """What can go, a line each, and how much it is. Ends without a newline."""
    rows = [HEADINGS, *(tuple(map(printable, _row(each, now))) for each in left)]
    total = size(sum(each.size for each in left))
    return "\n".join([*table(rows), "", f"{counted(len(left), 'file')}, {total}."])


def _row(left: Leftover, now: datetime) -> tuple[str, ...]:
    address = left.entry.address if left.entry else "-"
    return left.provider, left.file_id, size(left.size), _age(left.created_at, now), address, left.why


def _age(created_at: str, now: datetime) -> str:
    created = time_of(created_at)
    if created is None:
        return "-"
    hours = max(0, int((now - created).total_seconds() // 3600))
    return f"{hours} h" if hours < 48 else f"{hours // 24} d"


def deleted_text(done: Sequence[tuple[Leftover, Outcome]]) -> str:
    """What became of each that was to be deleted. Ends without a newline."""
    deleted = sum(isinstance(said, Removed) for _, said in done)
    gone = sum(isinstance(said, NotFound) for _, said in done)
    counts = f"{counted(deleted, 'file')} deleted" + (f", {gone:,} gone before" if gone else "")
    return "\n".join([f"{counts}.", *(_failure(left, said) for left, said in done if _failed(said))])


def _failed(said: Outcome) -> bool:
    return not isinstance(said, Removed | NotFound)


def _failure(left: Leftover, said: Outcome) -> str:
    status, code, words = (getattr(said, name, "") for name in ("status", "code", "words"))
    why = ": ".join(filter(None, [f"HTTP {status}" if status else str(code), str(words)]))
    return printable(f"  {left.file_id} is still at {left.provider} ({why})")


def gc_document(
    left: Sequence[Leftover], done: Sequence[tuple[Leftover, Outcome]], notes: Sequence[str]
) -> dict[str, Any]:
    """The same as a JSON document; `outcome` is empty where nothing was deleted."""
    outcomes = {(each.provider, each.file_id): _word(said) for each, said in done}
    return envelope(
        "gc",
        files=[
            {
                "provider": each.provider,
                "file_id": each.file_id,
                "address": each.entry.address if each.entry else "",
                "run_key": each.entry.run_key if each.entry else "",
                "kind": "results" if each.is_result else "input",
                "size": each.size,
                "created_at": each.created_at,
                "why": each.why,
                "outcome": outcomes.get((each.provider, each.file_id), ""),
            }
            for each in left
        ],
        notes=list(notes),
    )


def _word(said: Outcome) -> str:
    if isinstance(said, Removed):
        return "deleted"
    return "gone" if isinstance(said, NotFound) else str(getattr(said, "code", "failed"))

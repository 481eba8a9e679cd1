"""Remote batches that a submission in doubt may have become, for who has to say which."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from batchrunner.matching import Candidate, Evidence
from batchrunner.printable import printable
from batchrunner.render.github import neutral
from batchrunner.render.layout import table
from batchrunner.render.style import PLAIN, Style
from batchrunner.render.units import moment
from batchrunner.state import Entry

HEADINGS = ("", "BATCH", "STATUS", "CREATED", "REQUESTS", "WHY")
WHY: Mapping[Evidence, str] = {
    "key": "has its key",
    "own-file": "reads the file uploaded for it",
    "file": "reads the same file",
    "time": "made at that time",
    "requests": "as many requests",
}


def candidates_text(
    entry: Entry, provider: str, found: Sequence[Candidate] | None, commands: Sequence[str], style: Style = PLAIN
) -> str:
    """What was found, None for nobody could look, and the `commands` that settle it; ends without a newline."""
    return neutral("\n".join(_lines(entry, provider, found, commands, style)))


def _lines(
    entry: Entry, provider: str, found: Sequence[Candidate] | None, commands: Sequence[str], style: Style
) -> Iterator[str]:
    name = f"{printable(entry.address)} ({printable(entry.run_key)})"
    if found is None:
        yield f"{name} is {entry.attempt.status}."
    elif not found:
        yield f"{printable(provider)} lists no batch that may be {name}."
    else:
        yield f"{printable(provider)} has what may be {name}:"
        heading, *lines = table([HEADINGS, *map(_row, found)])
        yield style.bold(heading)
        yield from lines
    yield "To settle it:"
    yield from (f"  {style.bold(printable(command))}" for command in commands)


def _row(candidate: Candidate) -> tuple[str, ...]:
    batch = candidate.batch
    counts = f"{batch.counts.total:,}" if batch.counts else "-"
    why = ", ".join(WHY[each] for each in candidate.evidence)
    mark, made = "*" if candidate.is_certain else "", moment(batch.created_at) or "-"
    return tuple(map(printable, (mark, batch.batch_id, batch.status, made, counts, why)))


def candidate_object(candidate: Candidate) -> dict[str, Any]:
    """A candidate as a JSON object."""
    batch = candidate.batch
    return {"batch_id": batch.batch_id, "status": batch.status, "created_at": batch.created_at,
            "requests": batch.counts.total if batch.counts else None, "evidence": list(candidate.evidence),
            "certain": candidate.is_certain}  # fmt: skip

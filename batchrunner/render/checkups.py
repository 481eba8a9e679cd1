"""What a look at the setup found, line by line and as a document."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from batchrunner.checkups import Check, CheckStatus
from batchrunner.printable import printable
from batchrunner.render.github import neutral
from batchrunner.render.json import envelope
from batchrunner.render.layout import hanging, paragraph
from batchrunner.render.style import PLAIN, Style
from batchrunner.render.units import count

WORDS: dict[CheckStatus, str] = {"ok": "ok", "warning": "warning", "failure": "FAILED", "skipped": "-"}
COLUMN = 9


def checkup_text(checks: Sequence[Check], style: Style = PLAIN, width: int = 80) -> str:
    """`checks` in their order, remedies below, and a line of counts. Ends without a newline."""
    lines = [line for check in checks for line in _lines(check, style, width)]
    counts = Counter(check.status for check in checks)
    paint = style.red if counts["failure"] else style.yellow if counts["warning"] else style.green
    parts = [f"{count(counts['ok'])} ok"]
    parts += [f"{count(counts['warning'])} warning{'s' if counts['warning'] > 1 else ''}"] * bool(counts["warning"])
    parts += [f"{count(counts['failure'])} failed"] * bool(counts["failure"])
    return neutral("\n".join([*lines, "", paint(", ".join(parts) + ".")]))


def checkup_document(checks: Sequence[Check]) -> dict[str, Any]:
    """`checks` as a JSON document."""
    counts = Counter(check.status for check in checks)
    return envelope(
        "doctor",
        checks=[
            {"id": each.id, "status": each.status, "subject": each.subject, "message": each.message, "hint": each.hint}
            for each in checks
        ],
        counts={status: counts[status] for status in WORDS},
    )


def _lines(check: Check, style: Style, width: int) -> Iterator[str]:
    paints = {"ok": style.green, "warning": style.yellow, "failure": style.red, "skipped": style.dim}
    word = paints[check.status](WORDS[check.status]) + " " * (COLUMN - len(WORDS[check.status]))
    subject = f" {printable(check.subject)}" if check.subject else ""
    first, *more = paragraph(f"{check.id}{subject}: {printable(check.message)}", width, indent=COLUMN)
    yield f"{word}{first[COLUMN:]}"
    yield from more
    if check.hint:
        yield f"{' ' * COLUMN}= help: {hanging(printable(check.hint), width, COLUMN + 8)}"

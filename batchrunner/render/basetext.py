"""What specs declare otherwise than at the base revision, as text for a terminal."""

from collections.abc import Iterator

from batchrunner.comparison import Base
from batchrunner.printable import brief, printable
from batchrunner.render.differences import COMMIT, Alike, alike, difference_words
from batchrunner.render.layout import paragraph, pieces
from batchrunner.render.rows import Page
from batchrunner.render.units import count, counted

SHOWN = 20
"""Differences that are shown."""
LINES = 30
"""Lines of one that are shown."""
ADDRESS_AT, DIFF_AT = 2, 4


def base_text(base: Base, page: Page) -> Iterator[str]:
    """The lines of text about `base`, an empty one at the end."""
    against = f"{printable(brief(base.revision))} ({printable(base.commit[:COMMIT])})"
    words = difference_words(base) or "the specs declare the same"
    yield from paragraph(f"Against {against}: {words}.", page.width, 0)
    if base.problem:
        yield from paragraph(f"Not compared: {printable(base.problem)}", page.width, 0)
    groups = alike(base.differences)
    for each in groups[:SHOWN]:
        yield from _difference(each, page)
    if rest := groups[SHOWN:]:
        batches = sum(1 + each.others for each in rest)
        yield f"  … and {counted(batches, 'more batch')} that differ" + ("" if batches > 1 else "s")
    yield ""


def _difference(each: Alike, page: Page) -> Iterator[str]:
    first = each.first
    was = f" (was {first.previous})" if first.previous else ""
    others = f" {each.words}" if each.words else ""
    yield from paragraph(f"{first.kind} {printable(first.address + was)}{others}", page.width, ADDRESS_AT)
    for line in first.lines[:LINES]:
        paint = {"+": page.style.green, "-": page.style.red}.get(line[:1], page.style.dim)
        for piece in pieces(printable(line), page.width - DIFF_AT):
            yield " " * DIFF_AT + paint(piece)
    if rest := len(first.lines[LINES:]) + first.omitted:
        yield f"{' ' * DIFF_AT}… {count(rest)} more lines"

"""What specs declare otherwise than at the base revision, in GitHub markdown."""

from collections.abc import Iterator

from batchrunner.comparison import Base
from batchrunner.render.differences import COMMIT, Alike, alike, difference_words
from batchrunner.render.fences import code, lines_block
from batchrunner.render.markdowntable import fit
from batchrunner.render.units import count, counted

ICONS = {"added": "\N{HEAVY PLUS SIGN}", "changed": "✏️", "moved": "➡️", "removed": "\N{HEAVY MINUS SIGN}"}
LINES = 40
"""Lines of one difference that are shown."""
MOST_PARTS = 60


def base_heading(base: Base) -> str:
    """What the comparison is with, on one line."""
    commit = f" · at commit {code(base.head[:COMMIT])}" if base.head else ""
    return f"against {code(base.revision)} {code(base.commit[:COMMIT])}{commit}"


def base_details(base: Base, room: int) -> tuple[str, int]:
    """The differences, folded away, in at most `room` characters; those that have no room are counted.

    Returns the characters that are left, too.
    """
    groups = alike(base.differences)
    kept, spare = fit(map(_difference, groups[:MOST_PARTS]), room)
    batches = sum(1 + each.others for each in groups[len(kept) :])
    more = [f"- … and {counted(batches, 'more batch')}"] if batches else []
    problem = [f"Not compared: {code(base.problem)}\n"] if base.problem else []
    words = difference_words(base)
    title = f"Declared otherwise than at the base: {words}" if words else "Declared as at the base"
    if not words and not problem:
        return f"{title}.", spare
    text = "\n".join([*problem, *kept, *more])
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>", spare


def _difference(each: Alike) -> str:
    return "\n".join(_lines(each))


def _lines(each: Alike) -> Iterator[str]:
    first = each.first
    was = f", which was {code(first.previous)}" if first.previous else ""
    others = f" {each.words}" if each.others else ""
    yield f"- {ICONS[first.kind]} {first.kind} {code(first.address)}{was}{others}"
    if first.lines:
        yield lines_block(first.lines[:LINES], "diff", indent="  ")
    if rest := len(first.lines[LINES:]) + first.omitted:
        yield f"\n  … {count(rest)} more lines"

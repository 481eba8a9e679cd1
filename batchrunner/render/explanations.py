"""Explanations of codes, as text and as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from batchrunner.explanations import Explanation, Family
from batchrunner.render.layout import paragraph
from batchrunner.render.style import PLAIN, Style

Found = Sequence[tuple[Family, Explanation]]


def explanation_text(found: Found, style: Style = PLAIN, width: int = 80) -> str:
    """What is known of one code, each meaning after the other. Ends without a newline."""
    return "\n\n".join("\n".join(_lines(family, entry, style, width)) for family, entry in found)


def _lines(family: Family, entry: Explanation, style: Style, width: int) -> Iterator[str]:
    yield f"{style.bold(entry.code)}: {entry.title}"
    yield from _labelled("Why:", entry.cause, width)
    yield from _labelled("To do:", entry.remedy, width)
    if entry.example:
        yield from ("", *(f"         {line}" for line in entry.example.splitlines()), "")
    yield from paragraph(f"Met in: {family.met}.{_ending(family, entry)}", width, 2)


def _labelled(label: str, text: str, width: int) -> Iterator[str]:
    first, *others = paragraph(text, width, 9)
    yield f"  {label:<7}{first[9:]}"
    yield from others


def _exits(family: Family, entry: Explanation) -> str:
    return entry.exits or family.exits


def _ending(family: Family, entry: Explanation) -> str:
    exits = _exits(family, entry)
    return f" Exit {exits.replace(', ', ' or ')}." if exits else ""


def codes_text(families: Sequence[Family], style: Style = PLAIN, width: int = 80) -> str:
    """All codes with their titles, by family. Ends without a newline."""
    return "\n\n".join("\n".join(_family(family, style, width)) for family in families)


def _family(family: Family, style: Style, width: int) -> Iterator[str]:
    yield style.bold(family.title)
    longest = max(len(entry.code) for entry in family.entries)
    for entry in family.entries:
        first, *others = paragraph(entry.title, width, longest + 4)
        yield f"  {entry.code:<{longest}}  {first.lstrip()}"
        yield from others


def explanation_document(found: Found) -> dict[str, Any]:
    """What is known of codes, as JSON."""
    return {"explanations": [dict(_fields(family, entry)) for family, entry in found]}


def _fields(family: Family, entry: Explanation) -> Mapping[str, Any]:
    exits = [int(code) for code in _exits(family, entry).split(", ") if code]
    return {
        "code": entry.code,
        "family": family.name,
        "meaning": entry.title,
        "cause": entry.cause,
        "remedy": entry.remedy,
        "example": entry.example,
        "met_in": family.met,
        "exit_codes": exits,
    }

"""Text in columns: display width, wrapping and shortening, for terminals that know nothing of words."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

INDENT = 8
_UNBROKEN = re.compile(r"(\s*)(\bbatchrunner [a-z].*|\S*?`[^`]*`\S*|\S+)")


def width_of(text: str) -> int:
    """Columns that `text` takes on a terminal; wide ones (UAX 11: W, F) take two, combining ones none."""
    return len(text) if text.isascii() else sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def left(text: str, width: int) -> str:
    """`text` filled up with spaces on the right."""
    return text + " " * (width - width_of(text))


def right(text: str, width: int) -> str:
    """`text` filled up with spaces on the left."""
    return " " * (width - width_of(text)) + text


def shorten(text: str, limit: int) -> str:
    """`text` in at most `limit` characters, its middle replaced by `…`: what tells ids apart is at the ends."""
    if len(text) <= limit:
        return text
    head = (limit - 1) // 2
    return f"{text[:head]}…{text[len(text) - (limit - 1 - head) :]}"


def pieces(text: str, width: int, after: str = "") -> list[str]:
    """`text` cut into lines of at most `width` columns, behind one of the characters `after` where there is one."""
    lines = []
    while width_of(text) > width:
        fitting = _fitting(text, width)
        cut = max((text.rfind(character, 0, fitting) + 1 for character in after), default=0) or fitting
        lines.append(text[:cut])
        text = text[cut:]
    return [*lines, text]


def _fitting(text: str, width: int) -> int:
    taken = 0
    for index, character in enumerate(text):
        taken += _columns(character)
        if taken > width:
            return max(index, 1)
    return len(text)


def flow(parts: Iterable[str], width: int, *, between: str = " ", indent: int = 0) -> list[str]:
    """Parts joined by `between`, as many on a line as fit; lines after the first start with `indent` spaces.

    A part that is too long for a line of its own is cut.
    """
    lines = [""]
    for part in parts:
        joined = f"{lines[-1]}{between}{part}" if lines[-1].strip() else lines[-1] + part
        if width_of(joined) <= width:
            lines[-1] = joined
            continue
        cut = pieces(part, max(width - indent, 1), after="/,[")
        start = 1 if not lines[-1].strip() else 0
        lines[len(lines) - start :] = [" " * indent + piece for piece in cut]
    return lines


def paragraph(text: str, width: int, indent: int = INDENT) -> list[str]:
    """`text` wrapped between words, every line behind `indent` spaces."""
    return [" " * indent + line for line in flow(text.split(), width - indent)]


def hanging(text: str, width: int, indent: int) -> str:
    """`text`, which stands behind `indent` columns, wrapped between words; later lines start with as many spaces.

    A command, from its name on, and what stands in backticks are never broken. A `width` of 0 breaks nothing.
    """
    return _wrapped(text, width, indent, indent)


def wrapped(text: str, width: int) -> str:
    """Each line of `text` wrapped as by `hanging`, from its start on; what is wrapped is set in by two spaces."""
    return "\n".join(_wrapped(line, width, 0, 2) for line in text.split("\n"))


def _wrapped(text: str, width: int, indent: int, later: int) -> str:
    if not width or indent + width_of(text) <= width:
        return text
    lines = [""]
    for gap, word in _UNBROKEN.findall(text):
        joined = f"{lines[-1]}{gap}{word}"
        if lines[-1] and indent + width_of(joined) > width:
            lines.append(word)
            indent = later
        else:
            lines[-1] = joined
    return f"\n{' ' * later}".join(lines)


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as left-aligned columns, two spaces apart; every row has as many cells."""
    widths = [max(map(width_of, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(left, row, widths)).rstrip() for row in rows]

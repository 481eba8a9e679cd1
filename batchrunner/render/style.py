"""How emphasis is written: plainly, or with SGR codes. Renderers take a style, never a flag."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

Paint = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Style:
    """One function per emphasis, text to text. What they add has no width and carries no meaning of its own."""

    bold: Paint
    dim: Paint
    green: Paint
    yellow: Paint
    red: Paint


def _sgr(code: int, text: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if text else ""


PLAIN = Style(bold=str, dim=str, green=str, yellow=str, red=str)
COLOUR = Style(
    bold=partial(_sgr, 1),
    dim=partial(_sgr, 2),
    green=partial(_sgr, 32),
    yellow=partial(_sgr, 33),
    red=partial(_sgr, 31),
)

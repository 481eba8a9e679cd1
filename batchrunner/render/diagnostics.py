"""Problems in what a person wrote, as compilers show them: the place, the source line, a caret, a hint."""

from collections.abc import Sequence

from batchrunner.errors import Diagnostic
from batchrunner.printable import printable, shown
from batchrunner.render.layout import hanging, width_of
from batchrunner.render.style import PLAIN, Style
from batchrunner.render.units import counted

LINE = 100
"""Columns of a source line that are shown; the rest of a longer one is cut around the caret."""
TAB = "    "


def diagnostics_text(
    diagnostics: Sequence[Diagnostic], *, unlisted: int = 0, style: Style = PLAIN, width: int = 0
) -> str:
    """Each problem as a block, then one line that counts them, the `unlisted` too.

    Advice that is wider than `width` columns is wrapped; 0 stands for no limit.

    Everything but our own words is untrusted and comes out escaped, so that a line of a spec can neither colour the
    terminal nor pretend to be another message.
    """
    blocks = [_block(diagnostic, style, width) for diagnostic in diagnostics]
    return "\n\n".join([*blocks, _total(diagnostics, unlisted)])


def _total(diagnostics: Sequence[Diagnostic], unlisted: int) -> str:
    files = counted(len({diagnostic.path for diagnostic in diagnostics}), "file")
    errors = counted(len(diagnostics) + unlisted, "error")
    return f"{errors} in {files}" + (f" ({unlisted:,} not listed)" if unlisted else "")


def _block(diagnostic: Diagnostic, style: Style, width: int) -> str:
    headline = style.bold(style.red(f"error[{diagnostic.code}]")) + style.bold(f": {printable(diagnostic.message)}")
    gutter = " " * len(str(diagnostic.line))
    lines = [headline, f"{gutter}{style.dim('-->')} {printable(diagnostic.where)}"]
    if diagnostic.source:
        lines += _excerpt(diagnostic, gutter, style)
    if diagnostic.hint:
        hint = hanging(printable(diagnostic.hint), width, len(f"{gutter} = help: "))
        lines.append(f"{gutter} {style.dim('=')} help: {hint}")
    return "\n".join(lines)


def _excerpt(diagnostic: Diagnostic, gutter: str, style: Style) -> list[str]:
    text, indent, carets = _window(diagnostic.source, diagnostic.column - 1, diagnostic.width)
    bar = style.dim("|")
    return [
        f"{gutter} {bar}",
        f"{diagnostic.line} {bar} {text}".rstrip(),
        f"{gutter} {bar} {' ' * indent}{style.red('^' * carets)}",
    ]


def _window(source: str, start: int, width: int) -> tuple[str, int, int]:
    """The part of a line that is shown, the columns before the caret, and how many columns the caret underlines."""
    # A line may be as long as its file: only what can be shown is looked at.
    dropped = max(start - LINE, 0)
    cells = [TAB if c == "\t" else shown(c) for c in source[dropped : start + LINE + 1]]
    caret = start - dropped
    first, last = _visible([width_of(cell) for cell in cells], caret)
    before = "…" if first + dropped else ""
    after = "…" if last + dropped < len(source) else ""
    head = before + "".join(cells[first:caret])
    marked = "".join(cells[caret : min(caret + width, last)])
    return head + "".join(cells[caret:last]) + after, width_of(head), max(width_of(marked), 1)


def _visible(widths: Sequence[int], caret: int) -> tuple[int, int]:
    """First and last cell shown: all of them, or `LINE` columns with the caret in the first third."""
    if sum(widths) <= LINE:
        return 0, len(widths)
    first = caret - _reach(widths[:caret][::-1], LINE // 3)
    return first, first + _reach(widths[first:], LINE)


def _reach(widths: Sequence[int], columns: int) -> int:
    """How many of the cells fit into `columns`."""
    taken = 0
    for count, width in enumerate(widths):
        taken += width
        if taken > columns:
            return count
    return len(widths)

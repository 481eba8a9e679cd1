"""Data inside GitHub markdown: always code, so that it can be no link, image, mention, heading or HTML.

Code spans and fences hold any text as long as their run of backticks is longer than any inside (CommonMark 0.31, 4.5
and 6.1). Comments are found again by searching for their marker as plain text, so comment delimiters are broken up in
code too.
"""

import re
from collections.abc import Sequence
from urllib.parse import quote

from batchrunner.digest import digest_of
from batchrunner.printable import printable
from batchrunner.render.github import neutral
from batchrunner.render.layout import shorten

LONGEST = 300
LONGEST_MARKER = 200
EMPTY = "(empty)"
_RUN = re.compile("`+")
_PIPE = re.compile(r"\\*\|")


def code(text: str) -> str:
    """`text` on one line as a code span, its middle left out beyond 300 characters."""
    shown = shorten(_safe(text), LONGEST) if text.strip() else EMPTY
    fence = "`" * (_longest_run(shown) + 1)
    pad = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def cell(text: str) -> str:
    """`text` as a code span in a table's cell.

    Pipes are escaped there (GFM 0.29, 4.10). Renderers disagree on a backslash before a pipe: a space parts them.
    """
    return _PIPE.sub(_escaped_pipe, code(text))


def _escaped_pipe(found: re.Match[str]) -> str:
    backslashes = found[0][:-1]
    return f"{backslashes} \\|" if backslashes else "\\|"


def block(text: str, indent: str = "") -> str:
    """`text` on one line as a fenced block of shell, to be copied whole."""
    return lines_block([text], "sh", indent=indent)


def lines_block(lines: Sequence[str], language: str, indent: str = "") -> str:
    """`lines` as a fenced block of a `language`, each on one line."""
    shown = [_safe(line) for line in lines]
    fence = "`" * max(3, max(map(_longest_run, shown), default=0) + 1)
    return "\n".join(f"{indent}{line}" for line in [f"{fence}{language}", *shown, fence])


def marker(paths: tuple[str, ...]) -> str:
    """The invisible comment that finds a plan's comment again: the same specs give the same marker."""
    name = ",".join(quote(path, safe="/._-", errors="backslashreplace") for path in paths).replace("--", "-%2D")
    if len(name) > LONGEST_MARKER:
        name = digest_of(name)
    return f"<!-- batchrunner:plan:{name} -->"


def _safe(text: str) -> str:
    return neutral(printable(text).replace("<!--", "<! --").replace("-->", "-- >"))


def _longest_run(text: str) -> int:
    return max((len(run) for run in _RUN.findall(text)), default=0)

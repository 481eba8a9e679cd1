"""Scans a table as the request lines its rows are rendered to, and says where in the table the problems are."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import BinaryIO

from batchrunner import records
from batchrunner.errors import Diagnostic
from batchrunner.inputs.allowance import uncounted
from batchrunner.inputs.scan import Scan, ScannedPart, scan_lines
from batchrunner.inputs.tables.problems import LISTED, BadTable, RowProblem
from batchrunner.inputs.tables.rendered import RenderedRows
from batchrunner.linerules import LineRules
from batchrunner.manifest import Template
from batchrunner.plans import Notice
from batchrunner.ports import TokenCounter
from batchrunner.printable import brief, printable
from batchrunner.renderer import Renderer
from batchrunner.sharder import Sharding

_NAMED = 3
_BODY = ("input", "body")
_SEE_TEMPLATE = "it comes from the template: look at `input` in the spec"


def scan_table(
    stream: BinaryIO,
    *,
    path: str,
    shown: str,
    format: str,
    template: Template,
    rules: LineRules,
    sharding: Sharding,
    counter: TokenCounter | None = None,
    made: Callable[[int, int], None] = uncounted,
) -> Scan:
    """Check all rows of the table in `stream`, and the lines that they are rendered to; nothing is written anywhere.

    `path` is relative to the project root, `shown` how messages name the file, `format` and `made` as in
    `RenderedRows`. Raises `BadTemplate` for texts of the template that no row fits into, `Refused` for a format that
    cannot be read here, and whatever `made` does.
    """
    try:
        rows = RenderedRows(stream, format, template, longest=rules.max_line_bytes, made=made)
    except BadTable as bad:
        return Scan((), diagnostics=(_diagnostic(bad.problem, shown, has_lines=True),))
    told = _Told(rows, shown)
    scan = scan_lines(
        rows, path=path, shown=shown, rules=rules, sharding=sharding, counter=counter, place_of=told.place_of
    )
    rows.check_columns()
    return told.of(scan, template)


class _Told:
    """What a scan of rendered lines found, told of the rows that they came from."""

    def __init__(self, rows: RenderedRows, shown: str) -> None:
        self._rows = rows
        self._shown = shown

    def place_of(self, line: int) -> str:
        """How a message names the row of a rendered line."""
        return f"{'line' if self._rows.has_lines else 'row'} {self._rows.places.of(line)}"

    def of(self, scan: Scan, template: Template) -> Scan:
        """`scan` with its parts rendered by `template`, and the problems of rows beside those of lines."""
        problems = self._rows.problems
        if not len(self._rows.places) and problems.count():
            # That nothing was rendered has been explained row by row.
            scan = replace(scan, diagnostics=())
        scan = replace(scan, diagnostics=tuple(_advised(each, template) for each in scan.diagnostics))
        alike = _alike(scan, len(self._rows.places))
        of_lines = [(0, alike)] if alike else [*map(self._of_row, scan.diagnostics)]
        of_rows = [(each.place, _diagnostic(each, self._shown, self._rows.has_lines)) for each in problems.listed()]
        found = sorted([*of_lines, *of_rows], key=lambda placed: placed[0])[:LISTED]
        total = problems.count() + (1 if alike else len(scan.diagnostics) + scan.unlisted)
        return replace(
            scan,
            parts=tuple(_rendered(part, template) for part in scan.parts),
            notices=(self._notice(), *_unused(template, self._shown), *scan.notices),
            diagnostics=tuple(diagnostic for _, diagnostic in found),
            unlisted=total - len(found),
        )

    def _of_row(self, diagnostic: Diagnostic) -> tuple[int, Diagnostic]:
        """A problem of a rendered line, with the place of its row."""
        if not diagnostic.line:
            return 0, diagnostic
        place = self._rows.places.of(diagnostic.line)
        return place, _placed(diagnostic, place, self._rows.has_lines)

    def _notice(self) -> Notice:
        names = [printable(brief(name, 40)) for name in self._rows.columns]
        # A single one more takes no more room than the mark that stands for it.
        named = ", ".join(names if len(names) <= _NAMED + 1 else [*names[:_NAMED], "…"])
        message = f"{_counted(len(self._rows.places), 'row')}, {_counted(len(names), 'column')} ({named})"
        return Notice(code="table", message=message, where=self._shown)


def _unused(template: Template, shown: str) -> Iterator[Notice]:
    """What to know of a template whose bodies are all the same: what is meant for a column may be written otherwise."""
    if not any(use.field[:2] == _BODY for use in Renderer(template).uses):
        words = "no column of the table is used in `body`: every request is the same. A column is `${row.NAME}`."
        yield Notice(code="no-column-used", message=words, where=shown)


def _advised(diagnostic: Diagnostic, template: Template) -> Diagnostic:
    """A problem of a rendered line, with what to do about it in a table."""
    hint = diagnostic.hint
    if diagnostic.code == "duplicate-custom-id":
        written = brief(template.custom_id)
        hint = f"`custom_id` is `{written}` in the template: use a column that has another value in each row"
    elif diagnostic.code == "empty-file":
        hint = "add rows below the header, or take the batch out of the spec"
    elif diagnostic.code in ("wrong-type", "line-too-long", "missing-required-parameter"):
        hint = _SEE_TEMPLATE
    return replace(diagnostic, hint=hint)


def _alike(scan: Scan, rows: int) -> Diagnostic | None:
    """What is wrong with every single row in the same way, once: the template says it, not the table."""
    words = {(each.code, each.message) for each in scan.diagnostics if each.line}
    if rows < 2 or len(words) != 1 or len(scan.diagnostics) + scan.unlisted != rows:
        return None
    first = scan.diagnostics[0]
    return replace(first, line=0, column=0, message=f"{first.message}, in every row", hint=first.hint or _SEE_TEMPLATE)


def _diagnostic(problem: RowProblem, shown: str, has_lines: bool) -> Diagnostic:
    bare = Diagnostic(problem.code, problem.message, shown, hint=problem.hint)
    return _placed(bare, problem.place, has_lines) if problem.place else bare


def _placed(diagnostic: Diagnostic, place: int, has_lines: bool) -> Diagnostic:
    if has_lines:
        return replace(diagnostic, line=place, column=1)
    return replace(diagnostic, line=0, column=0, message=f"row {place:,}: {diagnostic.message}")


def _rendered(part: ScannedPart, template: Template) -> ScannedPart:
    return replace(part, file=records.replace(part.file, template=template))


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"

"""Runs of specs as a table and as a document: which intervals were submitted, and which are missing."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from batchrunner.coverage import Coverage, Occurrence, Status
from batchrunner.printable import printable
from batchrunner.records import plain
from batchrunner.render.github import neutral
from batchrunner.render.json import envelope
from batchrunner.render.layout import flow, paragraph, table, width_of
from batchrunner.render.style import PLAIN, Paint, Style
from batchrunner.render.units import at_least, at_most, count, counted, moment
from batchrunner.spec import Recurrence

SYMBOLS: dict[Status, str] = {"submitted": "+", "partial": "~", "failed": "x", "missing": "!", "due": "."}
HEADINGS = ("", "RUN", "STATUS", "BATCHES", "REQUESTS", "COST", "SUBMITTED")
NAMED = 3


@dataclass(frozen=True, slots=True)
class SpecRuns:
    """The runs of one spec. `coverage` is of all that was asked for; `limit` is how many are shown of each kind."""

    name: str
    path: str
    state: str
    recurrence: Recurrence
    coverage: Coverage
    limit: int
    only_missing: bool = False

    @property
    def chosen(self) -> Sequence[Occurrence]:
        """The intervals that are asked for, newest first: all, or those in which something is missing."""
        found = self.coverage.intervals
        return [each for each in found if each.missing and not each.is_current] if self.only_missing else found

    @property
    def others(self) -> Sequence[Occurrence]:
        """The runs that are no intervals, newest first."""
        return () if self.only_missing else self.coverage.others


def runs_text(specs: Sequence[SpecRuns], style: Style = PLAIN, width: int = 80) -> str:
    """The runs of `specs`, a table for each. Ends without a newline."""
    return neutral("\n\n".join("\n".join(_section(spec, style, width)) for spec in specs))


def runs_document(specs: Sequence[SpecRuns]) -> dict[str, Any]:
    """The runs of `specs` as a JSON document."""
    return envelope("runs", specs=[_object(spec) for spec in specs])


def _object(spec: SpecRuns) -> dict[str, Any]:
    return {
        "name": spec.name,
        "path": spec.path,
        "state": spec.state,
        "once_per": spec.recurrence.once_per,
        "timezone": spec.recurrence.timezone,
        "counts": _counts(spec.coverage.intervals),
        "intervals": [_occurrence(each) for each in spec.chosen[: spec.limit]],
        "others": [_occurrence(each) for each in spec.others[: spec.limit]],
        "unlisted": max(len(spec.chosen) - spec.limit, 0) + max(len(spec.others) - spec.limit, 0),
    }


def _occurrence(each: Occurrence) -> dict[str, Any]:
    return {name: plain(getattr(each, name)) for name in each.__struct_fields__}


def _counts(found: Sequence[Occurrence]) -> dict[str, int]:
    counted_by = Counter(each.status for each in found)
    return {status: counted_by[status] for status in SYMBOLS}


def _section(spec: SpecRuns, style: Style, width: int) -> Iterator[str]:
    zone = "" if spec.recurrence.timezone == "UTC" else f" ({spec.recurrence.timezone})"
    head = [printable(spec.name), f"once per {spec.recurrence.once_per}{printable(zone)}",
            f"state {printable(spec.state)}"]  # fmt: skip
    first, *more = flow(head, width, between="   ", indent=2)
    yield from (style.bold(first), *more, "")
    shown = spec.chosen[: spec.limit]
    yield from _table(shown, style, width)
    if len(spec.chosen) > spec.limit:
        yield f"  … and {count(len(spec.chosen) - spec.limit)} older"
    others = spec.others[: spec.limit]
    if others:
        yield from ([""] if shown else [])
        yield from _table(others, style, width)
    if len(spec.others) > spec.limit:
        yield f"  … and {count(len(spec.others) - spec.limit)} older"
    if shown or others:
        yield ""
    yield from (style.bold(line) for line in paragraph(_summary(spec), width, indent=0))


def _table(found: Sequence[Occurrence], style: Style, width: int) -> Iterator[str]:
    if not found:
        return
    rows = [HEADINGS, *map(_cells, found)]
    used = [index for index in range(len(HEADINGS)) if index < 2 or any(row[index] for row in rows[1:])]
    choices = [used, [each for each in used if each != 5], [each for each in used if each < 4]]
    tables = [_lines(rows, columns) for columns in choices]
    lines = next((each for each in tables if max(map(width_of, each)) <= width), tables[-1])
    yield style.bold(lines[0])
    for line, each in zip(lines[1:], found, strict=True):
        yield _paint(each, style)(line)
        if each.missing and each.status == "partial":
            more = len(each.missing) - NAMED
            names = ", ".join(map(printable, each.missing[:NAMED])) + (f" and {count(more)} more" if more > 0 else "")
            yield from paragraph(f"missing: {names}", width, indent=5)


def _lines(rows: Sequence[Sequence[str]], columns: Sequence[int]) -> list[str]:
    return [f"  {line}".rstrip() for line in table([[row[column] for column in columns] for row in rows])]


def _cells(each: Occurrence) -> tuple[str, ...]:
    notes = [f"{count(each.failed)} failed"] * bool(each.failed and each.status != "failed")
    notes += [f"{count(each.unresolved)} unresolved"] * bool(each.unresolved)
    return (
        SYMBOLS[each.status],
        printable(each.run_key),
        ", ".join([each.status, *notes]),
        f"{count(each.submitted)}/{count(each.declared)}",
        count(each.requests) if each.requests else "",
        _cost(each),
        moment(each.submitted_at) if each.submitted_at else "",
    )


def _cost(each: Occurrence) -> str:
    low, high = each.cost_usd_low, each.cost_usd_high
    if high is None:
        return f"{at_least(low)} and more" if low else ""
    words = at_most(high)
    return words if low is None or at_least(low) == words else f"{at_least(low)} to {words}"


def _paint(each: Occurrence, style: Style) -> Paint:
    if each.status in {"missing", "failed"}:
        return style.red
    return style.green if each.status == "submitted" else style.yellow


def _summary(spec: SpecRuns) -> str:
    found, others = spec.coverage.intervals, spec.coverage.others
    if spec.recurrence.once_per == "content":
        return f"{counted(len(others), 'run')}." if others else "Nothing was submitted."
    if not found:
        return "Nothing was submitted in any interval."
    told = ", ".join(f"{count(number)} {status}" for status, number in _counts(found).items() if number)
    first = printable(found[-1].run_key)
    manual = f" And {counted(len(others), 'run')} of other names." if others else ""
    return f"{counted(len(found), 'interval')} since {first}: {told}.{manual}"

"""What happened to addresses, as a story that is read from top to bottom, and as a document."""

from collections.abc import Iterator, Sequence
from typing import Any

from batchrunner.chronicle import Event, Happening
from batchrunner.printable import printable
from batchrunner.records import plain
from batchrunner.render.github import neutral
from batchrunner.render.json import envelope
from batchrunner.render.layout import flow, left, pieces, shorten, width_of
from batchrunner.render.style import PLAIN, Paint, Style
from batchrunner.render.units import at_least, at_most, count, counted, size

LONGEST_WORDS = 300
AT = len("2026-11-22 02:31:07")
WIDEST_EVENT = len("input-removed")
INDENT = 2


def history_text(happenings: Sequence[Happening], *, earlier: int = 0, style: Style = PLAIN, width: int = 80) -> str:
    """`happenings` by attempt, those of each oldest first, the attempt that was decided last at the end.

    Ends without a newline.

    `earlier` ones are not among them. Times are UTC.
    """
    lines: list[str] = [f"… {counted(earlier, 'earlier event')}", ""] if earlier else []
    for (address, run_key, number), each in _by_attempt(happenings).items():
        head = [printable(address), printable(run_key), f"attempt {number}"]
        first, *more = flow(head, width, between="   ", indent=2)
        lines += [style.bold(first), *more]
        for happening in each:
            lines += _lines(happening, style, width)
    return neutral("\n".join(lines))


def _by_attempt(happenings: Sequence[Happening]) -> dict[tuple[str, str, int], list[Happening]]:
    """What belongs together, in order of when it began: what ran side by side is not told in turns."""
    attempts: dict[tuple[str, str, int], list[Happening]] = {}
    for each in happenings:
        attempts.setdefault((each.address, each.run_key, each.attempt), []).append(each)
    return attempts


def history_document(patterns: Sequence[str], happenings: Sequence[Happening], earlier: int) -> dict[str, Any]:
    """`happenings` as a JSON document: the story of what `patterns` name."""
    events = [{name: plain(getattr(each, name)) for name in each.__struct_fields__} for each in happenings]
    return envelope("history", addresses=list(patterns), events=events, unlisted=earlier)


def _lines(happening: Happening, style: Style, width: int) -> Iterator[str]:
    word = left(happening.event, WIDEST_EVENT)
    head = f"{' ' * INDENT}{left(_time(happening.at), AT)}  "
    indent = width_of(head) + WIDEST_EVENT + 2
    words = " ".join(_words(happening)).split()
    room = [piece for word_ in words for piece in pieces(word_, max(width - indent, 20))]
    first, *more = flow(room, max(width - indent, 20))
    yield f"{head}{_paint(happening, style)(word)}  {first}".rstrip()
    yield from (f"{' ' * indent}{line}" for line in more)


def _words(happening: Happening) -> Iterator[str]:
    each = happening
    if each.event in {"decided", "replaced", "retried"}:
        yield from _amounts(each)
        if each.submitted_as:
            yield f"as {printable(each.submitted_as)}"
        return
    said = printable(shorten(each.words, LONGEST_WORDS))
    if each.event in {"submitted", "adopted", "in-doubt", "rejected", "deferred", "sent"}:
        yield " ".join(filter(None, [printable(each.batch_id), said]))
    elif each.event == "fetched":
        yield f"{count(each.answered)} of {counted(each.rows, 'row')} answered"
    else:
        yield ", ".join(filter(None, [printable(shorten(each.status, 40)), said]))


def _amounts(each: Happening) -> Iterator[str]:
    parts = [counted(each.requests, "request"), size(each.bytes)] if each.requests else []
    if each.cost_usd_high is not None:
        low = each.cost_usd_low
        high = at_most(each.cost_usd_high)
        parts.append(high if low is None or at_least(low) == high else f"{at_least(low)} to {high}")
    if parts:
        yield ", ".join(parts)


def _time(at: str) -> str:
    """`2026-11-22 02:31:07`, of a time as state keeps it."""
    shown = at.replace("T", " ")[:AT]
    return printable(shown) if shown else "time not known"


_PAINTS: dict[Event, str] = {"rejected": "red", "gone": "red", "in-doubt": "yellow", "deferred": "yellow",
                             "missed": "yellow", "submitted": "green", "adopted": "green"}  # fmt: skip


def _paint(happening: Happening, style: Style) -> Paint:
    paint: Paint = getattr(style, _PAINTS[happening.event]) if happening.event in _PAINTS else str
    return paint

"""Where remote batches stand, as a table with what may be done about each, and as a document."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from shlex import quote
from typing import Any

from batchrunner.printable import printable
from batchrunner.records import plain, replace
from batchrunner.remote import Counts, RemoteProblem
from batchrunner.render.folding import FEWEST, is_next_shard, runs_of
from batchrunner.render.github import neutral
from batchrunner.render.layout import flow, left, paragraph, shorten, table, width_of
from batchrunner.render.style import PLAIN, Paint, Style
from batchrunner.render.units import count, counted, rough
from batchrunner.standing import Standing, Verdict

SYMBOLS: dict[Verdict, str] = {"done": "+", "open": "~", "failed": "x", "held": "?", "owed": ".", "refused": "!"}
HEADINGS = ("", "ADDRESS", "STATUS", "REQUESTS", "TIME", "SEEN", "BATCH")
SHOWN = 20
PROBLEMS_SHOWN = 5
LONGEST_WORDS = 300
STALE_SECONDS = 60.0

Typed = Callable[[str], str]
"""Makes of `status` and the like the whole command, as one would type it for this state."""


def standings_text(standings: Sequence[Standing], typed: Typed, style: Style = PLAIN, width: int = 80) -> str:
    """`standings` in a table, then what is wrong with some of them, then a line of counts. Without a newline."""
    if not standings:
        return "Nothing was submitted."
    shown = _folded(standings)
    (heading, *rows), looked = _rows(shown, width)
    painted = (_paint(standing, style)(row) for standing, row in zip(shown, rows, strict=True))
    lines = [style.bold(heading), *painted]
    told = _told(standings)
    for alike in told[:SHOWN]:
        lines += ["", *_details(alike, typed, style, width)]
    if rest := sum(map(len, told[SHOWN:])):
        lines += ["", f"… and {count(rest)} more like that: {typed('status --json')}"]
    return neutral("\n".join([*lines, "", *_summary(standings, style, width), *looked]))


def _summary(standings: Sequence[Standing], style: Style, width: int) -> list[str]:
    """`5 batches: 3 completed, 1 in_progress, 1 failed.`, and what the next apply does about some."""
    words = Counter(printable(each.word) for each in standings)
    bad = any(each.verdict in {"failed", "refused"} for each in standings)
    paint = style.red if bad else style.green if all(each.verdict == "done" for each in standings) else style.yellow
    head = counted(len(standings), "batch") + ":"
    *counts, last = (f"{count(number)} {word}" for word, number in words.most_common())
    first, *more = flow([head, *(f"{each}," for each in counts), f"{last}."], width)
    lines = [first.replace(head, paint(head), 1), *more]
    if any(each.verdict in {"held", "owed", "refused"} for each in standings):
        lines += paragraph(
            "What is in doubt, not sent or refused is what the next apply goes on with.", width, indent=0
        )
    return lines


def _folded(standings: Sequence[Standing]) -> list[Standing]:
    """`standings`, shards of one batch that follow each other and stand alike as one: `nightly/a#1…#300`."""
    groups = runs_of(standings, _follows)
    return [each for group in groups for each in ([_as_one(group)] if len(group) >= FEWEST else group)]


def _follows(standing: Standing, before: Standing) -> bool:
    """Whether it is the next shard of the same batch, and stands as the one before."""
    return is_next_shard(standing.address, before.address) and _alike(standing) == _alike(before)


def _alike(standing: Standing) -> tuple[object, ...]:
    known = (standing.left is None, standing.ended is None, standing.seen is None)
    return standing.run_key, standing.attempt, standing.retry_of, standing.verdict, standing.word, known


def _as_one(group: Sequence[Standing]) -> Standing:
    """One row for all: counts together, of times the one that matters first."""
    counts = [each.counts for each in group if each.counts is not None]
    total = Counts(
        total=sum(each.total for each in counts),
        completed=sum(each.completed for each in counts),
        failed=sum(each.failed for each in counts),
    )
    return replace(
        group[0],
        address=f"{group[0].address}…#{group[-1].address.partition('#')[2]}",
        counts=total if len(counts) == len(group) else None,
        left=min((each.left for each in group if each.left is not None), default=None),
        ended=min((each.ended for each in group if each.ended is not None), default=None),
        seen=max((each.seen for each in group if each.seen is not None), default=None),
        batch_id="",
    )


def standings_document(standings: Sequence[Standing], typed: Typed) -> dict[str, Any]:
    """The fields of a document about `standings`."""
    return {
        "batches": [_object(each, typed) for each in standings],
        "counts": dict(Counter(each.word for each in standings)),
    }


def _object(standing: Standing, typed: Typed) -> dict[str, Any]:
    fields = {name: plain(getattr(standing, name)) for name in standing.__struct_fields__}
    fields["counts"] = None if standing.counts is None else _counts_object(standing.counts)
    fields["next"] = command_for(standing, typed)
    return fields


def _counts_object(counts: Counts) -> dict[str, int]:
    return {"total": counts.total, "completed": counts.completed, "failed": counts.failed}


# The table.


def _cells(standing: Standing) -> tuple[str, ...]:
    retry = " (retry)" if standing.retry_of else ""
    cells = (
        SYMBOLS[standing.verdict],
        standing.address,
        shorten(standing.word, 24) + retry,
        _requests(standing.counts),
        _time(standing),
        "" if not _may_change(standing) else "never" if standing.seen is None else f"{rough(standing.seen)} ago",
        standing.batch_id,
    )
    return tuple(map(printable, cells))


def _requests(counts: Counts | None) -> str:
    if counts is None or not counts.total:
        return ""
    failed = f", {count(counts.failed)} failed" if counts.failed else ""
    return f"{count(counts.completed)}/{count(counts.total)}{failed}"


def _time(standing: Standing) -> str:
    if standing.left is not None:
        return f"{rough(standing.left)} left" if standing.left >= 0 else f"{rough(-standing.left)} over"
    if standing.ended is not None:
        return f"{rough(standing.ended)} ago"
    return f"{rough(standing.age)} old" if standing.age is not None else ""


def _may_change(standing: Standing) -> bool:
    """Whether another look may show something new: of a batch that has ended it does not matter when it was seen."""
    return standing.verdict == "open" or standing.left is not None


def _rows(standings: Sequence[Standing], width: int) -> tuple[list[str], list[str]]:
    """The table, and what is said below it of when it was looked, where the table has no room for that.

    Batch ids are shown where there is room for them. A row has two lines only where one is never enough.
    """
    rows = [HEADINGS, *map(_cells, standings)]
    looks = [each.seen for each in standings if _may_change(each)]
    fresh = all(seen is not None and seen < STALE_SECONDS for seen in looks)
    said = [] if fresh else [_looked(looks)]
    choices: list[Sequence[int]] = [(0, 1, 2, 3, 4, 6), range(5)] if fresh else [range(7), range(6), range(5)]
    for columns in choices:
        lines = table([[row[column] for column in columns] for row in rows])
        if max(map(width_of, lines)) <= width:
            return lines, said if len(columns) == 5 else []
    above = [f"{left(row[0], 1)}  {row[1]}".rstrip() for row in rows]
    rest = table([row[2:5] for row in rows])
    return [f"{first}\n     {second}".rstrip() for first, second in zip(above, rest, strict=True)], said


def _looked(looks: Sequence[float | None]) -> str:
    """`Last looked: 3 min to 2 h ago, 1 never.`"""
    known = sorted(seen for seen in looks if seen is not None)
    times = list(dict.fromkeys(rough(seen) for seen in known[:1] + known[-1:]))
    never = len(looks) - len(known)
    told = [f"{' to '.join(times)} ago"] if times else []
    told += [f"{count(never)} never" if times else "never"] if never else []
    return f"Last looked: {', '.join(told)}."


def _paint(standing: Standing, style: Style) -> Paint:
    paints: dict[Verdict, Paint] = {
        "failed": style.red,
        "refused": style.red,
        "held": style.yellow,
        "done": style.green,
    }
    return paints.get(standing.verdict, str)


# Words below it.


def _told(standings: Sequence[Standing]) -> list[list[Standing]]:
    """Those that need words. What a provider puts off, it puts off for the same reason: of those one is told."""
    told: dict[object, list[Standing]] = {}
    for each in standings:
        if each.verdict == "owed" and each.problems:
            told.setdefault((each.provider, each.problems[0].code), []).append(each)
        elif each.problems or each.notes or each.verdict in {"failed", "held"}:
            told[id(each)] = [each]
    return list(told.values())


def _details(alike: Sequence[Standing], typed: Typed, style: Style, width: int) -> Iterator[str]:
    standing, *others = alike
    beside = f" and {count(len(others))} more of {printable(standing.provider)}" if others else ""
    yield _paint(standing, style)(f"{SYMBOLS[standing.verdict]} {printable(standing.address)}{beside}") + (
        f"  {printable(shorten(standing.word, 24))}  {printable(standing.batch_id)}".rstrip()
    )
    for note in standing.notes:
        yield from paragraph(note, width, indent=4)
    for problem in standing.problems[:PROBLEMS_SHOWN]:
        yield from paragraph(problem_text(problem), width, indent=4)
    if more := len(standing.problems) - PROBLEMS_SHOWN:
        yield from [f"    … and {counted(more, 'more problem')}"] * (more > 0)
    if command := command_for(standing, typed):
        yield f"    {style.bold(printable(command))}"


def problem_text(problem: RemoteProblem) -> str:
    """What a provider said was wrong, safe to print: `line 3: "not valid JSON" (invalid_json_line)`."""
    where = f"line {problem.line}: " if problem.line else ""
    words = f'"{printable(shorten(problem.message, LONGEST_WORDS))}"' if problem.message else ""
    code = printable(shorten(problem.code, 60))
    return f"{where}{words} ({code})" if words and code else where + (words or code or "no reason was given")


def command_for(standing: Standing, typed: Typed) -> str:
    """The command that goes on from a standing; empty for none."""
    if not standing.next:
        return ""
    extra = " --adopt BATCH_ID" if standing.next == "resolve" else ""
    return typed(f"{standing.next} {quote(standing.address)}{extra}")

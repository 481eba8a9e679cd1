"""Which intervals of a recurrence were submitted, and what is missing of which: values, from state. Pure.

A batch is owed nothing before its own first submission: one that was added to a spec last week did not miss last year.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from math import fsum
from typing import Literal

from batchrunner.address import FILE, is_targeted, whole_of, without_member
from batchrunner.errors import UsageError
from batchrunner.intervals import Interval, interval_of, intervals_between
from batchrunner.manifest import LocalFile
from batchrunner.polling import failed_throughout
from batchrunner.records import Record
from batchrunner.spec import Recurrence
from batchrunner.state import Attempt, Entry

MOST = 100_000
"""Intervals that are looked at: eleven years of hours."""

Status = Literal["submitted", "partial", "failed", "missing", "due"]
"""submitted  all batches that were declared by then are at a provider, or were
partial    some are; others are missing, or not known to be there
failed     all are, and some failed, expired, were cancelled or are gone
missing    none is, and the interval is over
due        none is, and the interval is not over: the next apply submits it
"""


class Occurrence(Record, omit_defaults=False):
    """What became of a run: an interval, or whatever else a run key names.

    `start` and `end` are RFC 3339 UTC, empty where it is no interval. `declared` counts the batches that should be
    there, shards together, `missing` names those that are not; `submitted`, `failed` (those that ended badly) and
    `unresolved` count them as well. `submitted_at` is when the first one was. `requests` and costs are of what was
    submitted, retries among it; costs are None where not all of them are known.
    """

    run_key: str
    status: Status
    start: str = ""
    end: str = ""
    is_current: bool = False
    declared: int = 0
    submitted: int = 0
    failed: int = 0
    unresolved: int = 0
    missing: tuple[str, ...] = ()
    submitted_at: str = ""
    requests: int = 0
    cost_usd_low: float | None = None
    cost_usd_high: float | None = None


class Coverage(Record):
    """The runs of a spec. `intervals` newest first, `others` are runs that are no interval of its recurrence."""

    intervals: tuple[Occurrence, ...] = ()
    others: tuple[Occurrence, ...] = ()


@dataclass(slots=True)
class _Done:
    """The attempts at a batch in a run, all its shards and files."""

    attempts: list[Attempt] = field(default_factory=list)
    last: dict[str, Attempt] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        self.attempts.append(entry.attempt)
        self.last[entry.address] = entry.attempt

    @property
    def taken(self) -> list[Attempt]:
        """What a provider took."""
        return [attempt for attempt in self.attempts if attempt.status == "submitted"]

    @property
    def is_unresolved(self) -> bool:
        return any(attempt.unresolved for attempt in self.last.values())

    @property
    def is_begun(self) -> bool:
        """Whether it was submitted, or was going to be."""
        return bool(self.taken) or self.is_unresolved

    @property
    def has_left(self) -> bool:
        """Whether it was submitted, or may have been. What has not left waits for a plan that wants its run."""
        return bool(self.taken) or any(attempt.unresolved and attempt.sent_at for attempt in self.last.values())

    @property
    def has_failed(self) -> bool:
        return any(_ended_badly(attempt) for attempt in self.last.values())


def _ended_badly(attempt: Attempt) -> bool:
    sight = attempt.sight
    if sight is None or not sight.is_final:
        return False
    batch = sight.batch
    return sight.is_gone or batch is None or batch.status != "completed" or failed_throughout(batch)


class History:
    """What was submitted of the batches of one spec, `declared` as the spec says them: patterns without their files."""

    def __init__(self, declared: Sequence[str], entries: Iterable[Entry], targets: Collection[str] = ()) -> None:
        known = set(declared)
        self.batches = [each for each in declared if is_targeted(each, targets)]
        self._done: dict[str, dict[str, _Done]] = {}
        for entry in entries:
            whole = whole_of(entry.address)
            batch = whole if whole in known else without_member(whole, FILE)
            if batch in known:
                self._done.setdefault(entry.run_key, {}).setdefault(batch, _Done()).add(entry)

    def coverage(self, recurrence: Recurrence, now: datetime, since: datetime | None = None) -> Coverage:
        """What was submitted from the first submission, or `since`, until `now`, both aware.

        Raises `UsageError` `too-many-intervals`, `Refused` `unknown-timezone`.
        """
        keys = {key: interval_of(recurrence.once_per, recurrence.timezone, key) for key in self._done}
        intervals = {key: interval for key, interval in keys.items() if interval is not None}
        others = [_occurrence(key, list(done), done) for key, done in self._done.items() if keys[key] is None]
        firsts = self._firsts(intervals)
        begin = min(firsts.values(), default=None) if since is None else since
        found = [] if begin is None else list(_between(recurrence, begin, now))
        if since is not None:
            firsts = dict.fromkeys(self.batches, min([since, *(each.start for each in found[:1])]))
        occurrences = [self._covered(interval, firsts, now) for interval in reversed(found)]
        others.sort(key=lambda each: (each.submitted_at, each.run_key), reverse=True)
        return Coverage(intervals=tuple(filter(None, occurrences)), others=tuple(others))

    def _firsts(self, intervals: Mapping[str, Interval]) -> dict[str, datetime]:
        """When the first interval of each batch began."""
        firsts: dict[str, datetime] = {}
        for key, interval in intervals.items():
            for batch, done in self._done[key].items():
                if batch in self.batches and done.is_begun:
                    firsts[batch] = min(interval.start, firsts.get(batch, interval.start))
        return firsts

    def _covered(self, interval: Interval, firsts: Mapping[str, datetime], now: datetime) -> Occurrence | None:
        is_current = now < interval.end
        owed = [each for each in self.batches if each in firsts and firsts[each] <= interval.start]
        done = self._done.get(interval.key, {})
        if not owed:
            return None
        return _occurrence(interval.key, owed, done, interval=interval, is_current=is_current)


def _between(recurrence: Recurrence, begin: datetime, now: datetime) -> Iterator[Interval]:
    found = intervals_between(recurrence.once_per, recurrence.timezone, begin, now)
    yield from islice(found, MOST)
    if next(found, None) is not None:
        raise UsageError("too-many-intervals", f"more than {MOST:,} intervals would have to be looked at",
                         hint="name a later time with --since")  # fmt: skip


def _occurrence(
    key: str,
    owed: Sequence[str],
    done: Mapping[str, _Done],
    *,
    interval: Interval | None = None,
    is_current: bool = False,
) -> Occurrence:
    there = {batch: done[batch] for batch in owed if batch in done}
    taken = [attempt for each in there.values() for attempt in each.taken]
    missing = tuple(batch for batch in owed if batch not in there or not there[batch].has_left)
    submitted = sum(bool(each.taken) for each in there.values())
    unresolved = sum(each.is_unresolved for each in there.values())
    failed = sum(each.has_failed for each in there.values())
    low, high = _costs(taken)
    return Occurrence(
        run_key=key,
        status=_status(len(owed), submitted, unresolved=unresolved, failed=failed, is_current=is_current),
        start=_told(interval.start) if interval else "",
        end=_told(interval.end) if interval else "",
        is_current=is_current,
        declared=len(owed),
        submitted=submitted,
        failed=failed,
        unresolved=unresolved,
        missing=missing,
        submitted_at=min((attempt.updated_at for attempt in taken), default=""),
        requests=sum(_requests(attempt) for attempt in taken),
        cost_usd_low=low,
        cost_usd_high=high,
    )


def _status(declared: int, submitted: int, *, unresolved: int, failed: int, is_current: bool) -> Status:
    if not submitted and not unresolved:
        return "due" if is_current else "missing"
    if submitted < declared or unresolved:
        return "partial"
    return "failed" if failed else "submitted"


def _requests(attempt: Attempt) -> int:
    source = attempt.intent.source
    return source.requests if isinstance(source, LocalFile) else 0


def _costs(attempts: Sequence[Attempt]) -> tuple[float | None, float | None]:
    """What they should cost, from and to; None where that is not known of each."""
    estimates = [attempt.intent.estimate for attempt in attempts]
    lows = [each.cost_low if each else None for each in estimates]
    highs = [each.cost_high if each else None for each in estimates]
    return _summed(lows), _summed(highs)


def _summed(costs: Sequence[float | None]) -> float | None:
    known = [cost for cost in costs if cost is not None]
    return fsum(known) if costs and len(known) == len(costs) else None


def _told(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")

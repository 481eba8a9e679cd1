"""The intervals of a recurrence, one after the other: none left out, none twice, whatever clocks do. Pure.

Each has the run key that is resolved for any moment of it. A day that a zone skipped (Apia, 2011-12-30) is none, an
hour that comes twice in autumn is two, and one that is skipped in spring is none.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import NamedTuple

from batchrunner.runkeys import moment_of, resolve_run, zone_of
from batchrunner.spec import OncePer

QUARTER = timedelta(minutes=15)
"""Clocks are put forward and back at quarters of an hour, and by quarters (since 1972, tz database)."""
HOUR = timedelta(hours=1)


class Interval(NamedTuple):
    """One interval: `start` is its first moment, `end` the first after it, both in UTC."""

    key: str
    start: datetime
    end: datetime


def intervals_between(once_per: OncePer, timezone: str, first: datetime, last: datetime) -> Iterator[Interval]:
    """The intervals from the one that `first` lies in to the one of `last`, both aware; none for `content`.

    Raises `Refused` `unknown-timezone`.
    """
    zone = zone_of(timezone)
    first, last = first.astimezone(UTC), last.astimezone(UTC)
    starts = _hours(zone, first) if once_per == "hour" else _dates(once_per, zone, first)
    if once_per == "content":
        return
    for start, end in pairwise(starts):
        if start > last:
            return
        if start < end and end > first:
            # The last moment is never one that an earlier interval shows too, as midnight's can be.
            yield Interval(resolve_run(once_per, timezone, end - timedelta(seconds=1), None).key, start, end)


def interval_of(once_per: OncePer, timezone: str, key: str) -> Interval | None:
    """The interval that the stored run key `key` names; None for any other word. Raises `Refused` `unknown-timezone`"""
    moment = moment_of(once_per, timezone, key)
    found = intervals_between(once_per, timezone, moment, moment) if moment else iter(())
    return next((interval for interval in found if interval.key == key), None)


def _dates(once_per: OncePer, zone: tzinfo, first: datetime) -> Iterator[datetime]:
    """When each day, week or month begins, from the one before that of `first`."""
    following = _FOLLOWING.get(once_per, _next_day)
    day = (first.astimezone(zone) - timedelta(days=32)).date().replace(day=1)
    if once_per == "week":
        day -= timedelta(days=day.weekday())
    while day < _LAST:
        # In a gap, and at the first of two midnights, this is the moment that clocks are changed.
        yield datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
        day = following(day)


_LAST = date(9998, 12, 1)


def _next_day(day: date) -> date:
    return day + timedelta(days=1)


def _next_month(day: date) -> date:
    return (day + timedelta(days=31)).replace(day=1)


_FOLLOWING: Mapping[str, Callable[[date], date]] = {
    "week": lambda day: day + timedelta(days=7),
    "month": _next_month,
}


def _hours(zone: tzinfo, first: datetime) -> Iterator[datetime]:
    """When each hour begins as clocks show it, from one before that of `first`."""
    moment = _floored(first - 3 * HOUR)
    name: tuple[object, ...] = ()
    while moment.year < _LAST.year:
        local = moment.astimezone(zone)
        if (shown := (local.date(), local.hour, local.fold)) != name:
            name = shown
            yield moment
        moment += _stride(moment, local, zone)


def _floored(moment: datetime) -> datetime:
    return moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)


def _stride(moment: datetime, local: datetime, zone: tzinfo) -> timedelta:
    """How far another hour may be: to where the clock is full, a quarter where it may be changed before that."""
    is_steady = (moment + HOUR).astimezone(zone).utcoffset() == local.utcoffset()
    return timedelta(minutes=60 - local.minute) if is_steady and not local.second else QUARTER

"""Intervals follow each other without a gap and without an overlap, as run keys are resolved at every moment."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from batchrunner.intervals import QUARTER, interval_of, intervals_between
from batchrunner.runkeys import resolve_run
from batchrunner.spec import OncePer

ZONES = ["UTC", "Europe/Paris", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kathmandu",
         "Pacific/Apia", "America/Havana", "Atlantic/Azores", "Africa/Casablanca", "Pacific/Chatham"]  # fmt: skip
KINDS: list[OncePer] = ["hour", "day", "week", "month"]
LONGEST = {"hour": timedelta(days=2), "day": timedelta(days=20), "week": timedelta(days=90), "month": timedelta(500)}
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2037, 1, 1)).map(  # noqa: DTZ001 - hypothesis wants them so
    lambda naive: naive.replace(tzinfo=UTC, fold=0)
)


@given(st.sampled_from(KINDS), st.sampled_from(ZONES), MOMENTS, st.floats(0, 1))
@example("day", "Pacific/Apia", datetime(2011, 12, 28, tzinfo=UTC), 0.5)
@example("hour", "Australia/Lord_Howe", datetime(2026, 4, 4, 10, tzinfo=UTC), 1.0)
@example("hour", "Europe/Paris", datetime(2026, 10, 24, 20, tzinfo=UTC), 1.0)
@example("hour", "Europe/Paris", datetime(2026, 3, 28, 20, tzinfo=UTC), 1.0)
@example("day", "America/Sao_Paulo", datetime(2018, 11, 1, tzinfo=UTC), 1.0)
@example("week", "UTC", datetime(2020, 12, 20, tzinfo=UTC), 1.0)
@settings(max_examples=60, deadline=None)
def test_they_are_the_runs_of_every_moment(once_per: OncePer, zone: str, first: datetime, length: float) -> None:
    last = first + LONGEST[once_per] * length
    found = list(intervals_between(once_per, zone, first, last))
    keys = [interval.key for interval in found]
    assert len(set(keys)) == len(keys)
    assert all(before.end == after.start for before, after in pairwise(found))
    assert found[0].start <= first < found[0].end
    assert found[-1].start <= last < found[-1].end
    moments = [first + QUARTER * step for step in range(int((last - first) / QUARTER) + 1)] + [last]
    seen = list(dict.fromkeys(resolve_run(once_per, zone, moment, None).key for moment in moments))
    assert set(seen) <= set(keys)
    # An interval is longer than a quarter of an hour, but for the first and last that the moments only touch.
    assert [key for key in keys if key in seen] == seen
    assert set(keys[1:-1]) <= set(seen)


@given(st.sampled_from(KINDS), st.sampled_from(ZONES), MOMENTS)
@settings(max_examples=60, deadline=None)
def test_a_key_names_the_interval_that_it_was_resolved_in(once_per: OncePer, zone: str, moment: datetime) -> None:
    key = resolve_run(once_per, zone, moment, None).key
    interval = interval_of(once_per, zone, key)
    assert interval is not None
    assert interval.start <= moment < interval.end


def test_an_autumn_hour_is_two_and_one_of_spring_is_none() -> None:
    autumn = datetime(2026, 10, 25, tzinfo=UTC)
    keys = [each.key for each in intervals_between("hour", "Europe/Paris", autumn, autumn + timedelta(hours=2))]
    assert keys == ["hour:2026-10-25T02", "hour:2026-10-25T02+01:00", "hour:2026-10-25T03"]
    spring = datetime(2026, 3, 29, tzinfo=UTC)
    keys = [each.key for each in intervals_between("hour", "Europe/Paris", spring, spring + timedelta(hours=1))]
    assert keys == ["hour:2026-03-29T01", "hour:2026-03-29T03"]


def test_weeks_belong_to_the_year_of_their_thursday() -> None:
    first, last = datetime(2020, 12, 27, tzinfo=UTC), datetime(2021, 1, 4, tzinfo=UTC)
    keys = [each.key for each in intervals_between("week", "UTC", first, last)]
    assert keys == ["week:2020-W52", "week:2020-W53", "week:2021-W01"]


@pytest.mark.parametrize("word", ["manual:hotfix", "content:abc", "day:2026-02-30", "week:2026-W47", ""])
def test_other_words_name_no_day(word: str) -> None:
    assert interval_of("day", "UTC", word) is None


def test_content_has_no_intervals() -> None:
    assert not list(intervals_between("content", "UTC", datetime(2026, 1, 1, tzinfo=UTC), datetime.now(UTC)))

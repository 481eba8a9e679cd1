"""Run keys: which occurrence a moment or a word means, in every time zone."""

from datetime import UTC, date, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.errors import Refused, UsageError
from batchrunner.runkeys import names_run, parse_time, resolve_run, zone_of
from batchrunner.spec import OncePer

PARIS = "Europe/Paris"


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("once_per", "zone", "now", "key", "day"),
    [
        ("content", PARIS, "2026-11-21T23:30", "", "2026-11-22"),
        ("hour", "UTC", "2026-11-22T02:59:59", "hour:2026-11-22T02", "2026-11-22"),
        ("hour", "Asia/Kolkata", "2026-11-22T02:29", "hour:2026-11-22T07", "2026-11-22"),
        ("day", "UTC", "2026-11-22T00:00", "day:2026-11-22", "2026-11-22"),
        ("day", PARIS, "2026-11-21T22:59:59", "day:2026-11-21", "2026-11-21"),
        ("day", PARIS, "2026-11-21T23:00", "day:2026-11-22", "2026-11-22"),
        ("day", "Pacific/Kiritimati", "2026-11-21T10:00", "day:2026-11-22", "2026-11-22"),
        ("week", "UTC", "2026-11-22T12:00", "week:2026-W47", "2026-11-16"),
        ("week", "UTC", "2027-01-03T12:00", "week:2026-W53", "2026-12-28"),
        ("week", "UTC", "2024-12-30T00:00", "week:2025-W01", "2024-12-30"),
        ("month", PARIS, "2026-10-31T23:00", "month:2026-11", "2026-11-01"),
        ("month", "UTC", "2026-10-31T23:00", "month:2026-10", "2026-10-01"),
    ],
)
def test_a_moment_falls_into_an_interval(once_per: OncePer, zone: str, now: str, key: str, day: str) -> None:
    run = resolve_run(once_per, zone, moment(now), None)
    assert (run.key, run.day, run.once_per, run.timezone) == (key, date.fromisoformat(day), once_per, zone)


@pytest.mark.parametrize(
    ("zone", "now", "key"),
    [
        # Spring: 02:00 to 03:00 does not exist.
        (PARIS, "2026-03-29T00:59", "hour:2026-03-29T01"),
        (PARIS, "2026-03-29T01:00", "hour:2026-03-29T03"),
        # Autumn: 02:00 to 03:00 comes twice.
        (PARIS, "2026-10-25T00:59", "hour:2026-10-25T02"),
        (PARIS, "2026-10-25T01:00", "hour:2026-10-25T02+01:00"),
        (PARIS, "2026-10-25T02:00", "hour:2026-10-25T03"),
        ("America/New_York", "2026-11-01T05:30", "hour:2026-11-01T01"),
        ("America/New_York", "2026-11-01T06:30", "hour:2026-11-01T01-05:00"),
        # Lord Howe moves by half an hour: 01:30 to 02:00 comes twice.
        ("Australia/Lord_Howe", "2026-04-04T14:45", "hour:2026-04-05T01"),
        ("Australia/Lord_Howe", "2026-04-04T15:15", "hour:2026-04-05T01+10:30"),
    ],
)
def test_hours_around_a_clock_change(zone: str, now: str, key: str) -> None:
    assert resolve_run("hour", zone, moment(now), None).key == key


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-22", 24)])
def test_a_day_has_as_many_hour_keys_as_hours(day: str, hours: int) -> None:
    start = moment(day) - timedelta(hours=12)
    keys = [resolve_run("hour", PARIS, start + timedelta(minutes=m), None).key for m in range(0, 48 * 60, 10)]
    assert len({key for key in keys if key.startswith(f"hour:{day}T")}) == hours


@given(st.datetimes(moment("1990-01-01").replace(tzinfo=None), moment("2037-01-01").replace(tzinfo=None)),
       st.sampled_from(["hour", "day", "week", "month"]),
       st.sampled_from(["UTC", PARIS, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]))  # fmt: skip
def test_a_key_given_back_as_a_word_means_the_same_interval(now: datetime, once_per: OncePer, zone: str) -> None:
    run = resolve_run(once_per, zone, now.replace(tzinfo=UTC), None)
    later = datetime(2038, 1, 1, tzinfo=UTC)
    assert resolve_run(once_per, zone, later, run.key) == run
    assert resolve_run(once_per, zone, later, run.key.partition(":")[2]) == run


@pytest.mark.parametrize(
    ("once_per", "word", "key", "day"),
    [
        ("day", "2026-11-20", "day:2026-11-20", "2026-11-20"),
        ("day", "day:2026-11-20", "day:2026-11-20", "2026-11-20"),
        ("week", "2026-W53", "week:2026-W53", "2026-12-28"),
        ("month", "2026-02", "month:2026-02", "2026-02-01"),
        ("hour", "2026-10-25T02", "hour:2026-10-25T02", "2026-10-25"),
        ("hour", "2026-10-25T02+01:00", "hour:2026-10-25T02+01:00", "2026-10-25"),
        ("day", "fix-1", "manual:fix-1", "2026-11-22"),
        ("day", "manual:fix-1", "manual:fix-1", "2026-11-22"),
        ("day", "manual:2026-W47", "manual:2026-W47", "2026-11-22"),
        ("hour", "manual:2026-11-20", "manual:2026-11-20", "2026-11-22"),
        ("day", "2026-11-20-again", "manual:2026-11-20-again", "2026-11-22"),
        ("day", "WT", "manual:WT", "2026-11-22"),
        ("content", "manual:2026-11-20", "manual:2026-11-20", "2026-11-22"),
        ("content", "2026-11-20-again", "manual:2026-11-20-again", "2026-11-22"),
        ("content", "again", "manual:again", "2026-11-22"),
    ],
)
def test_a_word_names_a_run(once_per: OncePer, word: str, key: str, day: str) -> None:
    run = resolve_run(once_per, PARIS, moment("2026-11-22T12:00"), word)
    assert (run.key, run.day) == (key, date.fromisoformat(day))


@pytest.mark.parametrize(
    ("once_per", "word"),
    [
        ("day", "2026-02-30"), ("day", "0000-01-01"), ("day", "hour:2026-11-20T02"), ("day", "day:fix 1"), ("day", ""),
        ("day", "a b"), ("day", "-x"), ("day", "x" * 65), ("day", "x\n"), ("day", "é"), ("day", "../x"),
        ("week", "2027-W53"), ("week", "2026-W00"), ("month", "2026-13"), ("hour", "2026-11-20T24"),
        ("hour", "2026-03-29T02"), ("hour", "2026-10-25T02+02:00"), ("hour", "2026-10-25T03+01:00"),
        ("hour", "0001-01-01T00"), ("content", "content:abc"),
    ],
)  # fmt: skip
def test_other_words_are_refused(once_per: OncePer, word: str) -> None:
    with pytest.raises(UsageError) as raised:
        resolve_run(once_per, PARIS, moment("2026-11-22T12:00"), word)
    assert raised.value.code == "bad-run-key"


@pytest.mark.parametrize("word", ["20-11-2026", "2026-11-1", "20261120", "2026-11", "2026-W47", "2026-11-20T02"])
def test_a_word_like_a_date_is_not_paid_for_as_a_run_of_its_own(word: str) -> None:
    with pytest.raises(UsageError) as raised:
        resolve_run("day", PARIS, moment("2026-11-22T12:00"), word)
    assert raised.value.hint == f"write it like 2026-11-22; for a run of its own that has this name: manual:{word}"
    assert resolve_run("day", PARIS, moment("2026-11-22T12:00"), f"manual:{word}").key == f"manual:{word}"


@pytest.mark.parametrize(
    "word", ["2026-11-20", "2026-11-20T02", "2026-11-20T02+01:00", "2026-W47", "2026-11", "20261120"]
)
def test_where_the_content_is_the_run_a_date_pays_for_nothing_again(word: str) -> None:
    with pytest.raises(UsageError) as raised:
        resolve_run("content", PARIS, moment("2026-11-22T12:00"), word)
    assert raised.value.why.startswith("It is keyed by content, in which dates mean nothing: ")
    hint = f"leave the run key out for this spec; for a run of its own that has this name: manual:{word}"
    assert (raised.value.code, raised.value.hint) == ("bad-run-key", hint)


@pytest.mark.parametrize(
    ("word", "named"),
    [
        ("day:2026-11-22", True),
        ("2026-11-22", True),
        ("2026-11-2", False),
        ("day:", False),
        ("manual:2026-11-22", False),
    ],
)
def test_a_stored_run_is_named_as_it_was_asked_for(word: str, named: bool) -> None:
    assert names_run(word, "day:2026-11-22") is named
    assert names_run("2026-10-25T02+01:00", "hour:2026-10-25T02+01:00")


@given(st.text(max_size=30), st.sampled_from(get_args(OncePer)))
def test_no_word_takes_the_slot_of_an_interval_unless_it_names_it(word: str, once_per: OncePer) -> None:
    try:
        key = resolve_run(once_per, "UTC", moment("2026-11-22T12:00"), word).key
    except UsageError:
        return
    assert key.startswith("manual:") or word in key


@pytest.mark.parametrize("name", ["Europe/Pariss", "", "../etc/passwd", "/etc/passwd", "Europe", "localtime",
                                  "posix/Europe/Paris", "right/UTC", "\0", "x" * 5000, "europe\n"])  # fmt: skip
def test_names_that_are_no_zone_are_refused(name: str) -> None:
    with pytest.raises(Refused) as raised:
        zone_of(name)
    assert raised.value.code == "unknown-timezone"
    assert raised.value.hint


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-11-22T02:30:00Z", "UTC", "2026-11-22T02:30"),
        ("2026-11-22t02:30z", PARIS, "2026-11-22T02:30"),
        ("2026-11-22 02:30+01:00", "UTC", "2026-11-22T01:30"),
        ("2026-11-22T02:30:00.5-05:00", "UTC", "2026-11-22T07:30:00.500"),
        ("2026-11-22", "UTC", "2026-11-22T00:00"),
        ("2026-11-22", PARIS, "2026-11-21T23:00"),
        ("2026-11-22T02:30", "UTC", "2026-11-22T02:30"),
    ],
)
def test_times_are_read_in_their_zone(text: str, zone: str, expected: str) -> None:
    assert parse_time(text, zone) == moment(expected)
    assert parse_time(text, zone).tzinfo is UTC


@pytest.mark.parametrize("text", ["", "now", "2026-02-30", "2026-11-22T24:00", "2026-11-22T02", "20261122",
                                  "2026-W47-1", "0001-01-01T00:00+23:00", "9999-12-31",
                                  "2026-11-22T02:30:00+25:00"])  # fmt: skip
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_time(text)
    assert raised.value.code == "bad-time"

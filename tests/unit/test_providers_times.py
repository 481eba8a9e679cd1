"""Retry-After, Date and the life of a key."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.providers._times import http_date, key_is_alive, moment, retry_after

NOW = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)
DAY = 86_400


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "3600"}, 3600.0),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": "Sun, 22 Nov 2026 02:31:00 GMT"}, 60.0),
        ({"retry-after": "Sunday, 22-Nov-26 02:31:00 GMT"}, 60.0),
        ({"retry-after": "Sun, 22 Nov 2026 02:29:00 GMT"}, 0.0),
        ({"retry-after": "Sun, 22 Nov 2026 03:31:00 GMT", "date": "Sun, 22 Nov 2026 03:30:00 GMT"}, 60.0),
        ({"retry-after": "Sun, 22 Nov 2026 02:31:00 GMT", "date": "yesterday"}, 60.0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "1e3"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": "later"}, None),
        ({"retry-after": ""}, None),
    ],
)
def test_retry_after_in_every_form(headers, seconds):
    assert retry_after(headers, NOW) == seconds


@given(st.text(st.characters(max_codepoint=0xFF)), st.text(st.characters(max_codepoint=0xFF)))
def test_retry_after_is_never_negative_and_never_raises(said, date):
    seconds = retry_after({"retry-after": said, "date": date, "retry-after-ms": date}, NOW)
    assert seconds is None or seconds >= 0


@given(st.text(max_size=40))
def test_what_is_not_a_time_is_none(text):
    for read in (http_date, moment):
        time = read(text)
        assert time is None or time.tzinfo is not None


def alive(*, after: float, ttl: float = DAY, server: float | None = None, deadline: float = 60.0) -> bool:
    return key_is_alive(
        first_send=NOW,
        now=NOW + timedelta(seconds=after),
        server_time=None if server is None else NOW + timedelta(seconds=server),
        ttl=ttl,
        deadline=deadline,
    )


def test_a_key_lives_until_a_resend_could_outlast_it():
    last = DAY - 60 - 60
    assert alive(after=last)
    assert not alive(after=last + 0.001)
    assert not alive(after=last, deadline=60.001)


def test_the_later_clock_counts():
    assert not alive(after=0, server=DAY)
    assert not alive(after=DAY, server=0)
    assert alive(after=0, server=-DAY)


def test_a_clock_before_the_first_send_proves_nothing():
    assert not alive(after=-0.001)
    assert not alive(after=-DAY, server=1)


def test_a_key_that_is_not_kept_is_dead_at_once():
    assert not alive(after=0, ttl=0)


@given(st.floats(0, 2 * DAY), st.floats(0, DAY), st.floats(0, 2 * DAY))
def test_a_dead_key_stays_dead(after, more, server):
    if not alive(after=after, server=server):
        assert not alive(after=after + more, server=server)

"""Retry-After, Date and the life of a key."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.moments import time_of
from batchrunner.providers._times import http_date, retry_after

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
    for read in (http_date, time_of):
        time = read(text)
        assert time is None or time.tzinfo is not None

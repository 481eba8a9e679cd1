"""Numbers and times as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.render.units import count, counted, dollars, duration, moment, size


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (73_600_000, "73.6 MB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (217_800_000_000, "217.8 GB"),
        (10**18, "1,000.0 PB"),
    ],
)
def test_sizes_are_decimal(number: int, words: str) -> None:
    assert size(number) == words


@given(st.integers(0, 10**15))
def test_sizes_stay_short(number: int) -> None:
    value, unit = size(number).split()
    assert float(value) < 1000
    assert unit in {"B", "kB", "MB", "GB", "TB", "PB"}


def test_counts_have_separators_and_numbers_agree_with_nouns() -> None:
    assert count(41200) == "41,200"
    assert counted(1, "request") == "1 request"
    assert counted(152_200, "request") == "152,200 requests"
    assert counted(2, "batch", "batches") == "2 batches"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.5, "0.5 s"),
        (8, "8 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (125, "2 min 5 s"),
        (11_520, "3 h 12 min"),
        (7200, "2 h"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("time", "near", "words"),
    [
        ("2026-11-22T02:31:07Z", "", "2026-11-22 02:31 UTC"),
        ("2026-11-22T02:31:07.123+00:00", "day:2026-11-22", "02:31 UTC"),
        ("2026-11-21T23:31:07Z", "day:2026-11-22", "2026-11-21 23:31 UTC"),
        ("2026-11-22T02:31:07+01:00", "", "2026-11-22T02:31:07+01:00"),
        ("tonight", "", "tonight"),
        ("", "", ""),
    ],
)
def test_moments_are_in_utc_and_what_cannot_be_read_is_kept(time: str, near: str, words: str) -> None:
    assert moment(time, near) == words


def test_sums_that_no_provider_asks_for_are_written_too() -> None:
    assert dollars(999_999_999_999_999.0) == "$999,999,999,999,999"
    assert (dollars(1.7e308), dollars(float("inf")), dollars(-1.7e308)) == ("$2e+308", "$inf", "$-2e+308")

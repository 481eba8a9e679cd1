"""Events as lines of a log."""

from datetime import UTC, datetime, timedelta

import pytest

from batchrunner.events import Event, Failed, Finished, Retrying, Started, Stopping, Submitted, Uploaded, Uploading
from batchrunner.render.lines import LineReporter

RUN = "day:2026-11-22"


START = datetime(2026, 11, 22, 2, 31, 7, tzinfo=UTC)


class Noon:
    """A clock that a test sets."""

    at = START

    def now(self) -> datetime:
        return self.at


def lines_of(*events: Event, total: int = 0) -> list[str]:
    written: list[str] = []
    reporter = LineReporter(written.append, Noon(), total)
    for event in events:
        reporter.report(event)
    return written


def submitted(number: int = 1) -> Submitted:
    return Submitted(address=f"nightly/b{number}", run_key=RUN, batch_id=f"batch_{number}")


def failed(number: int = 1, words: str = "no") -> Failed:
    return Failed(
        address=f"nightly/b{number}", run_key=RUN, outcome="rejected", code="bad-request", words=words, status=400
    )


def retrying(number: int = 1) -> Retrying:
    return Retrying(address=f"nightly/b{number}", code="rate-limited", wait=8.0, attempt=2, attempts=5)


def test_one_line_for_each_event_that_matters() -> None:
    assert lines_of(
        Started(total=2),
        Uploading(address="nightly/b1", sent=1, size=2),
        Uploaded(address="nightly/b1", run_key=RUN, file_id="file-9a"),
        retrying(),
        submitted(1),
        failed(2),
        Stopping(reason="interrupted", in_flight=3),
        Finished(submitted=1, failed=1, left=0),
    ) == [
        "02:31:07 uploaded   nightly/b1  file-9a",
        "02:31:07 retry      nightly/b1  rate-limited, waiting 8 s, attempt 2/5",
        "02:31:07 submitted  nightly/b1  batch_1  (1/2)",
        '02:31:07 failed     nightly/b2  the provider refused it (bad-request, HTTP 400): "no"  (2/2)',
        "02:31:07 stopping   interrupted  finishing what is in flight (3)",
    ]


def test_a_long_upload_has_a_line_every_half_minute() -> None:
    """A gigabyte in 100 seconds: a thousand events, three lines."""
    written: list[str] = []
    clock = Noon()
    reporter = LineReporter(written.append, clock, 1)
    for tenth in range(1, 1001):
        clock.at = START + timedelta(seconds=tenth / 10)
        reporter.report(Uploading(address="nightly/b1", sent=tenth * 1_000_000, size=1_000_000_000))
    assert written == [
        "02:31:37 uploading  nightly/b1  301.0 MB of 1.0 GB",
        "02:32:07 uploading  nightly/b1  601.0 MB of 1.0 GB",
        "02:32:37 uploading  nightly/b1  901.0 MB of 1.0 GB",
    ]


def test_short_uploads_and_those_of_many_have_none() -> None:
    events = [Uploading(address=f"nightly/b{n}", sent=1, size=2) for n in range(101)]
    assert lines_of(*events, *events, total=100) == []
    assert lines_of(*events, *events, total=101) == []


def test_ten_thousand_successes_are_twenty_lines_and_failures_are_all_there() -> None:
    events: list[Event] = [Started(total=10_000)]
    for number in range(10_000):
        events += [failed(number)] if number % 1000 == 7 else [retrying(number), submitted(number)]
    lines = lines_of(*events, Finished(submitted=9990, failed=10, left=0))
    assert sum(" failed   " in line for line in lines) == 10
    assert sum(" retry   " in line for line in lines) == 20
    sums = [line for line in lines if " progress " in line]
    assert len(sums) == 20
    assert sums[-1] == "02:31:07 progress   9,990 of 10,000 submitted, 10 failed, 9,990 retries"


def test_an_early_end_is_summed_up_too() -> None:
    lines = lines_of(
        Started(total=1000),
        submitted(),
        Stopping(reason="interrupted", in_flight=1),
        Finished(submitted=1, failed=0, left=999),
    )
    assert lines[-1] == "02:31:07 progress   1 of 1,000 submitted, 0 failed, 0 retries"


def test_a_hundred_changes_are_a_line_each() -> None:
    assert len(lines_of(*map(submitted, range(100)), total=100)) == 100
    assert len(lines_of(*map(submitted, range(101)), total=101)) < 25


def test_data_is_harmless() -> None:
    evil = "\x1b[2J\n::error::x##[error]" + "w" * 1000
    (line,) = lines_of(Failed(address=evil[:30], run_key=RUN, outcome=evil, code=evil[:20], words=evil), total=1)
    assert line.isprintable()
    assert "##[" not in line


@pytest.mark.parametrize("total", [1, 1000])
def test_a_broken_log_does_not_stop_an_apply(total: int) -> None:
    tried: list[str] = []

    def write(line: str) -> None:
        tried.append(line)
        raise BrokenPipeError

    reporter = LineReporter(write, Noon(), total)
    for _ in range(3):
        reporter.report(failed())
    assert len(tried) == 1

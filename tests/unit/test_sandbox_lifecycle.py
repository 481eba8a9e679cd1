"""Where a batch stands follows from its times alone."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.sandbox import Timings
from batchrunner.sandbox.lifecycle import TERMINAL, reached, status, window_seconds
from batchrunner.sandbox.objects import batch_object
from batchrunner.sandbox.records import Batch, LineProblem, Result
from batchrunner.sandbox.standing import standing

TIMINGS = Timings(validating=10, in_progress=100, finalizing=10, cancelling=5)


def batch(**fields: object) -> Batch:
    known = {"completion_window": "24h", "result": Result(3, 2, 1), **fields}
    return Batch("batch_1", 1000.0, "file-1", "/v1/embeddings", **known)  # type: ignore[arg-type]


def shown_at(one: Batch, now: float) -> dict[str, Any]:
    return batch_object(standing(one, TIMINGS, now))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (1000, "validating"),
        (1009, "validating"),
        (1010, "in_progress"),
        (1110, "finalizing"),
        (1120, "completed"),
        (9e9, "completed"),
    ],
)
def test_the_ordinary_course(now: float, expected: str) -> None:
    assert status(batch(), TIMINGS, now) == expected


def test_cancelled_on_the_way() -> None:
    stopped = batch(cancelled_at=1050.0)
    assert status(stopped, TIMINGS, 1049) == "in_progress"
    assert status(stopped, TIMINGS, 1050) == "cancelling"
    assert status(stopped, TIMINGS, 1055) == "cancelled"
    shown = shown_at(stopped, 2000)
    assert (shown["in_progress_at"], shown["cancelling_at"], shown["cancelled_at"]) == (1010, 1050, 1055)
    assert shown["completed_at"] is None
    assert shown["output_file_id"]


def test_a_window_that_closes_first_expires() -> None:
    slow = Timings(validating=10, in_progress=7200, finalizing=10)
    assert status(batch(completion_window="1h"), slow, 1000 + 3599) == "in_progress"
    assert status(batch(completion_window="1h"), slow, 1000 + 3600) == "expired"


def test_an_unusable_input_fails_after_validating_and_says_which_line() -> None:
    failed = batch(result=Result(problems=(LineProblem("invalid_json_line", "not JSON", 7),)))
    assert status(failed, TIMINGS, 1009) == "validating"
    shown = shown_at(failed, 1010)
    assert shown["status"] == "failed"
    assert shown["errors"]["data"] == [
        {"code": "invalid_json_line", "message": "not JSON", "param": None, "line": 7},
    ]


def test_counts_and_files_appear_when_they_are_there() -> None:
    running, done = shown_at(batch(), 1050), shown_at(batch(), 1120)
    assert running["request_counts"] == {"total": 3, "completed": 1, "failed": 0}
    assert shown_at(batch(), 1080)["request_counts"] == {"total": 3, "completed": 2, "failed": 0}
    assert running["usage"] is None
    assert running["output_file_id"] is None
    assert done["request_counts"] == {"total": 3, "completed": 2, "failed": 1}
    assert done["output_file_id"] != done["error_file_id"]
    assert shown_at(batch(result=Result(2, 2, 0)), 1120)["error_file_id"] is None


@given(st.floats(1000, 20_000), st.floats(1000, 20_000), st.none() | st.floats(1000, 1119))
def test_time_only_moves_a_batch_forward_and_an_end_is_an_end(one: float, other: float, cancel: float | None) -> None:
    earlier, later = sorted((one, other))
    before, after = (reached(batch(cancelled_at=cancel), TIMINGS, now) for now in (earlier, later))
    assert after[: len(before)] == before
    if before[-1].status in TERMINAL:
        assert after == before


@pytest.mark.parametrize(("window", "seconds"), [("24h", 86_400), ("1d", 86_400), ("7d", 604_800), ("336h", 1_209_600)])
def test_windows(window: str, seconds: float) -> None:
    assert window_seconds(window) == seconds


@pytest.mark.parametrize("window", ["", "24", "h", "0h", "-1h", "1.5h", "24H", "24h ", "٢h", "99999999h", "one day"])
def test_no_windows(window: str) -> None:
    with pytest.raises(ValueError, match="not a completion window"):
        window_seconds(window)

"""When to look again, when a 404 is believed, when to stop waiting, and what a look may change."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders import NOW, attempt, intent

from batchrunner.facts import Polling
from batchrunner.jobs import Look, Survey
from batchrunner.polling import (
    awaits_output,
    failed_throughout,
    is_overdue,
    looks,
    missed,
    reconciled,
    seconds_left,
    seen,
    wait_seconds,
)
from batchrunner.records import replace
from batchrunner.remote import Counts, RemoteBatch, ResultFile, Sight
from batchrunner.state import Entry

STATUSES = ("validating", "in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled",
            "unknown")  # fmt: skip
OUTPUT = ResultFile(kind="output", file_id="file-out")
ERRORS = ResultFile(kind="errors", file_id="file-err")


def at(seconds: float) -> str:
    return (NOW + timedelta(seconds=seconds)).isoformat()


def batch(status: str, **changes: object) -> RemoteBatch:
    return RemoteBatch(batch_id="batch-1", status=status, **changes)  # type: ignore[arg-type]


statuses = st.sampled_from(STATUSES)
pollings = st.builds(
    Polling,
    base_seconds=st.floats(0.01, 100),
    cap_seconds=st.floats(0.01, 1000),
    gone_looks=st.integers(1, 8),
    gone_seconds=st.floats(0, 1000),
    overdue_seconds=st.floats(0, 10_000),
    late_output_seconds=st.floats(0, 1000),
)


# When.


@given(pollings, st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_wait_is_never_longer_than_the_cap_nor_much_shorter_than_the_base(
    polling: Polling, unchanged: int, jitter: float
) -> None:
    wait = wait_seconds(polling, unchanged, jitter)

    assert polling.base_seconds * 0.79 <= wait <= max(polling.base_seconds, polling.cap_seconds)


@given(pollings, st.integers(0, 100), st.floats(0, 1, exclude_max=True))
def test_waits_grow_while_nothing_changes(polling: Polling, unchanged: int, jitter: float) -> None:
    assert wait_seconds(polling, unchanged, jitter) <= wait_seconds(polling, unchanged + 1, jitter)


# What a look changes.


@given(st.lists(st.tuples(statuses, st.integers(0, 50)), min_size=1))
def test_what_lists_show_in_any_order_never_takes_an_end_back(shows: list[tuple[str, int]]) -> None:
    sight: Sight | None = None
    ended = False
    for status, second in shows:
        sight = seen(sight, batch(status), at(second), listed=True)
        assert sight.is_final or not ended
        ended = sight.is_final


@given(
    st.lists(st.tuples(st.sampled_from(["validating", "in_progress", "finalizing"]), st.integers(0, 50)), min_size=1)
)
def test_what_lists_show_in_any_order_never_goes_back(shows: list[tuple[str, int]]) -> None:
    order = ["validating", "in_progress", "finalizing"]
    sight: Sight | None = None
    for status, second in shows:
        before = order.index(sight.batch.status) if sight and sight.batch else 0
        sight = seen(sight, batch(status), at(second), listed=True)
        assert sight.batch is not None
        assert order.index(sight.batch.status) >= before


def test_a_fresher_look_may_take_an_end_back_an_older_one_may_not() -> None:
    ended = seen(None, batch("expired"), at(10))

    assert seen(ended, batch("in_progress"), at(5)) == ended
    assert seen(ended, batch("in_progress"), at(11)).batch == batch("in_progress")


def test_an_older_look_that_shows_an_end_counts() -> None:
    running = seen(None, batch("in_progress"), at(10))

    assert seen(running, batch("completed"), at(5)).is_final


def test_a_list_that_counts_less_is_behind() -> None:
    known = seen(None, batch("in_progress", counts=Counts(total=9, completed=5)), at(0))

    assert seen(known, batch("in_progress", counts=Counts(total=9, completed=3)), at(9), listed=True) == known
    assert seen(known, batch("in_progress", counts=Counts(total=9, completed=6)), at(9), listed=True) != known


def test_a_list_without_its_files_does_not_hide_those_that_were_seen() -> None:
    known = seen(None, batch("completed", files=(OUTPUT,)), at(0))

    assert seen(known, batch("completed"), at(9), listed=True) == known


def test_a_batch_that_is_seen_again_was_not_gone() -> None:
    sight = replace(seen(None, batch("in_progress"), at(0)), misses=9, missed_since=at(1), is_gone=True, at=at(700))

    again = seen(sight, batch("in_progress"), at(710))

    assert (again.is_gone, again.misses, again.missed_since) == (False, 0, "")
    assert seen(sight, batch("in_progress"), at(600)) == sight


# Who was not found.


@given(pollings, st.lists(st.floats(0, 400), max_size=12))
def test_a_batch_is_gone_after_so_many_looks_over_so_long_and_not_before(polling: Polling, pauses: list[float]) -> None:
    sight, second, first = seen(None, batch("in_progress"), at(0)), 0.0, None
    for number, pause in enumerate(pauses, 1):
        second += pause
        first = second if first is None else first
        sight = missed(sight, at(second), polling)
        believed = number >= polling.gone_looks and round(second, 6) - round(first, 6) >= polling.gone_seconds
        if sight.is_gone != believed:  # microseconds are all that a time has
            assert abs(second - first - polling.gone_seconds) < 1e-5
        if sight.is_gone:
            return
        assert sight.batch == batch("in_progress")


def test_a_batch_that_ended_cannot_be_gone() -> None:
    ended = seen(None, batch("completed"), at(0))

    assert missed(ended, at(10_000), Polling(gone_looks=1, gone_seconds=0)) == ended


def test_a_batch_that_was_never_seen_can_be_gone() -> None:
    polling = Polling(gone_looks=2, gone_seconds=10)

    once = missed(None, at(0), polling)

    assert (once.batch, once.misses, once.is_final) == (None, 1, False)
    assert missed(once, at(9), polling).is_gone is False
    assert missed(once, at(10), polling).is_gone is True


# Two who look at one batch.


@given(statuses, statuses, st.integers(0, 9), st.integers(0, 9), st.booleans())
def test_of_two_sights_an_end_is_kept_unless_a_fresher_look_says_otherwise(
    one: str, other: str, first: int, second: int, direct: bool
) -> None:
    stored, ours = Sight(at=at(first), batch=batch(one)), Sight(at=at(second), batch=batch(other))

    kept = reconciled(stored, ours, direct=direct)

    assert kept in (stored, ours)
    if stored.is_final and not kept.is_final:
        assert direct
        assert second >= first
    if ours.is_final and not stored.is_final:
        assert kept == ours


def test_nothing_stored_is_what_we_saw() -> None:
    ours = Sight(at=at(0), batch=batch("unknown"))

    assert reconciled(None, ours, direct=False) == ours


# Results that are late, or none.


def test_a_completed_batch_awaits_its_output_file_for_a_while() -> None:
    some = Counts(total=3, completed=2, failed=1)
    ended = batch("completed", counts=some, ended_at=at(0))

    assert awaits_output(seen(None, ended, at(5)), Polling())
    assert awaits_output(seen(None, replace(ended, files=(ERRORS,)), at(5)), Polling())
    assert awaits_output(seen(None, batch("completed"), at(5)), Polling())
    assert not awaits_output(seen(None, ended, at(3700)), Polling())
    assert not awaits_output(seen(None, replace(ended, files=(OUTPUT,)), at(5)), Polling())
    assert not awaits_output(seen(None, batch("completed", counts=Counts(total=3, failed=3)), at(5)), Polling())
    assert not awaits_output(seen(None, batch("expired", counts=some), at(5)), Polling())
    assert not awaits_output(None, Polling())


def test_errors_alone_without_counts_are_believed_after_a_moment() -> None:
    polling = Polling(late_output_seconds=120)
    ended = batch("completed", files=(ERRORS,), ended_at=at(0))

    assert awaits_output(seen(None, ended, at(5)), polling)
    assert not awaits_output(seen(None, ended, at(121)), polling)
    assert not awaits_output(seen(None, replace(ended, counts=Counts(total=3, failed=3)), at(5)), polling)
    assert not awaits_output(seen(None, replace(ended, files=(OUTPUT, ERRORS)), at(5)), polling)


def test_where_the_end_is_not_said_they_are_believed_a_moment_after_they_were_first_seen() -> None:
    polling = Polling(late_output_seconds=120)
    ended = batch("completed", files=(ERRORS,))
    first = seen(seen(None, batch("in_progress"), at(0)), ended, at(1000))

    assert awaits_output(first, polling)
    assert awaits_output(seen(first, ended, at(1119)), polling)
    assert not awaits_output(seen(seen(first, ended, at(1100)), ended, at(1121)), polling)


def test_completed_without_a_success_is_no_success() -> None:
    assert failed_throughout(batch("completed", counts=Counts(total=3, failed=3)))
    assert not failed_throughout(batch("completed", counts=Counts(total=3, completed=1, failed=2)))
    assert not failed_throughout(batch("completed"))
    assert failed_throughout(batch("completed", files=(ERRORS,)))
    assert not failed_throughout(batch("completed", files=(ResultFile(kind="all"),)))
    assert not failed_throughout(batch("in_progress", counts=Counts(total=3, failed=3)))


# How long.


@pytest.mark.parametrize(("window", "seconds"), [("24h", 86_400), ("7d", 604_800), ("1h", 3600)])
def test_without_a_time_of_expiry_the_window_counts_from_the_send(window: str, seconds: int) -> None:
    waiting = attempt(intent=intent(completion_window=window))

    assert seconds_left(waiting, NOW) == seconds
    assert not is_overdue(waiting, Polling(), NOW + timedelta(seconds=seconds + 3600))
    assert is_overdue(waiting, Polling(), NOW + timedelta(seconds=seconds + 3601))


def test_the_time_of_expiry_that_the_provider_says_wins() -> None:
    waiting = attempt(sight=seen(None, batch("in_progress", expires_at=at(60)), at(0)))

    assert seconds_left(waiting, NOW) == 60
    assert is_overdue(waiting, Polling(overdue_seconds=5), NOW + timedelta(seconds=66))


def test_what_ended_is_never_overdue() -> None:
    ended = attempt(sight=seen(None, batch("failed", expires_at=at(-99_999)), at(0)))

    assert not is_overdue(ended, Polling(), NOW)


@pytest.mark.parametrize("said", ["9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00-23:59", "soon", ""])
def test_no_time_that_a_provider_says_breaks_it(said: str) -> None:
    strange = batch("in_progress", expires_at=said, created_at=said, ended_at=said)
    waiting = attempt(sight=seen(None, strange, at(0)), intent=intent(completion_window="when it is done"))

    is_overdue(waiting, Polling(), NOW)
    awaits_output(seen(None, replace(strange, status="completed"), at(0)), Polling())


# How.


def entries(count: int, provider: str = "p") -> list[Entry]:
    return [
        Entry(address=f"nightly/{provider}{n}", run_key="r",
              attempt=attempt(batch_id=f"batch-{provider}-{n}", intent=intent(provider=provider)))
        for n in range(count)
    ]  # fmt: skip


@given(st.integers(2, 500), st.integers(0, 3))
def test_many_batches_are_one_walk_for_each_provider(many: int, few: int) -> None:
    jobs = looks([*entries(many, "p"), *entries(few, "q")])

    walks = [job for job in jobs if isinstance(job, Survey)]
    assert len(walks) == 1 + (few > 1)
    assert len(jobs) - len(walks) == (few == 1)
    assert walks[0].since == NOW.isoformat()


def test_without_a_list_each_is_looked_at() -> None:
    jobs = looks(entries(3), unlisted={"p"})

    assert jobs == [Look(address=f"nightly/p{n}", provider="p", batch_id=f"batch-p-{n}") for n in range(3)]


def test_a_long_list_is_not_walked_for_few_batches() -> None:
    assert isinstance(looks(entries(3), lengths={"p": 150})[0], Survey)
    assert isinstance(looks(entries(3), lengths={"p": 151})[0], Look)

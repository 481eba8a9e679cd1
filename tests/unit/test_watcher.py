"""Watching to the end: few calls, no trouble taken for an end, everything seen noted, and the lock held by nobody."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.watching import NOT_FOUND, Stage, entries, entry, remote

from batchrunner.errors import StateError
from batchrunner.events import Looked, Moved, Unseen
from batchrunner.facts import Polling
from batchrunner.jobs import Deferred, Denied, Look, Outcome, Rejected, Surveyed
from batchrunner.polling import seen
from batchrunner.records import replace
from batchrunner.remote import Counts, RemoteBatch, ResultFile
from batchrunner.state import Entry

OUTPUT = (ResultFile(kind="output", file_id="file-out"),)
BROKEN = Deferred(code="server-error", status=503, words="try later")


def ends_after(seconds: float, end: str = "completed") -> Callable[[float, str], RemoteBatch]:
    return lambda now, each: remote(each, end, files=OUTPUT) if now >= seconds else remote(each)


def words(found: list[Entry]) -> list[str]:
    return [
        "gone" if each.attempt.sight.is_gone else each.attempt.sight.batch.status if each.attempt.sight.batch else "-"
        for each in found
        if each.attempt.sight
    ]


# How many calls.


@settings(deadline=None)
@given(st.integers(2, 120), st.floats(0, 2000))
def test_many_batches_cost_one_walk_a_cycle_and_no_look(count: int, seconds: float) -> None:
    stage = Stage(entries(count), ends_after(seconds))

    report = stage.watch()

    assert words(report.entries) == ["completed"] * count
    assert len(stage.surveys) == len(stage.pauses) + 1
    assert stage.looks == []


def test_without_a_list_each_open_batch_is_looked_at_and_few_at_a_time() -> None:
    def show(now: float, each: str) -> RemoteBatch:
        return ends_after(0 if each == "batch-1" else 15)(now, each)

    stage = Stage(entries(40), show, lists=False)

    stage.watch()

    assert len(stage.surveys) == 1
    assert len(stage.looks) == 40 + 39 * (len(stage.pauses))
    assert stage.most <= 8


def test_what_a_walk_does_not_show_is_looked_at() -> None:
    found = entries(5)
    stage = Stage(
        found, ends_after(0), listing=lambda now: Surveyed(batches=(remote("batch-1", "completed", files=OUTPUT),),
                                                           is_complete=False)
    )  # fmt: skip

    report = stage.watch()

    assert words(report.entries) == ["completed"] * 5
    assert (len(stage.surveys), len(stage.looks)) == (1, 4)


def test_a_list_that_says_little_of_what_ended_is_asked_again_by_a_look() -> None:
    stage = Stage(entries(3), ends_after(0), listing=lambda now: Surveyed(
        batches=tuple(remote(f"batch-{n}", "failed") for n in (1, 2, 3)), is_complete=True))  # fmt: skip

    stage.watch()

    assert len(stage.looks) == 3


def test_what_ended_is_never_asked_for() -> None:
    ended = replace(entry(), attempt=replace(entry().attempt, sight=seen(None, remote("batch-1", "failed"), "")))

    report = Stage([ended], ends_after(0)).watch()

    assert report.entries == [ended]


def test_providers_keep_their_own_time() -> None:
    slow = Polling(base_seconds=1000, cap_seconds=1000)
    stage = Stage([entry(1, "p"), entry(2, "q")], ends_after(50), polling={"p": slow, "q": Polling()})

    stage.watch()

    waits = {event.provider: event.wait for event in stage.events if isinstance(event, Looked)}
    assert waits["p"] >= 800
    assert waits["q"] <= 10


# Waits.


def test_waits_grow_while_nothing_changes_and_start_anew_when_something_does() -> None:
    def show(now: float, each: str) -> RemoteBatch:
        done = 1 if now >= 300 else 0
        return remote(each, "completed" if now > 900 else "in_progress", files=OUTPUT,
                      counts=Counts(total=2, completed=done))  # fmt: skip

    stage = Stage([entry()], show)

    stage.watch()

    grown = [wait for wait in stage.pauses if wait > 90]
    small = [index for index, wait in enumerate(stage.pauses) if wait <= 10]
    assert grown
    assert max(stage.pauses) <= 120
    assert small[0] == 0
    assert small[-1] > 3


def test_a_retry_after_is_waited_for() -> None:
    def show(now: float, each: str) -> RemoteBatch | Outcome:
        return replace(BROKEN, status=429, retry_after=500.0) if now < 1 else remote(each, "completed", files=OUTPUT)

    stage = Stage([entry()], show)

    stage.watch()

    assert stage.pauses == [500.0]


def test_a_list_that_asks_to_wait_is_not_followed_by_looks() -> None:
    asked: list[float] = []

    def listing(now: float) -> Outcome:
        asked.append(now)
        all_of_them = tuple(remote(f"batch-{n}", "completed", files=OUTPUT) for n in range(1, 30))
        ended = Surveyed(batches=all_of_them, is_complete=True)
        return replace(BROKEN, status=429, retry_after=60.0) if now < 1 else ended

    stage = Stage(entries(20), ends_after(0), listing=listing)

    stage.watch()

    assert asked == [0.0, 60.0]
    assert stage.looks == []


# Troubles that are none of the batch's.


@given(st.lists(st.sampled_from([BROKEN, NOT_FOUND, None]), max_size=4))
def test_no_trouble_of_a_while_makes_a_batch_fail(troubles: list[Outcome | None]) -> None:
    script = iter(troubles)
    stage = Stage([entry()], lambda now, each: next(script, None) or remote(each, "completed", files=OUTPUT))

    report = stage.watch()

    assert words(report.entries) == ["completed"]
    assert report.troubled == {}


def test_a_broken_provider_is_left_alone_for_the_rest_of_a_cycle() -> None:
    stage = Stage(entries(500), lambda now, each: BROKEN, listing=lambda now: BROKEN, stop_at=10)

    report = stage.watch()

    assert len(stage.looks) <= 2 * (3 + 8)
    assert report.troubled == {"p": BROKEN}
    assert next(event.code for event in stage.events if isinstance(event, Unseen)) == "server-error"
    assert not any(each.attempt.sight for each in report.entries)


def test_a_refused_key_stops_that_provider_and_no_other() -> None:
    def show(now: float, each: str) -> RemoteBatch | Outcome:
        return Denied(code="unauthorized", status=401) if each == "batch-1" else ends_after(100)(now, each)

    stage = Stage([entry(1, "p"), entry(2, "q")], show)

    report = stage.watch()

    assert list(report.denied) == ["p"]
    assert [job.provider for _, job in stage.jobs].count("p") == 1
    assert report.entries[1].attempt.sight.batch.status == "completed"


def test_a_provider_without_looks_is_not_waited_for() -> None:
    report = Stage([entry()], lambda now, each: Rejected(code="not-offered")).watch()

    assert list(report.blind) == ["p"]


def test_a_batch_that_is_not_found_for_long_is_gone() -> None:
    stage = Stage([entry()], lambda now, each: NOT_FOUND)

    report = stage.watch()

    assert words(report.entries) == ["gone"]
    assert len(stage.looks) >= 5
    assert stage.clock.seconds >= 600
    assert stage.notes.attempts[("nightly/b1", "day:2026-11-22", 1)].sight.is_gone


def test_looks_that_find_nothing_are_remembered_from_run_to_run() -> None:
    found = [entry()]
    for _ in range(4):
        stage = Stage(found, lambda now, each: NOT_FOUND)
        stage.clock.at = stage.clock.at.replace(day=23)
        found = stage.refresh().entries

    assert found[0].attempt.sight.misses == 4
    assert not found[0].attempt.sight.is_gone


# When to leave.


def test_what_is_long_overdue_is_looked_at_once_and_not_waited_for() -> None:
    expires = "2026-11-21T00:00:00+00:00"
    stage = Stage([entry()], lambda now, each: remote(each, expires_at=expires))

    report = stage.watch()

    assert len(stage.looks) == 1
    assert report.entries[0].attempt.is_open
    assert not report.timed_out


def test_a_batch_that_never_ends_is_given_up_after_its_window_and_an_hour() -> None:
    stage = Stage([entry()], lambda now, each: remote(each, "unknown"))

    stage.watch()

    assert 25 * 3600 <= stage.clock.seconds <= 25 * 3600 + 130


def test_patience_ends() -> None:
    stage = Stage([entry()], lambda now, each: remote(each))

    report = stage.watch(patience=61)

    assert report.timed_out
    assert stage.clock.seconds == pytest.approx(61)


def test_a_stop_ends_it_and_what_was_seen_is_noted() -> None:
    stage = Stage([entry()], lambda now, each: remote(each), stop_at=30)

    report = stage.watch()

    assert not report.timed_out
    assert words(report.entries) == ["in_progress"]
    assert stage.notes.attempts[("nightly/b1", "day:2026-11-22", 1)].sight == report.entries[0].attempt.sight


# Output that is named late.


def test_a_completed_batch_is_looked_at_again_until_its_output_is_named() -> None:
    some = Counts(total=1, completed=1)
    stage = Stage([entry()], lambda now, each: remote(each, "completed", counts=some, files=OUTPUT if now > 20 else ()))

    report = stage.watch()

    assert report.entries[0].attempt.sight.batch.files == OUTPUT


def test_output_that_is_never_named_is_not_waited_for_without_end() -> None:
    stage = Stage([entry()], lambda now, each: remote(each, "completed", counts=Counts(total=1, completed=1)))

    stage.watch()

    assert len(stage.looks) == 6


# State.


def test_a_locked_state_delays_notes_and_no_look() -> None:
    stage = Stage([entry()], ends_after(200))
    stage.notes.locked = lambda second: second < 150

    report = stage.watch()

    assert not report.unsaved
    assert stage.notes.most_waiting <= 2
    assert stage.notes.attempts[("nightly/b1", "day:2026-11-22", 1)].sight.is_final


def test_a_state_that_stays_locked_is_said() -> None:
    stage = Stage([entry()], ends_after(0))
    stage.notes.locked = lambda second: True

    report = stage.watch()

    assert report.unsaved
    assert words(report.entries) == ["completed"]


def test_a_state_that_cannot_be_written_is_said_and_watching_goes_on() -> None:
    stage = Stage([entry()], ends_after(100))
    stage.notes.error = StateError("state-not-written", "no")

    report = stage.watch()

    assert report.state_error is stage.notes.error
    assert words(report.entries) == ["completed"]


def test_an_end_that_another_command_noted_is_kept() -> None:
    stage = Stage(entries(2), lambda now, each: remote(each), stop_at=1)
    name = ("nightly/b1", "day:2026-11-22", 1)
    ended = seen(None, remote("batch-1", "completed"), "2026-11-22T02:29:00+00:00")
    stage.notes.attempts[name] = replace(stage.notes.attempts[name], sight=ended)

    stage.watch()

    assert stage.notes.attempts[name].sight == ended


def test_a_batch_that_was_adopted_meanwhile_keeps_no_sight_of_another() -> None:
    stage = Stage([entry()], ends_after(0))
    name = ("nightly/b1", "day:2026-11-22", 1)
    stage.notes.attempts[name] = replace(stage.notes.attempts[name], batch_id="batch-other")

    stage.watch()

    assert stage.notes.attempts[name].sight is None


def test_many_batches_are_written_seldom() -> None:
    def show(now: float, each: str) -> RemoteBatch:
        return remote(each, counts=Counts(total=10**6, completed=int(now)))

    stage = Stage(entries(1000), show, stop_at=600)

    stage.watch()

    assert len(stage.surveys) > 50
    assert stage.notes.flushes <= 600 / 30 + 1


# Events.


def test_what_happens_is_told() -> None:
    stage = Stage([entry()], ends_after(20))

    stage.watch()

    assert [event.status for event in stage.events if isinstance(event, Moved)] == ["in_progress", "completed"]
    first = next(event for event in stage.events if isinstance(event, Looked))
    assert (first.open, first.batches, first.wait) == (1, 1, stage.pauses[0])
    assert isinstance(stage.jobs[0][1], Look)

"""A batch that ended badly is never submitted again by itself: the plan says how it ended, and the retry to type."""

import pytest
from support.builders import DAY, NOW, around, attempt, desired, intent, plan_of, shards, state_of

from batchrunner.planner import plan_changes
from batchrunner.plans import Unchanged
from batchrunner.records import replace
from batchrunner.remote import Counts, RemoteBatch, Sight
from batchrunner.state import Attempt, Entry, State


def sight(status: str, *, gone: bool = False, counts: Counts | None = None) -> Sight:
    batch = RemoteBatch(batch_id="batch-1", status=status, counts=counts)  # type: ignore[arg-type]
    return Sight(at=NOW.isoformat(), batch=batch, is_gone=gone)


def planned(*attempts: Attempt) -> Unchanged:
    (change,) = plan_of([desired()], state_of(*attempts)).changes
    assert isinstance(change, Unchanged)
    return change


@pytest.mark.parametrize(
    ("seen", "reason", "status"),
    [
        (sight("failed"), "failed-remotely", "failed"),
        (sight("expired"), "expired-remotely", "expired"),
        (sight("cancelled"), "cancelled-remotely", "cancelled"),
        (sight("in_progress", gone=True), "gone-remotely", "gone"),
        (Sight(at="", is_gone=True), "gone-remotely", "gone"),
        (sight("completed", counts=Counts(total=2, failed=2)), "failed-remotely",
         "completed, with no request that succeeded"),
    ],
)  # fmt: skip
def test_how_it_ended_is_said_with_the_retry_to_type(seen: Sight, reason: str, status: str) -> None:
    change = planned(attempt(sight=seen))

    assert (change.reason, change.status) == (reason, status)
    assert change.hint == "batchrunner retry nightly/a"


@pytest.mark.parametrize("status", ["validating", "in_progress", "finalizing", "completed", "cancelling", "unknown"])
def test_what_did_not_end_badly_is_as_submitted(status: str) -> None:
    change = planned(attempt(sight=sight(status)))

    assert (change.reason, change.status, change.hint) == ("already-submitted", "", "")


def test_the_newest_retry_decides() -> None:
    failed = attempt(sight=sight("expired"))
    retry = attempt(number=2, batch_id="batch-2", intent=intent(key="br1-2", retry_of=1))

    assert planned(failed, retry).reason == "already-submitted"
    assert planned(failed, replace(retry, sight=sight("completed"))).reason == "already-submitted"
    again = planned(failed, replace(retry, sight=sight("failed")))
    assert (again.reason, again.batch_id) == ("failed-remotely", "batch-2")


def test_an_end_changes_no_version() -> None:
    assert attempt(sight=sight("failed")).version == attempt().version


def test_shards_that_ended_badly_are_retried_by_one_name() -> None:
    wanted = shards("abcdef", 2)
    state = State("11111111-1111-4111-8111-111111111111")
    state.record(
        Entry(address=each.address, run_key=DAY,
              attempt=attempt(wanted=each, sight=sight("expired" if number else "completed")))
        for number, each in enumerate(wanted)
    )  # fmt: skip

    fine, *ended = plan_changes("nightly", "nightly.yaml", wanted, state, around())

    assert isinstance(fine, Unchanged)
    assert fine.hint == ""
    assert [each.hint for each in ended if isinstance(each, Unchanged)] == ["batchrunner retry nightly/a"] * 2

"""State as a value: what taking in entries does, in any order."""

from hypothesis import given
from hypothesis import strategies as st
from support.builders import DAY, LINEAGE, attempt, state_of

from batchrunner.records import Raw, decode, encode
from batchrunner.state import Attempt, Entry, Problem, State, moved

LATER = "2026-11-22T03:00:00+00:00"


def entry(number: int, batch_id: str, address: str = "nightly/a", run_key: str = DAY) -> Entry:
    return Entry(address=address, run_key=run_key, attempt=attempt(number=number, batch_id=batch_id))


@given(st.lists(st.tuples(st.integers(1, 5), st.sampled_from("ab"), st.sampled_from("xy"))))
def test_the_last_entry_of_an_attempt_is_what_it_is(told: list[tuple[int, str, str]]) -> None:
    state = State(LINEAGE)
    entries = [entry(number, f"batch-{i}", f"s/{name}", run) for i, (number, name, run) in enumerate(told)]
    state.record(entries)
    last = {(e.address, e.run_key, e.attempt.number): e for e in entries}
    assert {(e.address, e.run_key, e.attempt.number): e for e in state.entries()} == last
    for runs in state.batches.values():
        for attempts in runs.values():
            numbers = [each.number for each in attempts]
            assert numbers == sorted(set(numbers))


def test_latest_is_the_newest_attempt_of_the_run() -> None:
    state = state_of(attempt("rejected"), attempt("submitted", number=2))
    latest = state.latest("nightly/a", DAY)
    assert latest is not None
    assert latest.number == 2
    assert state.latest("nightly/a", "day:2026-11-23") is None
    assert state.latest("nightly/b", DAY) is None


def test_entries_come_by_address() -> None:
    state = State(LINEAGE)
    state.record([entry(1, "x", "s/b"), entry(2, "z", "s/a"), entry(1, "y", "s/a")])
    assert [(e.address, e.attempt.number) for e in state.entries()] == [("s/a", 1), ("s/a", 2), ("s/b", 1)]


def test_what_is_unresolved() -> None:
    statuses = {"intended", "uploaded", "in-doubt", "deferred", "submitted", "rejected"}
    open_ones = {status for status in statuses if attempt(status).unresolved}  # type: ignore[arg-type]
    assert open_ones == {"intended", "uploaded", "in-doubt", "deferred"}


def test_moving_on_changes_the_version_and_drops_the_old_problem() -> None:
    before = attempt("in-doubt", problem=Problem(code="no-answer"))
    after = moved(before, "in-doubt", LATER, batch_id="b")
    assert (after.problem, after.updated_at, after.batch_id) == (None, LATER, "b")
    assert after.version != before.version
    assert moved(before, "deferred", before.updated_at).version != before.version
    assert before.problem == Problem(code="no-answer")


def test_replies_are_kept_verbatim() -> None:
    reply = b'{"id":"b","created_at":1.0e3,"unknown":[1,2,{"deep":null}],"big":123456789012345678901234567890}'
    stored = encode(attempt(reply=Raw(reply)))
    assert reply in stored
    assert bytes(decode(stored, Attempt, what="it").reply) == reply

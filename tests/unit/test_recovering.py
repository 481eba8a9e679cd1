"""What a state lacks: whatever is found, what state has stays, and looking twice finds nothing new."""

import copy

from hypothesis import given
from hypothesis import strategies as st
from support.builders import DAY, ENDPOINT, LINEAGE, NOW, ORIGIN, desired, local, remote

from batchrunner.digest import idempotency_key
from batchrunner.records import replace
from batchrunner.recovering import Found, Keyring, Recovery, recovery
from batchrunner.remote import RemoteBatch, RemoteStatus, Tags
from batchrunner.state import State

AT = NOW.isoformat()
FINGERPRINT = "sha256:" + "0" * 64


def tags(address: str = "nightly/a", number: int = 1, paid: int | None = None, project: str = "acme") -> Tags:
    """The tags of attempt `number`, whose key is that of paid submission `paid`."""
    key = idempotency_key(project, "nightly", address, DAY, number if paid is None else paid)
    return Tags(key, address, DAY, FINGERPRINT, number)


def batch(identity: str, told: Tags | None = None, status: RemoteStatus = "in_progress", file: str = "") -> RemoteBatch:
    metadata = told.as_metadata() if told else {}
    return RemoteBatch(batch_id=identity, status=status, created_at=AT, input_file_id=file, metadata=metadata,
                       endpoint=ENDPOINT, completion_window="24h")  # fmt: skip


def keyring(project: str = "acme") -> Keyring:
    return Keyring(project, {"nightly"}, [desired("nightly/a", local())])


found = st.builds(
    lambda number, address, identity, status: Found(
        "p", ORIGIN, batch(identity, tags(address, number), status), tags(address, number)
    ),
    st.integers(1, 3),
    st.sampled_from(["nightly/a", "nightly/b"]),
    st.text("xyz", min_size=1, max_size=2),
    st.sampled_from(["in_progress", "completed", "failed"]),
)


def taken(state: State, told: Recovery) -> State:
    after = copy.deepcopy(state)
    after.record(each.entry for each in told.recovered)
    return after


@given(st.lists(found, max_size=8, unique_by=lambda each: each.batch.batch_id), st.data())
def test_looking_again_finds_nothing_new_and_changes_nothing(listed: list[Found], data: st.DataObject) -> None:
    some = listed[: data.draw(st.integers(0, len(listed)))]
    empty = State(LINEAGE)
    before = taken(empty, recovery(some, empty, [], AT))
    told = recovery(listed, before, [], AT)
    after = taken(before, told)
    assert [entry for entry in before.entries() if entry not in list(after.entries())] == []
    again = recovery(listed, after, [], AT)
    assert (again.recovered, again.conflicts) == ((), told.conflicts)
    assert {entry.attempt.intent.idempotency_key for entry in after.entries()} == {
        each.tags.idempotency_key for each in listed
    }


@given(st.lists(found, max_size=8, unique_by=lambda each: each.batch.batch_id))
def test_more_batches_than_one_that_run_or_are_done_are_always_said(listed: list[Found]) -> None:
    alive: dict[str, int] = {}
    for each in listed:
        if each.batch.status != "failed":
            alive[each.tags.idempotency_key] = alive.get(each.tags.idempotency_key, 0) + 1
    told = recovery(listed, State(LINEAGE), [], AT)
    assert len(told.alarms) == sum(count > 1 for count in alive.values())
    named = {alarm.kept for alarm in told.alarms} | {one.batch_id for alarm in told.alarms for one in alarm.others}
    assert len(named) == sum(count for count in alive.values() if count > 1)


def test_tags_count_only_where_the_key_follows_from_them() -> None:
    ours = tags()
    assert keyring().tags_of(batch("b", ours)) == ours
    assert keyring("other").tags_of(batch("b", ours)) is None
    assert keyring("other").is_stranger(batch("b", ours))
    blank = Keyring("acme", {"nightly"}, [])
    assert blank.tags_of(batch("b", ours)) == ours
    assert blank.tags_of(batch("b", ours._replace(address="nightly/b"))) is None
    assert blank.tags_of(batch("b", ours._replace(run_key="day:\x1b[31m"))) is None
    assert not keyring().is_stranger(batch("b", tags("weekly/a")))


def test_a_refused_attempt_uses_no_key_up() -> None:
    assert keyring().tags_of(batch("b", tags(number=3, paid=1))) == tags(number=3, paid=1)
    assert keyring().tags_of(batch("b", tags(number=999_999_999, paid=1))) is not None


def test_the_name_of_an_upload_tells_the_run_and_whether_the_content_is_the_same() -> None:
    wanted = desired("nightly/a", local())
    key = tags().idempotency_key
    same = wanted.source.content.removeprefix("sha256:")[:16]
    told = keyring().tags_of(batch("b", file="f"), f"{key}-{same}.jsonl")
    assert told == Tags(key, "nightly/a", DAY, wanted.fingerprint, 1)
    other = keyring().tags_of(batch("b", file="f"), f"{key}-{'0' * 16}.jsonl")
    assert other is not None
    assert other.fingerprint != wanted.fingerprint
    assert keyring().tags_of(batch("b", file="f"), "mine.jsonl") is None


def test_an_attempt_without_an_outcome_gets_the_one_it_had() -> None:
    one = Found("p", ORIGIN, batch("b", tags()), tags())
    state = State(LINEAGE)
    (entry,) = [each.entry for each in recovery([one], state, [], AT).recovered]
    doubt = replace(entry, attempt=replace(entry.attempt, status="in-doubt", batch_id="", sight=None))
    state.record([doubt])
    (settled,) = recovery([one], state, [], AT).recovered
    assert (settled.how, settled.entry.attempt.batch_id) == ("settled", "b")
    assert settled.entry.attempt.intent == doubt.attempt.intent


def test_what_the_spec_names_now_is_the_source_of_what_was_paid_for_the_same() -> None:
    wanted = desired("nightly/a", remote("file-7"), metadata={"team": "x"})
    told = tags()._replace(fingerprint=wanted.fingerprint)
    (recovered,) = recovery([Found("p", ORIGIN, batch("b", told), told)], State(LINEAGE), [wanted], AT).recovered
    assert recovered.entry.attempt.intent.source == wanted.source

"""Which remote batches a submission may have become: proof is proof, whatever else is in the list."""

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders import NOW, attempt, desired, local, remote

from batchrunner.matching import Trail, adopted, candidates, duplicates, hits, preferred, trail_of
from batchrunner.remote import TAG_NAMES, Counts, RemoteBatch, RemoteStatus, Sight

KEY = "br1-ours"
SENT = NOW.isoformat()
TRAIL = Trail(KEY, own_file_id="file-ours", file_id="file-ours", requests=3, since=SENT)


def batch(
    identity: str = "b-1", key: str = "", file_id: str = "", *, minutes: int = 0, status: RemoteStatus = "in_progress",
    requests: int = 0,
) -> RemoteBatch:  # fmt: skip
    """A batch at the provider, made `minutes` after the first send."""
    metadata = {TAG_NAMES[0]: key} if key else {}
    created = (NOW + timedelta(minutes=minutes)).isoformat()
    counts = Counts(total=requests) if requests else None
    return RemoteBatch(batch_id=identity, status=status, created_at=created, input_file_id=file_id, metadata=metadata,
                       counts=counts)  # fmt: skip


batches = st.builds(
    batch,
    st.text("abc", min_size=1, max_size=2),
    st.sampled_from(["", KEY, "br1-theirs"]),
    st.sampled_from(["", "file-ours", "file-theirs"]),
    minutes=st.integers(-60, 60),
    status=st.sampled_from(["in_progress", "completed", "failed", "cancelled"]),
    requests=st.integers(0, 3),
)


@given(st.lists(batches))
def test_the_key_of_another_submission_is_never_ours(listed: list[RemoteBatch]) -> None:
    theirs = {each.batch_id for each in listed} - {
        each.batch_id for each in listed if each.metadata.get(TAG_NAMES[0]) != "br1-theirs"
    }
    assert theirs.isdisjoint(each.batch_id for each in hits(listed, TRAIL))
    assert theirs.isdisjoint(each.batch.batch_id for each in candidates(listed, TRAIL))


@given(st.lists(batches), st.randoms(use_true_random=False))
def test_the_order_of_a_list_changes_nothing(listed: list[RemoteBatch], lots: Random) -> None:
    once = list({each.batch_id: each for each in listed}.values())
    shuffled = lots.sample(once, len(once))
    assert hits(shuffled, TRAIL) == hits(once, TRAIL)
    assert candidates(shuffled, TRAIL) == candidates(once, TRAIL)
    assert duplicates(shuffled, [TRAIL]) == duplicates(once, [TRAIL])


@given(st.lists(batches))
def test_what_is_certain_is_a_hit_and_comes_first(listed: list[RemoteBatch]) -> None:
    once = list({each.batch_id: each for each in listed}.values())
    found = candidates(once, TRAIL)
    certain = [each.batch for each in found if each.is_certain]
    assert tuple(certain) == hits(once, TRAIL) == tuple(each.batch for each in found[: len(certain)])
    alive = [each for each in certain if each.status in {"in_progress", "completed"}]
    assert [each.batches for each in duplicates(once, [TRAIL])] == ([tuple(certain)] if len(alive) > 1 else [])


@given(st.lists(batches, min_size=1))
def test_the_one_to_keep_gives_results_where_any_does(listed: list[RemoteBatch]) -> None:
    kept = preferred(listed)
    alive = [each for each in listed if each.status in {"in_progress", "completed"}]
    assert kept in (alive or listed)
    assert all(kept.created_at <= each.created_at for each in (alive or listed))


@pytest.mark.parametrize(
    ("listed", "evidence"),
    [
        (batch(key=KEY), ("key", "time")),
        (batch(key=KEY, file_id="file-theirs", minutes=-60), ("key",)),
        (batch(file_id="file-ours", minutes=1), ("own-file", "time")),
        (batch(file_id="file-ours", minutes=-60, requests=3), ("own-file", "requests")),
        (batch(minutes=1, requests=3), ("time", "requests")),
        (batch(minutes=1), None),
        (batch(requests=3, minutes=-60), None),
        (batch(file_id="file-theirs", minutes=1, requests=3), None),
    ],
)
def test_why_a_batch_may_be_the_one(listed: RemoteBatch, evidence: tuple[str, ...] | None) -> None:
    found = candidates([listed], TRAIL)
    assert [each.evidence for each in found] == ([evidence] if evidence else [])


def test_a_file_that_others_may_read_too_proves_nothing() -> None:
    trail = trail_of(attempt("in-doubt", desired(source=remote("file-1"))))
    (found,) = candidates([batch(file_id="file-1", minutes=1)], trail)
    assert (found.evidence, found.is_certain, hits([found.batch], trail)) == (("file", "time"), False, ())


def test_a_file_that_was_uploaded_for_it_proves_it() -> None:
    trail = trail_of(attempt("in-doubt", desired(source=local())))
    assert trail.own_file_id
    assert hits([batch(file_id=trail.own_file_id)], trail)


@pytest.mark.parametrize("said", ["", "yesterday", "0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59-12:00"])
def test_times_that_make_no_sense_stop_nothing(said: str) -> None:
    listed = RemoteBatch(batch_id="b", status="unknown", created_at=said, input_file_id="file-ours")
    until = TRAIL._replace(until=SENT)
    assert [each.is_certain for each in candidates([listed], until)] == [True]


def test_adopting_keeps_what_was_seen() -> None:
    seen = batch("b-9", KEY)
    after = adopted(attempt("in-doubt"), seen, SENT)
    assert (after.status, after.batch_id, after.adopted, after.problem) == ("submitted", "b-9", True, None)
    assert after.sight == Sight(at=SENT, batch=seen)

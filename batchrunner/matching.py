"""Which remote batches a submission may have become. Pure: a provider's list in, matches out.

A submission is told by its idempotency key, which goes with the create as metadata where a provider takes that, and by
the file that was uploaded for it and for nothing else. Either is proof. A batch with the key of another submission is
never ours, whatever it reads. Time and the number of requests prove nothing, but a person may want to see them.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Literal, NamedTuple

from batchrunner.manifest import LocalFile
from batchrunner.moments import time_of
from batchrunner.remote import RemoteBatch, Sight, key_in
from batchrunner.state import Attempt, Intent, moved

SKEW = timedelta(minutes=15)
"""How far a provider's clock may be from ours."""

Evidence = Literal["key", "own-file", "file", "time", "requests"]
PROOF: frozenset[Evidence] = frozenset({"key", "own-file"})
_STOPPED = frozenset({"failed", "cancelling", "cancelled", "expired"})


class Trail(NamedTuple):
    """What a submission leaves at its provider.

    `own_file_id` was uploaded for it alone, `file_id` is any file that it reads; empty where there is none.
    `requests` is how many it has, 0 for unknown. `since` and `until` bound when its create may have been sent (RFC 3339
    UTC), empty where that is not known.
    """

    key: str
    own_file_id: str = ""
    file_id: str = ""
    requests: int = 0
    since: str = ""
    until: str = ""


class Candidate(NamedTuple):
    """A remote batch that may be the one, and why."""

    batch: RemoteBatch
    evidence: tuple[Evidence, ...]

    @property
    def is_certain(self) -> bool:
        """Whether it cannot be of another submission."""
        return not PROOF.isdisjoint(self.evidence)


class Alarm(NamedTuple):
    """A submission with more batches than one: `kept` is the one that state has, or will have, empty for none.

    The `others` run too, or are done, and each of them may be paid for.
    """

    address: str
    run_key: str
    provider: str
    kept: str
    others: tuple[RemoteBatch, ...]


class Duplicate(NamedTuple):
    """Several remote batches for one submission, oldest first, at least two of them running or done."""

    trail: Trail
    batches: tuple[RemoteBatch, ...]


def trail_of(attempt: Attempt, until: str = "") -> Trail:
    """What the remote batch of `attempt` can be told by; its create cannot have left after `until`."""
    source = attempt.intent.source
    return Trail(
        key=attempt.intent.idempotency_key,
        own_file_id=attempt.file_id if attempt.has_own_file else "",
        file_id=attempt.file_id,
        requests=source.requests if isinstance(source, LocalFile) else 0,
        since=attempt.sent_at or attempt.intent.created_at,
        until=until,
    )


def hits(batches: Iterable[RemoteBatch], trail: Trail) -> tuple[RemoteBatch, ...]:
    """Those of `batches` that are the submission's for certain, oldest first, each id once. One is to be adopted."""
    found = {batch.batch_id: batch for batch in batches if not PROOF.isdisjoint(_proof(batch, trail))}
    return tuple(sorted(found.values(), key=_age))


def candidates(batches: Iterable[RemoteBatch], trail: Trail) -> tuple[Candidate, ...]:
    """Those of `batches` that a person may take for the submission's: certain ones first, then oldest first.

    A batch that is not certain is among them where it reads the same file, or was created at that time and has as many
    requests, as far as the provider says.
    """
    found: dict[str, Candidate] = {}
    for batch in batches:
        evidence = _evidence(batch, trail)
        if evidence:
            found.setdefault(batch.batch_id, Candidate(batch, evidence))
    return tuple(sorted(found.values(), key=lambda each: (not each.is_certain, _age(each.batch))))


def duplicates(batches: Sequence[RemoteBatch], trails: Iterable[Trail]) -> tuple[Duplicate, ...]:
    """Of each submission in `trails` for which several batches run or are done, all that there are."""
    by_key: dict[str, list[RemoteBatch]] = {}
    by_file: dict[str, list[RemoteBatch]] = {}
    for batch in batches:
        by_key.setdefault(key_in(batch.metadata), []).append(batch)
        by_file.setdefault(batch.input_file_id, []).append(batch)
    found: dict[str, Duplicate] = {}
    for trail in trails:
        near = [*by_key.get(trail.key, ()), *(by_file.get(trail.own_file_id, ()) if trail.own_file_id else ())]
        matched = hits(near, trail)
        if sum(is_alive(batch) for batch in matched) > 1:
            found[trail.key] = Duplicate(trail, matched)
    return tuple(found.values())


def preferred(batches: Sequence[RemoteBatch]) -> RemoteBatch:
    """Of several batches for one submission the one to keep: the oldest that may still give, or gave, results."""
    in_order = sorted(batches, key=_age)
    return next(filter(is_alive, in_order), in_order[0])


def is_alive(batch: RemoteBatch) -> bool:
    """Whether it runs or is done: nobody stopped it, and it was not refused."""
    return batch.status not in _STOPPED


def adopted(attempt: Attempt, batch: RemoteBatch, at: str) -> Attempt:
    """`attempt`, which turned out at time `at` (RFC 3339 UTC) to be `batch`."""
    return moved(
        attempt,
        "submitted",
        at,
        batch_id=batch.batch_id,
        adopted=True,
        file_id=attempt.file_id or batch.input_file_id,
        reply=batch.reply,
        sight=Sight(at=at, batch=batch),
    )


def standing_for(batch: RemoteBatch, intent: Intent, number: int, at: str) -> Attempt:
    """Attempt `number`, of which nothing is known but `batch`, looked up or believed at time `at` (RFC 3339 UTC)."""
    return Attempt(
        number=number,
        status="submitted",
        intent=intent,
        updated_at=intent.created_at,
        file_id=batch.input_file_id,
        sent_at=intent.created_at,
        batch_id=batch.batch_id,
        adopted=True,
        reply=batch.reply,
        sight=Sight(at=at, batch=batch),
    )


def _proof(batch: RemoteBatch, trail: Trail) -> tuple[Evidence, ...]:
    key = key_in(batch.metadata)
    if key:
        return ("key",) if key == trail.key else ()
    return ("own-file",) if trail.own_file_id and batch.input_file_id == trail.own_file_id else ()


def _evidence(batch: RemoteBatch, trail: Trail) -> tuple[Evidence, ...]:
    """Nothing where it is of another submission, or where there is too little to go by."""
    proof = _proof(batch, trail)
    is_read = bool(trail.file_id and batch.input_file_id)
    is_same_file = is_read and batch.input_file_id == trail.file_id
    if not proof and (key_in(batch.metadata) or (is_read and not is_same_file)):
        return ()
    near = (*proof, *(("file",) if is_same_file and "own-file" not in proof else ()), *_circumstances(batch, trail))
    return near if proof or is_same_file or len(near) > 1 else ()


def _circumstances(batch: RemoteBatch, trail: Trail) -> Iterator[Evidence]:
    if _is_in_time(batch, trail):
        yield "time"
    if batch.counts is not None and 0 < batch.counts.total == trail.requests:
        yield "requests"


def _is_in_time(batch: RemoteBatch, trail: Trail) -> bool:
    created, since, until = (time_of(text) for text in (batch.created_at, trail.since, trail.until))
    if created is None or since is None:
        return False
    # Differences only: a time near the end of the calendar, which a provider may claim, can be subtracted from alone.
    return since - created <= SKEW and (until is None or created - until <= SKEW)


def _age(batch: RemoteBatch) -> tuple[bool, str, str]:
    return (not batch.created_at, batch.created_at, batch.batch_id)

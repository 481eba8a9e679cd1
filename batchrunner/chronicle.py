"""What happened to an address, told from its attempts: each thing with its time, oldest first. Pure.

State keeps of each attempt how it stands, and of every remote batch what was last seen: what is told is what is known
for sure, and not each look that was taken.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from batchrunner.address import spec_of, whole_of
from batchrunner.digest import idempotency_key
from batchrunner.manifest import LocalFile
from batchrunner.records import MALFORMED, Record, Tolerant, decoder, field
from batchrunner.remote import RemoteBatch, Tags, tags_in
from batchrunner.state import Attempt, Entry

SECOND = len("2026-11-22T02:31:07")
MOST_PAID = 1_000
"""How often one run of a batch may have been paid for: more no state is believed."""

Event = Literal[
    "decided",
    "replaced",
    "retried",
    "sent",
    "submitted",
    "adopted",
    "rejected",
    "deferred",
    "in-doubt",
    "created",
    "seen",
    "ended",
    "missed",
    "gone",
    "fetched",
    "input-removed",
]


class Happening(Record):
    """One thing that happened to an attempt, `at` an RFC 3339 UTC time, empty where that is not known.

    `status` is the remote batch's, where it is about that. `words` say more, and are a provider's where that said
    something. `requests`, `bytes` and the estimated cost are those of what was decided, 0 and None for not known;
    `fetched` counts rows that were answered and rows in all. `submitted_as` is the address it was submitted as, where
    it was moved since.
    """

    at: str
    address: str
    run_key: str
    attempt: int
    event: Event
    status: str = ""
    batch_id: str = ""
    words: str = ""
    idempotency_key: str = ""
    plan_id: str = ""
    requests: int = 0
    bytes: int = 0
    cost_usd_low: float | None = None
    cost_usd_high: float | None = None
    rows: int = 0
    answered: int = 0
    submitted_as: str = ""


def told(entries: Iterable[Entry]) -> list[Happening]:
    """All that happened in `entries`, oldest first."""
    entries = list(entries)
    paid = {
        (each.address, each.run_key, each.attempt.number)
        for each in entries
        if each.attempt.status == "submitted" and not each.attempt.is_retry
    }
    found = [happening for entry in entries for happening in _story(entry, paid)]
    # What is not dated stands where it was found: beside what it belongs to.
    latest, dated = "", []
    for each in found:
        latest = each.at or latest
        dated.append((latest, each))
    # To the second, as providers tell it: within one, what is told first happened first.
    return [each for _, each in sorted(dated, key=lambda pair: pair[0][:SECOND])]


def first_address(entry: Entry) -> str:
    """The address that an attempt was submitted as, which its request says; its own where that is not known."""
    tags = _tags(entry.attempt)
    return tags.address if tags else entry.address


def was_submitted_as(name: str, entry: Entry, project: str) -> bool:
    """Whether `name`, or the shard of it with the same number, was the address of an attempt, as its key tells."""
    attempt = entry.attempt
    name = name if "#" in name else name + entry.address.removeprefix(whole_of(entry.address))
    # A key counts what was paid for, which is no more than was attempted.
    keys = (idempotency_key(project, spec_of(name), name, entry.run_key, number, is_retry=attempt.is_retry)
            for number in range(1, min(attempt.number, MOST_PAID) + 1))  # fmt: skip
    return attempt.intent.idempotency_key in keys


class _Request(Tolerant):
    metadata: dict[str, Any] = field(default_factory=dict)


_REQUESTS = decoder(_Request)


def _tags(attempt: Attempt) -> Tags | None:
    if "batchrunner_address" not in attempt.request:
        return None
    try:
        metadata = _REQUESTS.decode(attempt.request.encode()).metadata
    except MALFORMED:
        return None
    return tags_in({name: value for name, value in metadata.items() if isinstance(value, str)})


def _story(entry: Entry, paid: set[tuple[str, str, int]]) -> Iterator[Happening]:
    attempt = entry.attempt
    yield _decided(entry, paid)
    if attempt.sent_at and attempt.status != "submitted":
        yield _told(entry, attempt.sent_at, "sent", words="whether the provider took it is not known")
    if attempt.status in {"submitted", "rejected", "deferred", "in-doubt"}:
        yield _outcome(entry)
    yield from _seen(entry)
    if attempt.fetched is not None:
        tally = attempt.fetched.tally
        yield _told(entry, attempt.fetched.at, "fetched", answered=tally.ok, rows=tally.total)
    if attempt.input_removed_at:
        yield _told(entry, attempt.input_removed_at, "input-removed", words=attempt.file_id)


def _decided(entry: Entry, paid: set[tuple[str, str, int]]) -> Happening:
    attempt, intent = entry.attempt, entry.attempt.intent
    before = any((entry.address, entry.run_key, number) in paid for number in range(1, attempt.number))
    event: Event = "retried" if attempt.is_retry else "replaced" if before else "decided"
    estimate = intent.estimate
    was = first_address(entry)
    return _told(
        entry,
        intent.created_at,
        event,
        idempotency_key=intent.idempotency_key,
        plan_id=intent.plan_id,
        requests=intent.source.requests if isinstance(intent.source, LocalFile) else 0,
        bytes=intent.source.size if isinstance(intent.source, LocalFile) else 0,
        cost_usd_low=estimate.cost_low if estimate else None,
        cost_usd_high=estimate.cost_high if estimate else None,
        submitted_as=was if was != entry.address else "",
    )


def _outcome(entry: Entry) -> Happening:
    attempt, problem = entry.attempt, entry.attempt.problem
    status = f" (HTTP {problem.status})" if problem and problem.status else ""
    words = ": ".join(filter(None, [f"{problem.code}{status}", problem.words])) if problem else ""
    event: Event = "adopted" if attempt.adopted else attempt.status  # type: ignore[assignment]
    return _told(entry, attempt.updated_at, event, words=words)


def _seen(entry: Entry) -> Iterator[Happening]:
    sight = entry.attempt.sight
    if sight is None:
        return
    batch = sight.batch
    if batch is not None:
        if batch.created_at:
            yield _told(entry, batch.created_at, "created")
        at, event = (batch.ended_at, "ended") if batch.is_terminal and batch.ended_at else (sight.at, "seen")
        yield _told(entry, at, event, status=batch.said or batch.status, words=_words(batch))  # type: ignore[arg-type]
    if sight.is_gone or sight.misses:
        words = f"not found in {sight.misses} looks" if sight.misses != 1 else "not found in a look"
        yield _told(entry, sight.missed_since or sight.at, "gone" if sight.is_gone else "missed", words=words)


def _words(batch: RemoteBatch) -> str:
    counts = batch.counts
    said: Sequence[str] = [f"{each.code}: {each.message}".strip(": ") for each in batch.problems[:1]]
    more = [f"and {len(batch.problems) - 1} more problems"] if len(batch.problems) > 1 else []
    done = [f"{counts.completed}/{counts.total} requests"] if counts and counts.total else []
    failed = [f"{counts.failed} failed"] if counts and counts.failed else []
    return ", ".join([*done, *failed, *said, *more])


def _told(entry: Entry, at: str, event: Event, **more: Any) -> Happening:
    return Happening(
        at=at,
        address=entry.address,
        run_key=entry.run_key,
        attempt=entry.attempt.number,
        event=event,
        batch_id=entry.attempt.batch_id if event not in {"decided", "replaced", "retried"} else "",
        **more,
    )

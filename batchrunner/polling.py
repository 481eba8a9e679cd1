"""When and how to look again at remote batches, and what a look changes of what was seen before. Pure.

A look may fail, come late, or come from a list that lags behind; a provider may forget a batch for a moment. None of it
makes a batch that ended run again, or one that runs end.
"""

from collections.abc import Mapping, Sequence, Set
from datetime import datetime

from batchrunner.facts import Polling, ProviderFacts
from batchrunner.jobs import Look, Survey
from batchrunner.moments import time_of
from batchrunner.records import replace
from batchrunner.remote import Counts, RemoteBatch, Sight
from batchrunner.state import Attempt, Entry
from batchrunner.windows import hours

GROWTH = 1.5
"""How much longer each wait is while nothing changes."""
JITTER = 0.2
"""The part of a wait that lots decide, so that many runners do not come at one moment."""
PER_LOOK = 50
"""So many batches in a list are read in the time of one look: a page, and its parsing."""
LATE_SECONDS = 3600.0
"""How long after its end a batch may still be owed the name of its output file."""
_PROGRESS = {"validating": 0, "in_progress": 1, "finalizing": 2, "cancelling": 3}


def wait_seconds(polling: Polling, unchanged: int, jitter: float) -> float:
    """How long to wait after `unchanged` looks in a row that showed nothing new; `jitter` is a lot from 0 up to 1.

    From `base_seconds` up to `cap_seconds`, less at most a fifth.
    """
    longest = max(polling.base_seconds, polling.cap_seconds)
    # A wait that has doubled sixty times is beyond any cap: the power of a float must not overflow.
    grown = polling.base_seconds * GROWTH ** min(unchanged, 60)
    return min(grown, longest) * (1 - JITTER * jitter)


def seen(before: Sight | None, batch: RemoteBatch, at: str, *, listed: bool = False) -> Sight:
    """What is known after a look that was begun at `at`, RFC 3339 UTC; `listed` where a list showed the batch.

    What was begun earlier than the sight before it counts only where it shows an end. A list may lag: it takes nothing
    back that was seen.
    """
    now = Sight(at=at, batch=batch, owed_since=_owed_since(before, batch, at))
    if before is None:
        return now
    if before.batch is not None and (_is_older(at, before.at) or listed) and _is_behind(batch, before.batch):
        return before
    if before.is_gone and _is_older(at, before.at) and not now.is_final:
        return before
    return now


def missed(before: Sight | None, at: str, polling: Polling) -> Sight:
    """What is known after a look, begun at `at`, that the provider answered with "no such batch".

    A batch that ended is not gone: what is known of it stays.
    """
    known = before or Sight(at=at)
    if known.is_final:
        return known
    misses, since = known.misses + 1, known.missed_since or at
    seconds = _seconds_between(since, at)
    gone = misses >= polling.gone_looks and seconds is not None and seconds >= polling.gone_seconds
    return replace(known, at=at, misses=misses, missed_since=since, is_gone=gone)


def reconciled(stored: Sight | None, ours: Sight, *, direct: bool) -> Sight:
    """Of two sights of one batch the one to keep: `stored` may be another command's. `direct` where ours is no list's.

    An end is given up only for what a fresher look of its own showed.
    """
    if stored is None:
        return ours
    fresher = not _is_older(ours.at, stored.at)
    if stored.is_final != ours.is_final:
        return ours if ours.is_final or (fresher and direct) else stored
    return ours if fresher else stored


def _is_behind(batch: RemoteBatch, known: RemoteBatch) -> bool:
    """Whether `batch` shows less than is known already."""
    if known.is_terminal != batch.is_terminal:
        return known.is_terminal
    if known.is_terminal:
        return len(batch.files) < len(known.files)
    # A word that nobody knows stands nowhere.
    was, now = (_PROGRESS.get(each.status, -1) for each in (known, batch))
    return 0 <= now < was or (now == was and _processed(batch) < _processed(known))


def _processed(batch: RemoteBatch) -> int:
    return batch.counts.completed + batch.counts.failed if batch.counts else 0


def polling_at(provider: str, providers: Mapping[str, ProviderFacts]) -> Polling:
    """How batches of `provider` are watched; as usual where it is not among `providers`."""
    return providers[provider].polling if provider in providers else Polling()


def awaits_output(sight: Sight | None, polling: Polling) -> bool:
    """Whether a batch says that requests succeeded, and not yet where their answers are; or may have such answers.

    Some providers name the output file a moment after the end. An hour after it nothing more is expected; sooner where
    there is a file of errors, and no counts that say that there is more.
    """
    batch = sight.batch if sight else None
    if sight is None or batch is None or batch.status != "completed":
        return False
    if any(file.kind != "errors" for file in batch.files):
        return False
    counts = _said_counts(batch)
    late = _seconds_between(sight.owed_since or batch.ended_at, sight.at)
    longest = polling.late_output_seconds if _has_errors_alone(batch) else LATE_SECONDS
    return (counts is None or counts.completed > 0) and (late is None or late < longest)


def _has_errors_alone(batch: RemoteBatch) -> bool:
    """Whether it completed with a file of errors only, and nothing says that this is all."""
    named_errors = bool(batch.files) and all(file.kind == "errors" for file in batch.files)
    return batch.status == "completed" and named_errors and _said_counts(batch) is None


def _owed_since(before: Sight | None, batch: RemoteBatch, at: str) -> str:
    if time_of(batch.ended_at) is not None or not _has_errors_alone(batch):
        return ""
    return before.owed_since or at if before else at


def failed_throughout(batch: RemoteBatch) -> bool:
    """Whether a batch completed without one request that succeeded.

    Where nothing was counted, it has no file but that of errors.
    """
    counts = _said_counts(batch)
    if counts is None:
        return _has_errors_alone(batch)
    return batch.status == "completed" and counts.completed == 0 and counts.failed > 0


def _said_counts(batch: RemoteBatch) -> Counts | None:
    """The counts of a batch that has ended, None where they say nothing."""
    return batch.counts if batch.counts and batch.counts.total else None


def age_seconds(attempt: Attempt, now: datetime) -> float | None:
    """Seconds since the remote batch was created; None where nothing sensible was said."""
    batch = attempt.sight.batch if attempt.sight else None
    said = (batch.created_at if batch else "", attempt.sent_at, attempt.intent.created_at)
    times = [time for time in map(time_of, said) if time is not None]
    return (now - times[0]).total_seconds() if times else None


def seconds_left(attempt: Attempt, now: datetime) -> float | None:
    """Seconds until the remote batch should have ended, negative where that is over; None where nobody knows.

    By its `expires_at`, else by its completion window from when it was created.
    """
    batch = attempt.sight.batch if attempt.sight else None
    if (expires := time_of(batch.expires_at if batch else "")) is not None:
        return (expires - now).total_seconds()
    age, window = age_seconds(attempt, now), hours(attempt.intent.completion_window)
    return None if age is None or window is None else window * 3600 - age


def is_overdue(attempt: Attempt, polling: Polling, now: datetime) -> bool:
    """Whether an open attempt should have ended so long ago that it is waited for no longer."""
    left = seconds_left(attempt, now)
    return attempt.is_open and left is not None and -left > polling.overdue_seconds


def looks(
    open_entries: Sequence[Entry], unlisted: Set[str] = frozenset(), lengths: Mapping[str, int] | None = None
) -> list[Survey | Look]:
    """How to look at `open_entries` with few calls: a walk over a provider's list, or a look for each.

    `unlisted` are providers without a list, `lengths` how many batches the last walk over a list found, by provider: a
    long list is not walked for few batches.
    """
    by_provider: dict[str, list[Entry]] = {}
    for entry in open_entries:
        by_provider.setdefault(entry.attempt.intent.provider, []).append(entry)
    jobs: list[Survey | Look] = []
    for provider, entries in by_provider.items():
        listed = provider not in unlisted and (lengths or {}).get(provider, 0) <= PER_LOOK * len(entries)
        jobs += [_survey(provider, entries)] if listed and len(entries) > 1 else map(look_of, entries)
    return jobs


def look_of(entry: Entry) -> Look:
    """The look at one remote batch."""
    attempt = entry.attempt
    return Look(address=entry.address, provider=attempt.intent.provider, batch_id=attempt.batch_id)


def _survey(provider: str, entries: Sequence[Entry]) -> Survey:
    """Back to the oldest of them, where all say when they were sent; else to the end of the list."""
    begun = [entry.attempt.sent_at or entry.attempt.intent.created_at for entry in entries]
    known = [time for time in map(time_of, begun) if time is not None]
    return Survey(provider=provider, since=min(known).isoformat() if len(known) == len(begun) else "")


def _is_older(one: str, other: str) -> bool:
    seconds = _seconds_between(other, one)
    return seconds is not None and seconds < 0


def _seconds_between(earlier: str, later: str) -> float | None:
    first, second = time_of(earlier), time_of(later)
    # Differences only: a time near the end of the calendar, which a provider may claim, can be subtracted from alone.
    return None if first is None or second is None else (second - first).total_seconds()

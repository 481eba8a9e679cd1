"""Where attempts stand, as a person asks for it: in one word, good or bad, and what may be done about it. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Literal

from batchrunner.address import whole_of
from batchrunner.facts import Polling
from batchrunner.moments import time_of
from batchrunner.polling import age_seconds, failed_throughout, is_overdue, seconds_left
from batchrunner.records import Record
from batchrunner.remote import Counts, RemoteProblem
from batchrunner.state import Attempt, Entry

Verdict = Literal["done", "open", "failed", "held", "owed", "refused"]
"""done      ended, with at least one answer, as far as is known
open      under way, or never looked at
failed    failed, expired, cancelled, gone, long overdue, or completed without one request that succeeded
held      in doubt: only the next apply, or a person, finds out
owed      known not to be at the provider; the next apply sends it
refused   the provider refused the create
"""


class Standing(Record):
    """One attempt at one moment. `word` is its status: the remote batch's where there is one, else ours.

    `notes` are sentences about it. `left` is in seconds until the remote batch should have ended, negative where that
    is over, `age` since it was created, `ended` since it ended, and `seen` since it was last looked at; None where
    that is not known. `next` are the words after `batchrunner` that go on from here, without options; empty for none.
    """

    address: str
    run_key: str
    attempt: int
    retry_of: int = 0
    verdict: Verdict
    word: str
    said: str = ""
    batch_id: str = ""
    provider: str = ""
    counts: Counts | None = None
    problems: tuple[RemoteProblem, ...] = ()
    notes: tuple[str, ...] = ()
    left: float | None = None
    age: float | None = None
    ended: float | None = None
    seen: float | None = None
    is_fetched: bool = False
    next: str = ""


def standing_of(entry: Entry, now: datetime, polling: Polling) -> Standing:
    """Where the attempt of `entry` stands at `now`."""
    attempt, sight = entry.attempt, entry.attempt.sight
    batch = sight.batch if sight else None
    word, verdict = _judged(attempt, now, polling)
    return Standing(
        address=entry.address,
        run_key=entry.run_key,
        attempt=attempt.number,
        retry_of=attempt.intent.retry_of,
        verdict=verdict,
        word=word,
        said=batch.said if batch else "",
        batch_id=attempt.batch_id,
        provider=attempt.intent.provider,
        counts=batch.counts if batch else None,
        problems=_problems(attempt),
        notes=tuple(_notes(attempt, now, polling)),
        left=seconds_left(attempt, now) if attempt.is_open else None,
        age=age_seconds(attempt, now),
        ended=_since(batch.ended_at, now) if batch else None,
        seen=_since(sight.at, now) if sight else None,
        is_fetched=attempt.fetched is not None,
        next=_next(attempt, verdict),
    )


def _judged(attempt: Attempt, now: datetime, polling: Polling) -> tuple[str, Verdict]:
    if attempt.status != "submitted":
        return _unsubmitted(attempt)
    sight = attempt.sight
    if sight is None or (sight.batch is None and not sight.is_gone):
        return "submitted", "failed" if is_overdue(attempt, polling, now) else "open"
    if sight.is_gone or sight.batch is None:
        return "gone", "failed"
    batch = sight.batch
    if batch.is_terminal:
        good = batch.status == "completed" and not failed_throughout(batch)
        return batch.status, "done" if good else "failed"
    word = batch.said if batch.status == "unknown" and batch.said else batch.status
    return word, "failed" if is_overdue(attempt, polling, now) else "open"


_NO_ANSWER = "completed, but with no answer, only errors"


def _unsubmitted(attempt: Attempt) -> tuple[str, Verdict]:
    """An intent that was sent and has no outcome is in doubt, whatever its record says."""
    if attempt.status == "rejected":
        return "rejected", "refused"
    if attempt.status == "in-doubt" or attempt.sent_at:
        return "in-doubt", "held"
    return ("deferred" if attempt.status == "deferred" else "not sent"), "owed"


def _problems(attempt: Attempt) -> tuple[RemoteProblem, ...]:
    if attempt.status != "submitted":
        problem = attempt.problem
        return (RemoteProblem(code=problem.code, message=problem.words),) if problem else ()
    return attempt.sight.batch.problems if attempt.sight and attempt.sight.batch else ()


def _notes(attempt: Attempt, now: datetime, polling: Polling) -> Iterator[str]:
    sight = attempt.sight
    batch = sight.batch if sight else None
    if attempt.status != "submitted" or sight is None:
        return
    if sight.is_gone:
        known = "it was there before" if batch else "the provider never showed it, or does not offer to look at it"
        yield f"not found in {sight.misses} looks; {known}"
    elif sight.misses:
        yield f"not found in the last {sight.misses} looks; that may pass"
    if batch is None:
        return
    counts = batch.counts
    if failed_throughout(batch):
        yield f"completed, but all {counts.failed} requests failed" if counts and counts.failed else _NO_ANSWER
    if batch.status == "finalizing" and counts and counts.total and counts.completed + counts.failed >= counts.total:
        yield "all requests are processed; the provider is writing the results"
    if is_overdue(attempt, polling, now):
        yield "it should have ended long ago, and is waited for no longer"


def _next(attempt: Attempt, verdict: Verdict) -> str:
    if verdict == "held":
        return "resolve"
    if verdict == "failed":
        return "cancel" if attempt.is_open else "retry"
    return "fetch" if verdict == "done" and attempt.fetched is None else ""


def _since(text: str, now: datetime) -> float | None:
    time = time_of(text)
    return (now - time).total_seconds() if time else None


def current(entries: Sequence[Entry], *, every_run: bool = False) -> list[Entry]:
    """Those of `entries` that count now, in their order: of the newest run of each batch the newest attempts, and
    whatever is still open or unresolved. With `every_run` the newest attempt of each run.

    Beside an attempt that no provider took, the newest before it that may have been taken counts as well,
    and beside such a run the newest that was.
    """
    latest = _latest(entries)
    taken = _latest(entry for entry in entries if entry.attempt.may_be_sent)
    runs = (newest_runs(entries), newest_runs(entry for entry in entries if entry.attempt.may_be_sent))
    return [
        entry
        for entry in entries
        if entry.attempt.is_open
        or (entry.attempt.unresolved and latest[entry.address, entry.run_key] is entry.attempt)
        or (any(entry.attempt is each.get((entry.address, entry.run_key)) for each in (latest, taken))
            and (every_run or any(each.get(whole_of(entry.address)) == entry.run_key for each in runs)))
    ]  # fmt: skip


def _latest(entries: Iterable[Entry]) -> dict[tuple[str, str], Attempt]:
    latest: dict[tuple[str, str], Attempt] = {}
    for entry in entries:
        name = (entry.address, entry.run_key)
        if name not in latest or latest[name].number < entry.attempt.number:
            latest[name] = entry.attempt
    return latest


def newest_runs(entries: Iterable[Entry]) -> dict[str, str]:
    """Of each batch, all its shards together, the run that was begun last. A retry begins none."""
    newest: dict[str, tuple[str, str]] = {}
    for entry in entries:
        if not entry.attempt.is_retry:
            whole, begun = whole_of(entry.address), (entry.attempt.intent.created_at, entry.run_key)
            newest[whole] = max(begun, newest.get(whole, begun))
    return {whole: run_key for whole, (_, run_key) in newest.items()}


def deciding(standings: Iterable[Standing]) -> list[Standing]:
    """Of each address and run the last of `standings`, a later attempt being the answer to an earlier one.

    One that no provider took answers nothing: then the last before it counts as well.
    """
    last: dict[tuple[str, str, bool], Standing] = {}
    for standing in standings:
        taken = standing.verdict not in {"refused", "owed"}
        for name in {(standing.address, standing.run_key, taken), (standing.address, standing.run_key, False)}:
            if name not in last or last[name].attempt < standing.attempt:
                last[name] = standing
    return list({id(each): each for each in last.values()}.values())

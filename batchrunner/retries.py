"""Asking again for rows of what was submitted: the change that does it, made so that it is paid for once. Pure.

A retry is a further attempt of the same address and run, with `retry_of` set. Its key counts what was submitted before,
so that a retry which is begun again, by whomever and after whatever crash, is one remote batch.
"""

from collections.abc import Sequence
from typing import NamedTuple

from batchrunner.desired import Circumstances
from batchrunner.digest import fingerprint
from batchrunner.errors import Refused, TryAgain
from batchrunner.manifest import Source
from batchrunner.owed import carry_on
from batchrunner.plans import Blocked, Resume, Submit
from batchrunner.rows import is_transient
from batchrunner.state import Attempt, newest_paid

FOLDER = ".batchrunner/retries"
"""Where requests that are asked for again lie, beneath the project root."""

APPLY = "batchrunner apply PATH"
"""What goes on where nothing can be retried yet. Who knows the path names it."""

_QUEUE_CODES = frozenset({"enqueued_token_limit_exceeded", "queue_full", "quota_exceeded", "too_many_enqueued_tokens"})


class Rows(NamedTuple):
    """Requests of an attempt that are to be asked for again, as a source of their own."""

    base: Attempt
    source: Source


def unfinished(attempts: Sequence[Attempt]) -> Attempt | None:
    """The attempt of a run, oldest first, whose outcome has to be known before anything of that run is asked again."""
    latest = attempts[-1] if attempts else None
    return latest if latest is not None and latest.unresolved and (latest.sent_at or not latest.is_retry) else None


def carried_on(address: str, run_key: str, attempt: Attempt, around: Circumstances) -> Resume | Blocked:
    """What is done about a retry whose create may have left."""
    return carry_on((address, run_key), attempt, None, around)


def retry(
    address: str, run_key: str, attempts: Sequence[Attempt], rows: Rows, around: Circumstances
) -> Submit | Resume:
    """The change that asks for `rows` once more; `attempts` are all of that run, and none of them is `unfinished`.

    A retry of the same rows that was begun and never sent is carried on.
    """
    latest, terms = attempts[-1], rows.base.intent
    origin = around.providers[terms.provider].origin
    if latest.unresolved and _asks_the_same(latest, rows) and latest.intent.origin == origin:
        resumed = carry_on((address, run_key), latest, None, around)
        if isinstance(resumed, Resume):
            return resumed
    return Submit(
        address=address,
        run_key=run_key,
        reason="retry",
        attempt=latest.number + 1,
        idempotency_key=around.next_key(address, run_key, attempts, is_retry=True),
        fingerprint=fingerprint(terms.provider, terms.endpoint, terms.completion_window, rows.source.content),
        provider=terms.provider,
        origin=origin,
        endpoint=terms.endpoint,
        completion_window=terms.completion_window,
        source=rows.source,
        metadata=terms.metadata,
        retry_of=rows.base.number,
        base_version=latest.version,
    )


def _asks_the_same(begun: Attempt, rows: Rows) -> bool:
    return begun.intent.retry_of == rows.base.number and begun.intent.source == rows.source


def is_put_off(code: str) -> bool:
    """Whether a provider that refuses a whole batch with `code` may take it when its queue has drained."""
    return is_transient(0, code) or code.lower() in _QUEUE_CODES


class Retried(NamedTuple):
    """What a retry of a run goes by: its newest `base`, and the retries of that which were submitted."""

    base: Attempt
    retries: tuple[Attempt, ...]

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """All of them."""
        return self.base, *self.retries

    @property
    def was_never_processed(self) -> bool:
        """Whether no request was answered, as far as is known: then all is asked for again, as it was sent."""
        return not any(map(_was_processed, self.attempts))


def retried(address: str, run_key: str, attempts: Sequence[Attempt], *, force: bool = False) -> Retried:
    """What a retry of that run goes by. `force` also where rows may be paid for twice.

    Raises `TryAgain` `still-running`, and `Refused` where there is nothing that a retry could mend.
    """
    run = f"{address} ({run_key})"
    base, latest = newest_paid(attempts), unfinished(attempts)
    if latest is not None and not latest.is_retry:
        why = ("Whether it was paid for has to be known first." if latest.may_be_sent
               else "No provider has it yet: the next apply sends it.")  # fmt: skip
        raise Refused("retry-unresolved", f"{run} is not resolved: its last submission is {latest.status}", why=why,
                      hint=APPLY)  # fmt: skip
    if base is None:
        raise Refused("nothing-submitted", f"nothing of {run} was submitted", hint=APPLY)
    known = [each for each in attempts if each.intent.retry_of == base.number and each.status == "submitted"]
    found = Retried(base, tuple(known))
    running = next((each for each in found.attempts if each.is_open), None)
    if running is not None:
        raise TryAgain("still-running", f"{run} has not ended: {running.batch_id} is {word_of(running)}",
                       why="Which rows have to be asked again is known when it has.")  # fmt: skip
    _refuse_failed(address, base)
    if not force and _is_lost(found.attempts[-1]):
        raise Refused("batch-gone", f"the provider no longer knows a batch of {run}",
                      why="Its results cannot be fetched. It may have been processed: to ask again may be paid twice.",
                      hint="add --force to ask again for all that has no result here")  # fmt: skip
    return found


def word_of(attempt: Attempt) -> str:
    """How its remote batch was seen last."""
    batch = attempt.sight.batch if attempt.sight else None
    return batch.status if batch else "not seen yet"


def _was_processed(attempt: Attempt) -> bool:
    if attempt.fetched is not None and attempt.fetched.files:
        return True
    if attempt.sight is None or attempt.sight.is_gone:
        return attempt.sight is None
    batch = attempt.sight.batch
    return batch is None or batch.status != "failed" or bool(batch.files)


def _is_lost(attempt: Attempt) -> bool:
    """Whether nobody can know what it was answered. To fetch what is gone brings nothing, and proves nothing."""
    is_here = attempt.fetched is not None and attempt.fetched.files
    return attempt.sight is not None and attempt.sight.is_gone and not is_here


def _refuse_failed(address: str, base: Attempt) -> None:
    """A batch that failed as a whole would fail again, but where its provider was only too busy."""
    problems = base.sight.batch.problems if base.sight and base.sight.batch else ()
    lasting = [problem for problem in problems if not is_put_off(problem.code)]
    if lasting and not _was_processed(base):
        first = lasting[0]
        line = f" (line {first.line})" if first.line else ""
        raise Refused("invalid-batch", f"the provider refused {address} as a whole: {first.code}{line}",
                      why=first.message, hint="fix the input, and submit it anew with apply --replace")  # fmt: skip

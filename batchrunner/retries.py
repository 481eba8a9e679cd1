"""Asking again for rows of what was submitted: the change that does it, made so that it is paid for once. Pure.

A retry is a further attempt of the same address and run, with `retry_of` set. Its key counts what was submitted before,
so that a retry which is begun again, by whomever and after whatever crash, is one remote batch.
"""

from collections.abc import Sequence
from typing import NamedTuple

from batchrunner.desired import Circumstances
from batchrunner.digest import fingerprint
from batchrunner.manifest import Source
from batchrunner.owed import carry_on
from batchrunner.plans import Blocked, Resume, Submit
from batchrunner.pricing import Estimate
from batchrunner.state import Attempt


class Rows(NamedTuple):
    """Requests of an attempt that are to be asked for again, as a source of their own."""

    base: Attempt
    source: Source
    estimate: Estimate | None = None


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
        idempotency_key=around.next_key(address, run_key, attempts),
        fingerprint=fingerprint(terms.provider, terms.endpoint, terms.completion_window, rows.source.content),
        provider=terms.provider,
        origin=origin,
        endpoint=terms.endpoint,
        completion_window=terms.completion_window,
        source=rows.source,
        metadata=terms.metadata,
        estimate=rows.estimate,
        retry_of=rows.base.number,
        base_version=latest.version,
    )


def _asks_the_same(begun: Attempt, rows: Rows) -> bool:
    return begun.intent.retry_of == rows.base.number and begun.intent.source == rows.source

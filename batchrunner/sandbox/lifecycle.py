"""Where a batch stands at a moment: a pure function of when it was created and cancelled, and of the timings.

The order of statuses is OpenAI's: validating, in_progress, finalizing, completed; or failed after validating; or
expired when the completion window closes first; or cancelling and cancelled.
https://platform.openai.com/docs/guides/batch
"""

import math
import re
from dataclasses import dataclass
from typing import Final

from batchrunner.sandbox.records import Batch
from batchrunner.sandbox.settings import DAY, Timings

TERMINAL: Final = frozenset({"completed", "failed", "expired", "cancelled"})
WINDOW = re.compile(r"([1-9][0-9]{0,3})([hd])")


@dataclass(frozen=True, slots=True)
class Step:
    """A status and the second since the epoch it begins at. Its time is reported in the field `<status>_at`."""

    status: str
    at: float


def window_seconds(window: str) -> float:
    """`24h` or `7d` in seconds; ValueError for anything else."""
    found = WINDOW.fullmatch(window)
    if not found:
        raise ValueError(f"not a completion window: {window!r}")
    return int(found[1]) * (3600.0 if found[2] == "h" else DAY)


def steps(batch: Batch, timings: Timings) -> tuple[Step, ...]:
    """Every status this batch goes through after `validating`, in order, as far as is known now."""
    validated = batch.created_at + timings.validating
    if batch.result and batch.result.problems:
        return (Step("failed", validated),)
    finalizing = validated + timings.in_progress
    plain = (
        Step("in_progress", validated),
        Step("finalizing", finalizing),
        Step("completed", finalizing + timings.finalizing),
    )
    if batch.cancelled_at is not None:
        end = Step("cancelled", batch.cancelled_at + timings.cancelling)
        return (*_until(plain, batch.cancelled_at), Step("cancelling", batch.cancelled_at), end)
    expires = expires_at(batch) if math.isfinite(finalizing) else math.inf
    return plain if plain[-1].at <= expires else (*_until(plain, expires), Step("expired", expires))


def reached(batch: Batch, timings: Timings, now: float) -> tuple[Step, ...]:
    """The statuses begun by `now`; the last one is the present. It starts with `validating`."""
    begun = (step for step in steps(batch, timings) if step.at <= now)
    return (Step("validating", batch.created_at), *begun)


def status(batch: Batch, timings: Timings, now: float) -> str:
    """The status at `now`."""
    return reached(batch, timings, now)[-1].status


def is_due(batch: Batch, timings: Timings, now: float) -> bool:
    """Whether the input has to be processed before the batch can be shown as it stands at `now`."""
    validated = batch.created_at + timings.validating
    last = now if batch.cancelled_at is None else batch.cancelled_at
    return batch.result is None and validated <= min(now, last)


def share_done(batch: Batch, timings: Timings, now: float) -> float:
    """How much of the input is answered at `now`, from 0 to 1: as much as time has passed of that for it.

    A batch that is cancelled or expires goes no further.
    """
    started = batch.created_at + timings.validating
    last = min(now, expires_at(batch), now if batch.cancelled_at is None else batch.cancelled_at)
    if last < started or math.isinf(timings.in_progress):
        return 0.0
    return min(1.0, (last - started) / timings.in_progress) if timings.in_progress > 0 else 1.0


def expires_at(batch: Batch) -> float:
    """When the completion window closes."""
    return batch.created_at + window_seconds(batch.completion_window)


def _until(plain: tuple[Step, ...], end: float) -> tuple[Step, ...]:
    return tuple(step for step in plain if step.at < end)

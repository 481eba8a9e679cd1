"""What a webhook may be called for, and what a run that is over was."""

from typing import Literal

from batchrunner.summaries import RunSummary

Occasion = Literal[
    "apply-failed",
    "apply-succeeded",
    "apply-unchanged",
    "batch-ended",
    "batch-failed",
    "fetch-failed",
    "fetch-succeeded",
    "wait-failed",
]
"""apply-failed     apply or retry ended with another exit code than 0, whyever
apply-succeeded  … with 0, and something was submitted, imported or moved
apply-unchanged  … with 0, and there was nothing to do
batch-ended      a run that waited ended with 0: all that it waited for is done
batch-failed     a run that waited ended with 5: a remote batch failed, expired or was cancelled
wait-failed      `wait` ended with another code
"""
TROUBLES: tuple[Occasion, ...] = ("apply-failed", "batch-failed", "fetch-failed", "wait-failed")
_DID_SOMETHING = ("submitted", "imported", "moved")
_BATCH_FAILED = 5


def occasions_of(summary: RunSummary) -> frozenset[str]:
    """What there is to be told of a run: one occasion, and for an apply that waited two."""
    verb = "apply" if summary.command in {"apply", "retry"} else summary.command
    if summary.exit_code == _BATCH_FAILED and summary.command != "fetch":
        return frozenset({"batch-failed"})
    if summary.exit_code:
        return frozenset({f"{verb}-failed"})
    ended = {"batch-ended"} if summary.verdicts.get("done") and verb != "fetch" else set()
    if verb == "wait":
        return frozenset(ended)
    idle = verb == "apply" and not any(summary.counts.get(word) for word in _DID_SOMETHING)
    return frozenset({f"{verb}-{'unchanged' if idle else 'succeeded'}", *ended})

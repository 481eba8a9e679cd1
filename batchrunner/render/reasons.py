"""Reason codes as sentences, with their evidence. A code without a sentence is shown as it is."""

from collections.abc import Callable, Mapping

from batchrunner.plans import Blocked, Change, Replace, Unchanged
from batchrunner.printable import printable
from batchrunner.render.units import moment

REASONS: Mapping[str, str] = {
    "new": "not submitted before",
    "rejected-before": "the provider refused the attempt before; this is attempt {attempt}",
    "never-sent": "an earlier intent was never sent, and this one takes its place",
    "replace-requested": "--replace asks for one more paid batch beside {replaces}",
    "interrupted": "an earlier apply stopped here; its stored intent is sent as it stands",
    "in-doubt": "sent before, outcome unknown; settled first, with the same key",
    "deferred": "put off by an earlier apply; its stored intent is sent as it stands",
    "spec-changed-since": "the spec was edited since; the stored intent goes first, as it stands",
    "already-submitted": "already submitted for {run} at {when}, {batch}",
    "metadata-differs": "already submitted for {run} at {when}, {batch}; only its metadata differs, nothing is sent",
    "failed-remotely": "submitted for {run} at {when}, {batch}, and ended {status}; only --replace pays for it again",
    "changed-since-submitted": "changed since it was submitted for {run} as {batch}",
    "in-doubt-held": "held in doubt for {run}: sent, and nobody knows whether the provider has it",
    "key-expired": "held in doubt for {run}: its key may be forgotten, so sending it again could pay twice",
    "origin-changed": "held for {run}: its provider is at another address now than its intent was written for",
    "provider-unknown": "held for {run}: the provider that its intent names is no longer known",
    "input-changed": "held for {run}: the input changed since its intent was written",
    "not-in-specs": "in state for {run} as {batch}, not in the specs; left alone",
}


def sentence(change: Change, show: Callable[[str], str] = printable) -> str:
    """Why a change is what it is, in words. Times are UTC, batch ids whole; `show` makes what is data safe to print."""
    words = REASONS.get(change.reason)
    return show(change.reason) if words is None else words.format_map(_evidence(change, show)) + _status(change, show)


def _evidence(change: Change, show: Callable[[str], str]) -> dict[str, str]:
    batch = getattr(change, "batch_id", "")
    when = moment(change.submitted_at, near=change.run_key) if isinstance(change, Unchanged) else ""
    return {
        "run": show(change.run_key),
        "batch": show(batch) if batch else "a batch of unknown id",
        "when": show(when) if when else "an unknown time",
        "attempt": str(getattr(change, "attempt", "")),
        "status": show(getattr(change, "status", "") or "failed"),
        "replaces": show(change.replaces) if isinstance(change, Replace) else "",
    }


def _status(change: Change, show: Callable[[str], str]) -> str:
    said = "{status}" in REASONS[change.reason]
    return f" ({show(change.status)})" if isinstance(change, Unchanged) and change.status and not said else ""


def explanation(change: Change) -> str:
    """What more is known of a blocked change, safe to print; empty for others."""
    return printable(change.explanation) if isinstance(change, Blocked) else ""


def command(change: Change) -> str:
    """The command that settles a change only a person can settle, safe to print; empty where there is none."""
    return printable(change.hint) if isinstance(change, Blocked) else ""

"""Reason codes as sentences, with their evidence. A code without a sentence is shown as it is."""

from collections.abc import Callable, Mapping, Sequence

from batchrunner.plans import Blocked, Change, Move, Replace, Unchanged
from batchrunner.printable import printable
from batchrunner.render.units import counted, moment

REASONS: Mapping[str, str] = {
    "new": "not submitted before",
    "rejected-before": "the provider refused the attempt before; this is attempt {attempt}",
    "never-sent": "an earlier intent was never sent, and this one takes its place",
    "replace-requested": "--replace asks for one more paid batch beside {replaces}",
    "interrupted": "an earlier apply stopped here; its stored intent is sent as it stands",
    "in-doubt": "sent before, outcome unknown; settled first, with the same key",
    "deferred": "put off by an earlier apply; its stored intent is sent as it stands",
    "spec-changed-since": "the spec was edited since; the stored intent goes first, as it stands",
    "declared-in-imports": "the spec's `imports` says that {batch} is it; nothing is submitted",
    "declared-in-moved": "the spec's `moved` says that {previous} is called this now; nothing is submitted",
    "already-submitted": "already submitted for {run} at {when}, {batch}",
    "metadata-differs": "already submitted for {run} at {when}, {batch}; only its metadata differs, nothing is sent",
    "failed-remotely": "submitted for {run} at {when}, {batch}, and ended {status}; nothing is sent by itself",
    "expired-remotely": "submitted for {run} at {when}, {batch}, and ended {status}; nothing is sent by itself",
    "cancelled-remotely": "submitted for {run} at {when}, {batch}, and ended {status}; nothing is sent by itself",
    "gone-remotely": "submitted for {run} at {when}, {batch}, which the provider lost; nothing is sent by itself",
    "changed-since-submitted": "changed since it was submitted for {run} as {batch}",
    "in-doubt-held": "held in doubt for {run}: sent, and nobody knows whether the provider has it",
    "key-expired": "held in doubt for {run}: its key may be forgotten, so sending it again could pay twice",
    "origin-changed": "held for {run}: its provider is at another address now than its intent was written for",
    "provider-unknown": "held for {run}: the provider that its intent names is no longer known",
    "input-changed": "held for {run}: the input changed since its intent was written",
    "looks-renamed": "the same content was submitted for {run} as {batch}, under a name that the specs no longer have",
    "move-conflict": "moved, and submitted for {run} under its new name already, as {batch}",
    "not-in-specs": "in state for {run} as {batch}, not in the specs; left alone",
}


def sentence(change: Change, show: Callable[[str], str] = printable, shards: Sequence[Change] = ()) -> str:
    """Why a change is what it is, in words. Times are UTC, batch ids whole; `show` makes what is data safe to print.

    `shards` are those that the sentence is said for, where it is not for `change` alone.
    """
    words = REASONS.get(change.reason)
    if words is None:
        return show(change.reason)
    return words.format_map(_evidence(change, show) | _common(shards, show)) + _status(change, show)


def _evidence(change: Change, show: Callable[[str], str]) -> dict[str, str]:
    batch = getattr(change, "batch_id", "")
    return {
        "run": show(change.run_key),
        "batch": show(batch) if batch else "a batch of unknown id",
        "when": show(_when(change)) or "an unknown time",
        "attempt": str(getattr(change, "attempt", "")),
        "status": show(getattr(change, "status", "") or "failed"),
        "replaces": show(change.replaces) if isinstance(change, Replace) else "",
        "previous": show(change.previous) if isinstance(change, Move) else "",
    }


def _when(change: Change) -> str:
    return moment(change.submitted_at, near=change.run_key) if isinstance(change, Unchanged) else ""


def _common(shards: Sequence[Change], show: Callable[[str], str]) -> dict[str, str]:
    """What is said of several changes in place of each one's batch and time."""
    if len(shards) < 2:
        return {}
    batches = counted(len(shards), "batch")
    first, *others = sorted(dict.fromkeys(map(_when, shards)))
    when = " to ".join(map(show, [first, *others[-1:]])) or "an unknown time"
    return {"batch": batches, "replaces": batches, "when": when}


def _status(change: Change, show: Callable[[str], str]) -> str:
    said = "{status}" in REASONS[change.reason] or change.reason == "gone-remotely"
    return f" ({show(change.status)})" if isinstance(change, Unchanged) and change.status and not said else ""


def explanation(changes: Sequence[Change]) -> str:
    """What more is known of blocked changes, safe to print; empty for others, and where each has its own."""
    told = {change.explanation if isinstance(change, Blocked) else "" for change in changes}
    return printable(told.pop()) if len(told) == 1 else ""


def command(change: Change) -> str:
    """The command with which a person goes on from a change, safe to print; empty where there is none."""
    return printable(change.hint) if isinstance(change, Blocked | Unchanged) else ""

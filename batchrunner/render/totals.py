"""What a plan adds up to."""

from collections.abc import Iterable
from dataclasses import dataclass

from batchrunner.manifest import LocalFile
from batchrunner.plans import Change, Plan, Resume, Submit
from batchrunner.render.costs import short_words
from batchrunner.render.units import count, counted, size

VERBS = {
    "resume": "to resume",
    "submit": "to submit",
    "replace": "to replace",
    "import": "to import",
    "move": "to move",
    "unchanged": "unchanged",
    "orphan": "orphan",
    "blocked": "blocked",
}
"""Every action in the order it is shown: what is sent, then what is left alone, last what waits for a person."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Request lines and bytes of local inputs, and how many changes read a file the provider already has.

    `certain` is whether every byte is still to be uploaded; a resumed change may have done so.
    """

    requests: int
    size: int
    provider_files: int
    certain: bool


def totals(changes: Iterable[Change]) -> Totals:
    """The totals of those of `changes` that send something."""
    sending = [change for change in changes if isinstance(change, Submit | Resume)]
    local = [change.source for change in sending if isinstance(change.source, LocalFile)]
    return Totals(
        requests=sum(source.requests for source in local),
        size=sum(source.size for source in local),
        provider_files=len(sending) - len(local),
        certain=not any(isinstance(c, Resume) and isinstance(c.source, LocalFile) for c in sending),
    )


def total_words(summed: Totals) -> str:
    """`152,200 requests, 217.8 MB to upload, 1 file already at the provider`; empty when nothing is sent."""
    words = []
    if summed.size or summed.requests:
        most = "" if summed.certain else "at most "
        words += [counted(summed.requests, "request"), f"{most}{size(summed.size)} to upload"]
    if summed.provider_files:
        words.append(f"{counted(summed.provider_files, 'file')} already at the provider")
    return ", ".join(words)


def amounts(changes: Iterable[Change]) -> str:
    """All that `changes` would send: requests, bytes, files at the provider, tokens and cost; empty for nothing."""
    sending = [change for change in changes if isinstance(change, Submit | Resume)]
    return ", ".join(filter(None, [total_words(totals(sending)), short_words(sending)]))


def count_words(plan: Plan, between: str = ", ") -> str:
    """`5 to submit, 1 unchanged`: how many changes of each action there are, without the zeros."""
    counts = {action: number for action, number in plan.counts.items() if number}
    return between.join(f"{count(number)} {_verb(action, number)}" for action, number in counts.items())


def _verb(action: str, number: int) -> str:
    return "orphans" if action == "orphan" and number > 1 else VERBS[action]


def summary(plan: Plan) -> tuple[str, ...]:
    """The last sentences of a plan: what it would do, and how much of it."""
    if plan.sendable and plan.refusals:
        return (
            "Refused: nothing is sent.",
            f"Asked for: {count_words(plan)}.",
            f"{total_words(totals(plan.changes))}.",
        )
    if plan.sendable:
        return (f"Plan: {count_words(plan)}.", f"{total_words(totals(plan.changes))}.")
    if plan.blocked or plan.moves or plan.imports:
        return (f"Plan: nothing to send, {count_words(plan)}.",)
    if plan.changes:
        return ("No changes.", f"Nothing to send: {count_words(plan)}.")
    return ("No changes.", "There is nothing to submit.")

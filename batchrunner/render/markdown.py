"""A plan as GitHub markdown, for a comment on a pull request."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from batchrunner.manifest import LocalFile
from batchrunner.plans import Change, Notice, Orphan, Plan, Refusal, Unchanged
from batchrunner.render.costs import bill_of, bill_words, cost_sentences
from batchrunner.render.fences import block, code, marker
from batchrunner.render.folding import Fold, folded, gathered, unfolded
from batchrunner.render.markdownbase import base_details
from batchrunner.render.markdownspecs import more, specs_list
from batchrunner.render.markdowntable import MANY, fit, sendable_table
from batchrunner.render.reasons import command, explanation, sentence
from batchrunner.render.totals import count_words, total_words, totals
from batchrunner.render.units import count, counted

LIMIT = 60_000
"""Characters of a comment. GitHub refuses more than 65,536."""
ROOM = {
    "refusals": 5_000,
    "notices": 4_000,
    "specs": 4_000,
    "blocked": 8_000,
    "sendable": 12_000,
    "settled": 3_000,
    "base": 9_000,
    "unchanged": 3_000,
    "orphans": 2_000,
    "digests": 3_000,
}
"""Characters of rows that each part may take; what one leaves, the next may use. The rest is for the frame."""
DIGESTS = 20
"""Digests that are listed: the first of them is of the plan, and so of all."""
LONGEST_COMMAND = 1_000
NEXT = "Next, once this is merged: `batchrunner apply` with the paths and all the flags of this plan."
TO_SAVE = "To apply exactly what is shown here, save it (`batchrunner plan … --out FILE`) and `batchrunner apply FILE`."

Item = TypeVar("Item")


def plan_markdown(plan: Plan, saved: str = "") -> str:
    """`plan` as the body of a comment, at most 60,000 characters; what does not fit is counted.

    `saved` is the file that the plan is saved in, empty for none. The first line is a marker by which the comment is
    found and replaced. Ends with a newline.
    """
    parts: list[str] = []
    spare = 0
    for part, room in ROOM.items():
        text, spare = PARTS[part](plan, room + spare)
        parts.append(text)
    return "\n\n".join(filter(None, [*_head(plan), *parts, _next(plan, saved)])) + "\n"


def _head(plan: Plan) -> Iterator[str]:
    yield marker(plan.paths or tuple(spec.path for spec in plan.specs)) + "\n### batchrunner plan: " + _headline(plan)
    if plan.sendable:
        yield f"{total_words(totals(plan.changes))}. " + " ".join(cost_sentences(plan.sendable, code))


def _headline(plan: Plan) -> str:
    words = ("⛔ refused · " if plan.refusals else "") + count_words(plan, between=" · ")
    if plan.sendable:
        summed = bill_of(plan.sendable)
        cost = "cost unknown" if summed.low is None else f"**{bill_words(summed)}**"
        return f"{words} · {cost}"
    if plan.has_changes:
        return words
    return f"no changes · {words}" if words else "no changes"


def _refusals(plan: Plan, room: int) -> tuple[str, int]:
    if not plan.refusals:
        return "", room
    text, spare = _listing(plan.refusals, _refusal, room)
    return f"#### ⛔ Refused by the project's policy: nothing of this plan will be submitted\n\n{text}", spare


def _refusal(refusal: Refusal) -> str:
    return f"- {code(refusal.rule)}: {code(refusal.message)}"


def _notices(plan: Plan, room: int) -> tuple[str, int]:
    if not plan.notices:
        return "", room
    notices = sorted(plan.notices, key=lambda notice: not notice.is_warning)
    text, spare = _listing(notices, _notice, room)
    warnings = sum(notice.is_warning for notice in notices)
    heading = [f"⚠️ {counted(warnings, 'warning')}"] if warnings else []
    heading += [counted(len(notices) - warnings, "note")] if warnings < len(notices) else []
    return f"#### {', '.join(heading)}\n\n{text}", spare


def _notice(notice: Notice) -> str:
    where = f"{code(notice.where)}: " if notice.where else ""
    return f"- {where}{code(notice.message)}"


def _listing(items: Sequence[Item], row: Callable[[Item], str], room: int) -> tuple[str, int]:
    kept, spare = fit(map(row, items), room)
    return "\n".join([*kept, *more(len(items) - len(kept))]), spare


def _folds(changes: Sequence[Change], row: Callable[[Fold], str], room: int) -> tuple[str, int]:
    """Rows of changes, alike ones as one, and how many changes have no room."""
    folds = gathered(folded(changes), MANY)
    kept, spare = fit(map(row, folds), room)
    return "\n".join([*kept, *more(len(unfolded(folds[len(kept) :])))]), spare


def _blocked(plan: Plan, room: int) -> tuple[str, int]:
    if not plan.blocked:
        return "", room
    text, spare = _folds(plan.blocked, _blocked_row, room)
    return f"#### ⛔ {count(len(plan.blocked))} blocked: only a person can say what is right\n\n{text}", spare


def _blocked_row(fold: Fold) -> str:
    lines = [_reasoned(fold)]
    if explained := explanation(fold.changes):
        lines.append(f"  {code(explained)}")
    return "\n".join([*lines, *_command(fold.first)])


def _command(change: Change) -> list[str]:
    typed = command(change)
    if not typed:
        return []
    return (
        [block(typed, indent="  ")] if len(typed) <= LONGEST_COMMAND else ["  The command is in the text of the plan."]
    )


def _reasoned(fold: Fold) -> str:
    return f"- {code(fold.address)}: {sentence(fold.first, code, fold.changes)}"


def _folded(title: str, text: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"


def _sendable(plan: Plan, room: int) -> tuple[str, int]:
    return sendable_table(plan.sendable, room) if plan.sendable else ("", room)


def _settled(plan: Plan, room: int) -> tuple[str, int]:
    """What is renamed in state, or taken over from the provider: nothing of it is sent."""
    found: list[Change] = [*plan.moves, *plan.imports]
    if not found:
        return "", room
    text, spare = _folds(found, _reasoned, room)
    return f"#### {_settled_words(plan)}: nothing is paid for\n\n{text}", spare


def _settled_words(plan: Plan) -> str:
    renamed, taken = len(plan.moves), len(plan.imports)
    words = [f"➡️ {count(renamed)} renamed"] if renamed else []
    return ", ".join([*words, *([f"📥 {count(taken)} taken over from the provider"] if taken else [])])


def _base(plan: Plan, room: int) -> tuple[str, int]:
    return base_details(plan.base, room) if plan.base else ("", room)


def _unchanged(plan: Plan, room: int) -> tuple[str, int]:
    found = [change for change in plan.changes if isinstance(change, Unchanged)]
    if not found:
        return "", room
    text, spare = _folds(found, _settled_row, room)
    ended = sum(bool(change.hint) for change in found)
    return _folded(
        f"{count(len(found))} unchanged{f', {count(ended)} of them ended badly' if ended else ''}", text
    ), spare


def _settled_row(fold: Fold) -> str:
    return "\n".join([_reasoned(fold), *_command(fold.first)])


def _orphans(plan: Plan, room: int) -> tuple[str, int]:
    found = [change for change in plan.changes if isinstance(change, Orphan)]
    if not found:
        return "", room
    text, spare = _folds(found, _reasoned, room)
    return _folded(counted(len(found), "orphan"), text), spare


def _digests(plan: Plan, room: int) -> tuple[str, int]:
    inputs = dict.fromkeys(_digest(change.source) for change in plan.sendable if isinstance(change.source, LocalFile))
    named = [("", "plan", plan.plan_id), *(("", spec.path, spec.sha256) for spec in plan.specs), *inputs]
    kept, spare = fit((f"- {words}{code(name)} {code(digest)}" for words, name, digest in named[:DIGESTS]), room)
    return _folded("Digests", "\n".join([*kept, *more(len(named) - len(kept))])), spare


def _digest(source: LocalFile) -> tuple[str, str, str]:
    """Whose digest it is: that of a table is of the lines its rows are rendered to."""
    return "rendered from " if source.template else "", source.path, source.sha256


def _next(plan: Plan, saved: str) -> str:
    if plan.refusals or not plan.settling:
        return ""
    # A plan does not say which flags made it, and without one of them the same specs could be another run.
    if not saved:
        return f"{NEXT} {TO_SAVE}"
    # Its folder is one of the machine that planned: nobody who reads the comment has it.
    name = code(saved.rpartition("/")[2])
    return f"{NEXT} What is shown here is saved as {name}: `batchrunner apply` with it applies exactly that."


PARTS: dict[str, Callable[[Plan, int], tuple[str, int]]] = {
    "refusals": _refusals,
    "notices": _notices,
    "specs": specs_list,
    "blocked": _blocked,
    "sendable": _sendable,
    "settled": _settled,
    "base": _base,
    "unchanged": _unchanged,
    "orphans": _orphans,
    "digests": _digests,
}

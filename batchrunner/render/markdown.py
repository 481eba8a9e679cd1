"""A plan as GitHub markdown, for a comment on a pull request."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from batchrunner.address import spec_of
from batchrunner.manifest import LocalFile
from batchrunner.plans import Change, Notice, Orphan, Plan, PlannedSpec, Refusal, Sendable, Unchanged, action_of
from batchrunner.render.costs import UNKNOWN, bill_of, bill_words, cost_sentences
from batchrunner.render.fences import block, cell, code, marker
from batchrunner.render.folding import Fold, folded, unfolded
from batchrunner.render.reasons import command, explanation, sentence
from batchrunner.render.rows import model_words, sending
from batchrunner.render.totals import amounts, count_words, total_words, totals
from batchrunner.render.units import count, counted, scaled, size

LIMIT = 60_000
"""Characters of a comment. GitHub refuses more than 65,536."""
ROOM = {
    "refusals": 5_000,
    "notices": 4_000,
    "specs": 5_000,
    "blocked": 9_000,
    "sendable": 15_000,
    "unchanged": 6_000,
    "orphans": 4_000,
    "digests": 5_000,
}
"""Characters of rows that each part may take; what one leaves, the next may use. The rest is for the frame."""
LONGEST_COMMAND = 1_000
TARGETS_SHOWN = 5
NEXT = (
    "Next, once this is merged: `batchrunner apply` with the paths and all the flags of this plan. "
    "To apply exactly what is shown here, save it (`batchrunner plan … --out FILE`) and `batchrunner apply FILE`."
)

ICONS = {"submit": "\N{HEAVY PLUS SIGN} submit", "resume": "🔁 resume", "replace": "♻️ replace"}
Rows = tuple[list[str], int]
Item = TypeVar("Item")


def plan_markdown(plan: Plan) -> str:
    """`plan` as the body of a comment, at most 60,000 characters; what does not fit is counted.

    The first line is a marker by which the comment is found and replaced. Ends with a newline.
    """
    parts: list[str] = []
    spare = 0
    for part, room in ROOM.items():
        text, spare = PARTS[part](plan, room + spare)
        parts.append(text)
    return "\n\n".join(filter(None, [*_head(plan), *parts, _next(plan)])) + "\n"


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
    if plan.blocked:
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


def _fit(rows: Iterable[str], room: int) -> Rows:
    kept = []
    for row in rows:
        if len(row) + 1 > room:
            break
        room -= len(row) + 1
        kept.append(row)
    return kept, room


def _listing(items: Sequence[Item], row: Callable[[Item], str], room: int) -> tuple[str, int]:
    kept, spare = _fit(map(row, items), room)
    return "\n".join([*kept, *_more(len(items) - len(kept))]), spare


def _more(number: int) -> list[str]:
    return [f"- … and {count(number)} more"] if number else []


def _specs(plan: Plan, room: int) -> tuple[str, int]:
    kept, spare = _fit((_spec(spec) + _sums(plan, spec) for spec in plan.specs), room)
    return "\n".join([*_targets(plan), *kept, *_more(len(plan.specs) - len(kept))]), spare


def _targets(plan: Plan) -> list[str]:
    if not plan.targets:
        return []
    rest = len(plan.targets) - TARGETS_SHOWN
    named = ", ".join(map(code, plan.targets[:TARGETS_SHOWN])) + (f" and {count(rest)} more" if rest > 0 else "")
    return [f"- only what `--target` names: {named}"]


def _spec(spec: PlannedSpec) -> str:
    state = f"{spec.state} #{spec.serial}" if spec.lineage else f"{spec.state} (new)"
    return f"- {code(spec.path)} · run {code(spec.run)} · state {code(state)}"


def _sums(plan: Plan, spec: PlannedSpec) -> str:
    """What a spec would send, where there are several."""
    words = amounts(c for c in plan.sendable if spec_of(c.address) == spec.name) if len(plan.specs) > 1 else ""
    return f" · {words}" if words else ""


def _blocked(plan: Plan, room: int) -> tuple[str, int]:
    if not plan.blocked:
        return "", room
    text, spare = _listing(folded(plan.blocked), _blocked_row, room)
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


def _sendable(plan: Plan, room: int) -> tuple[str, int]:
    if not plan.sendable:
        return "", room
    folds = folded(plan.sendable)
    kept, spare = _fit(map(_row, folds), room)
    rest = unfolded(folds[len(kept) :])
    more = [f"| … | {count(len(rest))} more: {amounts(rest)} | | | | | | | |"] if rest else []
    head = [
        "| | batch | model | requests | size | tokens | cost | endpoint | run |",
        "|---|---|---|--:|--:|--:|--:|---|---|",
    ]
    return "\n".join([*head, *kept, *more]), spare


def _row(fold: Fold) -> str:
    changes = sending(fold)
    change = changes[0]
    reason = "" if change.reason == "new" else f" {cell(change.reason)}"
    endpoint = f"{cell(change.endpoint)} {cell(change.completion_window)} {cell(change.provider)}"
    cost = bill_words(bill_of(changes), UNKNOWN)
    model = model_words(changes, cell) or "-"
    cells = [ICONS[action_of(change)] + reason, cell(fold.address), model, *_input(changes), cost, endpoint]
    return f"| {' | '.join(cells)} | {cell(change.run_key)} |"


def _input(changes: Sequence[Sendable]) -> tuple[str, str, str]:
    """Requests, size and tokens; or the file at the provider."""
    local = [change.source for change in changes if isinstance(change.source, LocalFile)]
    summed = bill_of(changes)
    tokens = UNKNOWN if summed.without_tokens else f"~{scaled(summed.input_tokens)}"
    if isinstance(source := changes[0].source, LocalFile):
        return count(sum(each.requests for each in local)), size(sum(each.size for each in local)), tokens
    return cell(source.file_id), "-", tokens


def _folded(title: str, text: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"


def _unchanged(plan: Plan, room: int) -> tuple[str, int]:
    found = [change for change in plan.changes if isinstance(change, Unchanged)]
    if not found:
        return "", room
    text, spare = _listing(folded(found), _settled_row, room)
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
    text, spare = _listing(folded(found), _reasoned, room)
    return _folded(counted(len(found), "orphan"), text), spare


def _digests(plan: Plan, room: int) -> tuple[str, int]:
    inputs = dict.fromkeys(_digest(change.source) for change in plan.sendable if isinstance(change.source, LocalFile))
    named = [("", "plan", plan.plan_id), *(("", spec.path, spec.sha256) for spec in plan.specs), *inputs]
    kept, spare = _fit((f"- {words}{code(name)} {code(digest)}" for words, name, digest in named), room)
    return _folded("Digests", "\n".join([*kept, *_more(len(named) - len(kept))])), spare


def _digest(source: LocalFile) -> tuple[str, str, str]:
    """Whose digest it is: that of a table is of the lines its rows are rendered to."""
    return "rendered from " if source.template else "", source.path, source.sha256


def _next(plan: Plan) -> str:
    # A plan does not say which flags made it, and without one of them the same specs could be another run.
    return NEXT if plan.sendable and not plan.refusals else ""


PARTS: dict[str, Callable[[Plan, int], tuple[str, int]]] = {
    "refusals": _refusals,
    "notices": _notices,
    "specs": _specs,
    "blocked": _blocked,
    "sendable": _sendable,
    "unchanged": _unchanged,
    "orphans": _orphans,
    "digests": _digests,
}

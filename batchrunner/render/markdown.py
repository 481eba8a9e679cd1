"""A plan as GitHub markdown, for a comment on a pull request."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from batchrunner.manifest import LocalFile, Source
from batchrunner.plans import Change, Orphan, Plan, PlannedSpec, Sendable, Unchanged, action_of
from batchrunner.render.fences import block, cell, code, marker
from batchrunner.render.reasons import command, explanation, sentence
from batchrunner.render.totals import count_words, total_words, totals
from batchrunner.render.units import count, counted, size

LIMIT = 60_000
"""Characters of a comment. GitHub refuses more than 65,536."""
ROOM = {"specs": 5_000, "blocked": 13_000, "sendable": 22_000, "unchanged": 6_000, "orphans": 4_000, "digests": 5_000}
"""Characters of rows that each part may take; what one leaves, the next may use. The rest is for the frame."""
LONGEST_COMMAND = 1_000
TARGETS_SHOWN = 5
NEXT = (
    "Next, once this is merged: `batchrunner apply` with the paths and all the flags of this plan. "
    "To apply exactly what is shown here, save it (`batchrunner plan … --out FILE`) and `batchrunner apply FILE`."
)

ICONS = {"submit": "\N{HEAVY PLUS SIGN} submit", "resume": "🔁 resume", "replace": "♻️ replace"}
Rows = tuple[list[str], int]


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
    yield marker(tuple(spec.path for spec in plan.specs)) + "\n### batchrunner plan: " + _headline(plan)
    if plan.sendable:
        yield f"{total_words(totals(plan.changes))}."


def _headline(plan: Plan) -> str:
    words = count_words(plan, between=" · ")
    if plan.sendable or plan.blocked:
        return words
    return f"no changes · {words}" if words else "no changes"


def _fit(rows: Iterable[str], room: int) -> Rows:
    kept = []
    for row in rows:
        if len(row) + 1 > room:
            break
        room -= len(row) + 1
        kept.append(row)
    return kept, room


def _listing(items: Sequence[Change], row: Callable[[Change], str], room: int) -> tuple[str, int]:
    kept, spare = _fit(map(row, items), room)
    return "\n".join([*kept, *_more(len(items) - len(kept))]), spare


def _more(number: int) -> list[str]:
    return [f"- … and {count(number)} more"] if number else []


def _specs(plan: Plan, room: int) -> tuple[str, int]:
    kept, spare = _fit(map(_spec, plan.specs), room)
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


def _blocked(plan: Plan, room: int) -> tuple[str, int]:
    if not plan.blocked:
        return "", room
    text, spare = _listing(plan.blocked, _blocked_row, room)
    return f"#### ⛔ {count(len(plan.blocked))} blocked: only a person can say what is right\n\n{text}", spare


def _blocked_row(change: Change) -> str:
    lines = [_reasoned(change)]
    if explained := explanation(change):
        lines.append(f"  {code(explained)}")
    return "\n".join([*lines, *_command(change)])


def _command(change: Change) -> list[str]:
    typed = command(change)
    if not typed:
        return []
    return (
        [block(typed, indent="  ")] if len(typed) <= LONGEST_COMMAND else ["  The command is in the text of the plan."]
    )


def _reasoned(change: Change) -> str:
    return f"- {code(change.address)}: {sentence(change, code)}"


def _sendable(plan: Plan, room: int) -> tuple[str, int]:
    if not plan.sendable:
        return "", room
    kept, spare = _fit(map(_row, plan.sendable), room)
    rest = plan.sendable[len(kept) :]
    more = [f"| … | {count(len(rest))} more: {total_words(totals(rest))} | | | | |"] if rest else []
    head = ["| | batch | requests | size | endpoint | run |", "|---|---|--:|--:|---|---|"]
    return "\n".join([*head, *kept, *more]), spare


def _row(change: Sendable) -> str:
    reason = "" if change.reason == "new" else f" {cell(change.reason)}"
    endpoint = f"{cell(change.endpoint)} {cell(change.completion_window)} {cell(change.provider)}"
    action = ICONS[action_of(change)] + reason
    return f"| {action} | {cell(change.address)} | {_input(change.source)} | {endpoint} | {cell(change.run_key)} |"


def _input(source: Source) -> str:
    if isinstance(source, LocalFile):
        return f"{count(source.requests)} | {size(source.size)}"
    return f"{cell(source.file_id)} | -"


def _folded(title: str, text: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"


def _unchanged(plan: Plan, room: int) -> tuple[str, int]:
    found = [change for change in plan.changes if isinstance(change, Unchanged)]
    if not found:
        return "", room
    text, spare = _listing(found, _reasoned, room)
    return _folded(f"{count(len(found))} unchanged", text), spare


def _orphans(plan: Plan, room: int) -> tuple[str, int]:
    found = [change for change in plan.changes if isinstance(change, Orphan)]
    if not found:
        return "", room
    text, spare = _listing(found, _reasoned, room)
    return _folded(counted(len(found), "orphan"), text), spare


def _digests(plan: Plan, room: int) -> tuple[str, int]:
    inputs = {(c.source.path, c.source.sha256): None for c in plan.sendable if isinstance(c.source, LocalFile)}
    named = [("plan", plan.plan_id), *((spec.path, spec.sha256) for spec in plan.specs), *inputs]
    kept, spare = _fit((f"- {code(name)} {code(digest)}" for name, digest in named), room)
    return _folded("Digests", "\n".join([*kept, *_more(len(named) - len(kept))])), spare


def _next(plan: Plan) -> str:
    # A plan does not say which flags made it, and without one of them the same specs could be another run.
    return NEXT if plan.sendable else ""


PARTS: dict[str, Callable[[Plan, int], tuple[str, int]]] = {
    "specs": _specs,
    "blocked": _blocked,
    "sendable": _sendable,
    "unchanged": _unchanged,
    "orphans": _orphans,
    "digests": _digests,
}

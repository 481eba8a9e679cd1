"""What a plan sends, as a table in GitHub markdown."""

from collections.abc import Iterable, Sequence

from batchrunner.manifest import LocalFile
from batchrunner.plans import Sendable, action_of
from batchrunner.render.costs import UNKNOWN, bill_of, bill_words
from batchrunner.render.fences import cell
from batchrunner.render.folding import Fold, folded, gathered, unfolded
from batchrunner.render.rows import model_words, sending
from batchrunner.render.totals import amounts
from batchrunner.render.units import count, counted, scaled, size

MANY = 40
"""Rows, beyond which batches that are alike become one."""
ICONS = {"submit": "\N{HEAVY PLUS SIGN} submit", "resume": "🔁 resume", "replace": "♻️ replace"}


def fit(rows: Iterable[str], room: int) -> tuple[list[str], int]:
    """As many of `rows` as have room, and the characters that are left."""
    kept = []
    for row in rows:
        if len(row) + 1 > room:
            break
        room -= len(row) + 1
        kept.append(row)
    return kept, room


def sendable_table(changes: Sequence[Sendable], room: int) -> tuple[str, int]:
    """A row for each of `changes`, or for those that are alike, in at most `room` characters; the rest is summed up.

    Returns the characters that are left, too.
    """
    folds = gathered(folded(changes), MANY)
    kept, spare = fit(map(_row, folds), room)
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
    if local:
        return count(sum(each.requests for each in local)), size(sum(each.size for each in local)), tokens
    source = changes[0].source
    if len(changes) > 1 or isinstance(source, LocalFile):
        return f"{counted(len(changes), 'file')} there already", "-", tokens
    return cell(source.file_id), "-", tokens

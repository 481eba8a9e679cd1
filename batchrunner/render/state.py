"""State as text and as documents: every attempt in a table, or all that is known of one address."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from batchrunner.manifest import LocalFile, Source
from batchrunner.printable import printable
from batchrunner.records import Raw, plain, replace
from batchrunner.remote import NO_REPLY, Sight
from batchrunner.render.github import neutral
from batchrunner.render.json import envelope, reply_value
from batchrunner.render.layout import left, table, width_of
from batchrunner.render.standings import problem_text
from batchrunner.render.style import PLAIN, Style
from batchrunner.render.units import count, counted, moment, size
from batchrunner.state import Attempt, Entry, Problem

HEADINGS = ("ADDRESS", "RUN", "ATTEMPT", "STATUS", "BATCH", "SUBMITTED", "SEEN AS")
LABEL = 17


def list_text(entries: Sequence[Entry], width: int = 0, style: Style = PLAIN) -> str:
    """Attempts as a table, for people and `grep`: one line each, never cut. Ends without a newline.

    On a terminal of `width` columns that is too narrow for it, what follows the address goes on a second line; 0 is no
    terminal.
    """
    if not entries:
        return "Nothing in state."
    heading, *lines = table(_rows(entries))
    if width and max(map(width_of, [heading, *lines])) > width:
        heading, *lines = _stacked(entries)
    painted = [_paint(line, entry.attempt, style) for line, entry in zip(lines, entries, strict=True)]
    return neutral("\n".join([style.bold(heading), *painted]))


def _stacked(entries: Sequence[Entry]) -> list[str]:
    """The address and its batch, and the rest on a line below."""
    rows = _rows(entries)
    above = table([(row[0], row[4]) for row in rows])
    below = table([(*row[1:4], *row[5:]) for row in rows])
    return [f"{first}\n    {rest}" for first, rest in zip(above, below, strict=True)]


def _rows(entries: Sequence[Entry]) -> list[tuple[str, ...]]:
    """The heading and a row for each; without how they were seen where none was looked at."""
    rows = [HEADINGS, *map(_row, entries)]
    return rows if any(entry.attempt.sight for entry in entries) else [row[:-1] for row in rows]


def _row(entry: Entry) -> tuple[str, ...]:
    attempt = entry.attempt
    submitted = moment(attempt.updated_at) if attempt.status == "submitted" else "-"
    ours = (entry.address, entry.run_key, str(attempt.number), attempt.status, attempt.batch_id or "-", submitted)
    return tuple(map(printable, (*ours, remote_status(attempt) or "-")))


def remote_status(attempt: Attempt) -> str:
    """The status that the remote batch was last seen with, `gone` among them; empty where it was never seen."""
    sight = attempt.sight
    if sight is None or sight.is_gone:
        return "gone" if sight else ""
    return sight.batch.status if sight.batch else ""


def _paint(line: str, attempt: Attempt, style: Style) -> str:
    if attempt.unresolved:
        return style.yellow(line)
    return style.red(line) if attempt.status == "rejected" else line


def list_document(entries: Sequence[Entry]) -> dict[str, Any]:
    """Attempts as a JSON document, without requests and replies."""
    rows = [
        {
            "address": entry.address,
            "run_key": entry.run_key,
            "attempt": entry.attempt.number,
            "status": entry.attempt.status,
            "batch_id": entry.attempt.batch_id,
            "remote_status": remote_status(entry.attempt),
            "updated_at": entry.attempt.updated_at,
        }
        for entry in entries
    ]
    return envelope("state list", attempts=rows)


def show_text(address: str, entries: Sequence[Entry], style: Style = PLAIN) -> str:
    """All attempts of `address`: intent, request, replies, problem. Ends without a newline."""
    if not entries:
        return f"No state knows {printable(address)}."
    return neutral("\n\n".join("\n".join(_attempt_lines(entry, style)) for entry in entries))


def show_document(address: str, entries: Sequence[Entry]) -> dict[str, Any]:
    """All attempts of `address` as a JSON document."""
    return envelope("state show", address=address, attempts=[_attempt_object(entry) for entry in entries])


def _attempt_object(entry: Entry) -> dict[str, Any]:
    attempt = entry.attempt
    return {
        "run_key": entry.run_key,
        "number": attempt.number,
        "status": attempt.status,
        "updated_at": attempt.updated_at,
        "adopted": attempt.adopted,
        "batch_id": attempt.batch_id,
        "file_id": attempt.file_id,
        "sent_at": attempt.sent_at,
        "intent": plain(attempt.intent),
        "problem": plain(attempt.problem),
        "sight": _sight_object(attempt.sight),
        "fetched": plain(attempt.fetched),
        "request": attempt.request,
        "upload_reply": reply_value(attempt.upload_reply),
        "reply": reply_value(attempt.reply),
    }


def _sight_object(sight: Sight | None) -> Any:
    if sight is None:
        return None
    # The provider's object is bytes of JSON, and may hold what JSON of ours cannot.
    bare = replace(sight, batch=replace(sight.batch, reply=NO_REPLY)) if sight.batch else sight
    seen = plain(bare)
    if sight.batch:
        seen["batch"]["reply"] = reply_value(sight.batch.reply)
    return seen


def _attempt_lines(entry: Entry, style: Style) -> Iterator[str]:
    attempt = entry.attempt
    parts = (entry.address, f"run {entry.run_key}", f"attempt {attempt.number}", attempt.status)
    yield style.bold("   ".join(map(printable, parts)))
    for label, value in _facts(attempt):
        if value:
            yield f"  {style.dim(left(label, LABEL))} {printable(value)}"
    for problem in attempt.sight.batch.problems if attempt.sight and attempt.sight.batch else ():
        yield f"  {style.dim(left('', LABEL))} {problem_text(problem)}"
    if attempt.request:
        yield from _json_lines("request", attempt.request.encode("utf-8"), style)
    for label, reply in (("upload reply", attempt.upload_reply), ("reply", attempt.reply)):
        if bytes(reply) != bytes(NO_REPLY):
            yield from _json_lines(label, bytes(reply), style)


def _facts(attempt: Attempt) -> Iterator[tuple[str, str]]:
    intent = attempt.intent
    yield "batch", attempt.batch_id + (" (adopted)" if attempt.adopted else "")
    yield "problem", _problem(attempt.problem)
    yield "last seen", _seen(attempt)
    yield "updated", moment(attempt.updated_at)
    yield "intended", moment(intent.created_at)
    yield "may be sent since", moment(attempt.sent_at)
    yield "provider", f"{intent.provider} at {intent.origin}"
    yield "endpoint", f"{intent.endpoint}, {intent.completion_window}"
    yield "input", _source(intent.source)
    yield "file at provider", attempt.file_id
    yield "metadata", ", ".join(f"{name}={value}" for name, value in sorted(intent.metadata.items()))
    yield "idempotency key", intent.idempotency_key
    yield "fingerprint", intent.fingerprint
    yield "plan", intent.plan_id


def _problem(problem: Problem | None) -> str:
    if problem is None:
        return ""
    http = f", HTTP {problem.status}" if problem.status else ""
    return f"{problem.code}{http}" + (f': "{problem.words}"' if problem.words else "")


def _seen(attempt: Attempt) -> str:
    sight = attempt.sight
    if sight is None:
        return ""
    counts = sight.batch.counts if sight.batch else None
    numbers = f", {count(counts.completed)} of {counted(counts.total, 'request')} completed" if counts else ""
    failed = f", {count(counts.failed)} failed" if counts and counts.failed else ""
    misses = f", not found in {counted(sight.misses, 'look')}" if sight.misses else ""
    return f"{remote_status(attempt) or 'never'} at {moment(sight.at)}{numbers}{failed}{misses}"


def _source(source: Source) -> str:
    if isinstance(source, LocalFile):
        return f"{source.path}, {counted(source.requests, 'request')}, {size(source.size)}, {source.sha256}"
    return source.file_id


def _json_lines(label: str, document: bytes, style: Style) -> Iterator[str]:
    yield f"  {style.dim(label)}"
    text = json.dumps(reply_value(Raw(document)), indent=2, ensure_ascii=False)
    yield from (f"    {printable(line)}" for line in text.split("\n"))

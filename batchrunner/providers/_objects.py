"""Batch objects of the OpenAI family, as values. Other people's JSON: what cannot be read is left out, or unusable.

The shape is that of OpenAI's batch object (openai-openapi, `Batch`); servers that speak the same write statuses in
capitals, times as ISO 8601 and counts as null.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from batchrunner.errors import StateError
from batchrunner.moments import time_of
from batchrunner.providers._dialect import BatchesPage
from batchrunner.providers._listing import is_usable_id
from batchrunner.providers._verdicts import Unusable
from batchrunner.records import MALFORMED, Raw, Tolerant, compact, decode, decoder
from batchrunner.remote import Counts, RemoteBatch, RemoteProblem, RemoteStatus, ResultFile, Usage

STATUSES: Mapping[str, RemoteStatus] = {
    "validating": "validating",
    "in_progress": "in_progress",
    "finalizing": "finalizing",
    "completed": "completed",
    "failed": "failed",
    "expired": "expired",
    "cancelling": "cancelling",
    "canceling": "cancelling",
    "cancelled": "cancelled",
    "canceled": "cancelled",
    # Words of servers that otherwise speak as OpenAI.
    "pending": "validating",
    "queued": "validating",
    "scheduled": "validating",
    "scheduling": "validating",
    "processing": "in_progress",
    "progress": "in_progress",
    "running": "in_progress",
    "stopping": "cancelling",
}
MOST_PROBLEMS = 100
_ENDS = ("completed_at", "failed_at", "expired_at", "cancelled_at")


Read = Callable[[Mapping[str, Any], Raw], RemoteBatch | Unusable]
"""Makes a batch of an object and its text."""


def read_batch(body: bytes, read: Read) -> RemoteBatch | Unusable:
    """The batch object in `body`."""
    document = parsed(body)
    if not isinstance(document, dict):
        return Unusable("the reply is not an object")
    reply = kept(body)
    return UNKEPT if reply is None else read(document, reply)


UNKEPT = Unusable("the reply holds a number that cannot be kept")


def kept(document: bytes) -> Raw | None:
    """A JSON document on one line, as it is kept in state; None where state could not be read back with it.

    A number like 1e999 is legal JSON all the same.
    """
    try:
        reply = compact(document)
        decode(reply, dict, what="the reply")
    except (*MALFORMED, StateError):
        return None
    return reply


_read_any = decoder(Any).decode  # what is read here can be read back from state, whatever its numbers are


def parsed(body: bytes) -> Any:
    """`body` as JSON, None for what is none."""
    try:
        return _read_any(body)
    except MALFORMED:
        return None


def batch_of(document: Mapping[str, Any], reply: Raw, aliases: Mapping[str, RemoteStatus]) -> RemoteBatch | Unusable:
    """The batch that `document` describes; `reply` is its text. `aliases` are words for statuses, in lower case."""
    identity, said = document.get("id"), document.get("status")
    if not isinstance(identity, str) or not is_usable_id(identity):
        return Unusable("the reply has no usable id")
    if not isinstance(said, str):
        return Unusable("the reply has no status")
    return RemoteBatch(
        batch_id=identity,
        status=status_of(said, aliases),
        said=said[:64],
        created_at=time_text(document.get("created_at")),
        expires_at=time_text(document.get("expires_at")),
        ended_at=next(filter(None, (time_text(document.get(name)) for name in _ENDS)), ""),
        input_file_id=text(document.get("input_file_id")),
        endpoint=text(document.get("endpoint"))[:256],
        completion_window=text(document.get("completion_window"))[:64],
        files=tuple(_files(document)),
        counts=_counts(document.get("request_counts")),
        usage=_usage(document.get("usage")),
        problems=tuple(_problems(document.get("errors"))),
        metadata=metadata(document.get("metadata")),
        reply=reply,
    )


def status_of(said: str, aliases: Mapping[str, RemoteStatus]) -> RemoteStatus:
    """The status that a provider's word means. One that nobody knows is not the end."""
    word = said.strip().lower()
    return aliases.get(word) or STATUSES.get(word, "unknown")


def time_text(said: object) -> str:
    """A time, in seconds since the epoch or ISO 8601, as RFC 3339 UTC; empty for none."""
    if isinstance(said, bool):
        return ""
    try:
        if isinstance(said, int | float):
            found: datetime | None = datetime.fromtimestamp(said, UTC)
        else:
            found = time_of(said) if isinstance(said, str) else None
        return found.astimezone(UTC).isoformat(timespec="seconds") if found else ""
    except (ValueError, OverflowError, OSError):  # beyond the calendar
        return ""


def text(said: object) -> str:
    """A string, empty for anything else."""
    return said if isinstance(said, str) else ""


def number(said: object) -> int:
    """A count, 0 for what is none."""
    return said if isinstance(said, int) and not isinstance(said, bool) and 0 <= said < 1 << 53 else 0


def _files(document: Mapping[str, Any]) -> Iterator[ResultFile]:
    for kind in ("output", "errors"):
        file_id = text(document.get(f"{kind.removesuffix('s')}_file_id"))
        if file_id and is_usable_id(file_id):
            yield ResultFile(kind=kind, file_id=file_id)


def _counts(said: object) -> Counts | None:
    if not isinstance(said, dict):
        return None
    return Counts(total=number(said.get("total")), completed=number(said.get("completed")),
                  failed=number(said.get("failed")))  # fmt: skip


def _usage(said: object) -> Usage | None:
    if not isinstance(said, dict):
        return None
    details = said.get("input_tokens_details")
    return Usage(
        input_tokens=number(said.get("input_tokens")),
        cached_tokens=number(details.get("cached_tokens")) if isinstance(details, dict) else 0,
        output_tokens=number(said.get("output_tokens")),
    )


def _problems(said: object) -> Iterator[RemoteProblem]:
    listed = said.get("data") if isinstance(said, dict) else said
    for one in listed[:MOST_PROBLEMS] if isinstance(listed, list) else ():
        if isinstance(one, dict):
            yield RemoteProblem(code=text(one.get("code"))[:128], message=text(one.get("message"))[:500],
                                line=number(one.get("line")))  # fmt: skip


def metadata(said: object) -> dict[str, str]:
    """Those entries of metadata that are text."""
    if not isinstance(said, dict):
        return {}
    return {name: value for name, value in said.items() if isinstance(value, str)}


class _Page(Tolerant):
    data: tuple[Raw, ...]
    has_more: bool | None = None


_read_page = decoder(_Page).decode


def read_page(body: bytes, read: Read, full: int = 100) -> BatchesPage | Unusable:
    """The page of OpenAI's list of batches in `body`; what cannot be read of it is passed over.

    A page of `full` batches or more that does not say whether another follows may be all there is, or may not.
    """
    try:
        page = _read_page(body)
    except MALFORMED:
        return Unusable("the reply is not a list of batches")
    batches, last = [], None
    for each in page.data:
        last = parsed(bytes(each))
        # A slice would keep all of the page in memory.
        reply = kept(bytes(each))
        batch = read(last, reply) if isinstance(last, dict) and reply is not None else None
        if isinstance(batch, RemoteBatch):
            batches.append(batch)
    identity, created = (last.get("id"), last.get("created_at")) if isinstance(last, dict) else (None, None)
    after = text(identity) if page.has_more and is_usable_id(text(identity)) else ""
    is_told = bool(after) or page.has_more is False or (page.has_more is None and len(page.data) < full)
    is_whole = is_told and len(batches) == len(page.data)
    return BatchesPage(tuple(batches), time_of(time_text(created)), after, is_whole)

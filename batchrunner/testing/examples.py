"""Entries that look like what an apply records."""

from batchrunner.manifest import LocalFile
from batchrunner.records import Raw, encode
from batchrunner.remote import NO_REPLY
from batchrunner.state import Attempt, Entry, Intent, Status

_REPLY = (
    b'{"id":%b,"object":"batch","status":"validating","created_at":1700000000,'
    b'"input_file_id":"file-1","endpoint":"/v1/chat/completions"}'
)


def example_entry(
    address: str = "nightly/summaries",
    run_key: str = "day:2026-11-22",
    *,
    number: int = 1,
    status: Status = "submitted",
    batch_id: str = "batch-1",
    reply: bytes | None = None,
) -> Entry:
    """The attempt `number` of an address in a run, valid in every field.

    A submitted one has `batch_id` and the provider's `reply`, by default a batch object with that id; others have none.
    """
    attempt = Attempt(
        number=number,
        status=status,
        intent=_intent(address, run_key, number),
        updated_at="2026-11-22T02:31:09Z",
        batch_id=batch_id if status == "submitted" else "",
        reply=_reply(batch_id, reply) if status == "submitted" else NO_REPLY,
    )
    return Entry(address=address, run_key=run_key, attempt=attempt)


def _intent(address: str, run_key: str, number: int) -> Intent:
    digest = "sha256:" + "0" * 64
    return Intent(
        idempotency_key=f"br1-{address}-{run_key}-{number}",
        fingerprint=digest,
        provider="alphaedge",
        origin="https://api.alphaedge-ai.com",
        endpoint="/v1/chat/completions",
        completion_window="24h",
        source=LocalFile(path="data/tickets.jsonl", sha256=digest, size=512, requests=3, models=("gpt-4o-mini",)),
        metadata={"team": "support"},
        created_at="2026-11-22T02:31:07Z",
    )


def _reply(batch_id: str, reply: bytes | None) -> Raw:
    return Raw(_REPLY % encode(batch_id) if reply is None else reply)

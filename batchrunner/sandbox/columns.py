"""Rows of the sandbox's tables as values, and back. Pure."""

import json
from dataclasses import asdict
from typing import Any, Final

from batchrunner.sandbox.orders import Survey
from batchrunner.sandbox.records import Batch, LineProblem, Result

NEW_BATCH: Final = (
    "id, created_at, input_file_id, endpoint, completion_window, metadata, idempotency_key, result, model, tokens"
)
BATCH: Final = f"{NEW_BATCH}, cancelled_at, looks, last_looks"
FILE: Final = "id, created_at, bytes, filename, purpose, origin, idempotency_key, expires_at"
GONE: Final = "(deleted = 1 OR (expires_at IS NOT NULL AND expires_at <= ?))"
UNSEEN: Final = "json_extract(result, '$.is_final') = 0"
AT_WORK: Final = f"SELECT 1 FROM batches WHERE input_file_id = ? AND {UNSEEN}"  # noqa: S608 constant


def surveyed(survey: Survey, created: tuple[float, float]) -> tuple[str, tuple[object, ...]]:
    """A condition for the batches of a survey, of whatever page, and its values."""
    after = max(created[0], survey.since if survey.since is not None else created[0])
    where, values = ["created_at > ?", "created_at <= ?"], [after, created[1]]
    pairs = [part for pair in survey.metadata.items() for part in pair]
    has = "EXISTS (SELECT 1 FROM json_each(metadata) WHERE key = ? AND value = ?)"
    return " AND ".join(where + [has] * len(survey.metadata)), (*values, *pairs)


def batch_row(batch: Batch) -> tuple[Any, ...]:
    """A new batch as a row of the columns `NEW_BATCH`."""
    return (
        batch.id,
        batch.created_at,
        batch.input_file_id,
        batch.endpoint,
        batch.completion_window,
        None if batch.metadata is None else json.dumps(dict(batch.metadata)),
        batch.idempotency_key,
        result_text(batch.result),
        batch.model,
        batch.tokens,
    )


def result_text(result: Result | None) -> str | None:
    """A result as it is kept."""
    return None if result is None else json.dumps(asdict(result))


def read_batch(row: tuple[Any, ...]) -> Batch:
    """A row of the columns `BATCH` as a value."""
    fields = dict(zip(BATCH.split(", "), row, strict=True))
    metadata, result = fields.pop("metadata"), fields.pop("result")
    return Batch(
        **fields,
        metadata=json.loads(metadata) if metadata else None,
        result=_read_result(result) if result else None,
    )


def _read_result(text: str) -> Result:
    fields = json.loads(text)
    problems = tuple(LineProblem(**problem) for problem in fields.pop("problems"))
    return Result(**fields, problems=problems)

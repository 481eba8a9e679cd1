"""The results of a batch as one Parquet file, a row for each request. The only module here that imports pyarrow."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from batchrunner.errors import Refused
from batchrunner.records import MALFORMED, Raw, Tolerant, decoder
from batchrunner.results.copying import Copier, Room
from batchrunner.results.disk import replacing
from batchrunner.results.writing import Shard
from batchrunner.rows import ResultLine

TABLE = "results.parquet"
MOST_ROWS, MOST_BYTES = 10_000, 16 << 20
"""What is in memory of a table."""
_TEXT = ("custom_id", "outcome", "error_code", "error_message", "body", "batch_id")
COLUMNS = ("custom_id", "outcome", "status_code", "error_code", "error_message", "body", "attempt", "batch_id")

Row = tuple[str, str, int | None, str | None, str | None, str | None, int | None, str | None]


class _Response(Tolerant):
    body: Raw


class _Message(Tolerant):
    message: Raw


class _Answer(Tolerant):
    response: Raw = Raw()
    result: Raw = Raw()


_read_answer = decoder(_Answer).decode
_read_response = decoder(_Response).decode
_read_message = decoder(_Message).decode
_read_text = decoder(str).decode


def write_table(folder: Path, shards: Iterable[Shard]) -> None:
    """Write `results.parquet` in `folder`: every row of `shards`, in the order of the input.

    Raises `Refused` `parquet-missing` where pyarrow is not installed, `results-not-written`.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise Refused("parquet-missing", "Parquet needs pyarrow",
                      hint="pip install 'batchrunner[parquet]'") from None  # fmt: skip
    schema = pa.schema([(name, pa.string() if name in _TEXT else pa.int32()) for name in COLUMNS])
    with (
        replacing(folder / TABLE) as descriptor,
        open(descriptor, "wb", closefd=False) as file,
        pq.ParquetWriter(file, schema, compression="zstd") as table,
    ):
        for rows in _groups(row for shard in shards for row in _rows(shard, descriptor)):
            columns = [
                pa.array(column, type) for column, type in zip(zip(*rows, strict=True), schema.types, strict=True)
            ]
            table.write_batch(pa.record_batch(columns, schema=schema))


def _groups(rows: Iterable[Row]) -> Iterator[list[Row]]:
    group: list[Row] = []
    held = 0
    for row in rows:
        group.append(row)
        held += len(row[5] or "")
        if len(group) >= MOST_ROWS or held >= MOST_BYTES:
            yield group
            group, held = [], 0
    if group:
        yield group


def _rows(shard: Shard, descriptor: int) -> Iterator[Row]:
    sheet = shard.sheet
    with Copier([each.path for each in sheet.files], descriptor, Room(0)) as lines:
        for custom_id, row in sheet.rows.items():
            answer = sheet.answer(custom_id, row)
            if answer.file is None:
                yield custom_id, answer.outcome, None, None, None, None, None, None
                continue
            line = lines.read(sheet.sources[row], answer.start, answer.size)
            said = shard.read(line) or ResultLine(custom_id, answer.outcome)
            yield (
                custom_id,
                answer.outcome,
                said.status_code or None,
                said.code or None,
                said.message or None,
                body_of(line),
                answer.file.attempt,
                answer.file.batch_id,
            )


def body_of(line: bytes) -> str | None:
    """The body of an answer as JSON text, wherever in `line` it is; None where there is none. Never raises."""
    try:
        answer = _read_answer(line)
        if bytes(answer.response).startswith(b"{"):
            return _text(_read_response(answer.response).body)
        if bytes(answer.result).startswith(b"{"):
            return _text(_read_message(answer.result).message)
    except MALFORMED:
        return _loose_body_of(line)
    return None


def _loose_body_of(line: bytes) -> str | None:
    """The body in a line that is JSON only as many write it: with half a surrogate pair, or NaN."""
    try:
        answer = json.loads(line)
        if isinstance(answer.get("response"), dict):
            body = answer["response"].get("body")
        else:
            body = answer["result"].get("message")
        if isinstance(body, str):
            return body.encode("utf-8", "replace").decode()
        return None if body is None else json.dumps(body, separators=(",", ":"))
    except (ValueError, RecursionError, AttributeError, LookupError, TypeError):
        return None


def _text(body: Raw) -> str | None:
    text = bytes(body)
    if text.startswith(b'"'):
        return _read_text(text)
    return None if text == b"null" else text.decode("utf-8", "replace")

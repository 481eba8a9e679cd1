"""The sandbox's memory: one SQLite file for what is known, one folder beside it for bytes.

Several processes may use one file; each submission is one `BEGIN IMMEDIATE` transaction, and the primary key of
`replies` is what makes a key good for one batch.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from shutil import copyfile
from typing import Any

from batchrunner.sandbox.columns import (
    AT_WORK,
    BATCH,
    FILE,
    GONE,
    NEW_BATCH,
    UNSEEN,
    batch_row,
    read_batch,
    result_text,
    surveyed,
)
from batchrunner.sandbox.database import files_folder, open_database, transaction
from batchrunner.sandbox.faults import Kind
from batchrunner.sandbox.orders import Cursor, Survey
from batchrunner.sandbox.records import Batch, StoredFile


@dataclass(frozen=True, slots=True)
class Claim:
    """An idempotency key with the digest of the request it came with; keys older than `since` are forgotten."""

    kind: Kind
    key: str
    digest: bytes
    now: float
    since: float


@dataclass(frozen=True, slots=True)
class Committed:
    """What a request is answered with: a body, or the file at `path`.

    `replayed` when an earlier one with this key had made it.
    """

    body: bytes = b""
    replayed: bool = False
    status: int = 200
    path: Path | None = None
    takes_ranges: bool = True


class KeyReused(Exception):
    """The key was used before, with another request."""


class Storage:
    """Everything a sandbox remembers. Used from the one thread that opened it."""

    def __init__(self, database: Path) -> None:
        """Open or make `database`. Raises Refused where that cannot be done."""
        self._connection = open_database(database)
        self.folder = files_folder(database)

    def close(self) -> None:
        """Let go of the database file."""
        self._connection.close()

    def arrive(self, kind: Kind) -> tuple[int, int]:
        """Number a request: how many of its kind, and how many creates and uploads, this database has seen with it."""
        with transaction(self._connection):
            self._count(f"{kind}s")
            seen = dict(self._connection.execute("SELECT name, seen FROM counters"))
        return seen[f"{kind}s"], seen["creates"] + seen["uploads"]

    def count(self, name: str) -> None:
        """Add one to a counter."""
        with transaction(self._connection):
            self._count(name)

    def add_batch(
        self, batch: Batch, body: bytes, claim: Claim | None, inline: tuple[StoredFile, Path] | None = None
    ) -> Committed:
        """Commit a batch and the reply it is answered with, once per key. Raises KeyReused.

        `inline` is the file that its requests were written to, which is copied.
        """

        def insert() -> None:
            if inline:
                copyfile(inline[1], self.path(inline[0].id))
                self._insert_file(inline[0])
            self._insert_batch(batch)

        return self._once(claim, body, insert)

    def add_upload(self, file: StoredFile, part: Path, body: bytes, claim: Claim | None) -> Committed:
        """Commit an upload whose bytes are in `part`, once per key; `part` is moved only then. Raises KeyReused."""

        def insert() -> None:
            part.replace(self.path(file.id))
            self._insert_file(file)

        return self._once(claim, body, insert)

    def _once(self, claim: Claim | None, body: bytes, insert: Callable[[], None]) -> Committed:
        try:
            with transaction(self._connection):
                stored = self._stored_reply(claim) if claim else None
                if stored is not None:
                    self._count("replays")
                    return Committed(stored, replayed=True)
                insert()
                if claim:
                    self._store_reply(claim, body)
        except KeyReused:
            self.count("conflicts")
            raise
        return Committed(body)

    def _stored_reply(self, claim: Claim) -> bytes | None:
        select = "SELECT digest, body FROM replies WHERE kind = ? AND key = ? AND stored_at > ?"
        row = self._connection.execute(select, (claim.kind, claim.key, claim.since)).fetchone()
        if row is None:
            return None
        if row[0] != claim.digest:
            raise KeyReused(claim.key)
        return bytes(row[1])

    def _store_reply(self, claim: Claim, body: bytes) -> None:
        # A key past its life is free again, so its row may be overwritten; a living one was found just before.
        row = (claim.kind, claim.key, claim.digest, body, claim.now)
        self._connection.execute("INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?, ?)", row)

    def _count(self, name: str) -> None:
        self._connection.execute("UPDATE counters SET seen = seen + 1 WHERE name = ?", (name,))

    def _insert_batch(self, batch: Batch) -> None:
        row = batch_row(batch)
        places = ", ".join("?" * len(row))
        self._connection.execute(f"INSERT INTO batches ({NEW_BATCH}) VALUES ({places})", row)  # noqa: S608 constant

    def _insert_file(self, file: StoredFile) -> None:
        row = tuple(asdict(file).values())
        self._connection.execute(f"INSERT OR IGNORE INTO files ({FILE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)  # noqa: S608 constant
        self._connection.execute("UPDATE files SET bytes = ? WHERE id = ?", (file.bytes, file.id))

    def batch(self, batch_id: str) -> Batch | None:
        """The batch of that id."""
        select = f"SELECT {BATCH} FROM batches WHERE id = ?"  # noqa: S608 constant
        row = self._connection.execute(select, (batch_id,)).fetchone()
        return read_batch(row) if row else None

    def batches(self, survey: Survey, created: tuple[float, float]) -> list[Batch] | None:
        """One more than `survey.limit` batches where there are, newest first; None where its cursor is not known.

        Only those created after the first moment of `created`, up to the second. Statuses are not looked at.
        """
        where, values = surveyed(survey, created)
        order, mark = ("ASC", survey.before) if survey.before else ("DESC", survey.after)
        if mark is not None:
            found = self._connection.execute("SELECT seq FROM batches WHERE id = ?", (mark,)).fetchone()
            if found is None:
                return None
            where, values = f"{where} AND seq {'>' if survey.before else '<'} ?", (*values, found[0])
        select = f"SELECT {BATCH} FROM batches WHERE {where} ORDER BY seq {order} LIMIT ? OFFSET ?"  # noqa: S608 constant
        rows = self._connection.execute(select, (*values, survey.limit + 1, survey.offset)).fetchall()
        return [read_batch(row) for row in rows]

    def count_batches(self, survey: Survey, created: tuple[float, float]) -> int:
        """How many batches there are on all pages."""
        where, values = surveyed(survey, created)
        (found,) = self._connection.execute(f"SELECT count(*) FROM batches WHERE {where}", values).fetchone()  # noqa: S608 constant
        return int(found)

    def unfinished(self) -> list[Batch]:
        """Batches with tokens of which the end was not seen yet."""
        select = f"SELECT {BATCH} FROM batches WHERE tokens > 0 AND (result IS NULL OR {UNSEEN})"  # noqa: S608 constant
        return [read_batch(row) for row in self._connection.execute(select)]

    def files(self, cursor: Cursor, purpose: str | None, now: float) -> list[StoredFile] | None:
        """As `batches`, for files that are there at `now`, of one purpose or of all."""
        where = f"NOT {GONE} AND purpose = ?" if purpose else f"NOT {GONE}"
        values = (now, purpose) if purpose else (now,)
        rows = self._page("files", FILE, where, values, cursor)
        return None if rows is None else [StoredFile(*row) for row in rows]

    def _page(
        self, table: str, columns: str, where: str, values: tuple[object, ...], cursor: Cursor
    ) -> list[tuple[Any, ...]] | None:
        end, compares, direction = (0, ">", "ASC") if cursor.is_ascending else (2**62, "<", "DESC")
        if cursor.after is not None:
            found = self._connection.execute(f"SELECT seq FROM {table} WHERE id = ?", (cursor.after,)).fetchone()  # noqa: S608 constant
            if found is None:
                return None
            (end,) = found
        select = f"SELECT {columns} FROM {table} WHERE seq {compares} ? AND {where} ORDER BY seq {direction} LIMIT ?"  # noqa: S608 constant
        return self._connection.execute(select, (end, *values, cursor.limit + 1)).fetchall()

    def file(self, file_id: str, now: float) -> StoredFile | None:
        """The file of that id, unless it was deleted or has expired by `now`."""
        select = f"SELECT {FILE} FROM files WHERE id = ? AND NOT {GONE}"  # noqa: S608 constant
        row = self._connection.execute(select, (file_id, now)).fetchone()
        return StoredFile(*row) if row else None

    def is_gone(self, file_id: str, now: float) -> bool:
        """Whether a file of that id was here and is not any more."""
        select = f"SELECT 1 FROM files WHERE id = ? AND {GONE}"  # noqa: S608 constant
        return self._connection.execute(select, (file_id, now)).fetchone() is not None

    def path(self, file_id: str) -> Path:
        """Where the bytes of one of our own files lie. Never called with an id that is not in the table."""
        return self.folder / file_id

    def delete_file(self, file_id: str) -> None:
        """Forget a file's bytes, remember that it was there. A batch that is at work on them is not disturbed."""
        with transaction(self._connection):
            self._connection.execute("UPDATE files SET deleted = 1 WHERE id = ?", (file_id,))
        if self._connection.execute(AT_WORK, (file_id,)).fetchone() is None:
            self.path(file_id).unlink(missing_ok=True)

    def cancel(self, batch_id: str, now: float) -> None:
        """Note when cancelling began; the first time counts."""
        with transaction(self._connection):
            update = "UPDATE batches SET cancelled_at = ? WHERE id = ? AND cancelled_at IS NULL"
            self._connection.execute(update, (now, batch_id))

    def finish(self, settled: Sequence[tuple[Batch, tuple[StoredFile, ...]]]) -> None:
        """Note what came of the lines of batches, and the files that hold it."""
        with transaction(self._connection):
            for batch, files in settled:
                update = "UPDATE batches SET result = ? WHERE id = ?"
                self._connection.execute(update, (result_text(batch.result), batch.id))
                for file in files:
                    self._insert_file(file)

    def looked_at(self, batch_id: str, is_over: bool) -> None:
        """Count that a batch was shown."""
        with transaction(self._connection):
            update = "UPDATE batches SET looks = looks + 1, last_looks = last_looks + ? WHERE id = ?"
            self._connection.execute(update, (int(is_over), batch_id))

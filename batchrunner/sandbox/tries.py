"""Remembering lines that failed and may not fail the next time, for whoever answers lines in a thread of its own."""

import sqlite3
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Self

from batchrunner.sandbox.database import connect, transaction


class FailedLines:
    """The failed lines of one batch, and how often the same failed in others. Opens the database when it is needed.

    With `is_again` what was noted of the batch before is forgotten.
    """

    def __init__(self, database: Path, batch_id: str, *, is_again: bool = False) -> None:
        self._database = database
        self._batch_id = batch_id
        self._is_again = is_again
        self._connection: sqlite3.Connection | None = None
        self._noted: list[tuple[str, str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is None and not self._is_again:
            return
        with closing(self._open()) as connection:
            if kind is None:
                self._keep(connection)

    def earlier(self, custom_id: str) -> int:
        """In how many other batches the line failed."""
        select = "SELECT count(*) FROM failed_lines WHERE custom_id = ? AND batch_id <> ?"
        (found,) = self._open().execute(select, (custom_id, self._batch_id)).fetchone()
        return int(found)

    def note(self, custom_id: str) -> None:
        """The line failed in this batch."""
        self._noted.append((custom_id, self._batch_id))

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connect(self._database)
        return self._connection

    def _keep(self, connection: sqlite3.Connection) -> None:
        with transaction(connection):
            # What was answered twice, because the batch ended early, is counted as the second time has it.
            connection.execute("DELETE FROM failed_lines WHERE batch_id = ?", (self._batch_id,))
            connection.executemany("INSERT OR IGNORE INTO failed_lines VALUES (?, ?)", self._noted)

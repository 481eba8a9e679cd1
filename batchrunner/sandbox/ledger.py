"""What a sandbox committed, for tests and people to count: a read-only view that needs no running server."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from batchrunner.sandbox.records import Batch


class Ledger:
    """Reads a sandbox's database as it is at each call; a database that does not exist yet is empty."""

    def __init__(self, database: Path) -> None:
        self._database = database

    def batches(self) -> list[dict[str, Any]]:
        """Every batch committed, oldest first.

        Keys: id, created_at (seconds), input_file_id, endpoint, completion_window, metadata, idempotency_key (None
        where the request had none), cancelled_at (when somebody asked for that, else None), model, tokens, and what
        came of its lines as far as somebody looked: total, completed, failed, and problems, the codes of why it failed
        as a whole.
        """
        from batchrunner.sandbox.columns import BATCH, read_batch

        rows = self._read(f"SELECT {BATCH} FROM batches ORDER BY seq")  # noqa: S608 constant
        return [_facts(read_batch(row)) for row in rows]

    def files(self) -> list[dict[str, Any]]:
        """Every upload committed, oldest first, deleted ones too; output files are not uploads.

        Keys: id, created_at (seconds), bytes, filename, purpose, idempotency_key, deleted.
        """
        names = ("id", "created_at", "bytes", "filename", "purpose", "idempotency_key", "deleted")
        rows = self._read(f"SELECT {', '.join(names)} FROM files WHERE origin = 'upload' ORDER BY seq")  # noqa: S608 constant
        return [{**dict(zip(names, row, strict=True)), "deleted": bool(row[-1])} for row in rows]

    def requests(self) -> dict[str, int]:
        """How many requests were seen.

        `creates` and `uploads` count every authorized POST, whatever came of it, `lists` every authorized look for
        files, `looks` those at one batch, `surveys` at the list of batches, `contents` downloads, `cancels` and
        `removes` what they say; `unauthorized` those with a wrong or no key; `replays` those answered from a stored
        reply; `conflicts` keys that came with another request.
        """
        return dict(self._read("SELECT name, seen FROM counters"))

    def _read(self, select: str) -> list[tuple[Any, ...]]:
        if not self._database.exists():
            return []
        from contextlib import closing

        from batchrunner.sandbox.database import connect

        with closing(connect(self._database)) as connection:
            connection.execute("PRAGMA query_only = ON")
            if connection.execute("PRAGMA user_version").fetchone() == (0,):
                return []  # a server is about to make its tables
            return connection.execute(select).fetchall()


def _facts(batch: "Batch") -> dict[str, Any]:
    known = asdict(batch)
    result = known.pop("result") or {}
    counted = {name: result.get(name, 0) for name in ("total", "completed", "failed")}
    shown = {name: value for name, value in known.items() if name not in ("looks", "last_looks")}
    return {**shown, **counted, "problems": [problem["code"] for problem in result.get("problems", ())]}

"""Opening the sandbox's SQLite file.

Write-ahead logging with `synchronous=OFF`: a commit survives SIGKILL of every process here, because its pages are with
the kernel when COMMIT returns. Only the machine losing power can lose or damage it, which a sandbox may, and creates
cost half of what they cost with NORMAL. https://www.sqlite.org/pragma.html#pragma_synchronous
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from batchrunner.errors import Refused

SCHEMA_VERSION = 3
BUSY_SECONDS = 20.0
SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, seen INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batches (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, created_at REAL NOT NULL,
    input_file_id TEXT NOT NULL, endpoint TEXT NOT NULL, completion_window TEXT NOT NULL, metadata TEXT,
    idempotency_key TEXT, cancelled_at REAL, result TEXT, model TEXT, tokens INTEGER NOT NULL DEFAULT 0,
    looks INTEGER NOT NULL DEFAULT 0, last_looks INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS files (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, created_at REAL NOT NULL,
    bytes INTEGER NOT NULL, filename TEXT NOT NULL, purpose TEXT NOT NULL, origin TEXT NOT NULL,
    idempotency_key TEXT, expires_at REAL, deleted INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS replies (
    kind TEXT NOT NULL, key TEXT NOT NULL, digest BLOB NOT NULL, body BLOB NOT NULL, stored_at REAL NOT NULL,
    PRIMARY KEY (kind, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS failed_lines (
    custom_id TEXT NOT NULL, batch_id TEXT NOT NULL, PRIMARY KEY (custom_id, batch_id)) WITHOUT ROWID;
INSERT OR IGNORE INTO counters VALUES
    ('creates', 0), ('uploads', 0), ('lists', 0), ('looks', 0), ('surveys', 0), ('contents', 0), ('cancels', 0),
    ('removes', 0), ('unauthorized', 0), ('replays', 0), ('conflicts', 0);
PRAGMA user_version = 3;
COMMIT;
"""
SECOND_VERSION = """
BEGIN IMMEDIATE;
ALTER TABLE files ADD COLUMN expires_at REAL;
INSERT OR IGNORE INTO counters VALUES ('lists', 0);
PRAGMA user_version = 2;
COMMIT;
"""
THIRD_VERSION = """
BEGIN IMMEDIATE;
ALTER TABLE batches ADD COLUMN model TEXT;
ALTER TABLE batches ADD COLUMN tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE batches ADD COLUMN looks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE batches ADD COLUMN last_looks INTEGER NOT NULL DEFAULT 0;
CREATE TABLE IF NOT EXISTS failed_lines (
    custom_id TEXT NOT NULL, batch_id TEXT NOT NULL, PRIMARY KEY (custom_id, batch_id)) WITHOUT ROWID;
INSERT OR IGNORE INTO counters
    VALUES ('looks', 0), ('surveys', 0), ('contents', 0), ('cancels', 0), ('removes', 0);
PRAGMA user_version = 3;
COMMIT;
"""
UPGRADES = (SECOND_VERSION, THIRD_VERSION)


def files_folder(database: Path) -> Path:
    """Where the bytes of files lie: beside the database."""
    return database.with_name(database.name + ".files")


def connect(database: Path) -> sqlite3.Connection:
    """A connection without implicit transactions, patient with other writers."""
    return sqlite3.connect(database, timeout=BUSY_SECONDS, isolation_level=None)


def open_database(database: Path) -> sqlite3.Connection:
    """Open `database` for a server, making it, its tables and the folder of its files where missing.

    Raises Refused where it cannot be opened, is no database, or was made by a newer version.
    """
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        files_folder(database).mkdir(mode=0o700, exist_ok=True)
        database.touch(mode=0o600)
        connection = connect(database)
    except (OSError, sqlite3.Error) as error:
        raise _unusable(database, str(error)) from None
    try:
        _prepare(connection, database)
    except sqlite3.Error as error:
        connection.close()
        raise _unusable(database, str(error)) from None
    except Refused:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, with the write lock from the start: what is read inside cannot change before the commit."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _prepare(connection: sqlite3.Connection, database: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if not 0 <= version <= SCHEMA_VERSION:
        raise _unusable(database, f"its format is {version}, this version reads {SCHEMA_VERSION}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = OFF")
    if version < SCHEMA_VERSION:
        for script in UPGRADES[version - 1 :] if version else (SCHEMA,):
            connection.executescript(script)


def _unusable(database: Path, why: str) -> Refused:
    return Refused(
        "unusable-sandbox-database",
        "the sandbox database cannot be used",
        where=str(database),
        why=why,
        hint="name another file, or delete this one to start empty",
    )

"""What the sandbox keeps: batches and files, as plain values."""

import hashlib
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LineProblem:
    """Why an input file was refused as a whole; `line` counts from 1, None means the file itself."""

    code: str
    message: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What came of processing an input file. With `problems` nothing was processed and the batch fails.

    `failed` holds every line that was not answered with a success. `unasked` of them were not reached before the batch
    ended. `is_final` when the files are there for everybody: before that they hold what will have been done in the end.
    """

    total: int = 0
    completed: int = 0
    failed: int = 0
    problems: tuple[LineProblem, ...] = ()
    unasked: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """One committed batch. Times are seconds since the epoch; the status is never stored, it follows from them.

    `model` is what the batch names for all its lines, None where it does not. `tokens` are those of its input. `looks`
    counts how often it was shown, `last_looks` how often since it ended.
    """

    id: str
    created_at: float
    input_file_id: str
    endpoint: str
    completion_window: str
    metadata: Mapping[str, str] | None = None
    idempotency_key: str | None = None
    cancelled_at: float | None = None
    result: Result | None = None
    model: str | None = None
    tokens: int = 0
    looks: int = 0
    last_looks: int = 0

    @property
    def output_file_id(self) -> str:
        """The id its output file has, or will have."""
        return _derived_id(self.id, "output")

    @property
    def error_file_id(self) -> str:
        """The id its error file has, where a line fails."""
        return _derived_id(self.id, "error")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file at the sandbox.

    `origin` is `upload` for what a client sent as a file, `inline` for the requests in a create, else `output`.
    """

    id: str
    created_at: float
    bytes: int
    filename: str
    purpose: str
    origin: str = "upload"
    idempotency_key: str | None = None
    expires_at: float | None = None


def new_id(prefix: str) -> str:
    """A fresh id: random, because two sandboxes may share one state file one after the other."""
    return prefix + secrets.token_hex(12)


def new_uuid() -> str:
    """A fresh id of the kind that some providers give to everything."""
    return str(uuid.uuid4())


def _derived_id(batch_id: str, what: str) -> str:
    return "file-" + hashlib.sha256(f"{batch_id}/{what}".encode()).hexdigest()[:24]

"""What the sandbox keeps: batches and files, as plain values."""

import hashlib
import secrets
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
    """What came of processing an input file. With `problems` nothing was processed and the batch fails."""

    total: int = 0
    completed: int = 0
    failed: int = 0
    problems: tuple[LineProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """One committed batch. Times are seconds since the epoch; the status is never stored, it follows from them."""

    id: str
    created_at: float
    input_file_id: str
    endpoint: str
    completion_window: str
    metadata: Mapping[str, str] | None = None
    idempotency_key: str | None = None
    cancelled_at: float | None = None
    result: Result | None = None

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
    """One file at the sandbox. `origin` is `upload` for what a client sent, else `output`."""

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


def _derived_id(batch_id: str, what: str) -> str:
    return "file-" + hashlib.sha256(f"{batch_id}/{what}".encode()).hexdigest()[:24]

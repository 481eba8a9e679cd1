"""Which files at a provider nobody needs any more: uploads of what has ended, was refused or never came to be. Pure.

A file that something open, unresolved or not fetched may still need is never among them, nor is one that we did not
name. A file that no state knows may be another machine's: it is left over only where no batch of the provider reads it.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import groupby

from batchrunner.jobs import RemoteFile
from batchrunner.manifest import LocalFile
from batchrunner.moments import time_of
from batchrunner.records import Record
from batchrunner.state import Attempt, Entry

OURS = re.compile(r"br1-[a-z2-7]{32}-[0-9a-f]{16}\.jsonl\Z", re.ASCII)
"""The names that uploads are given: an idempotency key, and the beginning of the digest of what is sent."""

SETTLED = timedelta(days=1)
"""How old a file must be that no state knows: by then whoever uploaded it has made a batch of it, or has not."""


class Leftover(Record):
    """A file that can go, and `why`. `entry` is the attempt that it was the input of, or has results of; None for none.

    `size` is in bytes and `created_at` RFC 3339 UTC, 0 and empty where not known. `is_result` for a file of results.
    """

    provider: str
    file_id: str
    why: str
    size: int = 0
    created_at: str = ""
    entry: Entry | None = None
    is_result: bool = False


def file_ids(entries: Iterable[Entry]) -> set[str]:
    """Every file that states know of: inputs and results."""
    found: set[str] = set()
    for entry in entries:
        attempt = entry.attempt
        batch = attempt.sight.batch if attempt.sight else None
        found.add(attempt.file_id)
        found.update(file.file_id for file in (batch.files if batch else ()))
    return found - {""}


def inputs_left(entries: Iterable[Entry]) -> list[Leftover]:
    """The uploaded inputs that can go; `entries` are all attempts of a state, those of a run together and in order."""
    found, needed = [], set()
    for _, group in groupby(entries, key=lambda entry: (entry.address, entry.run_key)):
        run = list(group)
        for entry in run:
            why = _why_left(entry.attempt, is_last=entry is run[-1])
            if why:
                found += [_input_of(entry, why)]
            else:
                needed.add(entry.attempt.file_id)
    return [each for each in found if each.file_id not in needed and each.file_id]


def _input_of(entry: Entry, why: str) -> Leftover:
    attempt, source = entry.attempt, entry.attempt.intent.source
    is_ours = attempt.has_own_file and not attempt.input_removed_at
    return Leftover(provider=attempt.intent.provider, file_id=attempt.file_id if is_ours else "", why=why,
                    size=source.size if isinstance(source, LocalFile) else 0, created_at=attempt.intent.created_at,
                    entry=entry)  # fmt: skip


def results_left(entries: Iterable[Entry], is_here: Collection[str]) -> Iterator[Leftover]:
    """The files of results that were fetched; `is_here` are the paths of those that are still on the disk."""
    for entry in entries:
        attempt = entry.attempt
        if attempt.fetched is None or attempt.is_open:
            continue
        if all(file.path in is_here for file in attempt.fetched.files):
            for file in attempt.fetched.files:
                if file.source.file_id:
                    yield Leftover(provider=attempt.intent.provider, file_id=file.source.file_id, size=file.size,
                                   why="results that are here", created_at=attempt.fetched.at, entry=entry,
                                   is_result=True)  # fmt: skip


def orphans(
    provider: str, files: Iterable[RemoteFile], known: Collection[str], read: Collection[str], now: datetime
) -> Iterator[Leftover]:
    """The uploads among `files` that are neither `known` to a state nor `read` by a batch of the provider."""
    for file in files:
        created = time_of(file.created_at)
        is_old = created is not None and now - created > SETTLED
        if OURS.match(file.name) and is_old and file.file_id not in known and file.file_id not in read:
            yield Leftover(provider=provider, file_id=file.file_id, why="no batch reads it, no state knows it",
                           size=file.size, created_at=file.created_at)  # fmt: skip


def _why_left(attempt: Attempt, *, is_last: bool) -> str:
    """Why the input of an attempt can go; empty where it cannot."""
    if attempt.status == "rejected":
        return "its batch was refused"
    if attempt.unresolved:
        return "" if is_last or attempt.sent_at else "was given up before it was sent"
    batch = attempt.sight.batch if attempt.sight else None
    if batch is None or attempt.is_open:
        return ""
    if attempt.fetched is not None:
        return f"{batch.status}, and fetched"
    return "failed, with nothing to fetch" if batch.status == "failed" and not batch.files else ""

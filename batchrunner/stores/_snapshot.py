"""The snapshot: one JSON document for people, diffs and git.

    {"batches": {address: {run key: [attempts]}}, "format": …, "format_version": …, "lineage": …, "serial": …}

The provider's replies are embedded as they were sent, token by token; only the space between tokens is ours.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from batchrunner.errors import StateError
from batchrunner.records import MALFORMED, Raw, Record, compact, decoder, encode, pretty
from batchrunner.state import FORMAT, FORMAT_VERSION, Attempt, Entry, State
from batchrunner.stores._frames import Frame, FrameReader, read_frame

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]
"""Makes a document of version n one of version n + 1. Attempts are dicts of undecoded JSON values (`Raw`)."""

UPGRADES: Mapping[int, Upgrade] = {1: lambda document: document, 2: lambda document: document}
"""How a document of an older version, the key, becomes one of the next.

Version 2 has shards, templates and estimates, which whoever reads version 1 would not know; whatever is version 1 means
the same in version 2. Version 3 has what was seen and fetched of remote batches, and retries.
"""


class Snapshot(Record):
    """A whole state as it is stored."""

    batches: dict[str, dict[str, list[Attempt]]]
    format: str
    format_version: int
    lineage: str
    serial: int


class OldEntry(Record):
    """An entry of an older version, its attempt not yet understood."""

    address: str
    run_key: str
    attempt: dict[str, Raw]


_fields = decoder(dict[str, Raw])
_snapshot = decoder(Snapshot)
_number = decoder(int)
_word = decoder(str)
_old_batches = decoder(dict[str, dict[str, list[dict[str, Raw]]]])
_old_entries = decoder(list[OldEntry])


def render(state: State) -> bytes:
    """A state as the text of a snapshot."""
    return pretty(
        Snapshot(
            batches=state.batches,
            format=FORMAT,
            format_version=FORMAT_VERSION,
            lineage=state.lineage,
            serial=state.serial,
        )
    )


def parse(text: bytes, where: str, upgrades: Mapping[int, Upgrade]) -> State:
    """The text of a snapshot as a state. Raises `StateError` `unreadable-state` or `newer-format` naming `where`."""
    try:
        return _parse(text, where, upgrades)
    except (*MALFORMED, ValueError) as error:
        raise StateError(
            "unreadable-state",
            "the state cannot be read",
            where=where,
            why=str(error),
            hint="restore it from git, or from a backup beside it (*.backup-*.json)",
        ) from None


def _parse(text: bytes, where: str, upgrades: Mapping[int, Upgrade]) -> State:
    text.decode()
    # In memory as in the journal, a reply is one line.
    fields = _fields.decode(compact(text))
    version = _version(fields)
    refuse_newer(version, where)
    if version < FORMAT_VERSION:
        document = {**fields, "batches": _old_batches.decode(fields["batches"])}
        snapshot = _snapshot.decode(encode(_upgraded(document, version, upgrades)))
    else:
        snapshot = _snapshot.decode(compact(text))
    _require_order(snapshot)
    return State(snapshot.lineage, snapshot.serial, snapshot.batches)


def _version(fields: dict[str, Raw]) -> int:
    if "format" not in fields or _word.decode(fields["format"]) != FORMAT:
        raise ValueError(f"it is not a {FORMAT} document")
    if "format_version" not in fields or "batches" not in fields:
        raise ValueError("`format_version` or `batches` is missing")
    return _number.decode(fields["format_version"])


def refuse_newer(version: int, where: str) -> None:
    """Raise `StateError` `newer-format` for a version this one does not know."""
    if version > FORMAT_VERSION:
        raise StateError(
            "newer-format",
            "the state was written by a newer batchrunner",
            where=where,
            why=f"its format_version is {version}; this one reads up to {FORMAT_VERSION}",
            hint="pip install --upgrade batchrunner",
        )


def _upgraded(document: dict[str, Any], version: int, upgrades: Mapping[int, Upgrade]) -> dict[str, Any]:
    for step in range(version, FORMAT_VERSION):
        if step not in upgrades:
            raise ValueError(f"format_version {step} is unknown")
        document = {**upgrades[step](document), "format_version": step + 1}
    return document


def _require_order(snapshot: Snapshot) -> None:
    for address, runs in snapshot.batches.items():
        for run_key, attempts in runs.items():
            if not attempts or any(one.number >= next_.number for one, next_ in pairwise(attempts)):
                raise ValueError(f"the attempts of {address} in {run_key} are missing or out of order")


def frame_reader(version: int, upgrades: Mapping[int, Upgrade]) -> FrameReader:
    """What reads the frames of a journal whose first frame declares `version`."""
    if version == FORMAT_VERSION:
        return read_frame
    return lambda text: _old_frame(_fields.decode(text), version, upgrades)


def _old_frame(fields: dict[str, Raw], version: int, upgrades: Mapping[int, Upgrade]) -> Frame:
    frame = read_frame(memoryview(encode({**fields, "entries": []})))
    entries = tuple(
        entry for old in _old_entries.decode(fields["entries"]) for entry in _upgraded_entry(old, version, upgrades)
    )
    return Frame(serial=frame.serial, prev=frame.prev, lineage=frame.lineage, entries=entries)


def _upgraded_entry(old: OldEntry, version: int, upgrades: Mapping[int, Upgrade]) -> list[Entry]:
    """One entry, upgraded as a document that holds nothing else."""
    document = {"batches": {old.address: {old.run_key: [old.attempt]}}, "format": FORMAT, "lineage": "", "serial": 0}
    snapshot = _snapshot.decode(encode(_upgraded(document, version, upgrades)))
    return list(State("", 0, snapshot.batches).entries())

"""What was asked: the ids of an input, in its order."""

import hashlib
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from batchrunner.digest import Hashing, blake3
from batchrunner.manifest import LocalFile
from batchrunner.records import MALFORMED, Tolerant, decoder
from batchrunner.results.lines import Stream, blocks_of


class InputMoved(Exception):
    """An input no longer holds what was sent."""


class Asked(NamedTuple):
    """The ids of an input and the number of their rows, in its order.

    `repeated` lines have an id that an earlier one has; `unreadable` ones have none that can be read.
    """

    rows: dict[str, int]
    repeated: int = 0
    unreadable: int = 0


class _Request(Tolerant):
    custom_id: str


_decoder = decoder(_Request)
_read, _read_lines = _decoder.decode, _decoder.decode_lines


def ids_of(stream: Stream, source: LocalFile | None = None) -> Asked:
    """The ids in `stream`, which holds the lines that were sent of `source`.

    Raises `InputMoved` where these are other bytes. Without a `source` they are taken as they come.
    """
    proof = _Proof(stream, source) if source else None
    ids: dict[str, None] = {}
    lines = unreadable = 0
    for block in blocks_of(proof or stream):
        found, lost = _ids_in(block.data)
        ids.update(dict.fromkeys(found))
        lines += len(found)
        unreadable += lost
    if proof and not proof.holds:
        raise InputMoved
    return Asked(dict(zip(ids, range(len(ids)), strict=True)), lines - len(ids), unreadable)


def lines_by_id(stream: Stream) -> Iterator[tuple[str, bytes]]:
    """The id and the bytes, without its end, of each request line of `stream`, in order; an id's first line only."""
    seen: set[str] = set()
    for line in chain.from_iterable(block.lines for block in blocks_of(stream)):
        custom_id = _id_of(line)
        if custom_id is not None and custom_id not in seen:
            seen.add(custom_id)
            yield custom_id, line


def _ids_in(data: bytes) -> tuple[list[str], int]:
    """The ids of the lines in `data`, and how many lines have none."""
    try:
        return [each.custom_id for each in _read_lines(data)], 0
    except MALFORMED:
        lines = [line for line in data.split(b"\n") if line.strip()]
        found = [custom_id for custom_id in map(_id_of, lines) if custom_id is not None]
        return found, len(lines) - len(found)


def _id_of(line: bytes) -> str | None:
    try:
        return _read(line).custom_id
    except MALFORMED:
        return None


class _Proof:
    """Digests a stream as it is read."""

    def __init__(self, stream: Stream, source: LocalFile) -> None:
        self._stream = stream
        self._digest: Hashing = blake3() if source.blake3 else hashlib.sha256()
        self._expected = (source.blake3 or source.sha256).partition(":")[2]

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(size) or b""
        self._digest.update(data)
        return data

    @property
    def holds(self) -> bool:
        return self._digest.hexdigest() == self._expected

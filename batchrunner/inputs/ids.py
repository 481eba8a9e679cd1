"""Which ids come twice in a file of any length, in memory that does not grow with it.

An id costs 8 bytes: its 64-bit hash. Up to `_HELD` hashes (16 MiB) are held; more of them go to a temporary file that
has no name, 8 bytes an id on disk, and come back a bucket at a time: a hundred million ids are looked at in pieces of
0.1 %, about 100,000 ids or 10 MiB. Where there is no disk to write to, they stay in memory.

Equal hashes only raise a suspicion, which a second look at the ids settles. A hundred million different ids raise one
in 3,700 files.
"""

import os
import tempfile
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import BinaryIO, NamedTuple

_BUCKETS = 1024
_FEW = 1 << 13  # so many are put into buckets together, while these are at hand; a small file needs none
_HELD = 1 << 21
MOST_SUSPECTS = 100_000
"""How many hashes are looked into, where more came twice: nobody reads a list of so many."""


class Repeated(NamedTuple):
    """An id that was used again on `line`, and before that on line `first`. Lines count from 1."""

    line: int
    first: int
    custom_id: str


class SeenIds:
    """Ids seen once over a file. `hashed` maps an id to a signed 64-bit number, the same all through one process."""

    def __init__(self, hashed: Callable[[str], int] = hash, *, held: int = _HELD) -> None:
        self._hashed = hashed
        self._most = held
        self._file: BinaryIO | None = None
        self._spills: list[tuple[BinaryIO, array[int]]] = []
        self._few: list[int] = []  # hashes that are in no bucket yet
        self._buckets: list[array[int]] = []
        self._held = 0  # in buckets
        self.surplus = 0
        self._uncounted = 0  # uses beyond the most suspects

    def add(self, custom_ids: Sequence[str]) -> None:
        """Take note of ids."""
        self._few.extend(map(self._hashed, custom_ids))
        if len(self._few) >= min(_FEW, self._most):
            self._distribute()
            if self._held >= self._most:
                self._spill()

    def repeated(self, again: Callable[[], Iterable[tuple[int, str]]], most: int) -> Iterator[Repeated]:
        """Up to `most` ids that are used again, in order; how many more uses there are is in `surplus` then.

        `again` gives line and id of all that was added, in order; it is called only where there is a suspicion, and
        something to be told. Of more than a hundred thousand suspects the rest is only counted, too.
        """
        suspects = self._suspects()
        self.surplus = self._uncounted + sum(suspects.values()) - len(suspects)
        for found in islice(self._settled(suspects, again), most if suspects else 0):
            self.surplus -= 1
            yield found

    def _settled(
        self, suspects: Mapping[int, int], again: Callable[[], Iterable[tuple[int, str]]]
    ) -> Iterator[Repeated]:
        first: dict[str, int] = {}
        for number, custom_id in again():
            if self._hashed(custom_id) not in suspects:
                continue
            if custom_id in first:
                yield Repeated(number, first[custom_id], custom_id)
            first.setdefault(custom_id, number)
        self.surplus = self._uncounted  # all were looked at: what is left of the suspicion was for nothing

    def close(self) -> None:
        """Give back what was held."""
        self._buckets, self._spills = [], []
        if self._file is not None:
            self._file.close()

    def _suspects(self) -> dict[int, int]:
        """Hashes that came more than once, and how often."""
        suspects: dict[int, int] = {}
        for bucket in self._all():
            if len(set(bucket)) < len(bucket):
                twice = {value: times for value, times in Counter(bucket).items() if times > 1}
                room = max(MOST_SUSPECTS - len(suspects), 0)
                suspects.update(islice(twice.items(), room))
                self._uncounted += sum(times - 1 for times in islice(twice.values(), room, None))
        return suspects

    def _all(self) -> Iterator[Sequence[int]]:
        """All hashes, those that are equal in the same bucket."""
        if self._held or self._spills:
            self._distribute()
            yield from map(self._gathered, range(_BUCKETS))
        else:
            yield self._few

    def _distribute(self) -> None:
        self._buckets = self._buckets or [array("q") for _ in range(_BUCKETS)]
        put, last = [bucket.append for bucket in self._buckets], _BUCKETS - 1
        for value in self._few:
            put[value & last](value)
        self._held += len(self._few)
        self._few.clear()

    def _spill(self) -> None:
        """Move what is in buckets to the disk."""
        ends = array("q", [self._spills[-1][1][-1] if self._spills else 0])
        try:
            file = self._file = self._file or tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - it lives as long as this
            for bucket in self._buckets:
                _write(file.fileno(), memoryview(bucket).cast("B"), ends[-1])
                ends.append(ends[-1] + len(bucket) * bucket.itemsize)
        except OSError:
            self._most *= 2  # no disk, or no room there: memory has to do, and the disk is tried again later
            return
        self._spills.append((file, ends))
        self._buckets, self._held = [], 0

    def _gathered(self, number: int) -> "array[int]":
        """All hashes of a bucket."""
        bucket = self._buckets[number]
        for file, ends in self._spills:
            bucket.frombytes(_read(file.fileno(), ends[number + 1] - ends[number], ends[number]))
        self._buckets[number] = array("q")
        return bucket


def _write(descriptor: int, data: memoryview, offset: int) -> None:
    while data:
        written = os.pwrite(descriptor, data, offset)
        data, offset = data[written:], offset + written


def _read(descriptor: int, size: int, offset: int) -> bytes:
    """`size` bytes at `offset`, all of them."""
    pieces = []
    while size:
        piece = os.pread(descriptor, size, offset)
        if not piece:
            raise OSError("a temporary file lost what was written to it")
        pieces.append(piece)
        size, offset = size - len(piece), offset + len(piece)
    return b"".join(pieces)

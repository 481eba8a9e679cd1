"""Which ids come twice in a file of any length, in 8 bytes an id."""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

_BUCKETS = 256


class SeenIds:
    """Ids seen once over a file. Equal hashes only raise a suspicion, which a second look at the ids settles.

    `hashed` maps an id to a signed 64-bit number, the same all through one process.
    """

    def __init__(self, hashed: Callable[[str], int] = hash) -> None:
        self._hashed = hashed
        self._buckets = [array("q") for _ in range(_BUCKETS)]

    def add(self, custom_id: str) -> None:
        """Take note of an id."""
        value = self._hashed(custom_id)
        self._buckets[value & (_BUCKETS - 1)].append(value)

    def repeated(self, again: Callable[[], Iterable[tuple[int, str]]]) -> Iterator[tuple[int, int, str]]:
        """Line, line of first use and id, for each id used again.

        `again` gives line and id of all that was added, in order; it is called only where there is a suspicion.
        """
        suspects = self._suspects()
        if not suspects:
            return
        first: dict[str, int] = {}
        for number, custom_id in again():
            if self._hashed(custom_id) not in suspects:
                continue
            if custom_id in first:
                yield number, first[custom_id], custom_id
            first.setdefault(custom_id, number)

    def _suspects(self) -> set[int]:
        suspects: set[int] = set()
        for bucket in self._buckets:
            if len(set(bucket)) < len(bucket):
                suspects.update(value for value, times in Counter(bucket).items() if times > 1)
        return suspects

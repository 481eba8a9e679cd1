"""Where a content of any length is cut into shards: at line ends, greedily, the same content always at the same places.

Pure: told of one line after the other, it says before which of them a new shard begins.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Literal, NamedTuple

from batchrunner.facts import Limits
from batchrunner.pricing import BYTES_PER_TOKEN
from batchrunner.spec import Shard

MAX_SHARDS = 10_000


@dataclass(frozen=True, slots=True)
class Sharding:
    """How much one submission may hold, and whether a content that holds more may be cut; None means no limit.

    `max_tokens` are counted as a quarter of each line's bytes, its end included, rounded up: no tokenizer may move a
    cut. `is_numbered`: shards are numbered even where there is only one. `planned` is how many requests each of the
    first shards has, whatever else there is room for: where a plan has cut.
    """

    max_requests: int | None = None
    max_bytes: int | None = None
    max_tokens: int | None = None
    max_embedding_inputs: int | None = None
    is_allowed: bool = True
    is_numbered: bool = False
    planned: tuple[int, ...] = ()

    @classmethod
    def of(cls, limits: Limits, shard: Shard | Literal[False] | None) -> "Sharding":
        """What a batch declares as `shard`, within the `limits` of its provider."""
        wanted = shard or Limits()
        return cls(
            max_requests=_smaller(limits.max_requests, wanted.max_requests),
            max_bytes=_smaller(limits.max_bytes, wanted.max_bytes),
            max_tokens=_smaller(_smaller(limits.max_tokens, limits.max_enqueued_tokens), wanted.max_tokens),
            max_embedding_inputs=limits.max_embedding_inputs,
            is_allowed=shard is not False,
            is_numbered=isinstance(shard, Shard),
        )


@dataclass(frozen=True, slots=True)
class Load:
    """What some lines weigh: how many they are, their bytes, tokens and embedding inputs."""

    requests: int = 0
    size: int = 0
    tokens: int = 0
    embedding_inputs: int = 0

    def __add__(self, other: "Load") -> "Load":
        return Load(
            self.requests + other.requests,
            self.size + other.size,
            self.tokens + other.tokens,
            self.embedding_inputs + other.embedding_inputs,
        )


class Sums(NamedTuple):
    """What lines weigh before each of them, and all of them together at the end; empty for what does not count.

    `sizes` need not begin with 0: they are where lines begin.
    """

    sizes: Sequence[int]
    tokens: Sequence[int] = ()
    embedding_inputs: Sequence[int] = ()

    def between(self, first: int, last: int) -> Load:
        """What the lines from number `first` to before `last` weigh, counting from 0."""
        sizes, tokens, inputs = (sums[last] - sums[first] if sums else 0 for sums in self)
        return Load(last - first, sizes, tokens, inputs)


class Excess(NamedTuple):
    """What there is too much of: `what` it is, how much was `found`, and the `limit`."""

    what: str
    found: int
    limit: int


class Partition:
    """Cuts one line after the other: a shard takes what it has room for."""

    def __init__(self, sharding: Sharding) -> None:
        self._sharding = sharding
        self._planned = iter(sharding.planned)
        self._counts_tokens = sharding.max_tokens is not None
        self.begin()

    def sums(self, bounds: Sequence[int], embedding_inputs: Sequence[int] = ()) -> Sums:
        """The sums of lines that begin at `bounds`, the last of which is where they end, and have so many inputs."""
        sizes = (stop - start for start, stop in pairwise(bounds))
        tokens = [0, *accumulate(map(tokens_of, sizes))] if self._counts_tokens else ()
        return Sums(bounds, tokens, [0, *accumulate(embedding_inputs)] if embedding_inputs else ())

    def load(
        self, requests: int, size: int, bounds: Callable[[], Sequence[int]], embedding_inputs: Sequence[int]
    ) -> Load:
        """What `requests` lines of `size` bytes weigh. `bounds`, as of sums, is only called where tokens count."""
        tokens = self.sums(bounds()).tokens[-1] if self._counts_tokens else 0
        return Load(requests, size, tokens, sum(embedding_inputs))

    def has_room(self, more: Load) -> bool:
        """Whether `more` goes into the shard that is being filled; it always does where there must be one only."""
        return not self._sharding.is_allowed or not excess(self._load + more, self._sharding)

    def reach(self, sums: Sums, first: int) -> int:
        """The number of the line before which a new shard must begin, if line `first` is the next one to go in."""
        load, sharding = self._load, self._sharding
        reach = len(sums.sizes) - 1
        if sharding.max_requests is not None:
            reach = min(reach, first + sharding.max_requests - load.requests)
        for each, have, limit in (
            (sums.sizes, load.size, sharding.max_bytes),
            (sums.tokens, load.tokens, sharding.max_tokens),
            (sums.embedding_inputs, load.embedding_inputs, sharding.max_embedding_inputs),
        ):
            if limit is not None and each:
                reach = min(reach, bisect_right(each, each[first] + limit - have) - 1)
        return max(first, reach)

    def begin(self) -> None:
        """Begin a new shard, unless the one that is being filled is empty."""
        self._load = Load()
        if self._sharding.planned:
            self._sharding = replace(self._sharding, max_requests=next(self._planned, None))

    def add(self, more: Load) -> None:
        """Put `more` into the shard that is being filled, whether it has room or not."""
        self._load += more

    @property
    def excess(self) -> tuple[Excess, ...]:
        """What the shard that is being filled holds too much of."""
        return excess(self._load, self._sharding)


def tokens_of(size: int) -> int:
    """How many tokens a line of `size` bytes, its end included, counts for where it is cut."""
    return -(-size // BYTES_PER_TOKEN)


def excess(load: Load, sharding: Sharding) -> tuple[Excess, ...]:
    """What `load` has too much of for one submission."""
    amounts = (
        ("requests", load.requests, sharding.max_requests),
        ("bytes", load.size, sharding.max_bytes),
        ("tokens", load.tokens, sharding.max_tokens),
        ("embedding inputs", load.embedding_inputs, sharding.max_embedding_inputs),
    )
    return tuple(Excess(what, found, limit) for what, found, limit in amounts if limit is not None and found > limit)


def _smaller(one: int | None, other: int | None) -> int | None:
    return min((each for each in (one, other) if each is not None), default=None)

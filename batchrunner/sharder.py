"""Where a content of any length is cut into shards: at line ends, greedily, the same content always at the same places.

Pure: told of one line after the other, it says before which of them a new shard begins.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from batchrunner.facts import Limits
from batchrunner.pricing import BYTES_PER_TOKEN
from batchrunner.spec import Shard

MAX_SHARDS = 10_000


@dataclass(frozen=True, slots=True)
class Sharding:
    """How much one submission may hold, and whether a content that holds more may be cut; None means no limit.

    `max_tokens` are counted as a quarter of each line's bytes, its end included, rounded up: no tokenizer may move a
    cut. `is_numbered`: shards are numbered even where there is only one.
    """

    max_requests: int | None = None
    max_bytes: int | None = None
    max_tokens: int | None = None
    max_embedding_inputs: int | None = None
    is_allowed: bool = True
    is_numbered: bool = False

    @classmethod
    def of(cls, limits: Limits, shard: Shard | Literal[False] | None) -> "Sharding":
        """What a batch declares as `shard`, within the `limits` of its provider."""
        wanted = shard or Limits()
        return cls(
            max_requests=_smaller(limits.max_requests, wanted.max_requests),
            max_bytes=_smaller(limits.max_bytes, wanted.max_bytes),
            max_tokens=_smaller(limits.max_tokens, wanted.max_tokens),
            max_embedding_inputs=limits.max_embedding_inputs,
            is_allowed=shard is not False,
            is_numbered=isinstance(shard, Shard),
        )


@dataclass(slots=True)
class Load:
    """What some lines weigh: how many they are, their bytes, tokens and embedding inputs."""

    requests: int = 0
    size: int = 0
    tokens: int = 0
    embedding_inputs: int = 0

    def add(self, other: "Load") -> None:
        """Put `other` on top."""
        self.requests += other.requests
        self.size += other.size
        self.tokens += other.tokens
        self.embedding_inputs += other.embedding_inputs


class Excess(NamedTuple):
    """What there is too much of: `what` it is, how much was `found`, and the `limit`."""

    what: str
    found: int
    limit: int


class Partition:
    """Cuts one line after the other: a shard takes what it has room for."""

    def __init__(self, sharding: Sharding) -> None:
        self._sharding = sharding
        self._load = Load()
        self._counts_tokens = sharding.max_tokens is not None

    def load(
        self, requests: int, size: int, sizes: Callable[[], Iterable[int]], embedding_inputs: Sequence[int] = ()
    ) -> Load:
        """What `requests` lines of `size` bytes weigh; `sizes` gives each line's, where tokens count."""
        tokens = sum(map(tokens_of, sizes())) if self._counts_tokens else 0
        return Load(requests, size, tokens, sum(embedding_inputs))

    def has_room(self, more: Load) -> bool:
        """Whether `more` goes into the shard that is being filled; it always does where there must be one only."""
        load, sharding = self._load, self._sharding
        return not sharding.is_allowed or not (
            _is_over(load.requests + more.requests, sharding.max_requests)
            or _is_over(load.size + more.size, sharding.max_bytes)
            or _is_over(load.tokens + more.tokens, sharding.max_tokens)
            or _is_over(load.embedding_inputs + more.embedding_inputs, sharding.max_embedding_inputs)
        )

    def begin(self) -> None:
        """Begin a new shard, unless the one that is being filled is empty."""
        self._load = Load()

    def add(self, more: Load) -> None:
        """Put `more` into the shard that is being filled, whether it has room or not."""
        self._load.add(more)

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


def _is_over(found: int, limit: int | None) -> bool:
    return limit is not None and found > limit


def _smaller(one: int | None, other: int | None) -> int | None:
    return min((each for each in (one, other) if each is not None), default=None)

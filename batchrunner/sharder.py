"""Where a content of any length is cut into shards: at line ends, greedily, the same content always at the same places.

Pure: told of one line after the other, it says before which of them a new shard begins.
"""

from dataclasses import dataclass
from typing import Literal

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


def line_load(size: int, embedding_inputs: int = 0) -> Load:
    """What one line of `size` bytes weighs, its end included."""
    return Load(1, size, tokens_of(size), embedding_inputs)


def tokens_of(size: int) -> int:
    """How many tokens a line of `size` bytes counts for where it is cut."""
    return -(-size // BYTES_PER_TOKEN)


def excess(load: Load, sharding: Sharding) -> tuple[str, int, int] | None:
    """What there is too much of in `load` for one shard, its amount and the limit; None where it fits."""
    for name, found, limit in (
        ("requests", load.requests, sharding.max_requests),
        ("bytes", load.size, sharding.max_bytes),
        ("tokens", load.tokens, sharding.max_tokens),
        ("embedding inputs", load.embedding_inputs, sharding.max_embedding_inputs),
    ):
        if limit is not None and found > limit:
            return name, found, limit
    return None


def _smaller(one: int | None, other: int | None) -> int | None:
    return min((each for each in (one, other) if each is not None), default=None)

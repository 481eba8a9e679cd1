"""Canonical JSON, content digests and the idempotency key. The only module that imports blake3."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Protocol

JsonValue = str | int | float | bool | None | Sequence["JsonValue"] | Mapping[str, "JsonValue"]

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode


class Hashing(Protocol):
    """A digest on its way, as `hashlib` has them."""

    def update(self, data: bytes | bytearray | memoryview, /) -> object:
        """Take in more bytes."""
        ...

    def hexdigest(self) -> str:
        """The digest of all bytes so far, in hex."""
        ...


def sha256() -> Hashing:
    """What identifies content."""
    return hashlib.sha256()


def blake3() -> Hashing:
    """What content is compared by where there is much of it: as hard to forge as SHA-256, at a quarter of its cost."""
    from blake3 import blake3  # loaded where something is read or sent

    return blake3()


def canonical_json(value: JsonValue) -> bytes:
    """`value` as ASCII JSON with sorted keys and no spaces: equal values give equal bytes."""
    return _encode(value).encode("ascii")


def digest_of(value: JsonValue) -> str:
    """`sha256:` and 64 hex digits of the canonical JSON of `value`."""
    return "sha256:" + hashlib.sha256(canonical_json(value)).hexdigest()


def fingerprint(provider: str, endpoint: str, completion_window: str, content: str) -> str:
    """Digest of what is paid for. `content` is a `sha256:` digest of input bytes, or `file:` and a provider's file id.

    Metadata, labels and paths are left out on purpose: words do not cost money.
    """
    return digest_of(["br1", provider, endpoint, completion_window, content])


def idempotency_key(
    project: str, spec: str, address: str, run_key: str, attempt: int, *, is_retry: bool = False
) -> str:
    """The stable name of one paid submission: 36 lower-case characters. `attempt` counts what was paid for, from 1.

    A retry has other keys: where a provider takes no metadata, its key alone tells that it asks for some rows only.

    No clock, no random number, no path and no lineage go in, so the key survives the loss of the whole state; of a
    shard, as long as its input is cut the same way.
    """
    names: list[str | int] = [project, spec, address, run_key, attempt, *(["retry"] if is_retry else [])]
    name = hashlib.sha256(canonical_json(names)).digest()
    return "br1-" + base64.b32encode(name).decode("ascii")[:32].lower()

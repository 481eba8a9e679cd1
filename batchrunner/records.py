"""What every durable record of ours is: a frozen, strict msgspec struct, and how it becomes bytes.

The only module that imports msgspec: records, request lines and provider replies are decoded through it.
"""

from typing import Any, TypeVar, dataclass_transform

import msgspec
from msgspec import Meta, Raw, field
from msgspec.structs import replace

from batchrunner.errors import StateError

__all__ = [
    "MALFORMED",
    "Meta",
    "Raw",
    "Record",
    "Tolerant",
    "compact",
    "converted",
    "decode",
    "decoder",
    "encode",
    "field",
    "plain",
    "pretty",
    "replace",
]

T = TypeVar("T")

MALFORMED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding raises for bytes that are not what was asked for."""


class _KeywordsOnly(msgspec.StructMeta):
    """Hands `kw_only` and `gc` down to subclasses, which msgspec leaves to each of them.

    Records hold no cycles: the collector, which would look at each of a hundred thousand, need not know them.
    """

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **config: Any) -> Any:
        return super().__new__(mcs, name, bases, namespace, **{"kw_only": True, "gc": False, **config})


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
class Record(
    msgspec.Struct,
    metaclass=_KeywordsOnly,
    frozen=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
):
    """A frozen record. Unknown fields are errors; defaults are not written."""


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Tolerant(msgspec.Struct, frozen=True, gc=False):
    """A frozen view of somebody else's JSON: only the declared fields are kept, unknown ones are passed over."""


def encode(value: object) -> bytes:
    """Compact JSON, keys of mappings sorted, fields in declared order."""
    return msgspec.json.encode(value, order="deterministic")


def decode(data: bytes | Raw, kind: type[T], *, what: str) -> T:
    """`data` as a `kind`. Raises `StateError` `unreadable-record` naming `what` and where in it."""
    try:
        return msgspec.json.decode(data, type=kind)
    except MALFORMED as error:
        raise StateError("unreadable-record", f"{what} cannot be read", why=str(error)) from None


def decoder(kind: type[T]) -> "msgspec.json.Decoder[T]":
    """A reusable decoder, for many records of one kind."""
    return msgspec.json.Decoder(kind)


def pretty(value: object) -> bytes:
    """JSON for people and diffs: two spaces, sorted keys, a final newline."""
    return msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=2) + b"\n"


def compact(document: bytes) -> Raw:
    """A provider's JSON document on one line, every token as it was sent."""
    return Raw(msgspec.json.format(document, indent=-1))


def converted(value: object, kind: type[T]) -> T:
    """Plain dicts, lists and scalars as a `kind`. Raises one of `MALFORMED` for what breaks a rule of its fields."""
    return msgspec.convert(value, kind)


def plain(value: object) -> Any:
    """A record as plain dicts, lists and scalars."""
    return msgspec.json.decode(msgspec.json.encode(value))

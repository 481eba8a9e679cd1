"""What every durable record of ours is: a frozen, strict msgspec struct, and how it becomes bytes.

The only module that imports msgspec: records, request lines and provider replies are decoded through it.
"""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar, Union, dataclass_transform

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
    "extended",
    "field",
    "json_schema",
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


def extended(kind: type[Record], name: str, **fields: Any) -> type[Record]:
    """A record like `kind`, under the same tag, called `name`, with more `fields`, and all of them written."""
    config, namespace = kind.__struct_config__, {"__annotations__": fields, "__doc__": kind.__doc__}
    made: type[Record] = _KeywordsOnly(
        name, (kind,), namespace, tag=config.tag, tag_field=config.tag_field, omit_defaults=False
    )
    return made


def json_schema(kinds: Sequence[type[Record]], template: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """JSON Schema (draft 2020-12) of `kinds`: a reference to each, as `template` has it, and all definitions by name.

    The union of several kinds is told apart by their tags. What a definition requires is what is always written.
    """
    whole: Any = Union[tuple(kinds)]  # noqa: UP007
    (root,), parts = msgspec.json.schema_components([whole], ref_template=template)
    for known in _structs(whole):
        part = parts.get(known.cls.__name__)
        if part is not None and not known.cls.__struct_config__.omit_defaults:
            part["required"] = list(part["properties"])
    return root, parts


def _structs(kind: Any) -> Iterator[msgspec.inspect.StructType]:
    """Every struct that a value of `kind` may hold."""
    seen, waiting = set(), [msgspec.inspect.type_info(kind)]
    while waiting:
        known = waiting.pop()
        if isinstance(known, msgspec.inspect.StructType):
            if known.cls in seen:
                continue
            seen.add(known.cls)
            yield known
            waiting += [each.type for each in known.fields]
        else:
            waiting += _parts(known)


def _parts(known: msgspec.inspect.Type) -> list[msgspec.inspect.Type]:
    inner = [getattr(known, name, None) for name in ("type", "item_type", "key_type", "value_type")]
    return [each for each in [*inner, *getattr(known, "types", ()), *getattr(known, "item_types", ())] if each]


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

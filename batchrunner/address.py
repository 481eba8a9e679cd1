"""Addresses: `spec/batch`, `spec/batch[lang=en]`, `spec/batch#2` for a shard, and patterns over them."""

import re
from collections.abc import Collection, Mapping

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}\Z")
MATRIX_VALUE = re.compile(
    r"[^\x00-\x20\x7f-\xa0\[\],=#*?](?:[^\x00-\x1f\x7f-\xa0\[\],=#*?]{0,62}[^\x00-\x20\x7f-\xa0\[\],=#*?])?\Z"
)

_SHARD = re.compile(r"[1-9][0-9]{0,8}\Z")

FILE = "file"
"""The member of an address that names one file of a pattern, by its path below the pattern's folder."""
GRAMMAR = "A name is of lower-case letters, digits, `.`, `_` and `-`, and members are in brackets: nightly/a[lang=en]."


def address(spec: str, batch: str, matrix: Mapping[str, str] | None = None) -> str:
    """The address of a declaration; matrix members are named by value, in key order, never by index."""
    if not matrix:
        return f"{spec}/{batch}"
    members = ",".join(f"{key}={matrix[key]}" for key in sorted(matrix))
    return f"{spec}/{batch}[{members}]"


def members_of(address: str) -> dict[str, str]:
    """The matrix members in an address, by key."""
    inside = whole_of(address).partition("[")[2].removesuffix("]")
    return dict(member.split("=", 1) for member in inside.split(",")) if inside else {}


def with_member(whole: str, key: str, value: str) -> str:
    """The address of the member of `whole` that has `key=value` too; `whole` has no such key."""
    spec, _, batch = declaration_of(whole).partition("/")
    return address(spec, batch, {**members_of(whole), key: value})


def without_member(whole: str, key: str) -> str:
    """The address of what `whole` is the member with that key of; `whole` itself where it has no such key."""
    spec, _, batch = declaration_of(whole).partition("/")
    return address(spec, batch, {name: value for name, value in members_of(whole).items() if name != key})


def spec_of(address: str) -> str:
    """The spec's name in an address."""
    return address.partition("/")[0]


def shard(whole: str, number: int) -> str:
    """The address of a shard of `whole`; `number` counts from 1."""
    return f"{whole}#{number}"


def whole_of(address: str) -> str:
    """The address without its shard: what was cut into shards."""
    return address.partition("#")[0]


def declaration_of(address: str) -> str:
    """The address without its matrix members and shard: what the spec declares."""
    return address.partition("[")[0].partition("#")[0]


def is_address(text: str) -> bool:
    """Whether a spec can declare a batch of this address: names, members in key order, a shard's number."""
    text, cut, number = text.partition("#")
    if cut and not _SHARD.match(number):
        return False
    whole, bracket, members = text.partition("[")
    spec, _, batch = whole.partition("/")
    if not (NAME.match(spec) and NAME.match(batch)):
        return False
    pairs = [member.partition("=") for member in members.removesuffix("]").split(",")] if bracket else []
    sound = all(NAME.match(key) and MATRIX_VALUE.match(value) for key, _, value in pairs)
    return sound and text == address(spec, batch, {key: value for key, _, value in pairs})


def natural(address: str) -> str:
    """What to sort addresses by so that `a[i=2]` comes before `a[i=10]`."""
    return re.sub("[0-9]+", lambda digits: digits[0].zfill(64), address)


def matches(pattern: str, address: str) -> bool:
    """Whether `pattern` names `address`: itself, all its shards or members, or a glob with `*` and `?` only.

    A pattern without `/` is looked for in every spec. `*` and `?` do not reach over a `#`: `x*` means whole batches.
    """
    wanted = pattern if "/" in declaration_of(pattern) else f"*/{pattern}"
    expression = re.compile("".join(_translate(c) for c in wanted) + r"\Z", re.DOTALL)
    return any(map(expression.match, {address, whole_of(address), declaration_of(address)}))


def concerns(pattern: str, whole: str) -> bool:
    """Whether `pattern` names the batch `whole`, or may name a shard of it: how many there are need not be known."""
    return matches(pattern, whole) or ("#" in pattern and matches(whole_of(pattern), whole))


def is_targeted(whole: str, targets: Collection[str]) -> bool:
    """Whether one of `targets` concerns the batch `whole`; none of them means all."""
    return not targets or any(concerns(target, whole) for target in targets)


def _translate(character: str) -> str:
    return {"*": "[^#]*", "?": "[^#]"}.get(character, re.escape(character))

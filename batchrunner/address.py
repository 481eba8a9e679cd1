"""Addresses: `spec/batch`, `spec/batch[lang=en]`, and patterns over them."""

import re
from collections.abc import Iterable, Mapping

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}\Z")
MATRIX_VALUE = re.compile(
    r"[^\x00-\x20\x7f-\xa0\[\],=#*?](?:[^\x00-\x1f\x7f-\xa0\[\],=#*?]{0,62}[^\x00-\x20\x7f-\xa0\[\],=#*?])?\Z"
)


def address(spec: str, batch: str, matrix: Mapping[str, str] | None = None) -> str:
    """The address of a declaration; matrix members are named by value, in key order, never by index."""
    if not matrix:
        return f"{spec}/{batch}"
    members = ",".join(f"{key}={matrix[key]}" for key in sorted(matrix))
    return f"{spec}/{batch}[{members}]"


def spec_of(address: str) -> str:
    """The spec's name in an address."""
    return address.partition("/")[0]


def declaration_of(address: str) -> str:
    """The address without its matrix members and shard: what the spec declares."""
    return address.partition("[")[0].partition("#")[0]


def matches(pattern: str, address: str) -> bool:
    """Whether `pattern` names `address`: itself, all members of a declaration, or a glob with `*` and `?` only.

    A pattern without `/` is looked for in every spec.
    """
    wanted = pattern if "/" in declaration_of(pattern) else f"*/{pattern}"
    expression = re.compile("".join(_translate(c) for c in wanted) + r"\Z", re.DOTALL)
    return bool(expression.match(address) or expression.match(declaration_of(address)))


def unmatched(patterns: Iterable[str], addresses: Iterable[str]) -> tuple[str, ...]:
    """The patterns that name no address."""
    known = tuple(addresses)
    return tuple(p for p in patterns if not any(matches(p, a) for a in known))


def _translate(character: str) -> str:
    return {"*": ".*", "?": "."}.get(character, re.escape(character))

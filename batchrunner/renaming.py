"""What a spec's `moved` says of addresses: what each is called now, and what it was called first. Pure.

    moved:
      - {from: old, to: new}                      a batch, with all its members and shards
      - {from: "old[lang=en]", to: "new[lang=en]"}  one member, with its shards
      - {from: nightly/*, to: "*"}                a whole spec, whose file was renamed

The most particular rule applies, then what follows from where it leads: `a` to `b` and `b` to `c` make `a` a `c`.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from batchrunner.address import declaration_of, members_of, spec_of, whole_of

ALL = "*"
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Rename:
    """One rule: what was `previous` is `address`. Both are whole addresses, or both are `SPEC/*`.

    `pointer` leads to it in the document of the spec.
    """

    previous: str
    address: str
    pointer: tuple[str | int, ...] = ()

    @property
    def is_of_spec(self) -> bool:
        """Whether it renames a whole spec."""
        return self.previous.endswith(f"/{ALL}")

    @property
    def is_exact(self) -> bool:
        """Whether it is of one member, or of a batch that became one or was one: with shards alone below it."""
        return "[" in self.previous or "[" in self.address

    def applied(self, address: str) -> str | None:
        """What `address` is called by this rule; None where the rule is not about it."""
        return _renamed(address, self.previous, self.address, self)

    def undone(self, address: str) -> str | None:
        """What was called `address` by this rule; None where the rule is not about it."""
        return _renamed(address, self.address, self.previous, self)


def _renamed(address: str, old: str, new: str, rule: Rename) -> str | None:
    if rule.is_of_spec:
        spec, _, batch = address.partition("/")
        return f"{spec_of(new)}/{batch}" if spec == spec_of(old) else None
    named = whole_of(address) if rule.is_exact else declaration_of(address)
    return new + address.removeprefix(old) if named == old else None


class Renaming:
    """Rules together. No two have one `previous` or one `address`, and none leads back to where it came from."""

    def __init__(self, rules: Iterable[Rename] = ()) -> None:
        self.rules: Sequence[Rename] = tuple(rules)
        self._by_previous = {_index(rule.previous, rule): rule for rule in self.rules}
        self._by_address = {_index(rule.address, rule): rule for rule in self.rules}

    def __bool__(self) -> bool:
        return bool(self.rules)

    def now(self, address: str) -> str:
        """What `address` is called now."""
        return self._followed(address, self.step)

    def originally(self, address: str) -> str:
        """What `address` was called first, which its idempotency keys are computed from."""
        return self._followed(address, self._step_back)

    def sources(self) -> frozenset[str]:
        """The specs that something is moved from."""
        return frozenset(spec_of(rule.previous) for rule in self.rules)

    def step(self, address: str) -> str:
        """What the one rule that is most particular to `address` calls it."""
        for rule in _about(address, self._by_previous):
            if (following := rule.applied(address)) is not None:
                return following
        return address

    def _followed(self, address: str, step: Callable[[str], str]) -> str:
        """Where `step` after `step` leads."""
        for _ in self.rules:
            following = step(address)
            if following == address:
                break
            address = following
        return address

    def _step_back(self, address: str) -> str:
        """The name before, where that leads here: what a more particular rule took elsewhere never was this."""
        for rule in _about(address, self._by_address):
            before = rule.undone(address)
            if before is not None and self.step(before) == address:
                return before
        return address


_Index = tuple[int, str]


def _index(name: str, rule: Rename) -> _Index:
    return (2, spec_of(name)) if rule.is_of_spec else (0 if rule.is_exact else 1, name)


def _about(address: str, rules: Mapping[_Index, Rename]) -> list[Rename]:
    """The rules that may be about `address`, the most particular first."""
    names = [(0, whole_of(address)), (1, declaration_of(address)), (2, spec_of(address))]
    return [rules[name] for name in names if name in rules]


class Surroundings(Protocol):
    """What a rule is written in the light of: other rules, and the declarations that there are."""

    @property
    def renaming(self) -> Renaming:
        """The rules of all specs."""
        ...

    @property
    def declared(self) -> Collection[str]:
        """The addresses of all declarations."""
        ...


_PLAIN = re.compile(r"[a-z0-9][a-z0-9._/-]*\Z")


def block_for(names: Sequence[str], address: str, path: str, around: Surroundings) -> str:
    """What to write into the spec at `path` where `address` is what one of `names` was: the first, as it seems."""
    spec = spec_of(address)
    old, new = _widest(names[0], address, around.declared)
    entry = f"{{from: {_written(old, spec)}, to: {_written(new, spec)}}}"
    has_block = any(spec_of(rule.address) == spec for rule in around.renaming.rules)
    block = f"add to `moved` in {path}: - {entry}" if has_block else f"add to {path}: moved: [{entry}]"
    others = f" (or from {', '.join(names[1:_NAMED])})" if len(names) > 1 else ""
    return f"where {names[0]} is what it was called before, {block}{others}; to pay for it again:"


def _widest(old: str, new: str, declared: Collection[str]) -> tuple[str, str]:
    """The rule that makes `old` a `new` and tells of as much else as it can, without what is still `declared`."""
    if spec_of(old) != spec_of(new) and old.partition("/")[2] == new.partition("/")[2]:
        return f"{spec_of(old)}/{ALL}", f"{spec_of(new)}/{ALL}"
    if members_of(old) == members_of(new) and declaration_of(old) not in declared:
        return declaration_of(old), declaration_of(new)
    return old, new


def _written(address: str, spec: str) -> str:
    """An address as it is written in the spec called `spec`, in YAML."""
    name = address.removeprefix(f"{spec}/")
    return name if _PLAIN.match(name) else json.dumps(name, ensure_ascii=False)

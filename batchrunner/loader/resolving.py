"""References of a declaration, put in wherever a text holds one."""

from operator import is_
from sys import getsizeof
from typing import Any

from batchrunner.loader.places import Pointer
from batchrunner.printable import brief
from batchrunner.references import BadReferences, ReferenceProblem, Scope, refers, substitute
from batchrunner.templates import templated

MOST = 32 << 20
_BYTES_OF_ENTRY = 8
_EMPTY = getsizeof("")

_TEMPLATES = frozenset({("input", "custom_id"), ("input", "body")})
"""Where texts may refer to a row, and are left with those references."""


Plain = set[tuple[int, bool]]
"""Ids of mappings and lists, and whether they stand in a template: an alias may lead to one from elsewhere too."""


class Exhausted(Exception):
    """What a spec stands for is too large to be made."""


class Allowance:
    """How much may still be made for all specs together: a hundred thousand batches need no more.

    Counted are the bytes in memory of texts whose references were replaced, and the entries of the mappings and lists
    below the fields of a batch that were made anew for it.
    """

    def __init__(self) -> None:
        self._left = MOST

    def take(self, size: int) -> None:
        """Count `size` bytes. Raises `Exhausted` where those are more than are left."""
        self._left -= size
        if self._left < 0:
            raise Exhausted

    def take_entries(self, entries: int) -> None:
        """Count `entries` as the bytes that they take, about. Raises `Exhausted`."""
        self.take(entries * _BYTES_OF_ENTRY)


class Resolver:
    """Replaces references by what they stand for in a scope; `problems` says where that could not be done.

    `allowance` is shared by all batches of all specs, `plain` by the members of one declaration: the mappings and lists
    in it that stay as they are.
    """

    def __init__(self, scope: Scope, allowance: Allowance, plain: Plain) -> None:
        self._scope = scope
        self._allowance = allowance
        self._plain = plain
        self.problems: list[tuple[Pointer, ReferenceProblem]] = []

    def resolved(self, value: Any, where: Pointer = ()) -> Any:
        """`value` with the references in its texts replaced; a text with a problem stays as it is.

        Mappings and lists without references are not copied: all members of a matrix share them.
        """
        if isinstance(value, str):
            return self._text(value, where)
        if isinstance(value, dict | list) and (id(value), where[:2] in _TEMPLATES) not in self._plain:
            return self._collection(value, where)
        return value

    def _collection(self, value: dict[str, Any] | list[Any], where: Pointer) -> Any:
        known = len(self.problems)
        made: dict[str, Any] | list[Any]
        if isinstance(value, dict):
            made = {self._key(key, where): self.resolved(below, (*where, key)) for key, below in value.items()}
            is_same = all(map(is_, value.values(), made.values()))
        else:
            made = [self.resolved(below, (*where, index)) for index, below in enumerate(value)]
            is_same = all(map(is_, value, made))
        if not is_same:
            self._allowance.take_entries(len(made) if where else 0)
            return made
        if len(self.problems) == known:
            self._plain.add((id(value), where[:2] in _TEMPLATES))
        return value

    def _text(self, text: str, where: Pointer) -> Any:
        if where == ("name",):
            return self._written_out(text, where, "a batch's name is written out: it identifies what has been paid for")
        if "${" not in text:
            return text
        try:
            return self._substituted(text, where)
        except BadReferences as error:
            self.problems += [(where, problem) for problem in error.problems]
            return text

    def _substituted(self, text: str, where: Pointer) -> Any:
        replaced = templated if where[:2] in _TEMPLATES else substitute
        made = replaced(text, self._scope)
        # One character of another script makes all of a text take two or four bytes each.
        self._allowance.take(getsizeof(made) - _EMPTY if isinstance(made, str) else 1)
        return text if made == text else made

    def _key(self, key: str, where: Pointer) -> str:
        return self._written_out(key, (*where, key), f"keys hold no references, and `{brief(key)}` does")

    def _written_out(self, text: str, where: Pointer, message: str) -> str:
        if refers(text):
            self.problems.append((where, ReferenceProblem("reference-not-allowed", message)))
        return text

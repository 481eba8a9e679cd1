"""References of a declaration, put in wherever a text holds one."""

from collections.abc import Sized
from operator import is_
from typing import Any

from batchrunner.loader.places import Pointer
from batchrunner.printable import brief
from batchrunner.references import BadReferences, ReferenceProblem, Scope, refers, substitute
from batchrunner.templates import templated

MOST = 32 << 20

_TEMPLATES = frozenset({("input", "custom_id"), ("input", "body")})
"""Where texts may refer to a row, and are left with those references."""


class Exhausted(Exception):
    """What a spec stands for is too large to be made."""


class Allowance:
    """How much may still be made for one spec: a hundred thousand batches need no more.

    Counted are the characters of texts whose references were replaced, and the entries of mappings and lists that were
    made anew for a batch.
    """

    def __init__(self) -> None:
        self._left = MOST

    def take(self, made: int) -> None:
        """Count `made` characters or entries. Raises `Exhausted` where that is more than is left."""
        self._left -= made
        if self._left < 0:
            raise Exhausted


class Resolver:
    """Replaces references by what they stand for in a scope; `problems` says where that could not be done.

    `allowance` is shared by all batches of a spec.
    """

    def __init__(self, scope: Scope, allowance: Allowance) -> None:
        self._scope = scope
        self._allowance = allowance
        self.problems: list[tuple[Pointer, ReferenceProblem]] = []

    def resolved(self, value: Any, where: Pointer = ()) -> Any:
        """`value` with the references in its texts replaced; a text with a problem stays as it is.

        Mappings and lists without references are not copied: all members of a matrix share them.
        """
        if isinstance(value, str):
            return self._text(value, where)
        if isinstance(value, dict):
            made = {self._key(key, where): self.resolved(below, (*where, key)) for key, below in value.items()}
            return self._unless_same(value, made, all(map(is_, value.values(), made.values())))
        if isinstance(value, list):
            items = [self.resolved(below, (*where, index)) for index, below in enumerate(value)]
            return self._unless_same(value, items, all(map(is_, value, items)))
        return value

    def _unless_same(self, value: Sized, made: Sized, is_same: bool) -> Any:
        if is_same:
            return value
        self._allowance.take(len(made))
        return made

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
        self._allowance.take(len(made) if isinstance(made, str) else 1)
        return made

    def _key(self, key: str, where: Pointer) -> str:
        return self._written_out(key, (*where, key), f"keys hold no references, and `{brief(key)}` does")

    def _written_out(self, text: str, where: Pointer, message: str) -> str:
        if refers(text):
            self.problems.append((where, ReferenceProblem("reference-not-allowed", message)))
        return text

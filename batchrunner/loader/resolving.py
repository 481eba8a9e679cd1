"""References of a declaration, put in wherever a text holds one."""

from typing import Any

from batchrunner.loader.places import Pointer
from batchrunner.printable import brief
from batchrunner.references import BadReferences, ReferenceProblem, Scope, refers, substitute


class Resolver:
    """Replaces references by what they stand for in a scope; `problems` says where one stands for nothing."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self.problems: list[tuple[Pointer, ReferenceProblem]] = []

    def resolved(self, value: Any, where: Pointer = ()) -> Any:
        """`value` with the references in its texts replaced; a text with a problem stays as it is."""
        if isinstance(value, str):
            return self._text(value, where)
        if isinstance(value, dict):
            return {self._key(key, where): self.resolved(below, (*where, key)) for key, below in value.items()}
        if isinstance(value, list):
            return [self.resolved(below, (*where, index)) for index, below in enumerate(value)]
        return value

    def _text(self, text: str, where: Pointer) -> Any:
        if where == ("name",):
            return self._written_out(text, where, "a batch's name is written out: it identifies what has been paid for")
        try:
            return substitute(text, self._scope)
        except BadReferences as error:
            self.problems += [(where, problem) for problem in error.problems]
            return text

    def _key(self, key: str, where: Pointer) -> str:
        return self._written_out(key, (*where, key), f"keys hold no references, and `{brief(key)}` does")

    def _written_out(self, text: str, where: Pointer, message: str) -> str:
        if refers(text):
            self.problems.append((where, ReferenceProblem("reference-not-allowed", message)))
        return text

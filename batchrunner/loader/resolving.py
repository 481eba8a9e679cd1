"""References of a declaration, put in wherever a text holds one."""

from typing import Any

from batchrunner.loader.places import Pointer
from batchrunner.printable import brief
from batchrunner.references import BadReferences, ReferenceProblem, Scope, refers, substitute

MOST = 32 << 20

_EXHAUSTED = ReferenceProblem(
    "too-long",
    f"with their references replaced the texts of this spec have more than {MOST:,} characters",
    "refer to shorter values, or split the spec",
)


class Allowance:
    """How many characters the references of one spec may still make: a hundred thousand batches need no more."""

    def __init__(self) -> None:
        self._left = MOST

    @property
    def is_spent(self) -> bool:
        """Whether more was made than may be."""
        return self._left < 0

    def take(self, made: Any) -> None:
        """Count what a text became."""
        self._left -= len(made) if isinstance(made, str) else 0


class Resolver:
    """Replaces references by what they stand for in a scope; `problems` says where that could not be done.

    `allowance` is shared by all batches of a spec.
    """

    def __init__(self, scope: Scope, allowance: Allowance) -> None:
        self._scope = scope
        self._allowance = allowance
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
        if "${" not in text:
            return text
        try:
            return self._substituted(text)
        except BadReferences as error:
            self.problems += [(where, problem) for problem in error.problems]
            return text

    def _substituted(self, text: str) -> Any:
        made = text if self._allowance.is_spent else substitute(text, self._scope)
        self._allowance.take(made)
        if self._allowance.is_spent:
            raise BadReferences((_EXHAUSTED,))
        return made

    def _key(self, key: str, where: Pointer) -> str:
        return self._written_out(key, (*where, key), f"keys hold no references, and `{brief(key)}` does")

    def _written_out(self, text: str, where: Pointer, message: str) -> str:
        if refers(text):
            self.problems.append((where, ReferenceProblem("reference-not-allowed", message)))
        return text

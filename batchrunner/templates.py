"""Texts of a template: references are replaced but for those to the row, which are left for each row to replace.

In the text that is kept, `${row.NAME}` is the only reference there is, and `$${` stands for `${`. What was put in is
escaped, so that no value can become a reference.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from batchrunner.references import (
    LONGEST,
    TOO_LONG,
    BadReferences,
    Column,
    ReferenceProblem,
    Scope,
    as_text,
    is_reference,
    parts_of,
)
from batchrunner.spec import Scalar

Field = tuple[str | int, ...]
"""The way to a text of the declaration, from the batch: `("input", "body", "messages", 0, "content")`."""

_ROW = Scope(has_rows=True)


class FieldProblem(NamedTuple):
    """Why no row at all can be put into a text of the template, `field`."""

    field: Field
    code: str
    message: str
    hint: str = ""


class BadTemplate(Exception):
    """Texts of a template that nothing can be put into; every one of them is in `problems`."""

    def __init__(self, problems: tuple[FieldProblem, ...]) -> None:
        super().__init__(*(problem.message for problem in problems))
        self.problems = problems


class Extent(NamedTuple):
    """How much a value holds: the characters of all texts and keys in it, and how many values those are."""

    characters: int
    values: int


def extent_of(value: Any, known: dict[int, Extent]) -> Extent:
    """The extent of a value of YAML or JSON, what is shared in it counted each time.

    `known` has those of lists and mappings by id, for as long as these live: each is walked through once.
    """
    if isinstance(value, str):
        return Extent(len(value), 1)
    if not isinstance(value, dict | list):
        return Extent(0, 1)
    if id(value) not in known:
        below = [extent_of(each, known) for each in (value.values() if isinstance(value, dict) else value)]
        characters = sum(map(len, value)) if isinstance(value, dict) else 0
        known[id(value)] = Extent(
            characters + sum(each.characters for each in below), 1 + sum(each.values for each in below)
        )
    return known[id(value)]


def templated(text: str, scope: Scope) -> Scalar:
    """`text` with its references replaced but for those to the row, as a text of a template.

    A text that is one reference and nothing else keeps the value's type. Raises `BadReferences` as `substitute` does,
    and with `bad-value` for a value that ends in `$` right before a reference to the row: the two would read as `$${`.
    """
    if "${" not in text:
        return text
    if len(text) > LONGEST:
        raise BadReferences((TOO_LONG,))
    parts = parts_of(text, scope._replace(has_rows=True))
    if is_reference(text) and not isinstance(parts[0], str | Column):
        return parts[0]  # type: ignore[no-any-return]
    pieces = [*_joined(parts)]
    _check(pieces)
    return "".join(_written(piece) for piece in pieces)


def compiled(template: str) -> tuple[str | Column, ...]:
    """What a text of a template is made of: texts as they are sent, and columns; no two texts in a row.

    Raises `BadReferences` for a text that `templated` has not made.
    """
    return tuple(_joined(parts_of(template, _ROW)))


def _joined(parts: Iterable[Any]) -> Iterator[str | Column]:
    """`parts` with neighbouring scalars joined to one text."""
    texts: list[str] = []
    for part in parts:
        if not isinstance(part, Column):
            texts.append(as_text(part))
            continue
        if texts:
            yield "".join(texts)
            texts = []
        yield part
    if texts:
        yield "".join(texts)


def _check(pieces: list[str | Column]) -> None:
    # Many references to one long value are a small text that stands for a huge one.
    if sum(len(piece) for piece in pieces if isinstance(piece, str)) > LONGEST:
        raise BadReferences((TOO_LONG,))
    ambiguous = [
        ReferenceProblem(
            "bad-value",
            f"a value that ends in `$` stands right before `${{row.{after.name}}}`: the two read as `$${{`",
            "put something between them",
        )
        for before, after in pairwise(pieces)
        if isinstance(before, str) and isinstance(after, Column) and before.endswith("$")
    ]
    if ambiguous:
        raise BadReferences(tuple(ambiguous))


def _written(piece: str | Column) -> str:
    return f"${{row.{piece.name}}}" if isinstance(piece, Column) else piece.replace("${", "$${")

"""Renders rows of a table to request lines: a template made into JSON text with holes, and values to fill them with.

Lines come out the same whatever the order in which the template was written: keys of the body sorted at all levels,
those of values too, in compact UTF-8 (RFC 8259).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from json import JSONEncoder
from json.encoder import encode_basestring as encode_text
from math import isfinite
from operator import mul
from typing import Any, Final, NamedTuple

from batchrunner.manifest import Template
from batchrunner.printable import brief
from batchrunner.references import BadReferences, Column, as_text
from batchrunner.templates import BadTemplate, Field, FieldProblem, compiled

_LONGEST: Final = 16 << 20  # characters of all the values of a line in which a column comes more than once
MISSING: Final = object()
"""Stands for the value of a column that a row does not have."""

_nested = JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"), check_circular=False
).encode


class ValueProblem(NamedTuple):
    """Why the value that a row has in `column` cannot be used."""

    column: str
    code: str
    message: str
    hint: str = ""


class BadRow(Exception):
    """A row whose values cannot be used; every one of them is in `problems`."""

    def __init__(self, problems: tuple[ValueProblem, ...]) -> None:
        super().__init__(*(problem.message for problem in problems))
        self.problems = problems


class Use(NamedTuple):
    """Where a value of a row goes: the `field` that names `column`, and what makes the value JSON text.

    `is_text`: it becomes part of a text, so that it cannot be a list or an object.
    """

    column: str
    field: Field
    encode: Callable[[Any], str]
    is_text: bool


class _Unusable(Exception):
    """Control flow between the functions of this module, never seen outside: a code, words after "column `x`"."""

    def __init__(self, code: str, words: str, hint: str) -> None:
        super().__init__(words)
        self.code, self.words, self.hint = code, words, hint


class Renderer:
    """A template, ready for rows. Raises `BadTemplate` for texts that hold no proper references.

    `columns` are those that it uses, in the order in which `line` wants their values; `uses` says where. A line has at
    least `least` characters.
    """

    def __init__(self, template: Template) -> None:
        pieces = _merged(_envelope(template))
        self.uses = tuple(piece for piece in pieces if isinstance(piece, Use))
        self.columns = tuple(dict.fromkeys(use.column for use in self.uses))
        places = {column: place for place, column in enumerate(self.columns)}
        self._slots = tuple((use.encode, places[use.column]) for use in self.uses)
        self._pieces = ["" if isinstance(piece, Use) else piece for piece in pieces]
        # What comes often is encoded once.
        self._distinct = Counter(self._slots)
        numbers = {slot: number for number, slot in enumerate(self._distinct)}
        self._order = tuple(numbers[slot] for slot in self._slots)
        self.least = sum(map(len, self._pieces))
        self._multiplies = len(self._slots) > len(self.columns)

    def line(self, values: Sequence[Any]) -> str:
        """The request line of one row, its end included. Raises `BadRow` with all that is wrong in it."""
        pieces = self._pieces.copy()
        try:
            pieces[1::2] = self._bounded(values) if self._multiplies else [e(values[i]) for e, i in self._slots]
        except _Unusable:
            raise BadRow(tuple(dict.fromkeys(self._problems(values)))) from None
        return "".join(pieces)

    def _bounded(self, values: Sequence[Any]) -> list[str]:
        """The values where columns come more than once: a small row may stand for a huge line."""
        texts = [encode(values[index]) for encode, index in self._distinct]
        if sum(map(mul, map(len, texts), self._distinct.values())) > _LONGEST:
            raise BadRow((ValueProblem("", "line-too-long", f"the line has more than {_LONGEST:,} characters"),))
        return [texts[number] for number in self._order]

    def _problems(self, values: Sequence[Any]) -> Iterator[ValueProblem]:
        for encode, index in self._distinct:
            try:
                encode(values[index])
            except _Unusable as unusable:
                words = f"column `{brief(self.columns[index])}` {unusable.words}"
                yield ValueProblem(self.columns[index], unusable.code, words, unusable.hint)


def _envelope(template: Template) -> Iterator[str | Use]:
    problems: list[FieldProblem] = []
    yield '{"custom_id":'
    yield from _text(template.custom_id, ("input", "custom_id"), _identity, problems)
    aimed = f'"method":"POST","url":{encode_text(template.url)},' if template.form == "full" else ""
    yield f',{aimed}"{"params" if template.form == "params" else "body"}":'
    yield from _json(template.body, ("input", "body"), problems)
    yield "}\n"
    if problems:
        raise BadTemplate(tuple(problems))


def _json(value: Any, field: Field, problems: list[FieldProblem]) -> Iterator[str | Use]:
    if isinstance(value, str):
        yield from _text(value, field, _whole, problems)
    elif isinstance(value, Mapping):
        members = ((f"{encode_text(key)}:", _json(value[key], (*field, key), problems)) for key in sorted(value))
        yield from _enclosed("{}", members)
    elif isinstance(value, list | tuple):
        items = (("", _json(item, (*field, index), problems)) for index, item in enumerate(value))
        yield from _enclosed("[]", items)
    else:
        yield from _constant(value, field, problems)


def _enclosed(brackets: str, members: Iterable[tuple[str, Iterable[str | Use]]]) -> Iterator[str | Use]:
    yield brackets[0]
    comma = ""
    for name, pieces in members:
        yield comma + name
        yield from pieces
        comma = ","
    yield brackets[1]


def _constant(value: Any, field: Field, problems: list[FieldProblem]) -> Iterator[str]:
    try:
        yield _nested(value)
    except (TypeError, ValueError) as error:
        problems.append(FieldProblem(field, "not-json", f"the value cannot be written as JSON: {error}"))


def _text(text: str, field: Field, whole: Callable[[Any], str], problems: list[FieldProblem]) -> Iterator[str | Use]:
    """A text of the template; `whole` encodes a value that all of it stands for."""
    try:
        parts = compiled(text)
    except BadReferences as bad:
        problems.extend(FieldProblem(field, each.code, each.message, each.hint) for each in bad.problems)
        return
    if len(parts) == 1 and isinstance(parts[0], Column):
        yield Use(parts[0].name, field, whole, whole is _identity)
        return
    yield '"'
    for part in parts:
        yield Use(part.name, field, _inside, True) if isinstance(part, Column) else encode_text(part)[1:-1]
    yield '"'


def _merged(pieces: Iterable[str | Use]) -> list[str | Use]:
    """`pieces` with a text first, last and between any two uses, and no two texts in a row."""
    merged: list[str | Use] = []
    text = ""
    for piece in pieces:
        if isinstance(piece, Use):
            merged += [text, piece]
            text = ""
        else:
            text += piece
    return [*merged, text]


# What makes JSON text of one value.


def _whole(value: Any) -> str:
    """A value that keeps its type."""
    kind = type(value)
    if kind is str:
        return encode_text(value)
    if kind is dict or kind is list:
        return _checked(_nested, value)
    return _scalar(value, kind)


def _inside(value: Any) -> str:
    """A value within a longer text."""
    kind = type(value)
    if kind is str:
        return encode_text(value)[1:-1]
    if kind is dict or kind is list:
        words = f"holds {_NAMES[kind]}, and stands in a longer text"
        raise _Unusable("not-a-scalar", words, "let the reference stand alone: the value then keeps its type")
    return _scalar(value, kind)


def _identity(value: Any) -> str:
    """A value that is the whole `custom_id`: text, or a number, which becomes text."""
    kind = type(value)
    if kind is str:
        return encode_text(value)
    if kind in (bool, dict, list):
        raise _Unusable("bad-custom-id", f"holds {_NAMES[kind]}; a `custom_id` is text or a number", "")
    return f'"{_scalar(value, kind)}"'


def _scalar(value: Any, kind: type) -> str:
    if kind is float:
        if not isfinite(value):
            raise _not_finite()
        return float.__repr__(value)
    if kind is int or kind is bool:
        return _checked(as_text, value)
    if value is MISSING:
        raise _Unusable("missing-value", "is missing in this row", _FILL_IN)
    if value is None:
        raise _Unusable("null-value", "is null", _FILL_IN)
    raise _Unusable("wrong-type", f"holds a {kind.__name__}, which JSON does not have", "")


def _checked(encode: Callable[[Any], str], value: Any) -> str:
    try:
        return encode(value)
    except ValueError as error:
        if "float" in str(error):
            raise _not_finite() from None
        raise _Unusable("number-too-large", "holds a number of too many digits", "write it as text") from None
    except RecursionError:
        raise _Unusable("too-deep", "is nested too deeply", "") from None


def _not_finite() -> _Unusable:
    return _Unusable("not-finite", "holds NaN or an infinite number, which JSON does not have", _FILL_IN)


_FILL_IN = "fill it in, or leave the row out"
_NAMES: Mapping[type, str] = {bool: "true or false", dict: "an object", list: "a list"}

"""Strict YAML: the values of one document of YAML 1.2's core schema, or every reason why it is refused.

Refused are several documents, directives, tags, merge keys, duplicate keys, keys that are not text, and whatever would
cost more than it can be worth: 4 MiB, 32 levels, 200,000 nodes and 32 Mi characters with aliases counted as often as
they are used.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, NoReturn

from batchrunner.loader._events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
    events_of,
    parser_error,
    raised_by_parsers,
)
from batchrunner.loader.places import Place
from batchrunner.loader.scalars import SUSPECTS, BadNumber, core_scalar
from batchrunner.loader.syntax import syntax_problem
from batchrunner.loader.text import InvalidText, TextProblem, text_of
from batchrunner.printable import brief
from batchrunner.references import FORBIDDEN
from batchrunner.templates import Extent, extent_of

MAX_DEPTH = 32
MAX_NODES = 200_000
MAX_ALIASED = 32 << 20

YamlValue = Any
"""None, str, int, float, bool, or a list or a dict of such. Aliased parts are shared, so nothing may change them."""


class Document(NamedTuple):
    """A document's value, None where the file is empty, and its duplicate keys: the problems one can read on after."""

    value: YamlValue
    problems: tuple[TextProblem, ...] = ()


def read_yaml(data: bytes) -> Document:
    """The one document in `data`. Raises `InvalidText`, and nothing else whatever the bytes are."""
    return read_text(text_of(data))


def read_text(text: str) -> Document:
    """`read_yaml` of text that `text_of` has checked."""
    reader = _Reader(text)
    try:
        with uncollected():
            value = reader.document()
    except raised_by_parsers as error:
        if isinstance(error, InvalidText):
            raise
        raise InvalidText(*reader.problems, syntax_problem(parser_error(error), text)) from None
    if any(problem.code != "duplicate-key" for problem in reader.problems):
        raise InvalidText(*reader.problems)
    return Document(value, tuple(reader.problems))


@contextmanager
def uncollected() -> Iterator[None]:
    """No cyclic garbage collection meanwhile: ten thousand fresh dicts, none of them garbage, make it run for nothing.

    Measured on 10,000 batches, it costs more than reading them.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Reader:
    """Recursive descent over parser events; `MAX_DEPTH` bounds the recursion."""

    __slots__ = ("_aliased", "_anchors", "_deepest", "_depth", "_extents", "_next", "_nodes", "problems")

    def __init__(self, text: str) -> None:
        self._next: Final = events_of(text)
        self._anchors: dict[str, tuple[YamlValue, int, int]] = {}
        self._depth = 0
        self._deepest = 0
        self._nodes = 0
        self._aliased = 0
        self._extents: dict[int, Extent] = {}
        self.problems: list[TextProblem] = []

    def document(self) -> YamlValue:
        """The value of the only document."""
        self._next()
        start = self._next()
        if type(start) is StreamEndEvent:
            return None
        if start.version or start.tags:
            self._refuse("directive", "directives (`%YAML`, `%TAG`) are not allowed", start, "delete the line")
        value = self._node(self._next())
        self._next()
        following = self._next()
        if type(following) is not StreamEndEvent:
            self._refuse(
                "several-documents", "a file holds one document", following, "put the rest into a file of its own"
            )
        return value

    def _node(self, event: Event) -> YamlValue:
        kind = type(event)
        if kind is ScalarEvent:
            return self._scalar(event)
        if kind is AliasEvent:
            return self._alias(event)
        return self._collection(event)

    def _scalar(self, event: Event) -> YamlValue:
        value = event.value
        # libyaml says "" for a plain scalar, the Python parser None.
        if event.style:
            # Only the escapes of double quotes can bring in what the text itself may not hold.
            if event.style == '"' and not value.isprintable():
                self._check_characters(value, event)
        elif not value or value[0] in SUSPECTS:
            value = self._resolved(value, event)
        if event.tag is not None:
            self._tag(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, 1, 0)
        return value

    def _resolved(self, text: str, event: Event) -> YamlValue:
        try:
            return core_scalar(text)
        except BadNumber as error:
            self._note("bad-number", f"`{brief(text)}`: {error}", event)
            return text

    def _mapping(self) -> dict[str, YamlValue]:
        found: dict[str, YamlValue] = {}
        following = self._next
        event = following()
        while type(event) is not MappingEndEvent:
            self._nodes += 2
            if self._nodes > MAX_NODES:
                self._refuse_size(event)
            key = self._key(event, found)
            event = following()
            value = self._scalar(event) if type(event) is ScalarEvent else self._node(event)
            if key is not None:
                found[key] = value
            event = following()
        return found

    def _key(self, event: Event, found: dict[str, YamlValue]) -> str | None:
        """The text of a key, or None where it is refused and its value is to be dropped."""
        key = self._scalar(event) if type(event) is ScalarEvent else self._node(event)
        if type(key) is not str or type(event) is AliasEvent:
            self._note("bad-key", "a key must be text", event, "put quotes around it" if _is_plain(event) else "")
        elif key == "<<" and _is_plain(event):
            self._note("merge-key", "merge keys (`<<`) are not allowed", event, "use `defaults`, or write the keys out")
        elif key in found:
            self._note("duplicate-key", f"the key `{brief(key)}` is there twice", event, "delete one of the two")
        else:
            return key
        return None

    def _sequence(self) -> list[YamlValue]:
        found: list[YamlValue] = []
        event = self._next()
        while type(event) is not SequenceEndEvent:
            self._nodes += 1
            if self._nodes > MAX_NODES:
                self._refuse_size(event)
            found.append(self._node(event))
            event = self._next()
        return found

    def _collection(self, event: Event) -> YamlValue:
        if event.tag is not None:
            self._tag(event)
        nodes, outside = self._nodes, self._deepest
        self._deepest = self._depth = self._depth + 1
        self._check_depth(self._depth, event)
        value = self._mapping() if type(event) is MappingStartEvent else self._sequence()
        self._depth -= 1
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, self._nodes - nodes + 1, self._deepest - self._depth)
        self._deepest = max(outside, self._deepest)
        return value

    def _alias(self, event: Event) -> YamlValue:
        """What an alias stands for. It counts in full each time, in nodes and in depth: whatever walks it pays that."""
        if event.anchor not in self._anchors:
            self._note("unknown-alias", f"`*{brief(event.anchor)}` has no anchor before it", event)
            return None
        value, nodes, height = self._anchors[event.anchor]
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            self._refuse_size(event)
        self._aliased += extent_of(value, self._extents).characters
        if self._aliased > MAX_ALIASED:
            message = f"more than {MAX_ALIASED:,} characters, counting aliases each time they are used"
            self._refuse("too-long", message, event, "split the spec")
        self._check_depth(self._depth + height, event)
        self._deepest = max(self._deepest, self._depth + height)
        return value

    def _check_depth(self, depth: int, event: Event) -> None:
        if depth > MAX_DEPTH:
            self._refuse("too-deep", f"more than {MAX_DEPTH} levels of nesting", event)

    def _check_characters(self, value: str, event: Event) -> None:
        bad = FORBIDDEN.search(value)
        if bad:
            self._note("bad-character", f"the character U+{ord(bad[0]):04X} is not allowed, escaped or not", event)

    def _tag(self, event: Event) -> None:
        self._note("tag", "tags (`!`) are not allowed", event, "delete it; put quotes around a number that is text")

    def _note(self, code: str, message: str, event: Event, hint: str = "") -> None:
        self.problems.append(TextProblem(code, message, place_of(event), hint))

    def _refuse(self, code: str, message: str, event: Event, hint: str = "") -> NoReturn:
        raise InvalidText(*self.problems, TextProblem(code, message, place_of(event), hint))

    def _refuse_size(self, event: Event) -> NoReturn:
        message = f"more than {MAX_NODES:,} values, counting aliases each time they are used"
        self._refuse("too-many-values", message, event, "split the spec")


def place_of(event: Event) -> Place:
    """The place of an event: as much of it as is on its first line, at least one character."""
    start, end = event.start_mark, event.end_mark
    width = end.column - start.column if end.line == start.line else 1
    return Place(start.line + 1, start.column + 1, max(width, 1))


def _is_plain(event: Event) -> bool:
    return type(event) is ScalarEvent and not event.style

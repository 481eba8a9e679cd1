"""The one door to PyYAML: its event stream, from libyaml where the wheel carries it, else from its Python parser.

Only events are used. Composing and constructing are not: libyaml's composer recurses on the C stack and takes the
process with it on 30 kB of `[`, and PyYAML's constructors raise whatever they meet.
"""

from collections.abc import Callable
from typing import Any, Protocol

import yaml
from yaml import AliasEvent as AliasEvent
from yaml import DocumentStartEvent as DocumentStartEvent
from yaml import MappingEndEvent as MappingEndEvent
from yaml import MappingStartEvent as MappingStartEvent
from yaml import ScalarEvent as ScalarEvent
from yaml import SequenceEndEvent as SequenceEndEvent
from yaml import SequenceStartEvent as SequenceStartEvent
from yaml import StreamEndEvent as StreamEndEvent

Event = Any
"""One of PyYAML's event objects, which are typed loosely upstream."""


class Mark(Protocol):
    """A place in the text; both numbers count from 0, columns in characters."""

    line: int
    column: int


class ParserError(Exception):
    """The text is not YAML. `mark` is where that shows and `context_mark` where the construct began, if known."""

    def __init__(self, words: str, context: str, mark: Mark | None, context_mark: Mark | None) -> None:
        super().__init__(words)
        self.words = words
        self.context = context
        self.mark = mark
        self.context_mark = context_mark


# The Python parser lets the ValueError of `chr` through for an escape beyond Unicode.
raised_by_parsers: tuple[type[Exception], ...] = (yaml.YAMLError, ValueError)


def events_of(text: str) -> Callable[[], Event]:
    """A function that gives the next event of `text` with each call, raising one of `raised_by_parsers`.

    It is the parser's own: a generator around it costs a sixth of the whole reading.
    """
    parser = yaml.CSafeLoader(text) if yaml.__with_libyaml__ else yaml.SafeLoader(text)
    events: Callable[[], Event] = parser.get_event
    return events


def parser_error(error: Exception) -> ParserError:
    """What a parser raised, as one type."""
    if isinstance(error, yaml.MarkedYAMLError):
        words = error.problem or error.context or "not YAML"
        return ParserError(words, error.context or "", error.problem_mark, error.context_mark)
    return ParserError(str(error).partition("\n")[0] or "not YAML", "", None, None)

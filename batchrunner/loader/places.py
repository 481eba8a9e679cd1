"""Where things are in a file: lines and columns from 1, and the text of a line for messages."""

import re
from collections.abc import Sequence
from typing import NamedTuple

_LINE_END = re.compile(r"\r\n|\r|\n")

Pointer = tuple[str | int, ...]
"""The way to a value in a document, from its top: `("batches", 3, "metadata", "team")`."""


class Place(NamedTuple):
    """A piece of one line: its first character, counted from 1, and how many characters it is long."""

    line: int
    column: int
    width: int = 1


def lines_of(text: str) -> Sequence[str]:
    """The lines of `text` as YAML counts them (1.2.2 §5.4), without their ends."""
    return _LINE_END.split(text)


def place_at(text: str, index: int) -> Place:
    """The place of the character at `index`."""
    before = lines_of(text[:index])
    return Place(len(before), len(before[-1]) + 1)

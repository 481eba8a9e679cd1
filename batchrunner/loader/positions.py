"""Where each value of a document is. Read again, with positions kept, only when there is something to point at.

Keeping every position in the first pass would double what a spec without mistakes costs.
"""

from functools import lru_cache

from batchrunner.loader._events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    events_of,
)
from batchrunner.loader.places import Place, Pointer
from batchrunner.loader.strict import place_of, uncollected
from batchrunner.loader.text import text_of


class Node:
    """A value's place, the places of its keys, and the values in it."""

    __slots__ = ("children", "keys", "place")

    def __init__(self, place: Place) -> None:
        self.place = place
        self.keys: dict[str | int, Place] = {}
        self.children: dict[str | int, Node] = {}


@lru_cache(maxsize=2)
def positions_of(data: bytes) -> Node:
    """The tree of positions of a document that `read_yaml` has read without raising."""
    with uncollected():
        return _Surveyor(text_of(data)).document()


def has(node: Node, pointer: Pointer) -> bool:
    """Whether the document holds a value at `pointer`."""
    return len(_trail(node, pointer)) == len(pointer) + 1


def value_place(node: Node, pointer: Pointer) -> Place:
    """The place of the value at `pointer`, or of the innermost value around it that exists."""
    return _trail(node, pointer)[-1].place


def key_place(node: Node, pointer: Pointer) -> Place:
    """The place of the key that `pointer` ends in, or of the value around it where there is none."""
    parent = _trail(node, pointer[:-1])[-1]
    return parent.keys.get(pointer[-1], parent.place) if pointer else node.place


def _trail(node: Node, pointer: Pointer) -> list[Node]:
    trail = [node]
    for part in pointer:
        below = trail[-1].children.get(part)
        if below is None:
            break
        trail.append(below)
    return trail


class _Surveyor:
    def __init__(self, text: str) -> None:
        self._next = events_of(text)
        self._anchors: dict[str, Node] = {}

    def document(self) -> Node:
        self._next()
        if type(self._next()) is StreamEndEvent:
            return Node(Place(1, 1))
        return self._node(self._next())

    def _node(self, event: Event) -> Node:
        if type(event) is AliasEvent:
            return self._anchors[str(event.anchor)]
        node = Node(place_of(event))
        if type(event) is MappingStartEvent:
            self._fill_mapping(node, event)
        elif type(event) is SequenceStartEvent:
            self._fill_sequence(node, event)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _fill_mapping(self, node: Node, start: Event) -> None:
        while type(key := self._next()) is not MappingEndEvent:
            child = self._node(self._next())
            # A duplicate key has been reported already; its first value is the one that counts.
            name: str = key.value
            if name not in node.keys:
                node.keys[name] = place_of(key)
                node.children[name] = child
        node.place = _extent(start, key) or _first_entry(node) or node.place

    def _fill_sequence(self, node: Node, start: Event) -> None:
        while type(event := self._next()) is not SequenceEndEvent:
            index = len(node.children)
            node.children[index] = self._node(event)
        node.place = _extent(start, event) or node.place


def _extent(start: Event, end: Event) -> Place | None:
    """All of a collection in brackets, where it is on one line."""
    begin, finish = start.start_mark, end.end_mark
    if not start.flow_style or begin.line != finish.line:
        return None
    return Place(begin.line + 1, begin.column + 1, finish.column - begin.column)


def _first_entry(node: Node) -> Place | None:
    """The first key of a block mapping, and its value where that is on the same line."""
    for key, place in node.keys.items():
        value = node.children[key].place
        if value.line == place.line and value.column > place.column:
            return Place(place.line, place.column, value.column + value.width - place.column)
        return place
    return None

"""The texts of a request that a model reads: what its input tokens are counted from."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from batchrunner.jsonl import BULKS

_READ = ("messages", "input", "prompt", "instructions", "system")
_LABELS = ("role", "type")
_DEEPEST = 12
"""Levels of lists and objects that are looked into: parts of results of tools in messages are eight deep."""


_MOST_VALUES = 1 << 18
"""Values that a line may have and be looked into: an empty list takes many times the memory of its text."""


class Prompt(NamedTuple):
    """The `texts` that are sent to a model, how many `tokens` were sent as numbers, and whether there is anything.

    What `is_there` may be without text: an image, or the id of a prompt that is kept by the provider.
    """

    texts: tuple[str, ...]
    tokens: int
    is_there: bool


def prompt_of(line: bytes) -> Prompt:
    """What the request on a sound `line` asks: messages, input, prompt, instructions, system, and tools as JSON."""
    if line.count(b",") > _MOST_VALUES:
        return _unread(line)
    try:
        request = json.loads(line.decode("utf-8"), parse_int=_token)
        body = request["body"] if "body" in request else request["params"]
    except RecursionError:  # nested as deeply as can be read, from here a little too deeply
        return _unread(line)
    pieces = [piece for name in _READ for piece in _pieces(body.get(name), _DEEPEST)]
    texts = [piece for piece in pieces if isinstance(piece, str)]
    tokens = len(pieces) - len(texts)
    if tools := body.get("tools"):
        texts.append(json.dumps(tools, ensure_ascii=False, separators=(",", ":")))
    is_there = bool(tokens) or any(texts) or any(_is_something(body.get(name), _DEEPEST) for name in BULKS)
    return Prompt(tuple(texts), tokens, is_there)


def _unread(line: bytes) -> Prompt:
    return Prompt((line.decode("utf-8"),), 0, True)


def _is_something(value: Any, depth: int) -> bool:
    """Whether anything is asked in `value`. That there is a message says nothing, nor whose it is."""
    if isinstance(value, Mapping):
        value = [part for name, part in value.items() if name not in _LABELS]
    if isinstance(value, list) and depth:
        return any(_is_something(item, depth - 1) for item in value)
    return bool(value)


def _token(digits: str) -> int:
    # Nothing is computed with numbers, and a long one would be refused.
    return int(digits[:20])


def _pieces(value: Any, depth: int) -> Iterator[str | int]:
    """Texts and tokens of a text, of a list of either, and of messages and their parts."""
    if isinstance(value, str | int) and not isinstance(value, bool):
        yield value
    elif isinstance(value, list) and depth:
        for item in value:
            yield from _pieces(item, depth - 1)
    elif isinstance(value, Mapping) and depth:
        yield from _pieces(value.get("content"), depth - 1)
        yield from _pieces(value.get("text"), depth - 1)

"""Tokens that were paid for, in the spellings of several APIs.

OpenAI counts `prompt_tokens` and `completion_tokens` in chat completions and embeddings, `input_tokens` and
`output_tokens` in responses and batches, those from its cache among the input. Anthropic counts what it wrote to its
cache, and read from there, beside `input_tokens`.
"""

from collections.abc import Mapping
from typing import Any

from batchrunner.records import Tolerant
from batchrunner.remote import Usage

_TOO_MANY = 1 << 53


class Details(Tolerant):
    """Which of the input came from a cache."""

    cached_tokens: int | None = None


class SpentTokens(Tolerant):
    """The usage of one answer, as it was sent."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    prompt_tokens_details: Details | None = None
    input_tokens_details: Details | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


def usage_of(spent: SpentTokens) -> Usage:
    """What `spent` says, in our words."""
    details = spent.prompt_tokens_details or spent.input_tokens_details
    read, written = spent.cache_read_input_tokens or 0, spent.cache_creation_input_tokens or 0
    taken = (spent.prompt_tokens or spent.input_tokens or 0) + read + written
    cached = read or ((details.cached_tokens or 0) if details is not None else 0)
    given = spent.completion_tokens or spent.output_tokens or 0
    if 0 <= taken < _TOO_MANY and 0 <= given < _TOO_MANY and 0 <= cached < _TOO_MANY:
        return Usage(input_tokens=taken, cached_tokens=cached, output_tokens=given)
    return Usage()


def usage_said(said: Any) -> Usage | None:
    """The usage in any JSON value; None where it is none."""
    if not isinstance(said, Mapping):
        return None
    return usage_of(SpentTokens(**{name: _part(name, said.get(name)) for name in SpentTokens.__struct_fields__}))


def _part(name: str, said: Any) -> Any:
    if not name.endswith("_details"):
        return _count(said)
    return Details(_count(said.get("cached_tokens"))) if isinstance(said, Mapping) else None


def _count(said: Any) -> int | None:
    if isinstance(said, float) and said.is_integer():
        said = int(said)
    return said if isinstance(said, int) and not isinstance(said, bool) and 0 <= said < _TOO_MANY else None

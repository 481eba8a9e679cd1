"""Reading what a client asked for: the body of a create, which slice of a list. Pure."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from batchrunner.sandbox.lifecycle import window_seconds
from batchrunner.sandbox.objects import ApiError

METADATA_PAIRS, METADATA_KEY, METADATA_VALUE = 16, 64, 512
IDENTIFIER_CHARACTERS = 256


@dataclass(frozen=True, slots=True)
class Order:
    """A create, checked: what the batch is to be made from. `model` and `key` are None where it does not say them."""

    input_file_id: str
    endpoint: str
    completion_window: str
    metadata: Mapping[str, str] | None = None
    model: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """Which slice of a list: at most `limit` objects that come after the one called `after`, newest first or last."""

    after: str | None
    limit: int
    is_ascending: bool = False


@dataclass(frozen=True, slots=True)
class Survey:
    """Which slice of the list of batches, newest first.

    At most `limit`, after the one called `after`, or just before the one called `before`, or from the `offset`-th on.
    Only those created after `since`, with all of `metadata`, in one of `statuses` (all where empty).
    """

    limit: int
    after: str | None = None
    before: str | None = None
    offset: int = 0
    since: float | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    statuses: frozenset[str] = frozenset()


def read_order(body: bytes, endpoints: Collection[str]) -> Order:
    """Check a create body the way OpenAI does.

    `input_file_id` and `endpoint` are required, `completion_window` is `24h` where not given, unknown fields are
    ignored. Raises ApiError 400 naming the parameter.
    """
    fields = read_object(body)
    return Order(
        read_text(fields, "input_file_id"),
        read_endpoint(read_text(fields, "endpoint"), endpoints),
        read_window(fields.get("completion_window", "24h")),
        read_metadata(fields.get("metadata")),
        key=read_key(fields.get("idempotency_key")),
    )


def read_cursor(query: Mapping[str, str], default: int, most: int) -> Cursor:
    """Read `after`, `limit` (1 to `most`) and `order` from a query string. Raises ApiError 400 for other values."""
    order = query.get("order", "desc")
    if order not in ("asc", "desc"):
        raise ApiError(400, "order must be asc or desc.", param="order", code="invalid_value")
    return Cursor(query.get("after") or None, read_number(query, "limit", default, (1, most)), order == "asc")


def read_number(query: Mapping[str, str], name: str, default: int, bounds: tuple[int, int]) -> int:
    """A number of a query string. Raises ApiError 400 for one out of bounds, or none."""
    text = query.get(name, str(default))
    least, most = bounds
    if not (text.isascii() and text.isdecimal() and len(text) < 9 and least <= int(text) <= most):
        raise ApiError(400, f"{name} must be between {least} and {most}.", param=name, code="invalid_value")
    return int(text)


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object that a body is. Raises ApiError 400."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        raise ApiError(400, "The body of your request is not valid JSON.", code="invalid_json") from None
    if not isinstance(fields, dict):
        raise ApiError(400, "The body of your request must be a JSON object.", code="invalid_json")
    return fields


def read_text(fields: Mapping[str, Any], name: str) -> str:
    """A short text that has to be there. Raises ApiError 400."""
    value = fields.get(name)
    if value is None:
        message = f"Missing required parameter: '{name}'."
        raise ApiError(400, message, param=name, code="missing_required_parameter")
    if not isinstance(value, str) or not 1 <= len(value) <= IDENTIFIER_CHARACTERS:
        message = f"'{name}' must be a string of 1 to {IDENTIFIER_CHARACTERS} characters."
        raise ApiError(400, message, param=name, code="invalid_type")
    return value


def read_endpoint(endpoint: str, endpoints: Collection[str]) -> str:
    """One of `endpoints`. Raises ApiError 400."""
    if endpoint not in endpoints:
        message = f"Unsupported endpoint. Supported values: {', '.join(endpoints)}."
        raise ApiError(400, message, param="endpoint", code="invalid_value")
    return endpoint


def read_window(window: object) -> str:
    """A completion window. Raises ApiError 400."""
    try:
        window_seconds(window if isinstance(window, str) else "")
    except ValueError:
        message = "completion_window must be a number of hours or days, such as 24h or 7d."
        raise ApiError(400, message, param="completion_window", code="invalid_value") from None
    return str(window)


def read_metadata(metadata: object, longest_key: int = METADATA_KEY) -> Mapping[str, str] | None:
    """Metadata within what providers take of it. Raises ApiError 400."""
    if metadata is None:
        return None
    if (
        not isinstance(metadata, dict)
        or len(metadata) > METADATA_PAIRS
        or not all(
            len(key) <= longest_key and isinstance(value, str) and len(value) <= METADATA_VALUE
            for key, value in metadata.items()
        )
    ):
        message = (
            f"metadata must be an object of at most {METADATA_PAIRS} strings, "
            f"keys up to {longest_key} and values up to {METADATA_VALUE} characters."
        )
        raise ApiError(400, message, param="metadata", code="invalid_value")
    return metadata


def read_key(key: object) -> str | None:
    """An idempotency key in a body, which only some servers know. Anything else is an unknown field."""
    return key if isinstance(key, str) else None

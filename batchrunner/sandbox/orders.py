"""Reading what a client asked for: the body of a create, the cursor of a list. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from batchrunner.sandbox.lifecycle import window_seconds
from batchrunner.sandbox.objects import ApiError
from batchrunner.sandbox.responder import ENDPOINTS

METADATA_PAIRS, METADATA_KEY, METADATA_VALUE = 16, 64, 512
IDENTIFIER_CHARACTERS = 256


@dataclass(frozen=True, slots=True)
class Order:
    """A create, checked: what the batch is to be made from."""

    input_file_id: str
    endpoint: str
    completion_window: str
    metadata: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class Cursor:
    """Which slice of a list: at most `limit` objects that come after the one called `after`, newest first or last."""

    after: str | None
    limit: int
    is_ascending: bool = False


def read_order(body: bytes) -> Order:
    """Check a create body the way the real service does.

    `input_file_id` and `endpoint` are required, `completion_window` is `24h` where not given, unknown fields are
    ignored. Raises ApiError 400 naming the parameter.
    """
    fields = _read_object(body)
    return Order(
        _read_text(fields, "input_file_id"),
        _read_endpoint(_read_text(fields, "endpoint")),
        _read_window(fields.get("completion_window", "24h")),
        _read_metadata(fields.get("metadata")),
    )


def read_cursor(query: Mapping[str, str], default: int, most: int) -> Cursor:
    """Read `after`, `limit` (1 to `most`) and `order` from a query string. Raises ApiError 400 for other values."""
    text = query.get("limit", str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 9 and 1 <= int(text) <= most):
        raise ApiError(400, f"limit must be between 1 and {most}.", param="limit", code="invalid_value")
    order = query.get("order", "desc")
    if order not in ("asc", "desc"):
        raise ApiError(400, "order must be asc or desc.", param="order", code="invalid_value")
    return Cursor(query.get("after") or None, int(text), order == "asc")


def _read_object(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        raise ApiError(400, "The body of your request is not valid JSON.", code="invalid_json") from None
    if not isinstance(fields, dict):
        raise ApiError(400, "The body of your request must be a JSON object.", code="invalid_json")
    return fields


def _read_text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if value is None:
        message = f"Missing required parameter: '{name}'."
        raise ApiError(400, message, param=name, code="missing_required_parameter")
    if not isinstance(value, str) or not 1 <= len(value) <= IDENTIFIER_CHARACTERS:
        message = f"'{name}' must be a string of 1 to {IDENTIFIER_CHARACTERS} characters."
        raise ApiError(400, message, param=name, code="invalid_type")
    return value


def _read_endpoint(endpoint: str) -> str:
    if endpoint not in ENDPOINTS:
        message = f"Unsupported endpoint. Supported values: {', '.join(ENDPOINTS)}."
        raise ApiError(400, message, param="endpoint", code="invalid_value")
    return endpoint


def _read_window(window: object) -> str:
    try:
        window_seconds(window if isinstance(window, str) else "")
    except ValueError:
        message = "completion_window must be a number of hours or days, such as 24h or 7d."
        raise ApiError(400, message, param="completion_window", code="invalid_value") from None
    return str(window)


def _read_metadata(metadata: object) -> Mapping[str, str] | None:
    if metadata is None:
        return None
    if not isinstance(metadata, dict) or len(metadata) > METADATA_PAIRS or not all(map(_fits, metadata.items())):
        message = (
            f"metadata must be an object of at most {METADATA_PAIRS} strings, "
            f"keys up to {METADATA_KEY} and values up to {METADATA_VALUE} characters."
        )
        raise ApiError(400, message, param="metadata", code="invalid_value")
    return metadata


def _fits(pair: tuple[str, object]) -> bool:
    key, value = pair
    return len(key) <= METADATA_KEY and isinstance(value, str) and len(value) <= METADATA_VALUE

"""What a provider said, in its own words: short, without the key, and never an exception."""

import json
from collections.abc import Callable
from typing import Any

from pydantic_core import from_json

from batchrunner.providers._calls import Reply

MAX_WORDS = 500
_ROOM_FOR_ID = 100


def words_of(reply: Reply, redact: Callable[[str], str]) -> str:
    """The first of error.message, error, detail, message and the text itself; then the provider's request id.

    Control characters are left as they are: whoever shows the words escapes them.
    """
    said = redact(_message(reply.body))
    request_id = redact(reply.headers.get("x-request-id", ""))[:_ROOM_FOR_ID]
    if not request_id:
        return said[:MAX_WORDS]
    suffix = f" (request {request_id})"
    return (said[: MAX_WORDS - len(suffix)] + suffix).lstrip()


def redirect_words(reply: Reply, redact: Callable[[str], str]) -> str:
    """What a redirect means for a person. It is never followed: it may lead to another host."""
    target = redact(reply.headers.get("location", ""))[:200]
    return f"redirect to another address{f' ({target})' if target else ''}; check the provider's base_url"


def _message(body: bytes) -> str:
    try:
        document = from_json(body)
    except ValueError:
        return body.decode("utf-8", "replace").strip()
    return _spoken(document) or body.decode("utf-8", "replace").strip()


def _spoken(document: Any) -> str:
    if isinstance(document, str):
        return document
    if not isinstance(document, dict):
        return ""
    error = document.get("error")
    inner = error.get("message") if isinstance(error, dict) else error
    for said in (inner, document.get("detail"), document.get("message")):
        if said:
            return said if isinstance(said, str) else _as_json(said)
    return ""


def _as_json(said: Any) -> str:
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"), default=str)

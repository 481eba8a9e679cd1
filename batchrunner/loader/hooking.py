"""Webhooks in a project file: URLs that are secrets are not written there."""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from batchrunner.facts import SecretReference
from batchrunner.loader.places import Pointer
from batchrunner.origins import is_sendable
from batchrunner.project import Webhook

if TYPE_CHECKING:
    from batchrunner.projectdocuments import NotifyEntry, SecretPlace

_TOKEN = re.compile(r"(?=[^/]*\d)(?=[^/]*[A-Za-z])[A-Za-z0-9_=.-]{16,}")
"""A part of a path that nobody made up: who knows such a URL may post to it."""
_REFERENCE = "put it into the environment or a file: `webhook: {env: NAME}`"


def problems_of(notify: Sequence[Any]) -> Iterator[tuple[str, str, Pointer, str]]:
    """What is wrong with webhooks beyond their shape: a code, a message, the place and a hint."""
    for number, entry in enumerate(notify):
        if not isinstance(entry, dict):
            continue
        for name in ("webhook", "secret"):
            value = entry.get(name)
            if isinstance(value, dict) and value.keys() <= {"env", "file"} and len(value) != 1:
                yield "bad-value", "it is in one place: `{env: NAME}` or `{file: PATH}`", (number, name), ""
        if isinstance(url := entry.get("webhook"), str):
            yield from _of_url(url, (number, "webhook"))


def _of_url(url: str, place: Pointer) -> Iterator[tuple[str, str, Pointer, str]]:
    if not is_sendable(url):
        message = "a webhook is an https URL without a user name (http:// is for loopback addresses only)"
        yield "bad-webhook-url", message, place, "such as https://hooks.example/batchrunner"
    elif urlsplit(url).query or any(map(_TOKEN.fullmatch, urlsplit(url).path.split("/"))):
        message = (
            "who knows this URL may post to it, so it is no text for a file that others read; it is not shown here"
        )
        yield "literal-secret", message, place, _REFERENCE


def webhook_of(entry: "NotifyEntry") -> Webhook:
    """A sound entry as a value."""
    secret = _reference(entry.secret) if entry.secret else None
    if isinstance(entry.webhook, str):
        return Webhook(on=entry.on, address=entry.webhook, secret=secret)
    return Webhook(on=entry.on, url=_reference(entry.webhook), secret=secret)


def _reference(place: "SecretPlace") -> SecretReference:
    return SecretReference(env=place.env, file=place.file)

"""What must never be shown: every secret that this process has read is taken out of everything it says."""

from collections.abc import Iterable
from typing import Any

from batchrunner.settings import secrets_read

REDACTED = "[redacted]"
SHORTEST = 8
"""A shorter key is no secret, and taking it out would only make words unreadable."""

_known: list[str] = []


def keep_secret(secrets: Iterable[str]) -> None:
    """From now on no output of this process shows any of `secrets`."""
    _known.extend(secret for secret in secrets if len(secret) >= SHORTEST)
    _known.sort(key=len, reverse=True)


def redacted(text: str) -> str:
    """`text` without secrets."""
    read = secrets_read()
    for secret in sorted({*_known, *read}, key=len, reverse=True) if read else _known:
        text = text.replace(secret, REDACTED)
    return text


def redacted_value(value: Any) -> Any:
    """A JSON value without secrets; before it is written, as JSON may spell them with escapes."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, dict):
        return {redacted(key): redacted_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redacted_value(item) for item in value]
    return value

"""Logs: structlog to stderr, as lines or JSON, redacted. The only module that imports structlog."""

import sys
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any

import structlog

from batchrunner.events import Event
from batchrunner.records import plain

LEVELS = {"debug": 10, "info": 20, "warning": 30}
REDACTED = "[redacted]"


def redactor(secrets: Iterable[str]) -> Callable[[str], str]:
    """A function that takes every occurrence of the secrets out of a text."""
    known = sorted(filter(None, secrets), key=len, reverse=True)

    def redact(text: str) -> str:
        for secret in known:
            text = text.replace(secret, REDACTED)
        return text

    return redact


def configure(log_format: str, level: str, redact: Callable[[str], str]) -> None:
    """Send logs of at least `level` to stderr; `log_format` is `json`, or anything else for lines."""
    renderer: Any = structlog.processors.JSONRenderer() if log_format == "json" else _line
    escaped = r"##\u005b" if log_format == "json" else r"##\x5b"
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _redacting(redact),
            renderer,
            _without_commands(escaped),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _without_commands(escaped: str) -> Any:
    """Lines without `##[`, which GitHub's runner takes for a command anywhere in a line."""
    return lambda _logger, _method, line: line.replace("##[", escaped)


def _redacting(redact: Callable[[str], str]) -> Any:
    """Values are redacted before they are rendered: JSON or a literal may spell a secret with escapes."""
    return lambda _logger, _method, event: {
        key: redact(value) if isinstance(value, str) else value for key, value in event.items()
    }


def _line(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    """`time level event key=value …`; values as Python literals, so that no control character gets through."""
    head = f"{event.pop('timestamp')} {event.pop('level'):<7} {event.pop('event')}"
    return " ".join([head, *(f"{key}={event[key]!r}" for key in sorted(event))])


_LEVEL_OF = {
    "failed": "warning",
    "looked": "debug",
    "retrying": "warning",
    "stopping": "warning",
    "unseen": "warning",
    "uploading": "debug",
}


class LogReporter:
    """Reports events as log records: the event's word, and its fields as keys."""

    def __init__(self, **context: str) -> None:
        self._log = structlog.get_logger("batchrunner").bind(**context)

    def report(self, event: Event) -> None:
        """Log one event."""
        fields = plain(event)
        name = fields.pop("event")
        getattr(self._log, _LEVEL_OF.get(name, "info"))(name, **fields)

"""Times as providers say them: Retry-After, and the Date of a reply."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*)?")


def http_date(text: str) -> datetime | None:
    """An HTTP date (RFC 9110 §5.6.7), aware; None for what is not one."""
    try:
        return _aware(parsedate_to_datetime(text))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """How many seconds the provider asks to wait: `retry-after-ms`, else Retry-After in seconds or as an HTTP date.

    A date is measured from the reply's own Date, so that a wrong clock here does no harm. None where nothing, or
    nothing sensible, was said.
    """
    if (milliseconds := _number(headers.get("retry-after-ms", ""))) is not None:
        return milliseconds / 1000
    text = headers.get("retry-after", "")
    if not text or (seconds := _number(text)) is not None:
        return seconds if text else None
    if (date := http_date(text)) is None:
        return None
    return max(0.0, (date - (http_date(headers.get("date", "")) or now)).total_seconds())


def _number(text: str) -> float | None:
    number = float(text) if _NUMBER.fullmatch(text) else math.inf
    return number if math.isfinite(number) else None


def _aware(time: datetime) -> datetime:
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)

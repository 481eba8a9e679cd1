"""Times as texts: RFC 3339, as providers and records write them."""

from datetime import UTC, datetime


def text_of(time: datetime) -> str:
    """A time in UTC as records have it: `2026-11-22T02:31:07.250+00:00`."""
    return time.isoformat(timespec="milliseconds")


def zulu_text_of(time: datetime) -> str:
    """A time in UTC as other programs are told it: `2026-11-22T02:31:07.250Z`."""
    return text_of(time).replace("+00:00", "Z")


def time_of(text: str) -> datetime | None:
    """An RFC 3339 time, aware: one that names no zone is UTC. None for what is none."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)

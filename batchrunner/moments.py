"""Times as texts: RFC 3339, as providers and records write them."""

from datetime import UTC, datetime


def time_of(text: str) -> datetime | None:
    """An RFC 3339 time, aware: one that names no zone is UTC. None for what is none."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)

"""Deep merge: what a batch says over what `defaults` say."""

from collections.abc import Callable
from typing import Any


def _uncounted(_entries: int) -> None:
    pass


def merged(below: dict[str, Any], above: dict[str, Any], count: Callable[[int], None] = _uncounted) -> dict[str, Any]:
    """`above` laid over `below`: mappings merge key by key, anything else replaces. Neither is changed.

    `count` is told how many entries are to be copied for each mapping in them.
    """
    result = dict(below)
    for key, value in above.items():
        base = result.get(key)
        if isinstance(base, dict) and isinstance(value, dict):
            count(len(base))
            value = merged(base, value, count)
        result[key] = value
    return result

"""Deep merge: what a batch says over what `defaults` say."""

from collections.abc import Callable
from typing import Any


def _uncounted(_entries: int) -> None:
    pass


def merged(below: dict[str, Any], above: dict[str, Any], count: Callable[[int], None] = _uncounted) -> dict[str, Any]:
    """`above` laid over `below`: mappings merge key by key, anything else replaces. Neither is changed.

    `count` is told before each mapping is made how many entries are copied for it.
    """
    count(len(below))
    result = dict(below)
    for key, value in above.items():
        base = result.get(key)
        is_both = isinstance(base, dict) and isinstance(value, dict)
        result[key] = merged(result[key], value, count) if is_both else value
    return result

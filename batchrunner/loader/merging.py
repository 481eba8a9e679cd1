"""Deep merge: what a batch says over what `defaults` say."""

from typing import Any


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """`above` laid over `below`: mappings merge key by key, anything else replaces. Neither is changed."""
    result = dict(below)
    for key, value in above.items():
        base = result.get(key)
        result[key] = merged(base, value) if isinstance(base, dict) and isinstance(value, dict) else value
    return result

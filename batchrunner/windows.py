"""Completion windows: how long a provider may take, as `24h` or `7d`. A range is written `24h..7d`."""

import re
from collections.abc import Iterable

RANGE = ".."
_WINDOW = re.compile(r"([1-9][0-9]{0,4})([hd])", re.ASCII)
_HOURS = {"h": 1, "d": 24}


def hours(window: str) -> int | None:
    """The length of a window in hours; None for what is none."""
    found = _WINDOW.fullmatch(window)
    return int(found[1]) * _HOURS[found[2]] if found else None


def is_offered(window: str, offered: Iterable[str]) -> bool:
    """Whether `window` is one of those `offered`, or as long as one, or within a range of them."""
    length = hours(window)
    return any(window == each or _covers(each, length) for each in offered)


def _covers(offered: str, length: int | None) -> bool:
    shortest, _, longest = offered.partition(RANGE)
    low, high = hours(shortest), hours(longest or shortest)
    return None not in {length, low, high} and (low or 0) <= (length or 0) <= (high or 0)

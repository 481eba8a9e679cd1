"""Numbers as people read them."""

from collections.abc import Callable
from datetime import datetime
from math import ceil, floor

UNHEARD_OF = 1e15
"""Dollars that no batch costs. A plan that a stranger wrote may say so, and the sum of two be no number any more."""


def count(number: int) -> str:
    """`41200` as `41,200`."""
    return f"{number:,}"


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 request`, `41,200 requests`, `2 batches`; `plural` where an `s` or `es` is not enough."""
    ending = "es" if noun.endswith("ch") else "s"
    return f"{count(number)} {noun if number == 1 else plural or noun + ending}"


def size(number: int) -> str:
    """Bytes in decimal units with one digit after the point: `612 B`, `73.6 MB`."""
    if number < 1000:
        return f"{number} B"
    value = float(number)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.95:
            return f"{value:.1f} {unit}"
    return f"{value / 1000:,.1f} PB"


def scaled(number: int) -> str:
    """A count with three digits or so: `612`, `52.1k`, `18.4M`."""
    if number < 1000:
        return str(number)
    value = float(number)
    for unit in ("k", "M", "G", "T"):
        value /= 1000
        if value < 999.95:
            return f"{value:.1f}{unit}"
    return f"{value / 1000:,.1f}P"


def dollars(amount: float) -> str:
    """US dollars with cents, without them from a thousand on: `$0.48`, `$1,235`; `<$0.01` for less than a cent."""
    return _dollars(amount, round)


def at_least(amount: float) -> str:
    """`dollars`, rounded down."""
    return _dollars(amount, floor)


def at_most(amount: float) -> str:
    """`dollars`, rounded up."""
    return _dollars(amount, ceil)


def _dollars(amount: float, rounded: Callable[[float], int]) -> str:
    if abs(amount) >= UNHEARD_OF:
        return f"${amount:.0e}"
    if 0 < amount < 0.01:
        return "<$0.01"
    if amount and amount < 1000:
        # The products of floats are a little off: 0.29 * 100 is no whole number.
        return f"${rounded(round(amount * 100, 6)) / 100:,.2f}"
    return f"${rounded(round(amount, 6)):,}"


def duration(seconds: float) -> str:
    """Seconds as `0.5 s`, `8 s`, `2 min 5 s`, `3 h 12 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return _two(whole // 60, "min", whole % 60, "s")
    return _two(whole // 3600, "h", whole % 3600 // 60, "min")


def rough(seconds: float) -> str:
    """Seconds in their largest unit, as for an age: `12 s`, `3 min`, `21 h`, `6 d`."""
    whole = max(0, floor(seconds))
    for limit, unit, length in ((120, "s", 1), (7200, "min", 60), (172_800, "h", 3600)):
        if whole < limit:
            return f"{whole // length} {unit}"
    return f"{count(whole // 86_400)} d"


def _two(large: int, unit: str, small: int, small_unit: str) -> str:
    return f"{count(large)} {unit} {small} {small_unit}" if small else f"{count(large)} {unit}"


def moment(time: str, near: str = "") -> str:
    """An RFC 3339 UTC time as `2026-11-22 02:31 UTC`, without its date where the text `near` already says it.

    Anything else is returned as it is: a time that cannot be read is still evidence.
    """
    try:
        read = datetime.fromisoformat(time)
    except ValueError:
        return time
    if read.utcoffset():
        return time
    day = f"{read:%Y-%m-%d}"
    return f"{read:%H:%M} UTC" if near.endswith(day) else f"{day} {read:%H:%M} UTC"

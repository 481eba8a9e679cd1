"""Plain scalars by the core schema of YAML 1.2.2 (§10.3.2): `NO`, `22:22`, `2026-11-22` are text, `017` is 17."""

import math
import re

from batchrunner.spec import Scalar

MAX_DIGITS = 40
"""Digits of an integer. Python itself refuses 4,301 of them, with an error of its own and after quadratic work."""

SUSPECTS = frozenset("0123456789+-.~tTfFnN")
"""First characters of everything that is not text; another first character settles it."""

_WORDS: dict[str, Scalar | None] = {
    "": None,
    **dict.fromkeys(("~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMERIC = frozenset("0123456789+-.")
_NUMBER = re.compile(
    r"(?P<integer>[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z"
    r"|(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)\Z"
    r"|(?P<not_finite>[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
)


class BadNumber(ValueError):
    """A number that no field could mean. The argument says why."""


def core_scalar(text: str) -> Scalar | None:
    """The value of a plain scalar. Raises `BadNumber` for infinities, NaN and numbers that are too long."""
    if text in _WORDS:
        return _WORDS[text]
    match = _NUMBER.match(text) if text[0] in _NUMERIC else None
    if match is None:
        return text
    if match.lastgroup == "integer":
        return _integer(text)
    if match.lastgroup == "float":
        return _float(text)
    raise BadNumber("infinities and not-a-number are no values here")


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise BadNumber(f"an integer has at most {MAX_DIGITS} digits; put quotes around it if it is text")
    bases = {"0o": 8, "0x": 16}
    return int(text, bases.get(text[:2], 10))


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise BadNumber("the number is too large")
    return number

"""Text from specs, providers and inputs, made safe to print: nothing in it can move a cursor or turn a line around."""

SPACES = frozenset("\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000")
"""Characters that `str.isprintable` refuses for being spaces (Unicode category Zs), and that do no harm."""


def printable(text: str) -> str:
    r"""`text` on one line, every character without a shape of its own written as an escape.

    That is controls (ESC and with it every ANSI sequence, line ends, C1), formatting characters (bidirectional
    embeddings and isolates, zero-width ones), lone surrogates and unassigned code points: `\n`, `\x1b`, `\u202e`.
    """
    if text.isprintable():
        return text
    return "".join(map(shown, text))


def shown(character: str) -> str:
    """One character as `printable` writes it."""
    if character.isprintable() or character in SPACES:
        return character
    return character.encode("unicode_escape").decode("ascii")


def brief(text: str, limit: int = 60) -> str:
    """`text` in at most `limit` characters, for a message that quotes it."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def is_unicode(text: str) -> bool:
    """Whether `text` can be written as UTF-8. A path or an argument of other bytes cannot (PEP 383)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

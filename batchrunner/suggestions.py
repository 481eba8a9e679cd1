"""The nearest thing that somebody may have meant."""

from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str], template: str = "{}") -> str:
    """`did you mean `…`?` with the closest of `known` put into `template`, or nothing where none is close."""
    # difflib costs 3 ms to import, and only mistakes need it.
    from difflib import get_close_matches

    near = get_close_matches(word, tuple(known), n=1)
    return f"did you mean `{template.format(near[0])}`?" if near else ""


def listed(names: Iterable[str]) -> str:
    """Names in the order given, each in backquotes, at most twenty of them."""
    quoted = [f"`{name}`" for name in names]
    return ", ".join(quoted[:20]) + (f" and {len(quoted) - 20} more" if len(quoted) > 20 else "")

"""What a YAML parser complains of, in words for a person who edits a spec."""

from collections.abc import Sequence

from batchrunner.loader._events import Mark, ParserError
from batchrunner.loader.places import Place, lines_of
from batchrunner.loader.text import TextProblem

# What the parser's words contain, our words, a hint. libyaml and the Python parser differ in detail.
_UNCLOSED = "is opened here and never closed, or a comma is missing"
_NO_DIRECTIVES = "directives (`%YAML`, `%TAG`) are not allowed"
_WORDS: Sequence[tuple[str, str, str]] = (
    (
        "mapping values are not allowed",
        "a `:` cannot stand here",
        "check the indentation and the line above, or quote a text that holds `: `",
    ),
    ("unexpected end of stream", "a quote is opened here and never closed", ""),
    ("expected ',' or ']'", f"a `[` {_UNCLOSED}", ""),
    ("expected ',' or '}'", f"a `{{` {_UNCLOSED}", ""),
    ("could not find expected ':'", "a key without a `:` after it", "write `key: value`, with a space between them"),
    ("unknown escape character", "an unknown escape", "a backslash is `\\\\`; single quotes know no escapes"),
    ("escape code", "an escape that is no character", ""),
    ("node content", "a value is missing here", ""),
    ("did not find expected key", "the indentation does not fit the lines above", ""),
    ("expected <block end>", "the indentation does not fit the lines above", ""),
    ("did not find expected '-' indicator", "an item of the list lacks its `-`, or is indented otherwise", ""),
    ("document start", "the document is already over here", "a file holds one document"),
    ("incompatible YAML document", _NO_DIRECTIVES, "delete the line"),
    ("directive", _NO_DIRECTIVES, "delete the line"),
    ("tab character", "a tab cannot indent", "indent with spaces"),
)
_MORE_FOLLOWS = ("did not find expected", "expected <block end>", "expected ',' or")
_QUOTES = {
    "'": "inside `'` write it twice, `''`, or put `\"` around the text",
    '"': 'inside `"` write `\\"`, or put `\'` around the text',
}
_CONSTRUCT_IS_MEANT = ("unexpected end", "expected ',' or", "could not find expected ':'")


def syntax_problem(error: ParserError, text: str) -> TextProblem:
    """`error` as a problem of `text`, at the construct that was never finished or at the character that cannot be."""
    unquoted = _badly_quoted(error, text)
    if unquoted:
        return unquoted
    mark = error.mark
    if any(words in error.words for words in _CONSTRUCT_IS_MEANT):
        mark = error.context_mark or mark
    place = _place(mark, text) if mark else None
    message, hint = _explained(error, place, text)
    return TextProblem("yaml-syntax", message, place, hint)


def _badly_quoted(error: ParserError, text: str) -> TextProblem | None:
    """The two usual ways to end a text too early: a quote inside of quotes, and a `${` that `{…}` and `[…]` cut off."""
    if error.mark is None or not any(words in error.words for words in _MORE_FOLLOWS):
        return None
    lines, column = lines_of(text), error.mark.column
    line = lines[min(error.mark.line, len(lines) - 1)]
    before, rest = line[max(column - 1, 0) : column], line[column : column + 1]
    if before in _QUOTES and rest not in {"", *" \t]},:"}:
        message, hint = "the text ends at this quote, and more follows", _QUOTES[before]
    elif before + rest == "${":
        message, hint = "`${` cannot stand here without quotes", "quote `${…}` inside `{…}` and `[…]`"
    else:
        return None
    return TextProblem("yaml-syntax", message, Place(error.mark.line + 1, column), hint)


def _place(mark: Mark, text: str) -> Place:
    lines = lines_of(text)
    line = min(mark.line, len(lines) - 1)
    # The end of the text may be a line of its own, on which there is nothing to show.
    while line > 0 and not lines[line].strip(" "):
        line -= 1
    column = mark.column if line == mark.line else len(lines[line])
    return Place(line + 1, column + 1)


def _explained(error: ParserError, place: Place | None, text: str) -> tuple[str, str]:
    if "cannot start any token" in error.words and place:
        return _bad_start(lines_of(text)[place.line - 1][place.column - 1 : place.column])
    for part, message, hint in _WORDS:
        if part in error.words:
            return message, hint
    return error.words, ""


def _bad_start(character: str) -> tuple[str, str]:
    if character == "\t":
        return "a tab cannot indent", "indent with spaces"
    return f"a text cannot start with `{character}`", "put quotes around it"

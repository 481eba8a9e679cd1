"""Text from outside on its way to a terminal, and diagnostics made of it."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.errors import Diagnostic
from batchrunner.printable import SPACES, brief, printable
from batchrunner.render.diagnostics import LINE, diagnostics_text
from batchrunner.render.layout import width_of
from batchrunner.render.style import COLOUR
from batchrunner.suggestions import did_you_mean, listed


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünïcode 日本 👩", "plain ünïcode 日本 👩"),
        ("\u00a0\u3000", "\u00a0\u3000"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("a\r\n\tb\0\x7f\x9b", "a\\r\\n\\tb\\x00\\x7f\\x9b"),
        ("\u202e\u2066\u200b\u200d\ufeff\u2028", "\\u202e\\u2066\\u200b\\u200d\\ufeff\\u2028"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_what_has_no_shape_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_printable_text_has_no_controls_and_stays_itself(text: str) -> None:
    shown = printable(text)
    assert all(c in SPACES or unicodedata.category(c)[0] not in "CZ" or c == " " for c in shown)
    assert printable(shown) == shown


def test_quotations_are_cut() -> None:
    assert brief("x" * 60) == "x" * 60
    assert brief("x" * 61) == "x" * 59 + "…"


def test_suggestions_name_what_is_near() -> None:
    assert did_you_mean("modle", ["model", "lang"]) == "did you mean `model`?"
    assert did_you_mean("vars.modle", ["vars.model"], "${{{}}}") == "did you mean `${vars.model}`?"
    assert did_you_mean("zzz", ["model"]) == ""
    assert listed(map(str, range(22))).endswith("`19` and 2 more")


def block(source: str, column: int, width: int = 1) -> list[str]:
    diagnostic = Diagnostic("code", "message", "a.yaml", 7, column, source, width)
    return diagnostics_text([diagnostic]).split("\n")


@pytest.mark.parametrize(
    ("source", "column", "width", "shown", "caret"),
    [
        ("key: value", 6, 5, "key: value", "     ^^^^^"),
        ("\tkey: value", 2, 3, "    key: value", "    ^^^"),
        ("日本: 値x", 5, 1, "日本: 値x", "      ^^"),
        ("a\x1bb: 1", 3, 1, "a\\x1bb: 1", "     ^"),
        ("a\x1bb: 1", 2, 1, "a\\x1bb: 1", " ^^^^"),
        ("key:", 5, 1, "key:", "    ^"),
        ("e\u0301: 1", 5, 1, "e\u0301: 1", "   ^"),
    ],
)
def test_the_caret_is_under_what_it_means(source: str, column: int, width: int, shown: str, caret: str) -> None:
    assert block(source, column, width)[3:5] == [f"7 | {shown}", f"  | {caret}"]


@given(st.text(max_size=400), st.integers(1, 420), st.integers(1, 300))
def test_any_line_is_shown_in_its_width_with_the_caret_in_it(source: str, column: int, width: int) -> None:
    column = min(column, len(source) + 1)
    lines = block(source or " ", column, width)
    assert all(line.isprintable() or set(line) & SPACES for line in lines)
    assert width_of(lines[3]) <= LINE + 8
    assert width_of(lines[4]) <= LINE + 8
    assert "^" in lines[4]


def test_a_cut_line_shows_what_is_wrong() -> None:
    lines = block("x" * 500 + "bad" + "y" * 500, 501, 3)
    start = lines[4].index("^^^")
    assert lines[3][start : start + 3] == "bad"
    assert lines[3].startswith("7 | …")
    assert lines[3].endswith("…")


def test_problems_are_counted_with_those_not_listed() -> None:
    one = Diagnostic("a", "b", "x.yaml")
    assert diagnostics_text([one]) == "error[a]: b\n --> x.yaml\n\n1 error in 1 file"
    assert diagnostics_text([one, one], unlisted=1_000).endswith("\n\n1,002 errors in 1 file (1,000 not listed)")


def test_untrusted_words_cannot_start_a_line_or_colour_it() -> None:
    hostile = "x\n::error::\x1b[31m"
    shown = diagnostics_text([Diagnostic("c", hostile, hostile, 1, 1, hostile, 1, hostile)])
    assert "\x1b" not in shown
    assert not any(line.startswith("::") for line in shown.split("\n"))


def test_colour_changes_nothing_but_colour() -> None:
    diagnostic = Diagnostic("c", "m", "p", 3, 2, "abc", 1, "h")
    plain, coloured = diagnostics_text([diagnostic]), diagnostics_text([diagnostic], style=COLOUR)
    assert coloured != plain
    assert re.sub("\x1b\\[[0-9]+m", "", coloured) == plain

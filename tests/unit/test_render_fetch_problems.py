"""Why a provider could not be asked is said in its own words: they reach no terminal as they are."""

from hypothesis import given
from hypothesis import strategies as st

from batchrunner.printable import SPACES
from batchrunner.render.accounts import FetchSummary, fetch_text


@given(st.text())
def test_words_of_a_provider_reach_no_terminal_as_they_are(words: str) -> None:
    text = fetch_text(FetchSummary(accounts=(), folders=(), problems=(f"x could not be asked: {words}",)))
    assert not [sign for sign in text.replace("\n", "") if not (sign.isprintable() or sign in SPACES)]


def test_escapes_are_shown_as_such() -> None:
    problem = "alphaedge could not be asked: \x1b[2J\n::error::x\u202e"
    text = fetch_text(FetchSummary(accounts=(), folders=(), problems=(problem,)))
    assert r"\x1b[2J\n::error::x\u202e" in text

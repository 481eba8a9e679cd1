"""Costs in words: ends are rounded away from each other, and what is unknown is said."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.manifest import LocalFile, ProviderFile
from batchrunner.plans import Submit
from batchrunner.pricing import Estimate
from batchrunner.render.costs import bill_of, bill_words, cost_sentences, cost_words, short_words
from batchrunner.render.units import at_least, at_most, dollars, scaled

AMOUNTS = st.floats(0, 10**7)


def submit(low: float | None = None, high: float | None = None, **changes: object) -> Submit:
    known = {"input_tokens": 52_100, "output_tokens": 1, "counted_by": "bytes/4", "cost_low": low, "cost_high": high}
    if low is None:
        known["unpriced"] = ("gpt-99",)
    return sending(Estimate(**{**known, **changes}))  # type: ignore[arg-type]


def sending(estimate: Estimate | None, origin: str = "https://p.example") -> Submit:
    source = LocalFile(path="a", sha256="s", size=1, requests=1) if estimate else ProviderFile(file_id="f")
    return Submit(
        address="n/a", run_key="r", reason="new", attempt=1, idempotency_key="k", fingerprint="f", provider="p",
        origin=origin, endpoint="/e", completion_window="24h", source=source, estimate=estimate,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("low", "high", "bases", "words"),
    [
        (None, None, "", "unknown"),
        (0.121, 0.479, "batch", "$0.12-0.48"),
        (1.2, None, "batch", "from $1.20"),
        (1.239, None, "batch", "from $1.23"),
        (0.0001, None, "batch", "from <$0.01"),
        (0.5, 3.095, "full", "≤ $3.10"),
        (0.5, 3.1, "full", "≤ $3.10"),
        (0.001, 0.48, "batch", "≤ $0.48"),
        (0.0, 0.48, "batch", "≤ $0.48"),
        (0.0, 0.0, "project", "$0"),
        (0.001, 0.009, "full", "<$0.01"),
        (0.091, 0.091, "batch", "$0.09"),
        (0.29, 0.58, "batch", "$0.29-0.58"),
        (998.5, 999.999, "batch", "$998.50-1,000.00"),
        (1234.5, 98765.4, "project", "$1,234-98,766"),
    ],
)
def test_a_cost_in_words(low: float | None, high: float | None, bases: str, words: str) -> None:
    assert cost_words(low, high, frozenset({bases})) == words.replace("-", "\N{EN DASH}")


@given(AMOUNTS, AMOUNTS)
def test_what_is_shown_holds_what_was_estimated(one: float, other: float) -> None:
    low, high = sorted((one, other))
    shown = [float(number.replace(",", "")) for number in re.findall(r"[\d,.]*\d", cost_words(low, high, frozenset()))]
    assert shown[-1] >= high - max(0.01, high * 0.01)
    assert shown[0] <= low + max(0.01, low * 0.01) or len(shown) == 1


@given(AMOUNTS)
def test_only_nothing_is_nothing(amount: float) -> None:
    for words in (dollars(amount), at_least(amount), at_most(amount)):
        assert (words == "$0") == (amount == 0)


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0"), (999, "999"), (1000, "1.0k"), (52_149, "52.1k"), (999_960, "1.0M"), (10**10, "10.0G")],
)
def test_tokens_are_scaled(number: int, words: str) -> None:
    assert scaled(number) == words


def test_what_is_unknown_is_said_beside_what_is_known() -> None:
    changes = [submit(1.0, 2.0), submit(), sending(None)]
    assert bill_words(bill_of(changes)) == "$1.00\N{EN DASH}2.00 + unknown for 2 batches"
    assert bill_words(bill_of([submit()])) == "unknown"
    assert bill_words(bill_of([submit(0.5, None, unpriced=("x",))]), "unknown") == "from $0.50 + unknown"


def test_tokens_are_told_without_a_cost() -> None:
    assert short_words([submit()]) == "~52.1k tok, cost unknown"
    assert short_words([sending(None)]) == "cost unknown"
    assert short_words([]) == ""


def test_a_plans_cost_says_how_it_was_estimated() -> None:
    changes = [
        submit(1.0, 2.0, basis="batch", price_lists=("openai (list 1)",)),
        submit(1.0, None, output_tokens=None, basis="full+project", counted_by="o200k_base"),
        submit(),
        sending(None),
    ]
    assert cost_sentences(changes) == (
        "Cost estimate: from $2.00 + unknown for 2 batches.",
        "~156.3k input tokens by bytes/4, o200k_base.",
        "Prices: the project file's, batch, those of live calls (an upper bound); lists of openai (list 1).",
        "No price is known for gpt-99.",
        "Output without a limit is not included.",
    )


def test_one_token_is_one() -> None:
    assert "~1 input token by bytes/4." in cost_sentences([submit(input_tokens=1)])


def test_data_in_it_is_shown_as_the_page_needs_it() -> None:
    words = " ".join(cost_sentences([submit(unpriced=("\x1b[2J" * 99,), counted_by="\x1b")]))
    assert words.isprintable()
    assert len(words) < 700


def test_the_sandbox_is_free() -> None:
    estimate = submit(1.0, 2.0).estimate
    assert cost_sentences([sending(estimate, "sandbox")])[-1] == "The sandbox itself costs nothing."
    assert "sandbox" not in " ".join(cost_sentences([sending(estimate, "sandbox"), sending(estimate)]))

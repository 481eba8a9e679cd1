"""Estimates are sums: nothing known is lost in them, and what is unknown never becomes nothing."""

from math import isclose

from hypothesis import given
from hypothesis import strategies as st

from batchrunner.pricing import Bill, Demand, Estimate, Price, bill, estimate
from batchrunner.records import replace

MODELS = ["a", "b", "c", "nobody-knows"]
DOLLARS = st.integers(0, 100_000).map(lambda cents: cents / 1000)
PRICES = st.fixed_dictionaries(
    {
        model: st.builds(
            Price,
            input=DOLLARS,
            output=st.none() | DOLLARS,
            basis=st.sampled_from(["batch", "discount", "full", "project"]),
        )
        for model in MODELS[:3]
    }
)
COUNTS = st.integers(0, 10**9)
DEMANDS = st.builds(
    Demand,
    model=st.sampled_from(MODELS),
    requests=COUNTS,
    size=COUNTS,
    input_tokens=COUNTS,
    output_tokens=st.none() | COUNTS,
)
Prices = dict[str, Price]


def estimated(demands: list[Demand], prices: Prices) -> Estimate:
    return estimate(demands, lambda demand: prices.get(demand.model), "words")


@given(st.lists(DEMANDS, max_size=6), PRICES)
def test_the_low_end_is_at_most_the_high_end(demands: list[Demand], prices: Prices) -> None:
    found = estimated(demands, prices)
    if found.cost_high is not None:
        assert found.cost_low is not None
        assert found.cost_low <= found.cost_high


@given(st.lists(DEMANDS, min_size=1, max_size=6), PRICES)
def test_a_model_without_a_price_makes_the_cost_unknown(demands: list[Demand], prices: Prices) -> None:
    found = estimated(demands, prices)
    missing = {demand.model for demand in demands} - {*prices}
    assert {*found.unpriced} == missing
    if missing:
        assert found.cost_high is None
    assert (found.cost_low is None) == all(demand.model in missing for demand in demands)


@given(st.lists(DEMANDS, max_size=5), DEMANDS, PRICES)
def test_asking_for_more_never_costs_less(demands: list[Demand], one: Demand, prices: Prices) -> None:
    fewer, more = estimated(demands, prices), estimated([*demands, one], prices)
    assert more.input_tokens >= fewer.input_tokens
    assert (more.cost_low or 0.0) >= (fewer.cost_low or 0.0)
    if fewer.cost_high is not None and more.cost_high is not None:
        assert more.cost_high >= fewer.cost_high


@given(DEMANDS, st.integers(0, 10**9), PRICES)
def test_more_tokens_never_cost_less(demand: Demand, tokens: int, prices: Prices) -> None:
    larger = replace(demand, input_tokens=demand.input_tokens + tokens)
    few, many = estimated([demand], prices), estimated([larger], prices)
    assert (many.cost_low or 0.0) >= (few.cost_low or 0.0)
    assert (few.cost_low is None) == (many.cost_low is None)


@given(st.lists(st.lists(DEMANDS, max_size=3), max_size=6), PRICES)
def test_what_parts_cost_is_what_they_cost_together(parts: list[list[Demand]], prices: Prices) -> None:
    summed = bill(estimated(part, prices) for part in parts)
    together = estimated([demand for part in parts for demand in part], prices)
    assert summed.input_tokens == together.input_tokens
    assert {*summed.unpriced} == {*together.unpriced}
    assert isclose(summed.low or 0.0, together.cost_low or 0.0, abs_tol=1e-9)
    if together.cost_high is not None and all(parts):
        assert summed.high is not None
        assert isclose(summed.high, together.cost_high, rel_tol=1e-9, abs_tol=1e-9)


@given(st.lists(st.none() | st.lists(DEMANDS, min_size=1, max_size=3), min_size=1, max_size=6), PRICES)
def test_a_sum_counts_what_it_does_not_know(parts: list[list[Demand] | None], prices: Prices) -> None:
    estimates = [None if part is None else estimated(part, prices) for part in parts]
    summed = bill(estimates)
    assert summed.without_tokens == estimates.count(None)
    assert summed.without_cost == sum(each is None or bool(each.unpriced) for each in estimates)
    assert (summed.low is None) == all(each is None or each.cost_low is None for each in estimates)
    if summed.high is not None:
        assert summed.low is not None
        assert summed.low <= summed.high


def test_nothing_adds_up_to_nothing_known() -> None:
    assert bill([]) == Bill(input_tokens=0, low=None, high=None, without_tokens=0, without_cost=0)


def test_output_that_is_free_needs_no_limit() -> None:
    demand = Demand(model="e", requests=1, size=4_000_000, input_tokens=1_000_000, output_tokens=None)
    free = estimate([demand], lambda _: Price(input=0.02, output=0.0, basis="project"), "bytes/4")
    assert (free.cost_low, free.cost_high) == (0.02, 0.02)
    unknown = estimate([demand], lambda _: Price(input=0.02, output=None, basis="batch"), "bytes/4")
    assert (unknown.cost_low, unknown.cost_high) == (0.02, None)


def test_a_price_of_nothing_is_known() -> None:
    demand = Demand(model="m", requests=1, size=4, input_tokens=1, output_tokens=1)
    found = estimate([demand], lambda _: Price(input=0.0, output=0.0, basis="project"), "bytes/4")
    assert (found.cost_low, found.cost_high, found.basis) == (0.0, 0.0, "project")

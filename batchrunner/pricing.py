"""What requests ask for and what they should cost: values that a plan shows and a state keeps, and their arithmetic."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import fsum, inf

from batchrunner.records import Record

BYTES_PER_TOKEN = 4
"""A token of usual text in any script: 5 to 7 % off for European languages and code, 6 % for Chinese, as measured."""

BY_BYTES = "bytes/4"
UNLISTED = "no-price-list"
"""The code of the notice that prices are unknown for want of a list."""
MILLION = 1_000_000
DIGITS = 12
"""Digits behind the point of a dollar that a cost is kept with."""


class Demand(Record):
    """What the requests for one `model` ask for: how many, `size` in bytes of their lines, and tokens.

    `input_tokens` are an estimate; `output_tokens` the most there can be, None where a request sets no limit.
    """

    model: str
    requests: int
    size: int
    input_tokens: int
    output_tokens: int | None


class Price(Record):
    """What a model costs: US dollars for a million tokens. `output` is None where a price list has none.

    `basis` is one of those of an `Estimate`; `price_list` whose list it is from, empty where it is from none.
    """

    input: float
    output: float | None
    basis: str
    price_list: str = ""


class Estimate(Record):
    """What a submission should take, in tokens, and cost, in US dollars. Never a bill.

    `counted_by` is how input tokens were counted: `bytes/4`, or the name of a tokenizer. `output_tokens` is the most
    there can be, None where that is not known. Costs go from `cost_low`, without any output, to `cost_high`, with all
    of it; None is unknown, which is never nothing. `basis` says what the prices are: `batch` (listed for batches),
    `discount` (listed, less the provider's discount), `full` (listed for live calls, so an upper bound), `project` (set
    in the project file), or several of them, joined by `+`. `unpriced` are the models without a price, `price_lists`
    whose lists the others were found in: `openai (genai-prices 0.2.3)`.
    """

    input_tokens: int
    output_tokens: int | None
    counted_by: str
    cost_low: float | None = None
    cost_high: float | None = None
    basis: str = ""
    unpriced: tuple[str, ...] = ()
    price_lists: tuple[str, ...] = ()

    @property
    def bases(self) -> frozenset[str]:
        """What the prices are, one by one."""
        return frozenset(filter(None, self.basis.split("+")))


def estimate(
    demands: Iterable[Demand], price_of: Callable[[Demand], Price | None], counted_by: str = BY_BYTES
) -> Estimate:
    """What `demands` should take and cost. `price_of` says None for a model whose price is not known.

    Where some are not known, `cost_low` is of those that are, and there is no `cost_high`.
    """
    known = [(demand, price_of(demand)) for demand in demands]
    priced = [(demand, price) for demand, price in known if price is not None]
    unpriced = {demand.model for demand, price in known if price is None}
    return Estimate(
        input_tokens=sum(demand.input_tokens for demand, _ in known),
        output_tokens=_sum(demand.output_tokens for demand, _ in known),
        counted_by=counted_by,
        cost_low=_costs(_input_cost(*each) for each in priced) if priced else None,
        cost_high=None if unpriced or not priced else _costs(_highest_cost(*each) for each in priced),
        basis="+".join(sorted({price.basis for _, price in priced})),
        unpriced=tuple(sorted(unpriced)),
        price_lists=tuple(sorted({price.price_list for _, price in priced} - {""})),
    )


def _input_cost(demand: Demand, price: Price) -> float:
    return demand.input_tokens * price.input / MILLION


def _highest_cost(demand: Demand, price: Price) -> float | None:
    """With all output there can be. Output that costs nothing need not have a limit."""
    if demand.output_tokens == 0 or price.output == 0:
        return _input_cost(demand, price)
    if demand.output_tokens is None or price.output is None:
        return None
    return _input_cost(demand, price) + demand.output_tokens * price.output / MILLION


def _sum(numbers: Iterable[int | None]) -> int | None:
    each = list(numbers)
    known = [number for number in each if number is not None]
    return sum(known) if len(known) == len(each) else None


def _costs(amounts: Iterable[float | None]) -> float | None:
    each = list(amounts)
    known = [amount for amount in each if amount is not None]
    return _summed(known) if len(known) == len(each) else None


def _summed(amounts: Sequence[float]) -> float:
    try:
        return round(fsum(amounts), DIGITS)
    except OverflowError:  # a plan that a stranger wrote may say anything
        return inf


@dataclass(frozen=True, slots=True)
class Bill:
    """What several submissions should take and cost together.

    `input_tokens` and the costs are of those of which they are known; `low` is None where no cost is. `high` is None
    where one of these has no highest cost. `without_tokens` and `without_cost` count those of which not all is known.
    """

    input_tokens: int
    low: float | None
    high: float | None
    without_tokens: int
    without_cost: int
    bases: frozenset[str] = frozenset()
    counted_by: tuple[str, ...] = ()
    price_lists: tuple[str, ...] = ()
    unpriced: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether the highest cost of everything is known."""
        return self.high is not None and not self.without_cost


def bill(estimates: Iterable[Estimate | None]) -> Bill:
    """The sum of `estimates`; None, and one with a model that has no price, counts as not known."""
    each = list(estimates)
    known = [one for one in each if one is not None]
    priced = [one for one in known if one.cost_low is not None]
    return Bill(
        input_tokens=sum(one.input_tokens for one in known),
        low=_costs(one.cost_low for one in priced) if priced else None,
        high=_costs(one.cost_high for one in priced) if priced else None,
        without_tokens=len(each) - len(known),
        without_cost=len(each) - sum(not one.unpriced for one in priced),
        bases=frozenset[str]().union(*(one.bases for one in priced)),
        counted_by=tuple(sorted({one.counted_by for one in known})),
        price_lists=tuple(sorted({name for one in priced for name in one.price_lists})),
        unpriced=tuple(sorted({name for one in known for name in one.unpriced})),
    )

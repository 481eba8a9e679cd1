"""Estimates in words. What is not known is said, never left out and never nothing."""

from collections.abc import Callable, Sequence

from batchrunner.plans import Sendable
from batchrunner.pricing import Bill, Estimate, bill
from batchrunner.printable import brief, printable
from batchrunner.render.units import at_least, at_most, count, counted, dollars, scaled

UNKNOWN = "unknown"
FREE = "sandbox"
"""The origin of what costs nothing."""
NAMED = 3
"""Models, and lists, that are named; the rest is counted."""
BASES = {
    "project": "the project file's",
    "batch": "batch",
    "discount": "list less the provider's discount",
    "full": "those of live calls (an upper bound)",
}


def bill_of(changes: Sequence[Sendable]) -> Bill:
    """What `changes` should take and cost together."""
    return bill(change.estimate for change in changes)


def token_words(number: int) -> str:
    """An estimate of tokens: `~52.1k tok`."""
    return f"~{scaled(number)} tok"


def cost_words(low: float | None, high: float | None, bases: frozenset[str]) -> str:
    """`$0.12-0.48`, `$0.09`, `<$0.01`, `from $1.20` without a highest cost, `≤ $3.10` for an upper bound, `unknown`."""
    if low is None:
        return UNKNOWN
    if high is None:
        return f"from {at_least(low)}"
    if high and high < 0.01:
        return at_most(high)
    if "full" in bases or (low < 0.01 < high):
        return f"≤ {at_most(high)}"
    if at_least(low) == at_least(high):
        return dollars(high)
    return f"{at_least(low)}\N{EN DASH}{at_most(high).removeprefix('$')}"


def bill_words(summed: Bill, unknown: str = "") -> str:
    """The cost of several submissions, with how many of them have none that is known: `$1.20 + unknown for 2 batches`.

    `unknown` is said in place of the last where it is given.
    """
    words = cost_words(summed.low, summed.high, summed.bases)
    if words == UNKNOWN or not summed.without_cost:
        return words
    rest = unknown or f"unknown for {counted(summed.without_cost, 'batch')}"
    return f"{words} + {rest}"


def short_words(changes: Sequence[Sendable]) -> str:
    """Tokens and cost of `changes`: `~52.1k tok, $0.12-0.48`, `cost unknown`; empty for none."""
    summed = bill_of(changes)
    tokens = [token_words(summed.input_tokens)] if summed.counted_by else []
    cost = f"cost {UNKNOWN}" if summed.low is None else bill_words(summed)
    return ", ".join([*tokens, cost]) if changes else ""


def cost_sentences(changes: Sequence[Sendable], show: Callable[[str], str] = printable) -> tuple[str, ...]:
    """What `changes` should cost together, how that was estimated, and what is not known.

    `show` makes what is data safe to print.
    """
    summed = bill_of(changes)
    told = [f"Cost estimate: {bill_words(summed)}."]
    if summed.counted_by:
        tokens = "input token" if summed.input_tokens == 1 else "input tokens"
        told.append(f"~{scaled(summed.input_tokens)} {tokens} by {_listed(summed.counted_by, show)}.")
    if known := [words for basis, words in BASES.items() if basis in summed.bases]:
        whose = f"; lists of {_listed(summed.price_lists, show)}" if summed.price_lists else ""
        told.append(f"Prices: {', '.join(known)}{whose}.")
    if summed.unpriced:
        told.append(f"No price is known for {_listed(summed.unpriced, show)}.")
    if any(_is_endless(change.estimate) for change in changes):
        told.append("Output without a limit is not included.")
    if all(change.origin == FREE for change in changes):
        told.append("The sandbox itself costs nothing.")
    return tuple(told)


def _is_endless(estimate: Estimate | None) -> bool:
    return (
        estimate is not None
        and estimate.cost_low is not None
        and estimate.cost_high is None
        and estimate.output_tokens is None
    )


def _listed(names: Sequence[str], show: Callable[[str], str]) -> str:
    rest = len(names) - NAMED
    return ", ".join(show(brief(name)) for name in names[:NAMED]) + (f" and {count(rest)} more" if rest > 0 else "")

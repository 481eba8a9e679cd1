"""List prices from genai-prices, whose data is in its package: its updater, which would ask the network, never runs.

The only module that imports it.
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from genai_prices import __version__ as version
from genai_prices.data_snapshot import DataSnapshot, get_snapshot
from genai_prices.types import ModelInfo, ModelPrice, Provider, TieredPrices

from batchrunner.pricing import Demand, Price

BATCH = {"processing": "batch"}
LONGEST_NAME = 200
"""Characters of a model's name that is looked up: longer ones are no model's."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A model in a price list: what it costs a million tokens, and whether that is the price of a batch."""

    prices: ModelPrice
    is_batch: bool
    whose: str


@dataclass(slots=True)
class PriceList:
    """The prices that are listed as of `now`."""

    now: datetime
    snapshot: DataSnapshot = field(default_factory=get_snapshot)
    known: dict[tuple[str | None, str], Listed | None] = field(default_factory=dict)

    def price(self, demand: Demand, whose: str | None, discount: float | None) -> Price | None:
        """The price of a demand's model in the list of `whose`, as genai-prices names providers; None: of its maker.

        A batch price where one is listed; else the price of live calls, less `discount` where that is known.
        """
        name = (whose, demand.model)
        if name not in self.known:
            self.known[name] = self._listed(demand.model, whose)
        listed = self.known[name]
        if listed is None:
            return None
        share, basis = (1.0, "batch") if listed.is_batch else _discounted(discount)
        # A price may depend on how long a request is. Known is how long they are on average.
        tokens = demand.input_tokens // max(demand.requests, 1)
        entered = _rate(listed.prices.input_mtok, tokens)
        returned = _rate(listed.prices.output_mtok, tokens)
        if entered is None:
            return None
        return Price(
            input=entered * share,
            output=None if returned is None else returned * share,
            basis=basis,
            price_list=f"{listed.whose} (genai-prices {version})",
        )

    def _listed(self, model: str, whose: str | None) -> Listed | None:
        if not model or len(model) > LONGEST_NAME:
            return None
        try:
            provider, found = self.snapshot.find_provider_model(model, None, whose, None)
        except LookupError:
            provider_of = self._maker(model) if whose is None else None
            if provider_of is None:
                return None
            provider, found = provider_of
        batch = self._batch_prices(provider, found)
        return Listed(batch or found.get_prices(self.now), batch is not None, provider.id)

    def _maker(self, model: str) -> tuple[Provider, ModelInfo] | None:
        """The one maker of models who lists exactly `model`, where its name does not tell: `text-embedding-3-small`."""
        makers = [provider for provider in self.snapshot.providers if provider.model_match is not None]
        found = [(maker, each) for maker in makers for each in maker.models if each.id == model]
        return found[0] if len(found) == 1 else None

    def _batch_prices(self, provider: Provider, model: ModelInfo) -> ModelPrice | None:
        """The prices of batches, None where not all of them are listed: the library falls back to those of live calls.

        A provider without a price of its own is given another's; batches of that one say nothing of its batches.
        """
        if not any(model is own for own in provider.models):
            return None
        variants = [each for each in model.price_variants or () if each.when == BATCH]
        named = {
            name
            for each in variants
            if each.constraint is None or each.constraint.active(self.now)
            for name, price in vars(each.prices).items()
            if price is not None
        }
        live = model.get_prices(self.now)
        asked = {name for name in ("input_mtok", "output_mtok") if getattr(live, name) is not None}
        return model.get_prices(self.now, BATCH) if asked <= named else None


def _discounted(discount: float | None) -> tuple[float, str]:
    return (1.0, "full") if discount is None else (1.0 - discount, "discount")


def _rate(price: Decimal | TieredPrices | None, tokens: int) -> float | None:
    """US dollars a million tokens, for a request of `tokens` tokens."""
    if not isinstance(price, TieredPrices):
        return None if price is None else float(price)
    reached = [tier.price for tier in price.tiers if tokens > tier.start]
    return float(reached[-1] if reached else price.base)

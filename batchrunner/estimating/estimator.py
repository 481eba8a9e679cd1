"""Estimates of submissions, from what their requests ask for and the prices that apply at their provider."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from batchrunner.facts import ProviderFacts
from batchrunner.plans import Notice
from batchrunner.pricing import BY_BYTES, UNLISTED, Demand, Estimate, Price, estimate

if TYPE_CHECKING:
    from batchrunner.estimating.prices import PriceList

NO_PRICE_LIST = Notice(
    code=UNLISTED,
    message="costs are unknown without a price list: pip install 'batchrunner[cost]', or set `prices` of the provider",
)


@dataclass(slots=True)
class Estimator:
    """Estimates submissions as of `now`. The price list, which takes a while to load, is loaded for the first lookup.

    A price that the project file sets wins over every list.
    """

    now: datetime
    notices: list[Notice] = field(default_factory=list)
    _list: "PriceList | None" = None
    _is_asked_for: bool = False

    def estimate(self, demands: Iterable[Demand], facts: ProviderFacts, counted_by: str = BY_BYTES) -> Estimate:
        """What `demands` should take and cost at the provider that `facts` are of."""
        return estimate(demands, lambda demand: self._price(demand, facts), counted_by)

    def _price(self, demand: Demand, facts: ProviderFacts) -> Price | None:
        own = facts.prices.get(demand.model)
        if own is not None:
            return Price(input=own.input, output=own.output, basis="project")
        listed = self._prices()
        return listed.price(demand, facts.price_list, facts.discount) if listed else None

    def _prices(self) -> "PriceList | None":
        if not self._is_asked_for:
            self._is_asked_for = True
            self._list = self._loaded()
        return self._list

    def _loaded(self) -> "PriceList | None":
        try:
            from batchrunner.estimating.prices import PriceList
        except ImportError:
            self.notices.append(NO_PRICE_LIST)
            return None
        return PriceList(self.now)

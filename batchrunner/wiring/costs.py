"""What was used of a provider, in money."""

from collections.abc import Mapping

from batchrunner.facts import ProviderFacts
from batchrunner.manifest import LocalFile
from batchrunner.pricing import Demand, Estimate
from batchrunner.remote import Usage
from batchrunner.state import Entry
from batchrunner.wiring.workspace import SystemClock


class UsageCosts:
    """Prices what attempts used, by the price lists as they are now."""

    def __init__(self, providers: Mapping[str, ProviderFacts]) -> None:
        from batchrunner.estimating import Estimator

        self._providers = providers
        self._estimator = Estimator(SystemClock().now())

    def of(self, entry: Entry, usage: Usage) -> Estimate | None:
        """What the tokens of an attempt cost; None where it asked several models, or nobody knows which."""
        source = entry.attempt.intent.source
        facts = self._providers.get(entry.attempt.intent.provider)
        if facts is None or not isinstance(source, LocalFile) or len(source.models) != 1:
            return None
        demand = Demand(model=source.models[0], requests=source.requests, size=source.size,
                        input_tokens=usage.input_tokens, output_tokens=usage.output_tokens)  # fmt: skip
        return self._estimator.estimate([demand], facts)

"""What the providers in force offer, and declarations that ask for something else."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from batchrunner.facts import ProviderFacts
from batchrunner.printable import brief
from batchrunner.suggestions import did_you_mean, listed
from batchrunner.windows import is_offered

Asked = tuple[str, str, str]
"""Provider, endpoint and completion window of a declaration."""


class Refusal(NamedTuple):
    """Why a field of a declaration cannot be had."""

    field: str
    code: str
    message: str
    hint: str


class Offers:
    """The providers by name. What has been looked at once is not looked at again."""

    def __init__(self, providers: Mapping[str, ProviderFacts]) -> None:
        self._providers = providers
        self._refusals: dict[Asked, tuple[Refusal, ...]] = {}

    def refusals(self, asked: Asked) -> tuple[Refusal, ...]:
        """Each field of `asked` that its provider does not offer."""
        known = self._refusals.get(asked)
        if known is None:
            known = self._refusals[asked] = tuple(self._refused(*asked))
        return known

    def _refused(self, provider: str, endpoint: str, window: str) -> Iterator[Refusal]:
        facts = self._providers.get(provider)
        if facts is None:
            hint = did_you_mean(provider, self._providers) or f"known are {listed(self._providers)};"
            message = f"there is no provider `{brief(provider)}`"
            yield Refusal("provider", "unknown-provider", message, f"{hint} batchrunner.yaml can add others")
            return
        if facts.endpoints is not None and endpoint not in facts.endpoints:
            yield _not_offered("endpoint", provider, endpoint, facts.endpoints)
        if facts.completion_windows is not None and not is_offered(window, facts.completion_windows):
            yield _not_offered("completion_window", provider, window, facts.completion_windows)


def _not_offered(name: str, provider: str, value: str, offered: tuple[str, ...]) -> Refusal:
    words = name.replace("completion_", "")
    hint = did_you_mean(value, offered) or f"it has {listed(offered)};"
    return Refusal(
        field=name,
        code=f"unknown-{words}",
        message=f"`{provider}` is not known to offer the {words} `{brief(value)}`",
        hint=f"{hint} others can be listed in batchrunner.yaml under `providers.{provider}.{name}s`",
    )

"""Keys that are exchanged for a workload's own token: made when something is sent, and renewed while it is."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from threading import Lock
from time import monotonic

from batchrunner.errors import BatchrunnerError
from batchrunner.facts import ProviderFacts, TokenExchange
from batchrunner.providers.tokens import AccessToken, checked_workload, exchanged, github_token
from batchrunner.settings import environment, github_job, read_secret, read_workload_token, remember_secret

MARGIN_SECONDS = 120.0
_sources: dict[str, "TokenSource"] = {}

Renewal = Callable[[str], Awaitable[str]]
"""Gives the key to send with now; it is told the one that was refused, empty for none."""


def key_of(name: str, facts: ProviderFacts, variables: Mapping[str, str]) -> str:
    """The key of the provider called `name`, read or exchanged. Raises `Refused`, `TryAgain` `oidc-unreachable`."""
    source = _source(name, facts)
    return source.key() if source else read_secret(facts.api_key, name, variables)


def renewal_of(name: str, facts: ProviderFacts) -> Renewal | None:
    """What renews the key of a provider, None for one that stays as it is."""
    source = _source(name, facts)
    return source.renewed if source else None


def _source(name: str, facts: ProviderFacts) -> "TokenSource | None":
    exchange = facts.api_key.oidc
    if exchange is None:
        return None
    known = _sources.get(name)
    if known is None or known.exchange != exchange:
        known = _sources[name] = TokenSource(name, exchange)
    return known


class TokenSource:
    """The access token of one provider: kept in memory alone, exchanged anew before it expires and once refused."""

    def __init__(self, provider: str, exchange: TokenExchange) -> None:
        self.exchange = exchange
        self._provider = provider
        self._lock = Lock()
        self._key = ""
        self._renew_at = self._dead_at = 0.0

    async def renewed(self, refused: str) -> str:
        """The key to send with now; `refused` is one that the provider did not take. Raises as an exchange does."""
        if self._key != refused and monotonic() < self._renew_at:
            return self._key
        return await asyncio.to_thread(self.key, refused)

    def key(self, refused: str = "") -> str:
        """As `renewed`, for who waits."""
        with self._lock:
            if self._key == refused or monotonic() >= self._renew_at:
                self._renew(refused)
            return self._key

    def _renew(self, refused: str) -> None:
        begun = monotonic()
        try:
            token = self._exchanged()
        except BatchrunnerError:
            # One that lives for a while yet is as good: the next request asks again.
            if self._key and self._key != refused and begun < self._dead_at:
                return
            raise
        self._key = token.value
        self._renew_at = begun + token.seconds - min(MARGIN_SECONDS, token.seconds / 2)
        self._dead_at = begun + token.seconds

    def _exchanged(self) -> AccessToken:
        workload, where = self._workload()
        remember_secret(workload)
        checked = checked_workload(workload, self.exchange, where, self._provider)
        token = exchanged(self.exchange, checked, self._provider)
        remember_secret(token.value)
        return token

    def _workload(self) -> tuple[str, str]:
        token = self.exchange.token
        if token.env or token.file:
            return read_workload_token(token, self._provider, environment())
        url, key = github_job(self._provider, environment())
        remember_secret(key)
        return github_token(url, key, self.exchange.audience, self._provider), "GitHub's answer"

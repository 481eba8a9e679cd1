"""How hard one provider may be asked during one run, whoever asks, and how to wait."""

import asyncio
import random
from collections.abc import Callable

from batchrunner.facts import Retry

_NAP_SECONDS = 0.1  # how soon a sleeper notices that the run is stopping


class Pace:
    """A retry budget and a pause, shared by all senders of a provider.

    The budget is gRPC proposal A6: a failure takes one token, a success gives some back, and nothing is retried at or
    below half. Beyond the proposal, nothing new is sent when all are gone: each send would be one more in doubt.
    `stopping` says whether the run is ending; no wait outlasts it by much.
    """

    __slots__ = ("_full", "_not_before", "_retry", "_stopping", "_tokens")

    def __init__(self, retry: Retry, stopping: Callable[[], bool]) -> None:
        self._retry = retry
        self._stopping = stopping
        self._full = self._tokens = float(retry.budget)
        self._not_before = 0.0

    @property
    def may_retry(self) -> bool:
        """Whether the provider is healthy enough to be asked again."""
        return self._tokens > self._full / 2

    @property
    def is_spent(self) -> bool:
        """Whether the provider failed so often that it is asked nothing more in this run."""
        return self._tokens <= 0

    def failed(self) -> None:
        """A send was not settled."""
        self._tokens = max(0.0, self._tokens - 1)

    def limited(self) -> None:
        """A send was refused as one too many. It is well to retry less, but a provider that says so is not broken."""
        self._tokens = max(min(1.0, self._tokens), self._tokens - 1)

    def succeeded(self) -> None:
        """The provider did what it was asked."""
        self._tokens = min(self._full, self._tokens + self._retry.budget_refill)

    def pause(self, seconds: float) -> None:
        """The provider told one sender to wait; nobody sends before that is over."""
        self._not_before = max(self._not_before, asyncio.get_running_loop().time() + seconds)

    async def clearance(self) -> float:
        """Wait until sending is allowed, and return 0; or return the seconds left where that is too long to wait."""
        loop = asyncio.get_running_loop()
        while (left := self._not_before - loop.time()) > 0:
            if left > self._retry.retry_after_cap_seconds or self._stopping():
                return left
            # Those who waited together must not come back together.
            await self.rest(left + random.uniform(0, self._retry.base_seconds))  # noqa: S311 - no secret
        return 0.0

    async def rest(self, seconds: float) -> None:
        """Sleep, less long where the run is stopping."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while (left := until - loop.time()) > 0 and not self._stopping():  # noqa: ASYNC110 - a signal sets a flag
            await asyncio.sleep(min(left, _NAP_SECONDS))

"""How hard one provider may be asked during one run, whoever asks."""

from batchrunner.facts import Retry


class Pace:
    """A retry budget and a moment before which nothing is sent, shared by all senders of a provider.

    The budget is gRPC proposal A6: a failure takes one token, a success gives some back, and nothing is retried at or
    below half. Times are seconds of the event loop's clock.
    """

    __slots__ = ("_full", "_refill", "_tokens", "not_before")

    def __init__(self, retry: Retry) -> None:
        self._full = self._tokens = float(retry.budget)
        self._refill = retry.budget_refill
        self.not_before = 0.0

    @property
    def may_retry(self) -> bool:
        """Whether the provider is healthy enough to be asked again."""
        return self._tokens > self._full / 2

    def failed(self) -> None:
        """A send was not settled."""
        self._tokens = max(0.0, self._tokens - 1)

    def succeeded(self) -> None:
        """The provider did what it was asked."""
        self._tokens = min(self._full, self._tokens + self._refill)

    def hold(self, until: float) -> None:
        """Send nothing before `until`: the provider said so to one of the senders."""
        self.not_before = max(self.not_before, until)

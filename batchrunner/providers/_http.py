"""The one client that sends: attempts, deadlines, retries. The only module that imports tenacity.

A first attempt that succeeds never meets the retrying machinery, which costs as much as the rest of a send.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Protocol, cast

from tenacity import AsyncRetrying, RetryCallState, retry_if_result, wait_random_exponential

from batchrunner.events import Event, Retrying
from batchrunner.facts import ProviderFacts
from batchrunner.jobs import Accepted, Downloaded, Outcome, Removed, Seen, Uploaded
from batchrunner.providers._calls import Call, Result
from batchrunner.providers._finding import Ask
from batchrunner.providers._pace import Pace
from batchrunner.providers._verdicts import LIMITED, Again, Redact
from batchrunner.providers._wire import Renewal, Transport, Wire

IN_FLIGHT = 128  # where the provider's own limit is not known
_GOOD = (Accepted, Uploaded, Seen, Removed, Downloaded)
_PAUSED = "the provider asked for a pause, so this was not sent"
_SPENT = Again("budget-spent", words="the provider failed too often in this run, so this was not sent")


class Sending(Protocol):
    """A job on its way, as the client sees it.

    One that `is_patient` is asked anew for as long as somebody waits: a provider that failed often is asked once each
    time, and never left for good.
    """

    address: str
    is_patient: bool

    async def look(self, ask: Ask) -> Outcome | None:
        """The outcome that asking alone, by `ask`, shows to be there already. Called before each `next`."""
        ...

    def next(self, server_time: datetime | None) -> Call | Outcome:
        """What to send now, or the outcome that makes sending pointless. `server_time`: the latest Date in a reply."""
        ...

    def judge(self, result: Result) -> Outcome | Again:
        """What a result settles; `Again` only where sending again is safe."""
        ...

    def give_up(self, again: Again) -> Outcome:
        """What is true when it is not sent again after all."""
        ...


class Client:
    """Sends to one provider for the length of one run. The key goes to the origin in `facts`, and nowhere else.

    At most `in_flight` requests are on their way at a time.

    Raises `Refused` `unusable-api-key` or `bad-base-url`. Nothing is connected until something is sent.
    """

    def __init__(
        self,
        name: str,
        facts: ProviderFacts,
        key: str,
        *,
        report: Callable[[Event], None],
        stopping: Callable[[], bool],
        transport: Transport | None = None,
        renewal: Renewal | None = None,
    ) -> None:
        self._facts = facts
        self._report = report
        self._stopping = stopping
        self.in_flight = facts.limits.max_in_flight or IN_FLIGHT
        self._slots = asyncio.Semaphore(self.in_flight)
        self._wire = Wire(
            name, facts, key, stopping=stopping, in_flight=self.in_flight, transport=transport, renewal=renewal
        )
        self._pace = Pace(facts.retry, stopping)
        self._jitter = wait_random_exponential(multiplier=facts.retry.base_seconds, max=facts.retry.cap_seconds)

    @property
    def redact(self) -> Redact:
        """Takes the API key out of a text."""
        return self._wire.redact

    @property
    def server_time(self) -> datetime | None:
        """The latest Date in a reply."""
        return self._wire.server_time

    @property
    def stopping(self) -> bool:
        """Whether the run is ending."""
        return self._stopping()

    async def rest(self, seconds: float) -> None:
        """Sleep, less long where the run is stopping."""
        await self._pace.rest(seconds)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._wire.aclose()

    async def run(self, sending: Sending) -> Outcome:
        """Send until settled, given up, or told to stop. Never raises for what a provider or a network does."""
        verdict = await self._attempt(sending)
        return await self._persist(sending, verdict) if isinstance(verdict, Again) else verdict

    async def _attempt(self, sending: Sending) -> Outcome | Again:
        async with self._slots:
            if left := await self._pace.clearance():
                return sending.give_up(Again(LIMITED, words=_PAUSED, retry_after=left))
            if self._pace.is_spent and not sending.is_patient:
                return sending.give_up(_SPENT)
            call = await sending.look(self._wire.send) or sending.next(self._wire.server_time)
            if not isinstance(call, Call):
                return call
            verdict = sending.judge(await self._wire.send(call))
        self._learn(verdict)
        return verdict

    def _learn(self, verdict: Outcome | Again) -> None:
        if isinstance(verdict, _GOOD):
            self._pace.succeeded()
        elif isinstance(verdict, Again) and verdict.code == LIMITED:
            self._pace.limited()
            if verdict.retry_after:
                self._pace.pause(verdict.retry_after)
        elif isinstance(verdict, Again) and not verdict.has_advanced:
            self._pace.failed()

    async def _persist(self, sending: Sending, first: Again) -> Outcome:
        latest: Again = first
        is_made = True

        async def attempt() -> Outcome | Again:
            nonlocal latest, is_made
            if is_made:
                # The first attempt is behind us: the machinery is told of it, and takes over from there.
                is_made = False
                return latest
            verdict = sending.give_up(latest) if self._stopping() else await self._attempt(sending)
            if isinstance(verdict, Again):
                latest = verdict
            return verdict

        attempts = AsyncRetrying(
            retry=retry_if_result(_is_unsettled),
            wait=self._wait,
            stop=self._is_over,
            before_sleep=partial(self._announce, sending.address),
            sleep=self._pace.rest,
            retry_error_callback=lambda _: sending.give_up(latest),
        )
        return cast("Outcome", await attempts(attempt))

    def _wait(self, state: RetryCallState) -> float:
        # What the provider asked for, and full jitter on top: senders told the same must not come back together.
        return (_unsettled(state).retry_after or 0.0) + self._jitter(state)

    def _is_over(self, state: RetryCallState) -> bool:
        retry = self._facts.retry
        return (
            state.attempt_number >= retry.attempts
            or _unsettled(state).is_last
            or (_unsettled(state).retry_after or 0.0) > retry.retry_after_cap_seconds
            or not self._pace.may_retry
            or self._stopping()
        )

    def _announce(self, address: str, state: RetryCallState) -> None:
        self._report(
            Retrying(
                address=address,
                code=_unsettled(state).code,
                wait=state.upcoming_sleep,
                attempt=state.attempt_number + 1,
                attempts=self._facts.retry.attempts,
            )
        )


def _is_unsettled(verdict: object) -> bool:
    return isinstance(verdict, Again)


def _unsettled(state: RetryCallState) -> Again:
    return cast("Again", state.outcome.result() if state.outcome else None)

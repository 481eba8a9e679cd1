"""The one client that sends: attempts, deadlines, retries. The only module that imports tenacity.

A first attempt that succeeds never meets the retrying machinery, which costs as much as the rest of a send.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from functools import partial
from typing import Protocol, cast

import httpx
from tenacity import AsyncRetrying, RetryCallState, retry_if_result, wait_random_exponential

from batchrunner._version import __version__
from batchrunner.events import Event, Retrying
from batchrunner.facts import ProviderFacts
from batchrunner.jobs import Accepted, Downloaded, Outcome, Removed, Seen, Uploaded
from batchrunner.origins import checked_origin
from batchrunner.providers._bearer import Bearer
from batchrunner.providers._calls import Call, NotSent, Reply, Result, Stream, Unknown
from batchrunner.providers._connections import Connections
from batchrunner.providers._finding import Ask
from batchrunner.providers._pace import Pace
from batchrunner.providers._reply import ReplyTooLarge
from batchrunner.providers._times import http_date
from batchrunner.providers._verdicts import LIMITED, Again

Transport = httpx.AsyncBaseTransport

IN_FLIGHT = 128  # where the provider's own limit is not known
_GOOD = (Accepted, Uploaded, Seen, Removed, Downloaded)
_PAUSED = "the provider asked for a pause, so this was not sent"
_SPENT = Again("budget-spent", words="the provider failed too often in this run, so this was not sent")


class Sending(Protocol):
    """A job on its way, as the client sees it."""

    address: str

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
    ) -> None:
        self._facts = facts
        self._bearer = Bearer(key, provider=name)
        self._origin = httpx.URL(checked_origin(facts.origin, f"the base_url of provider {name}"))
        self._report = report
        self._stopping = stopping
        in_flight = facts.limits.max_in_flight or IN_FLIGHT
        self._slots = asyncio.Semaphore(in_flight)
        self._transport = transport or Connections(max_connections=in_flight)
        self._pace = Pace(facts.retry, stopping)
        self._jitter = wait_random_exponential(multiplier=facts.retry.base_seconds, max=facts.retry.cap_seconds)
        self._date = ""
        self._server_time: datetime | None = None
        self._urls: dict[str, httpx.URL] = {}
        self._headers = [
            ("Host", self._origin.netloc.decode("ascii")),
            ("Authorization", self._bearer.authorization),
            ("User-Agent", f"batchrunner/{__version__}"),
            ("Accept", "application/json"),
            ("Accept-Encoding", "identity"),
        ]

    def redact(self, text: str) -> str:
        """`text` without the API key."""
        return self._bearer.redact(text)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._transport.aclose()

    async def run(self, sending: Sending) -> Outcome:
        """Send until settled, given up, or told to stop. Never raises for what a provider or a network does."""
        verdict = await self._attempt(sending)
        return await self._persist(sending, verdict) if isinstance(verdict, Again) else verdict

    async def send(self, call: Call) -> Result:
        """One attempt, within the call's deadline."""
        try:
            async with asyncio.timeout(call.deadline):
                return await self._exchange(self._request(call))
        except (httpx.ConnectTimeout, httpx.ConnectError) as error:
            code = "connect-timeout" if isinstance(error, httpx.ConnectTimeout) else "connect-failed"
            return NotSent(code, str(error) or "no connection")
        except (TimeoutError, httpx.TimeoutException):
            return Unknown("timeout", f"no whole reply within {call.deadline:g} seconds")
        except ReplyTooLarge as error:
            return Unknown("reply-too-large", str(error))
        except Exception as error:  # whatever went wrong, the request may have left, and that must not be forgotten
            return Unknown("connection-lost", str(error) or type(error).__name__)
        finally:
            if not isinstance(call.body, bytes):
                call.body.close()

    async def _attempt(self, sending: Sending) -> Outcome | Again:
        async with self._slots:
            if left := await self._pace.clearance():
                return sending.give_up(Again(LIMITED, words=_PAUSED, retry_after=left))
            if self._pace.is_spent:
                return sending.give_up(_SPENT)
            call = await sending.look(self.send) or sending.next(self._server_time)
            if not isinstance(call, Call):
                return call
            verdict = sending.judge(await self.send(call))
        self._learn(verdict)
        return verdict

    def _learn(self, verdict: Outcome | Again) -> None:
        if isinstance(verdict, _GOOD):
            self._pace.succeeded()
        elif isinstance(verdict, Again) and verdict.code == LIMITED:
            self._pace.limited()
            if verdict.retry_after:
                self._pace.pause(verdict.retry_after)
        elif isinstance(verdict, Again):
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

    async def _exchange(self, request: httpx.Request) -> Reply:
        response = await self._transport.handle_async_request(request)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw}
        self._observe(headers.get("date", ""))
        body = response.extensions.get("body")
        if body is None:
            body = await _read(response, self._facts.limits.max_reply_bytes)
        if headers.get("content-encoding", "identity").lower() != "identity":
            body = b""  # identity was asked for; a decoder is an easy way to be sent a gigabyte
        return Reply(response.status_code, headers, self._bearer.redact_reply(body))

    def _request(self, call: Call) -> httpx.Request:
        url = self._urls.get(call.path) or self._urls.setdefault(call.path, self._origin.copy_with(path=call.path))
        if call.query:
            url = url.copy_with(query=call.query.encode())
        length = len(call.body) if isinstance(call.body, bytes) else call.body.length
        framing = () if call.method == "GET" else (("Content-Length", str(length)),)
        return httpx.Request(
            call.method,
            url,
            headers=[*self._headers, *call.headers, *framing],
            stream=httpx.ByteStream(call.body) if isinstance(call.body, bytes) else _Streamed(call.body),
            extensions={
                "timeout": {"connect": self._facts.timeouts.connect_seconds},
                "max_reply_bytes": self._facts.limits.max_reply_bytes,
            },
        )

    def _observe(self, date: str) -> None:
        if date == self._date:
            return
        self._date = date
        if (time := http_date(date)) is not None and (self._server_time is None or time > self._server_time):
            self._server_time = time


class _Streamed(httpx.AsyncByteStream):
    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._stream.__aiter__()


async def _read(response: httpx.Response, cap: int) -> bytes:
    chunks, size = [], 0
    try:
        async for chunk in cast("httpx.AsyncByteStream", response.stream):
            size += len(chunk)
            if size > cap:
                raise ReplyTooLarge(f"the reply (status {response.status_code}) is over {cap} bytes")
            chunks.append(chunk)
    finally:
        await response.aclose()
    return b"".join(chunks)


def _is_unsettled(verdict: object) -> bool:
    return isinstance(verdict, Again)


def _unsettled(state: RetryCallState) -> Again:
    return cast("Again", state.outcome.result() if state.outcome else None)

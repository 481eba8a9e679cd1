"""One attempt at a time: a call becomes a request to the one origin, and what comes of it a value."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import cast

import httpx

from batchrunner._version import __version__
from batchrunner.errors import BatchrunnerError
from batchrunner.facts import ProviderFacts
from batchrunner.origins import checked_origin
from batchrunner.providers._bearer import Bearer
from batchrunner.providers._calls import Call, NotSent, Reply, Result, Sink, Stream, Unknown
from batchrunner.providers._connections import Connections
from batchrunner.providers._reply import ReplyTooLarge
from batchrunner.providers._times import http_date

Transport = httpx.AsyncBaseTransport
Renewal = Callable[[str], Awaitable[str]]
"""Gives the key to send with now; it is told the one that was refused, empty for none."""

_NAP_SECONDS = 0.1  # how soon a download notices that the run is stopping
# fmt: off
_OURS = frozenset((
    "accept-encoding", "authorization", "connection", "content-length", "content-type", "host", "idempotency-key",
    "if-range", "range", "te", "trailer", "transfer-encoding", "upgrade",
))
# fmt: on


class Wire:
    """Sends to the origin in `facts`, and nowhere else, with the key of the provider called `name`.

    Raises `Refused` `unusable-api-key` or `bad-base-url`. Nothing is connected until something is sent.
    """

    def __init__(
        self,
        name: str,
        facts: ProviderFacts,
        key: str,
        *,
        stopping: Callable[[], bool],
        in_flight: int,
        transport: Transport | None = None,
        renewal: Renewal | None = None,
    ) -> None:
        self._name = name
        self._facts = facts
        self._key = key
        self._renewal = renewal
        self._bearer = Bearer(key, provider=name)
        self._origin = httpx.URL(checked_origin(facts.origin, f"the base_url of provider {name}"))
        self._stopping = stopping
        self._transport = transport or Connections(max_connections=in_flight)
        self._date = ""
        self._urls: dict[str, httpx.URL] = {}
        self._headers = [
            ("Host", self._origin.netloc.decode("ascii")),
            self._bearer.header(facts.auth),
            ("Accept-Encoding", "identity"),
            *_described(facts),
        ]
        self.server_time: datetime | None = None

    def redact(self, text: str) -> str:
        """`text` without the API key."""
        return self._bearer.redact(text)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._transport.aclose()

    async def send(self, call: Call) -> Result:
        """One attempt, within the call's deadline. A key that is refused is renewed once, and the call made again."""
        if self._renewal is None:
            return await self._send(call)
        if (trouble := await self._renew(self._renewal, "")) is not None:
            self._close(call)
            return trouble
        used, result = self._key, await self._send(call)
        if not isinstance(result, Reply) or result.status != 401 or not isinstance(call.body, bytes):
            return result
        # Refused for its key, a request was not carried out.
        await self._renew(self._renewal, used)
        return await self._send(call) if self._key != used else result

    async def _renew(self, renewal: Renewal, refused: str) -> NotSent | None:
        """Take the key of now; what is wrong where there is none."""
        try:
            key = await renewal(refused)
            if key != self._key:
                self._bearer = Bearer(key, provider=self._name)
                self._headers[1] = self._bearer.header(self._facts.auth)
                self._key = key
        except BatchrunnerError as error:
            return NotSent(error.code, " ".join(filter(None, [error.message, error.why])))
        return None

    @staticmethod
    def _close(call: Call) -> None:
        if not isinstance(call.body, bytes):
            call.body.close()

    async def _send(self, call: Call) -> Result:
        try:
            async with asyncio.timeout(call.deadline) as limit:
                return await self._exchange(call, limit)
        except (httpx.ConnectTimeout, httpx.ConnectError) as error:
            code = "connect-timeout" if isinstance(error, httpx.ConnectTimeout) else "connect-failed"
            return NotSent(code, str(error) or "no connection")
        except (TimeoutError, httpx.TimeoutException):
            return self._late(call)
        except ReplyTooLarge as error:
            return Unknown("reply-too-large", str(error))
        except Exception as error:  # whatever went wrong, the request may have left, and that must not be forgotten
            return Unknown("connection-lost", str(error) or type(error).__name__)
        finally:
            self._close(call)

    def _late(self, call: Call) -> Unknown:
        if call.sink is None:
            return Unknown("timeout", f"no whole reply within {call.deadline:g} seconds")
        if self._stopping():
            return Unknown("stopped", "the run was stopped")
        return Unknown("timeout", f"nothing came for {call.deadline:g} seconds")

    async def _exchange(self, call: Call, limit: asyncio.Timeout) -> Reply:
        bearer = self._bearer  # of this request: the key may be renewed before its reply is here
        response = await self._transport.handle_async_request(self._request(call))
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw}
        self._observe(headers.get("date", ""))
        if call.sink is not None and call.sink.takes(response.status_code, headers):
            await self._pour(response, call.sink, call.deadline, limit)
            return Reply(response.status_code, headers, b"")
        body = response.extensions.get("body")
        if body is None:
            body = await _read(response, self._cap(call))
        if headers.get("content-encoding", "identity").lower() != "identity":
            body = b""  # identity was asked for; a decoder is an easy way to be sent a gigabyte
        return Reply(response.status_code, headers, bearer.redact_reply(body))

    async def _pour(self, response: httpx.Response, sink: Sink, patience: float, limit: asyncio.Timeout) -> None:
        loop = asyncio.get_running_loop()
        try:
            with self._ended_by_stopping(loop, limit):
                async for piece in cast("httpx.AsyncByteStream", response.stream):
                    await sink.take(piece)
                    if self._stopping():
                        raise TimeoutError
                    limit.reschedule(loop.time() + patience)
        finally:
            await response.aclose()

    @contextmanager
    def _ended_by_stopping(self, loop: asyncio.AbstractEventLoop, limit: asyncio.Timeout) -> Iterator[None]:
        """What comes is kept as it comes, so a stop need not wait for all of it, nor for a server that is silent."""
        naps: list[asyncio.TimerHandle] = []

        def check() -> None:
            if self._stopping():
                limit.reschedule(loop.time())
            else:
                naps[:] = [loop.call_later(_NAP_SECONDS, check)]

        naps.append(loop.call_later(_NAP_SECONDS, check))
        try:
            yield
        finally:
            naps[0].cancel()

    def _cap(self, call: Call) -> int:
        return call.max_reply_bytes or self._facts.limits.max_reply_bytes

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
                "max_reply_bytes": self._cap(call) if call.sink is None else None,
            },
        )

    def _observe(self, date: str) -> None:
        if date == self._date:
            return
        self._date = date
        if (time := http_date(date)) is not None and (self.server_time is None or time > self.server_time):
            self.server_time = time


class _Streamed(httpx.AsyncByteStream):
    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._stream.__aiter__()


def _described(facts: ProviderFacts) -> Iterator[tuple[str, str]]:
    """Who we are and what we take, and the headers of the project file, but for those that say what is sent and how."""
    usual = (("User-Agent", f"batchrunner/{__version__}"), ("Accept", "application/json"))
    given = {name.lower(): (name, value) for name, value in (*usual, *facts.headers.items())}
    return (given[name] for name in given if name not in {*_OURS, facts.auth})


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

"""HTTP/1.1 that costs little per request: an httpx transport for one event loop.

    Connections (origins) ── Pool (one an origin) ── Connection (one a socket) ── Message, Reply (bytes)

What may have been sent is always known. `httpx.ConnectError`, `ConnectTimeout`, `LocalProtocolError` and
`UnsupportedProtocol` mean that no byte of the request left; every other `httpx.TransportError` that some may have.
Nothing is ever sent twice, redirected, proxied or decompressed, and certificates are always verified.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import httpx

from batchrunner.providers._exchange import Connection
from batchrunner.providers._message import encode
from batchrunner.providers._pool import Pool
from batchrunner.providers._reply import Reply

MAX_REPLY_BYTES = 1024 * 1024
_RACE_SECONDS = 0.25  # RFC 8305 §5: how long an address may take before the next is tried beside it
_PORTS = {"http": 80, "https": 443}


class Connections(httpx.AsyncBaseTransport):
    """Keeps connections open, at most `max_connections` an origin, and reuses one idle for less than `idle_seconds`.

    `ca_file` (PEM) replaces the certificate authorities that are trusted, which are certifi's otherwise.

    What a request's `extensions` may say:

    - `timeout`: seconds, as httpx has them: `connect` for a free slot, DNS, TCP and TLS together; `read` for the
      longest silence after that. For a total deadline, cancel: the connection is closed, never reused.
    - `max_reply_bytes`: the body is read whole up to this many bytes (default 1 MiB, more raises `ReplyTooLarge`).
      None: the reply is returned at its head and its body streamed; close the reply.

    What they say afterwards: `written`, true once any byte of the request may have left.
    """

    def __init__(
        self, *, max_connections: int = 128, idle_seconds: float = 4.0, ca_file: str | Path | None = None
    ) -> None:
        self._max_connections = max_connections
        self._idle_seconds = idle_seconds
        self._ca_file = ca_file
        self._tls: ssl.SSLContext | None = None
        self._pools: dict[tuple[str, bytes, int | None], Pool] = {}
        self._is_closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send once, and return the reply: any status, raw body (also as `extensions["body"]` where read whole).

        The body is sent in the pieces its stream gives; 256 KiB to 1 MiB each are cheapest. A reply of 300 or
        more stops a body that is still being sent. Raises only `httpx.TransportError`s, and what the body's stream did.
        """
        message = encode(request)
        pool = self._pool(request.url)
        timeouts = request.extensions.get("timeout") or {}
        reply = Reply(request.method, request.extensions.get("max_reply_bytes", MAX_REPLY_BYTES))
        connection = await pool.take(timeouts.get("connect"))
        request.extensions["written"] = True
        try:
            await connection.exchange(message, reply, timeouts.get("read"))
        except BaseException:
            connection.abort()
            raise
        if reply.limit is None:
            body = _Body(connection.stream(timeouts.get("read")), partial(pool.give, connection))
            return httpx.Response(reply.status, headers=reply.headers, stream=body, request=request)
        pool.give(connection)
        content = b"".join(reply.chunks)
        return httpx.Response(
            reply.status,
            headers=reply.headers,
            stream=httpx.ByteStream(content),
            request=request,
            extensions={"body": content},
        )

    async def aclose(self) -> None:
        """Close every connection, those in use too; safe to call again. Later requests raise `httpx.ConnectError`."""
        self._is_closed = True
        for pool in self._pools.values():
            await pool.aclose()

    def _pool(self, url: httpx.URL) -> Pool:
        origin = (url.scheme, url.raw_host, url.port)
        if (pool := self._pools.get(origin)) is None:
            if url.scheme not in _PORTS or not url.host:
                raise httpx.UnsupportedProtocol("only http:// and https:// URLs with a host can be sent to")
            if self._is_closed:
                raise httpx.ConnectError("the connections are closed")
            pool = self._pools[origin] = Pool(partial(self._dial, url), self._max_connections, self._idle_seconds)
        return pool

    async def _dial(self, url: httpx.URL, lost: Callable[[Connection], None]) -> Connection:
        loop = asyncio.get_running_loop()
        host = url.raw_host.decode("ascii")
        try:
            _, connection = await loop.create_connection(
                lambda: Connection(loop, lost),
                host,
                url.port or _PORTS[url.scheme],
                ssl=self._trust() if url.scheme == "https" else None,
                happy_eyeballs_delay=None if _is_address(host) else _RACE_SECONDS,
            )
        # What getaddrinfo, connect and TLS raise; a host or port no address can have is a ValueError or OverflowError.
        except (OSError, ValueError, OverflowError) as error:
            raise httpx.ConnectError(f"no connection to {host}: {error}") from error
        return connection

    def _trust(self) -> ssl.SSLContext:
        if self._tls is None:
            if self._ca_file is None:
                self._tls = httpx.create_ssl_context(trust_env=False)
            else:
                self._tls = ssl.create_default_context(cafile=self._ca_file)
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls


class _Body(httpx.AsyncByteStream):
    """A reply's body on its way; `done` is called once, at its end or when it is closed before."""

    def __init__(self, chunks: AsyncIterator[bytes], done: Callable[[], None]) -> None:
        self._chunks = chunks
        self._done: Callable[[], None] | None = done

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._chunks:
                yield chunk
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        if self._done is not None:
            done, self._done = self._done, None
            done()


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True

"""One socket and what passes over it: a `Message` out, a `Reply` in, at most one exchange at a time."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, suppress

import httpx

from batchrunner.providers._message import Message
from batchrunner.providers._reply import Reply

_BUFFERED_BYTES = 1024 * 1024
_READ_BYTES = 256 * 1024


class Connection(asyncio.Protocol):
    """One socket. `is_open` turns false for ever the moment it can take no further request.

    `lost` is called once, when the socket closes. asyncio sets TCP_NODELAY on it.
    """

    __slots__ = (
        "_error", "_is_paused", "_is_writable", "_loop", "_lost", "_reply", "_rest", "_taken", "_transport", "_wake",
        "idle_since", "is_open",
    )  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop, lost: "Callable[[Connection], None]") -> None:
        self._loop = loop
        self._lost = lost
        self._transport: asyncio.Transport
        self._reply: Reply | None = None
        self._rest: AsyncGenerator[bytes | memoryview, None] | None = None
        self._wake: asyncio.Future[None] | None = None
        self._error: httpx.TransportError | None = None
        self._is_writable = True
        self._is_paused = False
        self._taken = 0
        self.idle_since = 0.0
        self.is_open = False

    async def exchange(self, message: Message, reply: Reply, patience: float | None) -> None:
        """Send `message` and fill `reply` until it is ready. `patience`: seconds without a sign of the other end.

        Raises `httpx.ReadError`, `WriteError`, `RemoteProtocolError` or `ReadTimeout`: the request may have arrived.
        """
        self._reply = reply
        self._taken = 0
        self._transport.write(message.head)
        if message.rest is not None:
            await self._send(message.rest, reply, patience)
        while not reply.is_ready:
            await self._news(patience)

    async def stream(self, patience: float | None) -> AsyncIterator[bytes]:
        """The body of the reply in hand, as it comes; the server is held back while nobody takes it."""
        reply = self._reply
        while reply is not None:
            while reply.chunks:
                chunk = reply.chunks.popleft()
                self._taken += len(chunk)
                yield chunk
            if reply.is_complete:
                return
            if self._is_paused:
                self._is_paused = False
                self._transport.resume_reading()
            await self._news(patience)

    def settle(self) -> bool:
        """The exchange is over: either the connection may take another (true), or it is closed."""
        if self.is_open and self._rest is None and self._reply is not None and self._reply.keep_alive:
            self._reply = None
            return True
        self.abort()
        return False

    def abort(self) -> None:
        """Close now, for good; what is still unsent stays so."""
        if self.is_open:
            self.is_open = False
            self._transport.abort()

    async def _send(self, rest: AsyncGenerator[bytes | memoryview, None], reply: Reply, patience: float | None) -> None:
        self._rest = rest
        async with aclosing(rest):
            async for piece in rest:
                self._transport.write(piece)
                # A socket that takes every piece at once would keep the loop from seeing a reply, or anything else.
                await asyncio.sleep(0)
                while self._must_hold and not reply.is_refusal:
                    await self._news(patience)
                # A refusal makes the rest a waste (RFC 9112 §9.5); any other early reply does not mean that the body
                # is not wanted. `_rest` stays set, so the connection is not used again.
                if reply.is_refusal or not self.is_open:
                    return
        self._rest = None

    @property
    def _must_hold(self) -> bool:
        return self.is_open and (not self._is_writable or self._transport.is_closing())

    async def _news(self, patience: float | None) -> None:
        if self._error is None:
            self._wake = self._loop.create_future()
            try:
                async with asyncio.timeout(patience):
                    await self._wake
            except TimeoutError:
                raise httpx.ReadTimeout(f"the server did nothing for {patience} s") from None
        if self._error is not None:
            raise self._error

    def _tell(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is up, and TLS over it (asyncio)."""
        self._transport = transport  # type: ignore[assignment]  # a stream's is a Transport, uvloop's by shape only
        self.is_open = True

    def pause_writing(self) -> None:
        """More is waiting to be sent than should be (asyncio)."""
        self._is_writable = False

    def resume_writing(self) -> None:
        """There is room again (asyncio)."""
        self._is_writable = True
        self._tell()

    def data_received(self, data: bytes) -> None:
        """Bytes arrived (asyncio)."""
        reply = self._reply
        if reply is None or reply.is_complete:
            # Nobody asked for them. On this connection the next reply could be taken for another's.
            self.abort()
            return
        try:
            reply.feed(data)
        except httpx.RemoteProtocolError as error:
            self._error = error
            self.abort()
        if reply.limit is None and not reply.is_complete and reply.size - self._taken > _BUFFERED_BYTES:
            self._is_paused = True
            self._transport.pause_reading()
        self._tell()

    def eof_received(self) -> None:
        """The other end will send no more (asyncio)."""
        self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is about to be closed (asyncio)."""
        if exc is not None and self._rest is not None:
            self._salvage()
        self._end(exc)
        self._lost(self)

    def _end(self, exc: Exception | None) -> None:
        if self._reply is not None and not self._reply.is_complete and self._error is None:
            self._error = self._loss(self._reply, exc)
        self.abort()
        self._tell()

    def _loss(self, reply: Reply, exc: Exception | None) -> httpx.TransportError | None:
        if exc is not None:
            kind = httpx.ReadError if self._rest is None else httpx.WriteError
            return kind(f"the connection broke: {exc or type(exc).__name__}")
        if reply.is_blank:
            return httpx.ReadError("the server closed the connection without a reply")
        try:
            reply.end()
        except httpx.RemoteProtocolError as error:
            return error
        return None

    def _salvage(self) -> None:
        """Read the reply of a server that refused an upload and hung up: it may be in the socket still.

        The failed write closed the connection before the loop came to read. Plain TCP only: under TLS these bytes
        mean nothing without the layer that is gone.
        """
        reply = self._reply
        if reply is None or self._transport.get_extra_info("sslcontext") is not None:
            return
        with suppress(OSError, httpx.RemoteProtocolError), self._transport.get_extra_info("socket").dup() as copy:
            while not reply.is_complete and (data := copy.recv(_READ_BYTES)):
                reply.feed(data)

"""The connections to one origin, taken and given back at the same cost however many there are.

httpx's own asynchronous pool looks at every connection for every request, which at 128 in flight leaves 4 % of what
the server could take.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable

import httpx

from batchrunner.providers._exchange import Connection


class Pool:
    """At most `limit` connections, opened by `dial`, each reused only within `idle_seconds` of its last exchange.

    `dial` is given what the connection calls when its socket closes. A connection given back goes to whoever has
    waited longest, else on top of the idle ones.
    """

    def __init__(
        self, dial: Callable[[Callable[[Connection], None]], Awaitable[Connection]], limit: int, idle_seconds: float
    ) -> None:
        self._dial = dial
        self._limit = limit
        self._idle_seconds = idle_seconds
        self._slots = 0  # connections open, closing or being dialled; a slot is passed on when its socket closes
        self._open: set[Connection] = set()
        self._idle: OrderedDict[Connection, None] = OrderedDict()
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        self._is_closed = False
        self._emptied = asyncio.Event()

    async def take(self, patience: float | None) -> Connection:
        """An open connection, yours until you give it back. `patience`: seconds to wait for a slot and a dial.

        Raises `httpx.ConnectError` and `httpx.ConnectTimeout`.
        """
        if (connection := self._newest()) is not None:
            return connection
        try:
            async with asyncio.timeout(patience):
                return await self._turn() or await self._fresh()
        except TimeoutError:
            raise httpx.ConnectTimeout(f"no connection within {patience} s") from None

    def give(self, connection: Connection) -> None:
        """The end of an exchange. A connection that cannot take another is closed."""
        if connection.settle():
            self._offer(connection)

    async def aclose(self) -> None:
        """Close every connection, those in use too, and return when their sockets are closed."""
        self._is_closed = True
        for connection in self._open:
            connection.abort()
        if self._open:
            await self._emptied.wait()

    def _newest(self) -> Connection | None:
        while self._idle:
            connection, _ = self._idle.popitem()
            if not self._is_stale(connection, asyncio.get_running_loop().time()):
                return connection
            connection.abort()
        return None

    def _is_stale(self, connection: Connection, now: float) -> bool:
        return not connection.is_open or now - connection.idle_since > self._idle_seconds

    async def _turn(self) -> Connection | None:
        """Somebody's open connection, or None and with it a slot."""
        while self._slots >= self._limit:
            waiter: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            try:
                connection = await waiter
            except asyncio.CancelledError:
                if waiter.done() and not waiter.cancelled():
                    self._pass_on(waiter.result())
                raise
            if connection is None or connection.is_open:
                return connection
        self._slots += 1
        return None

    async def _fresh(self) -> Connection:
        try:
            if self._is_closed:
                raise httpx.ConnectError("the connections are closed")
            connection = await self._dial(self._lose)
            if self._is_closed:
                connection.abort()
            if not connection.is_open:
                raise httpx.ConnectError("the connection was closed as soon as it was open")
        except BaseException:
            self._free()
            raise
        self._open.add(connection)
        return connection

    def _offer(self, connection: Connection) -> None:
        if (waiter := self._next_waiter()) is not None:
            waiter.set_result(connection)
            return
        connection.idle_since = asyncio.get_running_loop().time()
        self._idle[connection] = None
        while self._is_stale(oldest := next(iter(self._idle)), connection.idle_since):
            del self._idle[oldest]
            oldest.abort()

    def _pass_on(self, connection: Connection | None) -> None:
        if connection is None:
            self._free()
        elif connection.is_open:
            self._offer(connection)

    def _free(self) -> None:
        if (waiter := self._next_waiter()) is not None:
            waiter.set_result(None)
        else:
            self._slots -= 1

    def _next_waiter(self) -> "asyncio.Future[Connection | None] | None":
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                return waiter
        return None

    def _lose(self, connection: Connection) -> None:
        self._idle.pop(connection, None)
        if connection in self._open:
            self._open.remove(connection)
            self._free()
        if self._is_closed and not self._open:
            self._emptied.set()

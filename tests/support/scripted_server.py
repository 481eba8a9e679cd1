"""A loopback HTTP/1.1 server that does exactly what a test says, one answer for each request.

    async with serving(reply(503), reply(200, b'{"id":"batch_1"}')) as server:
        ...                       # send to server.origin
    server.seen[0].headers["authorization"]

The last answer is given again to every further request. Everything happens in the test's own event loop.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

Answer = Callable[["Seen", asyncio.StreamWriter], Awaitable[None]]
PIECE = 256 * 1024


@dataclass
class Seen:
    """One request as it arrived; `size` counts the bytes of its body, `body` keeps its first mebibyte."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""
    size: int = 0
    is_whole: bool = False


@dataclass
class Server:
    """What a scripted server heard. `connections` counts accepted ones, `busiest` requests being answered at once."""

    origin: str = ""
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    in_flight: int = 0
    busiest: int = 0
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def heard(self, count: int) -> None:
        """Return when so many requests have arrived."""
        while len(self.seen) < count:
            self._arrived.clear()
            await self._arrived.wait()

    def take(self, seen: Seen) -> None:
        """Count a request in."""
        self.seen.append(seen)
        self._arrived.set()
        self.in_flight += 1
        self.busiest = max(self.busiest, self.in_flight)


def reply(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
    """Read the whole request, then answer."""

    async def answer(seen: Seen, writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    return answer


def raw(data: bytes) -> Answer:
    """Write these bytes and hang up."""

    async def answer(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        writer.close()

    return answer


def hang_up() -> Answer:
    """Close without a word."""
    return raw(b"")


def reset() -> Answer:
    """Close with a TCP reset."""

    async def answer(seen: Seen, writer: asyncio.StreamWriter) -> None:
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    return answer


def say_nothing() -> Answer:
    """Keep the connection open and never answer."""

    async def answer(seen: Seen, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    return answer


def drip(head: bytes, every: float) -> Answer:
    """Send `head`, then one byte every so many seconds for ever."""

    async def answer(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while not writer.is_closing():
            await asyncio.sleep(every)
            writer.write(b" ")

    return answer


def after(release: asyncio.Event, then: Answer) -> Answer:
    """Wait for the test before answering."""

    async def answer(seen: Seen, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        await then(seen, writer)

    return answer


@asynccontextmanager
async def serving(*answers: Answer, early: bool = False) -> AsyncIterator[Server]:
    """Serve on a free loopback port. `early`: answer as soon as the head of a request is read."""
    server = Server()
    handlers: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        try:
            while not writer.is_closing() and await _serve_one(server, answers, reader, writer, early):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    listener = await asyncio.start_server(connected, "127.0.0.1", 0, limit=1 << 20)
    server.origin = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listener.close()
        for task in handlers:
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)


async def _serve_one(
    server: Server,
    answers: tuple[Answer, ...],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    early: bool,
) -> bool:
    head = await reader.readuntil(b"\r\n\r\n")
    request, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = request.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    seen = Seen(method, path, headers)
    answer = answers[min(len(server.seen), len(answers) - 1)]
    server.take(seen)
    try:
        if not early:
            await _read_body(seen, reader)
        await answer(seen, writer)
        await writer.drain()
    finally:
        server.in_flight -= 1
    return not early


async def _read_body(seen: Seen, reader: asyncio.StreamReader) -> None:
    length = int(seen.headers.get("content-length", "0"))
    while seen.size < length:
        piece = await reader.read(min(PIECE, length - seen.size))
        if not piece:
            raise asyncio.IncompleteReadError(b"", length)
        seen.size += len(piece)
        if len(seen.body) < 1 << 20:
            seen.body += piece
    seen.is_whole = True


@contextmanager
def refusing_port() -> Iterator[str]:
    """An origin on which nothing listens, and nothing else will while it is used."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{holder.getsockname()[1]}"

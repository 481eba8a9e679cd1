"""`Connections` against real sockets: servers that answer, lie, stall, hang up and hold back.

Each test runs its own server in the same event loop, scripted connection by connection.
"""

import asyncio
import hashlib
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from shutil import which
from typing import Any

import httpx
import pytest

from batchrunner.providers._connections import Connections
from batchrunner.providers._reply import ReplyTooLarge

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
MIB = 1024 * 1024


def answer(body: bytes, status: str = "200 OK", extra: bytes = b"") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n".encode() + extra + b"\r\n" + body


@dataclass
class Peer:
    """The server's end of one connection; `number` counts connections from 1."""

    number: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def request(self) -> tuple[str, bytes]:
        """Target and body of the next request; `("", b"")` when the client is gone."""
        head = await self.head()
        if not head:
            return "", b""
        length = next((int(line[15:]) for line in head.split("\r\n") if line.lower().startswith("content-length:")), 0)
        body = b"" if "transfer-encoding" in head.lower() else await self.reader.readexactly(length)
        return head.split(" ")[1], body

    async def head(self) -> str:
        try:
            return (await self.reader.readuntil(b"\r\n\r\n")).decode()
        except (asyncio.IncompleteReadError, ConnectionError):
            return ""

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def gone(self) -> None:
        """Return when the client has closed its end."""
        try:
            while await self.reader.read(65536):
                pass
        except ConnectionError:
            pass

    def reset(self) -> None:
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@dataclass
class Server:
    url: str
    peers: list[Peer] = field(default_factory=list)


@asynccontextmanager
async def serving(
    script: Callable[[Peer], Awaitable[None]],
    *,
    host: str = "127.0.0.1",
    tls: ssl.SSLContext | None = None,
    **options: Any,
) -> AsyncIterator[tuple[Server, Connections]]:
    """A server that runs `script` for every connection, and connections with `options`, closed first at the end.

    A script that failed, or that goes on when its client is gone, fails the test.
    """
    tasks: set[asyncio.Task[None]] = set()

    async def run(peer: Peer) -> None:
        try:
            await script(peer)
        finally:
            peer.writer.close()

    def start(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.peers.append(Peer(len(server.peers) + 1, reader, writer))
        tasks.add(asyncio.get_running_loop().create_task(run(server.peers[-1])))

    listener = await asyncio.start_server(start, host, 0, ssl=tls, backlog=256)
    port = listener.sockets[0].getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    server = Server(f"{'https' if tls else 'http'}://{shown}:{port}")
    async with Connections(**options) as connections:
        yield server, connections
    listener.close()
    async with asyncio.timeout(10):
        await asyncio.gather(*tasks)


async def every(peer: Peer) -> None:
    """Answer each request with the connection's number and what was asked."""
    while (asked := await peer.request())[0]:
        await peer.send(answer(b"%d %s %s" % (peer.number, asked[0].encode(), asked[1])))


def first(script: Callable[[Peer], Awaitable[None]]) -> Callable[[Peer], Awaitable[None]]:
    """`script` for the first connection, `every` for those after it."""

    async def run(peer: Peer) -> None:
        await (script if peer.number == 1 else every)(peer)

    return run


def create(server: Server, target: str = "/", content: Any = b"{}", **extensions: Any) -> httpx.Request:
    return httpx.Request("POST", server.url + target, content=content, extensions=extensions)


async def text(connections: Connections, request: httpx.Request) -> str:
    reply = await connections.handle_async_request(request)
    body: bytes = reply.extensions["body"]
    assert await reply.aread() == body
    return body.decode()


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an `async def` test in an event loop of its own, within a deadline."""

    @wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        async def within() -> None:
            async with asyncio.timeout(60):
                await test(*args, **kwargs)

        asyncio.run(within())

    return run


# Keeping connections


@in_loop
async def test_an_idle_connection_is_used_again() -> None:
    async with serving(every) as (server, connections):
        got = [await text(connections, create(server, f"/{n}", b"x%d" % n)) for n in range(5)]
        assert got == [f"1 /{n} x{n}" for n in range(5)]


@in_loop
async def test_a_connection_idle_for_too_long_is_closed_instead() -> None:
    async with serving(every, idle_seconds=0.0) as (server, connections):
        assert [(await text(connections, create(server)))[0] for _ in range(3)] == ["1", "2", "3"]


@pytest.mark.parametrize("parting", [b"", b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"])
@in_loop
async def test_a_connection_the_server_ends_or_speaks_on_while_idle_is_dropped(parting: bytes) -> None:
    dropped = asyncio.Event()
    idle = asyncio.Event()

    @first
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await idle.wait()
        if parting:
            await peer.send(parting)
        else:
            peer.writer.write_eof()
        await peer.gone()
        dropped.set()

    async with serving(script) as (server, connections):
        assert await text(connections, create(server)) == "{}"
        idle.set()
        await dropped.wait()
        assert await text(connections, create(server, "/next")) == "2 /next {}"


@pytest.mark.parametrize(
    "reply",
    [
        answer(b"{}", extra=b"Connection: close\r\n"),
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        OK + OK,
        OK + b"\0",
        b"HTTP/1.1 200 OK\r\n\r\n{}",
    ],
)
@in_loop
async def test_a_connection_that_cannot_be_trusted_again_is_closed(reply: bytes) -> None:
    @first
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(reply)
        if b"Length" not in reply:
            peer.writer.write_eof()
        await peer.gone()

    async with serving(script) as (server, connections):
        assert await text(connections, create(server)) == "{}"
        assert await text(connections, create(server, "/mine")) == "2 /mine {}"


@in_loop
async def test_a_head_request_ends_at_the_head() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
        await peer.gone()

    async with serving(script) as (server, connections):
        reply = await connections.handle_async_request(httpx.Request("HEAD", server.url))
        assert (reply.status_code, reply.extensions["body"]) == (200, b"")


# What was sent


def fails(connections: Connections, request: httpx.Request, error: type[Exception]) -> Awaitable[None]:
    async def check() -> None:
        with pytest.raises(error) as caught:
            await connections.handle_async_request(request)
        assert caught.type is error

    return check()


@in_loop
async def test_a_refused_connection_sent_nothing() -> None:
    async with Connections() as connections:
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            request = httpx.Request("POST", f"http://127.0.0.1:{sock.getsockname()[1]}/", content=b"{}")
            await fails(connections, request, httpx.ConnectError)
        assert "written" not in request.extensions


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999/", "http://no-such-host.invalid/", f"http://{'a' * 70}.test/"])
@in_loop
async def test_an_address_that_cannot_be_sent_nothing(url: str) -> None:
    async with Connections() as connections:
        await fails(connections, httpx.Request("POST", url, content=b"{}"), httpx.ConnectError)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http:///x", "/x"])
@in_loop
async def test_only_http_urls_with_a_host(url: str) -> None:
    async with Connections() as connections:
        await fails(connections, httpx.Request("POST", url, content=b"{}"), httpx.UnsupportedProtocol)


@in_loop
async def test_a_handshake_that_never_ends_is_a_connect_timeout() -> None:
    async with serving(Peer.gone) as (server, connections):
        url = server.url.replace("http:", "https:")
        request = httpx.Request("POST", url, content=b"{}", extensions={"timeout": {"connect": 0.05}})
        await fails(connections, request, httpx.ConnectTimeout)
        assert "written" not in request.extensions


@pytest.mark.parametrize(
    ("reply", "reset", "error"),
    [
        (b"", True, httpx.ReadError),
        (b"", False, httpx.ReadError),
        (OK[:-1], True, httpx.ReadError),
        (OK[:-1], False, httpx.RemoteProtocolError),
        (OK[:20], False, httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", False, httpx.RemoteProtocolError),
        (b"\0\xff" * 50, False, httpx.RemoteProtocolError),
    ],
)
@pytest.mark.parametrize("reused", [False, True])
@in_loop
async def test_a_connection_lost_after_the_write_is_never_a_connect_error(
    reply: bytes, reset: bool, error: type[Exception], reused: bool
) -> None:
    async def script(peer: Peer) -> None:
        if reused:
            await peer.request()
            await peer.send(OK)
        await peer.request()
        await peer.send(reply)
        if reset:
            peer.reset()

    async with serving(script) as (server, connections):
        if reused:
            await text(connections, create(server))
        request = create(server)
        await fails(connections, request, error)
        assert request.extensions["written"]
        assert len(server.peers) == 1


@in_loop
async def test_silence_is_a_read_timeout_where_one_is_asked_for() -> None:
    async with serving(Peer.gone) as (server, connections):
        await fails(connections, create(server, timeout={"read": 0.05}), httpx.ReadTimeout)


@in_loop
async def test_a_reply_that_drips_is_read_to_its_end() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        wire = b"HTTP/1.1 100 Continue\r\n\r\n" + answer(b"a drop at a time")
        for place in range(len(wire)):
            await peer.send(wire[place : place + 1])
            await asyncio.sleep(0)
        await every(peer)

    async with serving(script) as (server, connections):
        assert await text(connections, create(server)) == "a drop at a time"
        assert await text(connections, create(server)) == "1 / {}"


@in_loop
async def test_a_reply_over_the_cap_is_refused_and_its_connection_closed() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer(b"x" * 1001))
        await peer.gone()

    async with serving(script) as (server, connections):
        await fails(connections, create(server, max_reply_bytes=1000), ReplyTooLarge)
        assert len(await text(connections, create(server))) == 1001


@in_loop
async def test_a_compressed_reply_stays_as_it_is_and_a_redirect_is_only_a_reply() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer(b"\x1f\x8b", "307 Elsewhere", b"Location: /other\r\nContent-Encoding: gzip\r\n"))
        await peer.gone()

    async with serving(script) as (server, connections):
        reply = await connections.handle_async_request(create(server))
        assert (reply.status_code, reply.extensions["body"]) == (307, b"\x1f\x8b")
        assert reply.headers["content-encoding"] == "gzip"
        assert len(server.peers) == 1


def test_proxies_in_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    test_an_idle_connection_is_used_again()


@in_loop
async def test_a_line_break_in_a_header_sends_nothing() -> None:
    async with serving(every) as (server, connections):
        request = httpx.Request("POST", server.url, headers={"X-A": "1\r\nX-B: 2"}, content=b"{}")
        await fails(connections, request, httpx.LocalProtocolError)
        assert server.peers == []


# Uploads


async def pieces(count: int, size: int, made: list[int]) -> AsyncIterator[bytes]:
    for number in range(count):
        made[0] += size
        yield bytes([number % 256]) * size


@pytest.mark.parametrize("declared", [True, False])
@in_loop
async def test_an_upload_arrives_whole_and_is_never_far_ahead_of_the_server(declared: bool) -> None:
    made, received, ahead = [0], 0, 0
    count, size = 128, 512 * 1024

    async def script(peer: Peer) -> None:
        nonlocal received, ahead
        digest = hashlib.sha256()
        await peer.head()
        while received < count * size:
            wanted = size if declared else int(await peer.reader.readline(), 16)
            piece = await peer.reader.readexactly(wanted)
            await peer.reader.readexactly(0 if declared else 2)
            digest.update(piece)
            received += len(piece)
            ahead = max(ahead, made[0] - received)
        if not declared:
            assert await peer.reader.readexactly(5) == b"0\r\n\r\n"
        await peer.send(answer(digest.hexdigest().encode()))
        await every(peer)

    async with serving(script) as (server, connections):
        headers = {"Content-Length": str(count * size)} if declared else {}
        body = pieces(count, size, made)
        request = httpx.Request("POST", server.url, headers=headers, content=body)
        expected = hashlib.sha256(b"".join([bytes([n % 256]) * size for n in range(count)])).hexdigest()
        assert await text(connections, request) == expected
        assert await text(connections, create(server, "/again")) == "1 /again {}"
        # Kernel buffers, a piece in flight and one being made: not the file.
        assert ahead < 24 * MIB


@in_loop
async def test_content_larger_than_a_piece_arrives_whole() -> None:
    content = bytes(range(256)) * 4 * 4096 + b"end"

    async def script(peer: Peer) -> None:
        _, body = await peer.request()
        await peer.send(answer(hashlib.sha256(body).hexdigest().encode()))

    async with serving(script) as (server, connections):
        assert await text(connections, create(server, content=content)) == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("hangs_up", [False, True])
@in_loop
async def test_a_refusal_before_the_upload_is_done_stops_it_and_is_delivered(hangs_up: bool) -> None:
    @first
    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.reader.readexactly(4 * MIB)
        await peer.send(answer(b"too much", "413 Content Too Large"))
        if hangs_up:
            peer.writer.transport.abort()
        await peer.gone()

    made = [0]
    async with serving(script) as (server, connections):
        reply = await connections.handle_async_request(create(server, content=pieces(4096, MIB, made)))
        assert (reply.status_code, reply.extensions["body"]) == (413, b"too much")
        assert made[0] < 1024 * MIB
        assert await text(connections, create(server)) == "2 / {}"


@in_loop
async def test_an_early_reply_that_accepts_does_not_stop_the_upload() -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.send(OK)
        for number in range(64):
            assert await peer.reader.readexactly(MIB) == bytes([number]) * MIB
        await every(peer)

    async with serving(script) as (server, connections):
        headers = {"Content-Length": str(64 * MIB)}
        request = httpx.Request("POST", server.url, headers=headers, content=pieces(64, MIB, [0]))
        assert await text(connections, request) == "{}"
        assert await text(connections, create(server)) == "1 / {}"


@in_loop
async def test_an_early_reply_that_accepts_and_hangs_up_ends_the_upload() -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.send(OK)
        peer.writer.transport.abort()

    async with serving(script) as (server, connections):
        assert await text(connections, create(server, content=pieces(4096, MIB, [0]))) == "{}"


@in_loop
async def test_a_refusal_is_read_even_where_the_next_write_fails_first() -> None:
    hung_up = threading.Event()

    def serve() -> None:
        with listener.accept()[0] as sock:
            sock.recv(65536)
            sock.sendall(answer(b"who are you", "401 Unauthorized"))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        hung_up.set()

    def body() -> Iterator[bytes]:
        yield b"some"
        # Nothing else runs meanwhile: the loop learns of the reset from its own write.
        hung_up.wait(10)
        while True:
            yield b"more" * MIB

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        async with Connections() as connections:
            request = create(Server(f"http://127.0.0.1:{listener.getsockname()[1]}"), content=body())
            reply = await connections.handle_async_request(request)
            assert (reply.status_code, reply.extensions["body"]) == (401, b"who are you")
        thread.join()


@in_loop
async def test_a_server_gone_during_an_upload_is_a_transport_error() -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        peer.reset()

    async with serving(script) as (server, connections):
        with pytest.raises((httpx.WriteError, httpx.ReadError)):
            await connections.handle_async_request(create(server, content=pieces(4096, MIB, [0])))


@in_loop
async def test_an_upload_lets_others_run_between_its_pieces() -> None:
    turns = 0
    seen: list[int] = []

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    def body() -> Iterator[bytes]:
        for _ in range(100):
            seen.append(turns)
            yield b"x"

    async with serving(every) as (server, connections):
        counter = asyncio.create_task(count())
        request = httpx.Request("POST", server.url, headers={"Content-Length": "100"}, content=body())
        assert await text(connections, request) == "1 / " + "x" * 100
        counter.cancel()
        assert len(set(seen)) == 100


@in_loop
async def test_a_body_that_cannot_be_read_closes_the_connection_and_says_why() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"some"
        raise OSError("input/output error")

    async with serving(Peer.gone) as (server, connections):
        await fails(connections, create(server, content=broken()), OSError)


# Streamed replies


@in_loop
async def test_a_streamed_reply_is_held_back_until_it_is_taken() -> None:
    total, sent = 64 * MIB, 0

    async def script(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.send(f"HTTP/1.1 200 OK\r\nContent-Length: {total}\r\n\r\n".encode())
        while sent < total:
            await peer.send(b"x" * MIB)
            sent += MIB
        await every(peer)

    async with serving(script) as (server, connections):
        reply = await connections.handle_async_request(create(server, max_reply_bytes=None))
        for _ in range(200):  # turns of the loop, each enough to read 256 KiB
            await asyncio.sleep(0)
        taken, ahead = 0, sent
        async for chunk in reply.aiter_raw():
            taken += len(chunk)
            ahead = max(ahead, sent - taken)
        assert taken == total
        assert ahead < 24 * MIB
        assert await text(connections, create(server)) == "1 / {}"


@in_loop
async def test_a_streamed_reply_closed_early_takes_its_connection_with_it() -> None:
    @first
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
        await peer.gone()

    async with serving(script, max_connections=1) as (server, connections):
        reply = await connections.handle_async_request(create(server, max_reply_bytes=None))
        assert await anext(reply.aiter_raw()) == b"some"
        await reply.aclose()
        await reply.aclose()
        assert await text(connections, create(server)) == "2 / {}"


@in_loop
async def test_a_streamed_reply_cut_short_gives_what_came_and_then_fails() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")

    async with serving(script) as (server, connections):
        reply = await connections.handle_async_request(create(server, max_reply_bytes=None))
        chunks = reply.aiter_raw()
        assert await anext(chunks) == b"some"
        with pytest.raises(httpx.RemoteProtocolError):
            await anext(chunks)


# Many at once


@in_loop
async def test_never_more_connections_than_allowed_and_first_come_first_served() -> None:
    served: list[str] = []

    async def script(peer: Peer) -> None:
        while (asked := (await peer.request())[0]) != "":
            served.append(asked)
            # Every third reply costs the connection, so slots are passed on in both ways.
            extra = b"Connection: close\r\n" if len(served) % 3 == 0 else b""
            await peer.send(answer(asked.encode(), extra=extra))

    async with serving(script, max_connections=1) as (server, connections):
        got = await asyncio.gather(*(text(connections, create(server, f"/{n}")) for n in range(20)))
        assert got == served == [f"/{n}" for n in range(20)]


@in_loop
async def test_128_requests_are_in_flight_together() -> None:
    arrived: list[str] = []
    everyone = asyncio.Event()

    async def script(peer: Peer) -> None:
        while (asked := (await peer.request())[0]) != "":
            arrived.append(asked)
            if len(arrived) == 128:
                everyone.set()
            await everyone.wait()
            await peer.send(answer(asked.encode()))

    async with serving(script, max_connections=128) as (server, connections):
        got = await asyncio.gather(*(text(connections, create(server, f"/{n}")) for n in range(512)))
        assert got == [f"/{n}" for n in range(512)]
        assert len(server.peers) == 128


@in_loop
async def test_waiting_for_a_slot_ends_with_the_connect_timeout() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        arrived.set()
        await release.wait()
        await peer.send(OK)
        await every(peer)

    arrived, release = asyncio.Event(), asyncio.Event()
    async with serving(script, max_connections=1) as (server, connections):
        holder = asyncio.create_task(text(connections, create(server)))
        request = create(server, timeout={"connect": 0.05})
        await arrived.wait()
        await fails(connections, request, httpx.ConnectTimeout)
        assert "written" not in request.extensions
        release.set()
        assert await holder == "{}"
        assert await text(connections, create(server)) == "1 / {}"


# Cancelling and closing


@in_loop
async def test_a_cancelled_request_takes_its_connection_with_it() -> None:
    arrived = asyncio.Event()
    dropped = asyncio.Event()

    @first
    async def script(peer: Peer) -> None:
        await peer.request()
        arrived.set()
        await peer.gone()
        dropped.set()

    async with serving(script, max_connections=1) as (server, connections):
        request = create(server, "/cancelled")
        task = asyncio.create_task(connections.handle_async_request(request))
        await arrived.wait()
        task.cancel()
        assert isinstance((await asyncio.gather(task, return_exceptions=True))[0], asyncio.CancelledError)
        assert request.extensions["written"]
        await dropped.wait()
        assert await text(connections, create(server, "/next")) == "2 /next {}"


@pytest.mark.parametrize("turns", range(12))
@in_loop
async def test_cancelling_at_any_moment_neither_mixes_up_replies_nor_loses_a_slot(turns: int) -> None:
    async with serving(every, max_connections=3) as (server, connections):
        tasks = [asyncio.create_task(text(connections, create(server, f"/{n}"))) for n in range(12)]
        for _ in range(turns):
            await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        for n, result in enumerate(ended):
            assert isinstance(result, asyncio.CancelledError) or str(result).split(" ")[1] == f"/{n}"
        assert all(isinstance(result, str) for result in ended[1::2])
        after = await asyncio.gather(*(text(connections, create(server, f"/{n}")) for n in range(6)))
        assert [line.split(" ")[1] for line in after] == [f"/{n}" for n in range(6)]


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("extra", [b"", b"Connection: close\r\n"])
@in_loop
async def test_who_is_cancelled_just_as_their_turn_comes_passes_it_on(extra: bytes, turns: int) -> None:
    async def script(peer: Peer) -> None:
        while (await peer.request())[0]:
            await peer.send(answer(b"{}", extra=extra))

    async with serving(script, max_connections=1) as (server, connections):

        async def holder() -> None:
            await connections.handle_async_request(create(server))
            for _ in range(turns):
                await asyncio.sleep(0)
            waiter.cancel()

        holding = asyncio.create_task(holder())
        waiter = asyncio.create_task(connections.handle_async_request(create(server)))
        await asyncio.gather(holding, waiter, return_exceptions=True)
        assert await text(connections, create(server, timeout={"connect": 5})) == "{}"


@in_loop
async def test_closing_ends_what_is_in_use_and_may_be_repeated() -> None:
    arrived = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        arrived.set()
        await peer.gone()

    async with serving(script, max_connections=1) as (server, connections):
        pending = asyncio.create_task(connections.handle_async_request(create(server)))
        waiting = asyncio.create_task(connections.handle_async_request(create(server)))
        await arrived.wait()
        await asyncio.gather(connections.aclose(), connections.aclose())
        ended = await asyncio.gather(pending, waiting, return_exceptions=True)
        assert [type(error) for error in ended] == [httpx.ReadError, httpx.ConnectError]
        await connections.aclose()
        await fails(connections, create(server), httpx.ConnectError)
        assert len(server.peers) == 1


# TLS, IPv6, httpx's client


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate authority (`ca.pem`) and a server's certificate and key (`server.pem`) for localhost only."""
    if which("openssl") is None:
        pytest.skip("needs the openssl command to make certificates")
    folder = tmp_path_factory.mktemp("certificates")
    key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    commands = (
        f"req -x509 {key} -subj /CN=ca -keyout ca.key -out ca.pem -addext keyUsage=critical,keyCertSign",
        f"req {key} -subj /CN=localhost -keyout server.key -out server.csr",
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out server.crt -extfile names",
    )
    (folder / "names").write_text("subjectAltName=DNS:localhost\nauthorityKeyIdentifier=keyid\n")
    for command in commands:
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)
    (folder / "server.pem").write_bytes((folder / "server.key").read_bytes() + (folder / "server.crt").read_bytes())
    return folder


def server_tls(certificates: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates / "server.pem")
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


@in_loop
async def test_tls_names_the_host_and_speaks_http_1_1(certificates: Path) -> None:
    named: list[str | None] = []
    context = server_tls(certificates)
    context.sni_callback = lambda _socket, name, _context: named.append(name)

    async def script(peer: Peer) -> None:
        assert peer.writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
        await every(peer)

    async with serving(script, tls=context, ca_file=certificates / "ca.pem") as (server, connections):
        server.url = server.url.replace("127.0.0.1", "localhost")
        content = b"x" * 3 * MIB
        assert await text(connections, create(server)) == "1 / {}"
        assert len(await text(connections, create(server, content=content, max_reply_bytes=4 * MIB))) > 3 * MIB
        assert named == ["localhost"]


@pytest.mark.parametrize("wrong", ["authority", "name"])
@in_loop
async def test_a_certificate_that_proves_nothing_sends_nothing(certificates: Path, wrong: str) -> None:
    async with serving(
        Peer.gone, tls=server_tls(certificates), ca_file=None if wrong == "authority" else certificates / "ca.pem"
    ) as (server, connections):
        if wrong == "authority":
            server.url = server.url.replace("127.0.0.1", "localhost")
        request = create(server)
        await fails(connections, request, httpx.ConnectError)
        assert "written" not in request.extensions


@in_loop
async def test_tls_to_a_server_without_it_sends_nothing() -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.read(100)
        await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with serving(script) as (server, connections):
        server.url = server.url.replace("http:", "https:")
        await fails(connections, create(server), httpx.ConnectError)


@in_loop
async def test_an_ipv6_address_can_be_the_host() -> None:
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")

    async with serving(every, host="::1") as (server, connections):
        assert await text(connections, create(server)) == "1 / {}"


@in_loop
async def test_it_serves_an_httpx_client() -> None:
    async with serving(every) as (server, connections), httpx.AsyncClient(transport=connections) as client:
        replies = [await client.post(f"{server.url}/{n}", json={"n": n}) for n in range(3)]
        assert [reply.text for reply in replies] == [f'1 /{n} {{"n":{n}}}' for n in range(3)]
        async with client.stream("GET", server.url, extensions={"max_reply_bytes": None}) as reply:
            assert [line async for line in reply.aiter_lines()] == ["1 / "]
        await client.aclose()

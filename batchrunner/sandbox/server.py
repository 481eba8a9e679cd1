"""Running the application: uvicorn on a loopback socket, in a thread or in the foreground, quick to start and stop."""

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from batchrunner.errors import Refused
from batchrunner.sandbox.application import application
from batchrunner.sandbox.gate import Gate
from batchrunner.sandbox.replies import HANG_UP
from batchrunner.sandbox.settings import Running, SandboxSettings
from batchrunner.sandbox.storage import Storage

BACKLOG = 2048
KEEP_ALIVE_SECONDS = 75
TURNS_TO_CONNECT = 4  # asyncio: the accepting task, the transport, connection_made; and one to spare


class Connection(HttpToolsProtocol):
    """uvicorn's protocol, with one thing more in every scope: how to close the connection without a reply."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        # asyncio does this only where the listening socket was made with an explicit protocol number; without it,
        # head and body of a reply are two packets 40 ms apart.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {HANG_UP: self.transport.close}  # type: ignore[dict-item]


class Server(uvicorn.Server):
    """uvicorn's server without its polling: it stops the moment it is told to, and drops who is still connected."""

    def __init__(self, app: ASGIApp, listener: socket.socket, on_ready: Callable[[], None]) -> None:
        super().__init__(_config(app))
        self._listener = listener
        self._on_ready = on_ready
        self._told = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    async def run_until_told(self) -> None:
        """Accept requests until `stop`."""
        await self.serve([self._listener])

    def stop(self) -> None:
        """Stop soon. May be called from any thread and from a signal handler."""
        self._loop.call_soon_threadsafe(self._told.set)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Nothing: signals belong to whoever runs us, and uvicorn would raise them again after stopping."""
        yield

    async def main_loop(self) -> None:
        self._on_ready()
        await self._told.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # A connection accepted a moment ago is known to us only some turns of the loop later, and asyncio forgets to
        # close it when the listening server is closed before that. So first accept no more, then wait these turns.
        self._loop.remove_reader(self._listener)
        for _ in range(TURNS_TO_CONNECT):
            await asyncio.sleep(0)
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)
        for task in list(self.server_state.tasks):
            task.cancel()
        await asyncio.gather(*self.server_state.tasks, return_exceptions=True)


def _config(app: ASGIApp) -> uvicorn.Config:
    # Logging: errors of ours only. A client that sends rubbish or leaves is what this server is for.
    return uvicorn.Config(
        app, http=Connection, ws="none", lifespan="off", interface="asgi3", workers=1,
        log_config=None, log_level="error", access_log=False, proxy_headers=False, forwarded_allow_ips="",
        server_header=False, date_header=False, timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )  # fmt: skip


async def _run(settings: SandboxSettings, listener: socket.socket, on_ready: Callable[[Server], None]) -> None:
    """Open the database, serve until told to stop, and leave nothing open or uncommitted."""
    storage = Storage(settings.database)
    try:
        gate = Gate(settings, storage)
        server = Server(application(settings, storage, gate), listener, lambda: on_ready(server))
        try:
            await server.run_until_told()
        finally:
            gate.close()
    finally:
        storage.close()


@contextmanager
def running(settings: SandboxSettings) -> Iterator[Running]:
    """See `batchrunner.sandbox.running`."""
    with _listening(settings) as listener:
        ready: Future[Server] = Future()
        thread = threading.Thread(target=_run_in_thread, args=(settings, listener, ready), daemon=True, name="sandbox")
        thread.start()
        server = ready.result()
        try:
            yield Running(_base_url(listener), settings)
        finally:
            server.stop()
            thread.join()


def _run_in_thread(settings: SandboxSettings, listener: socket.socket, ready: "Future[Server]") -> None:
    try:
        asyncio.run(_run(settings, listener, ready.set_result))
    except BaseException as error:
        if ready.done():
            raise
        ready.set_exception(error)


def serve(settings: SandboxSettings, on_ready: Callable[[str], None]) -> None:
    """See `batchrunner.sandbox.serve`."""
    with _listening(settings) as listener:

        def begin(server: Server) -> None:
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, server.stop)
            on_ready(_base_url(listener))

        asyncio.run(_run(settings, listener, begin))


@contextmanager
def _listening(settings: SandboxSettings) -> Iterator[socket.socket]:
    if not 0 <= settings.port <= 65_535:
        raise _cannot_listen(settings, "a port is a number from 0 to 65535")
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise _cannot_listen(settings, str(error)) from None
    with listener:
        yield listener


def _cannot_listen(settings: SandboxSettings, why: str) -> Refused:
    return Refused(
        "cannot-listen",
        "the sandbox cannot listen",
        where=f"{settings.host}:{settings.port}",
        why=why,
        hint="choose another port; 0 takes a free one",
    )


def _base_url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

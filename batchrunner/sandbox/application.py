"""The sandbox's HTTP application: its routes, the bearer check at the door, and errors in OpenAI's shape."""

import asyncio
import hmac
import sqlite3
from email.utils import formatdate

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from batchrunner.sandbox.counter import Counter
from batchrunner.sandbox.gate import Gate
from batchrunner.sandbox.misbehaviour import WRONG_KEY
from batchrunner.sandbox.objects import ApiError
from batchrunner.sandbox.records import new_id
from batchrunner.sandbox.replies import refusal
from batchrunner.sandbox.settings import SandboxSettings
from batchrunner.sandbox.shelf import Shelf
from batchrunner.sandbox.storage import Storage


def application(settings: SandboxSettings, storage: Storage, gate: Gate) -> ASGIApp:
    """The whole application. It logs nothing: no request body and no bearer value can end up anywhere."""
    routes = _routes(Counter(settings, storage, gate), Shelf(settings, storage, gate))
    app = Starlette(routes=routes, exception_handlers={
        ApiError: _refuse,
        HTTPException: _refuse_route,
        ClientDisconnect: _leave,
        OSError: _break,
        sqlite3.Error: _break,
    })  # fmt: skip
    app.router.redirect_slashes = False
    return Door(app, settings, storage)


def _routes(counter: Counter, shelf: Shelf) -> list[Route]:
    files = [
        Route("/v1/files", counter.upload, methods=["POST"]),
        Route("/v1/files", shelf.files, methods=["GET"]),
        Route("/v1/files/{id}", shelf.file, methods=["GET"]),
        Route("/v1/files/{id}", shelf.delete_file, methods=["DELETE"]),
        Route("/v1/files/{id}/content", shelf.content, methods=["GET"]),
    ]
    batches = [
        route
        for base in ("/v1/batch", "/v1/batches")
        for route in (
            Route(base, counter.create, methods=["POST"]),
            Route(base, shelf.batches, methods=["GET"]),
            Route(f"{base}/{{id}}", shelf.batch, methods=["GET"]),
            Route(f"{base}/{{id}}/cancel", shelf.cancel, methods=["POST"]),
        )
    ]
    return batches + files  # creates come first: they are what there are thousands of


class Door:
    """Lets in who has the key, and puts the sandbox's own Date and a request id on every reply."""

    def __init__(self, app: ASGIApp, settings: SandboxSettings, storage: Storage) -> None:
        self._app = app
        self._settings = settings
        self._storage = storage
        self._expected = f"Bearer {settings.key}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self._stamp()]
            await send(message)

        try:
            await self._admit(scope)(scope, receive, stamped)
        except asyncio.CancelledError:
            return  # the server is stopping and has already closed the connection

    def _admit(self, scope: Scope) -> ASGIApp:
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        if hmac.compare_digest(given, self._expected):
            return self._app
        self._storage.count("unauthorized")
        return refusal(WRONG_KEY, {"WWW-Authenticate": "Bearer"})

    def _stamp(self) -> list[tuple[bytes, bytes]]:
        date = formatdate(self._settings.clock(), usegmt=True).encode()
        return [(b"date", date), (b"x-request-id", new_id("req_").encode())]


async def _refuse(request: Request, error: Exception) -> Response:
    return refusal(error) if isinstance(error, ApiError) else Response(status_code=500)


async def _refuse_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    message = f"Invalid URL ({request.method} {request.url.path})"
    return refusal(ApiError(status, message, code="unknown_url" if status == 404 else "method_not_allowed"))


async def _break(request: Request, error: Exception) -> Response:
    return refusal(ApiError(500, f"The sandbox cannot store this: {error}", code="storage_error"))


async def _leave(request: Request, error: Exception) -> Response:
    return Response(status_code=400)  # never seen: the client left before it finished asking

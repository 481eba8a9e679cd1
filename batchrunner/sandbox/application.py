"""The sandbox's HTTP application: its routes, the check of the key at the door, and errors in the dialect's shape."""

import asyncio
import hmac
import sqlite3
from collections.abc import Awaitable, Callable
from email.utils import formatdate

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from batchrunner.sandbox.counter import Counter
from batchrunner.sandbox.dialects import speech_of
from batchrunner.sandbox.gate import Gate
from batchrunner.sandbox.misbehaviour import WRONG_KEY
from batchrunner.sandbox.objects import ApiError
from batchrunner.sandbox.records import new_id
from batchrunner.sandbox.replies import WORDING, refusal
from batchrunner.sandbox.settings import SandboxSettings
from batchrunner.sandbox.shelf import Shelf
from batchrunner.sandbox.speech import Call, Speech
from batchrunner.sandbox.storage import Storage


def application(settings: SandboxSettings, storage: Storage, gate: Gate) -> ASGIApp:
    """The whole application. It logs nothing: no request body and no bearer value can end up anywhere."""
    speech = speech_of(settings.dialect, settings.habits)
    routes = _routes(speech, Counter(settings, storage, gate, speech), Shelf(settings, storage, gate, speech))
    app = Starlette(routes=routes, exception_handlers={
        ApiError: _refuse,
        HTTPException: _refuse_route,
        ClientDisconnect: _leave,
        OSError: _break,
        sqlite3.Error: _break,
    })  # fmt: skip
    app.router.redirect_slashes = False
    return Door(app, settings, storage, speech)


def _routes(speech: Speech, counter: Counter, shelf: Shelf) -> list[Route]:
    answered: dict[Call, Callable[[Request], Awaitable[Response]]] = {
        "create": counter.create,
        "survey": shelf.batches,
        "look": shelf.batch,
        "cancel": shelf.cancel,
        "results": shelf.results,
        "upload": counter.upload,
        "list": shelf.files,
        "file": shelf.file,
        "remove": shelf.delete_file,
        "content": shelf.content,
    }
    return [Route(place.path, answered[place.call], methods=[place.method]) for place in speech.places]


class Door:
    """Lets in who has the key, and puts the sandbox's own Date and a request id on every reply."""

    def __init__(self, app: ASGIApp, settings: SandboxSettings, storage: Storage, speech: Speech) -> None:
        self._app = app
        self._settings = settings
        self._storage = storage
        self._speech = speech
        self._expected = settings.key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self._stamp()]
            await send(message)

        scope["extensions"][WORDING] = self._speech.error
        try:
            await self._admit(scope)(scope, receive, stamped)
        except asyncio.CancelledError:
            return  # the server is stopping and has already closed the connection

    def _admit(self, scope: Scope) -> ASGIApp:
        headers = dict(scope["headers"])
        if not any(self._is_key(name, headers.get(name, b"")) for name in self._speech.keys):
            self._storage.count("unauthorized")
            return refusal(WRONG_KEY, {"WWW-Authenticate": "Bearer"})
        refused = self._speech.refused(headers)
        return self._app if refused is None else refusal(refused)

    def _is_key(self, name: bytes, given: bytes) -> bool:
        expected = b"Bearer " + self._expected if name == b"authorization" else self._expected
        return hmac.compare_digest(given, expected)

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

"""Replies on the wire: the honest ones, and the ones no framework would let you send.

Closing a connection needs its transport, which ASGI does not give. Our server's protocol class (see `server`) puts the
transport's `close` into the scope's extensions under `HANG_UP`; the replies here call it and then wait until the
connection is really gone, so that the HTTP server has nothing left to complain about.
"""

import asyncio
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from batchrunner.sandbox.objects import ApiError, encode, error_object

HANG_UP = "batchrunner.hang-up"
WORDING = "batchrunner.wording"
CHUNK = 65_536
RANGE = re.compile(rb"bytes=([0-9]{1,18})-([0-9]{0,18})")


def json_reply(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON body, already encoded."""
    return Response(body, status, headers, media_type="application/json")


def refusal(error: ApiError, headers: Mapping[str, str] | None = None) -> Response:
    """An error, in the words of the dialect that is spoken."""
    return _Refusal(error, headers or {})


class _Refusal(Response):
    def __init__(self, error: ApiError, headers: Mapping[str, str]) -> None:
        super().__init__()
        self._error = error
        self._more = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        worded = scope["extensions"].get(WORDING, error_object)(self._error)
        await json_reply(encode(worded), self._error.status, self._more)(scope, receive, send)


class FileReply(Response):
    """The bytes of the file at `path`, or the one range of them that the request asks for (RFC 9110 §14).

    With `half` it promises all of them, sends half, is silent for `stalls` seconds and closes the connection. Without
    `takes_ranges` it always begins at the beginning. Starlette's own reply opens and closes the file in a worker
    thread: a server that stops just then never closes it.
    """

    media_type = "application/octet-stream"

    def __init__(self, path: Path, *, takes_ranges: bool = True, half: bool = False, stalls: float = 0.0) -> None:
        super().__init__(headers={"Accept-Ranges": "bytes"} if takes_ranges else None)
        self._path = path
        self._takes_ranges = takes_ranges
        self._half = half
        self._stalls = stalls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = next((value for name, value in scope["headers"] if name == b"range"), b"")
        with self._path.open("rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            start, end = self._begin(asked if self._takes_ranges else b"", size)
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            file.seek(start)
            end = (start + end) // 2 if self._half else end
            while start < end and (piece := file.read(min(CHUNK, end - start))):
                start += len(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        if self._half:
            await Stalled(self._stalls)(scope, receive, send)
        else:
            await send({"type": "http.response.body", "body": b""})

    def _begin(self, asked: bytes, size: int) -> tuple[int, int]:
        """Where to begin and to end; status and headers say so."""
        start, end = 0, size
        # Any other form may be passed over: the whole file is then the answer.
        if (found := RANGE.fullmatch(asked)) is not None:
            start = int(found[1])
            end = min(int(found[2]) + 1, size) if found[2] else size
            is_there = start < end
            self.status_code = 206 if is_there else 416
            self.headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}" if is_there else f"bytes */{size}"
            start, end = (start, end) if is_there else (0, 0)
        self.headers["Content-Length"] = str(end - start)
        return start, end


class HangUp(Response):
    """No reply at all: the connection is closed."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _hang_up(scope, receive)


class Stalled(Response):
    """No reply until the client leaves or `seconds` are over; then the connection is closed."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await asyncio.wait_for(_gone(receive), self._seconds)
        except TimeoutError:
            await _hang_up(scope, receive)


class Truncated(Response):
    """A reply that promises its whole body, sends half of it and closes the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = bytes(self.body)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        await _hang_up(scope, receive)


class Huge(Response):
    """The reply `body` with padding that makes it `size` bytes longer, sent as fast as it is taken.

    An object has a field of it, a list has blanks.
    """

    def __init__(self, body: bytes, size: int) -> None:
        super().__init__(media_type="application/json")
        document: Any = json.loads(body)
        is_object = isinstance(document, dict)
        self._head = encode({**document, "padding": ""}).removesuffix(b'"}') if is_object else body.removesuffix(b"]")
        self._fill, self._tail = (b"x", b'"}') if is_object else (b" ", b"]")
        self._size = size
        self.headers["content-length"] = str(len(self._head) + size + len(self._tail))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self._head, "more_body": True})
        for start in range(0, self._size, CHUNK):
            piece = self._fill * min(CHUNK, self._size - start)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": self._tail})


async def _hang_up(scope: Scope, receive: Receive) -> None:
    scope["extensions"][HANG_UP]()
    await _gone(receive)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

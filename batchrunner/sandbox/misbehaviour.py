"""What each fault answers. `BEFORE` faults replace the request's processing, `AFTER` faults the reply to a commit.

`late-commit` and `slow` are not here: they change when things happen, which is for whoever handles the request.
"""

import gzip
import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from starlette.responses import Response

from batchrunner.sandbox.faults import Fault
from batchrunner.sandbox.objects import ApiError, Json
from batchrunner.sandbox.replies import FileReply, HangUp, Huge, Stalled, Truncated, json_reply, refusal
from batchrunner.sandbox.storage import Committed

MEGABYTE = 1_000_000
BUSY_PAGE = b"<html><head><title>503</title></head><body><h1>Service Unavailable</h1></body></html>"
JUNK = b"<html><body>Welcome to the captive portal</body></html>"
WRONG_KEY = ApiError(401, "Incorrect API key provided.", code="invalid_api_key")
PAINT: Final = "\x1b]0;owned\x07\x1b[2J\x1b[31mred\x1b[0m\r::error::owned\n\u202edesrever\u202c"
FILE_FIELDS: Final = frozenset(
    {"output_file_id", "error_file_id", "output_file", "error_file", "results_url", "cancel_url"}
)


def _rate_limited(fault: Fault) -> Response:
    error = ApiError(429, "Rate limit reached for requests.", code="rate_limit_exceeded")
    return refusal(error, {"Retry-After": f"{fault.number:.3f}".rstrip("0").rstrip(".")})


def _broken(status: int = 500) -> Response:
    return refusal(ApiError(status, "The server had an error while processing your request.", code="server_error"))


def _not_found(_: Fault) -> Response:
    return refusal(ApiError(404, "The resource you requested was not found.", code="not_found"))


BEFORE: Final[Mapping[str, Callable[[Fault], Response]]] = MappingProxyType(
    {
        "429": _rate_limited,
        "500": lambda _: _broken(),
        "503-html": lambda _: Response(BUSY_PAGE, 503, media_type="text/html"),
        "401": lambda _: refusal(WRONG_KEY),
        "404": _not_found,
        "redirect": lambda fault: Response(status_code=307, headers={"Location": fault.argument}),
        "drop-before": lambda _: HangUp(),
    }
)


def _each(said: Committed, change: Callable[[Json], Json]) -> Response:
    """The object in the reply changed, or each one of a list."""
    document = json.loads(said.body)
    if isinstance(document, list):
        changed: Any = [change(each) for each in document]
    elif isinstance(document.get("data"), list):
        changed = {**document, "data": [change(each) for each in document["data"]]}
    elif isinstance(document.get("job"), dict):
        changed = {**document, "job": change(document["job"])}
    else:
        changed = change(document)
    return json_reply(json.dumps(changed).encode(), said.status)


def _without_id(fields: Json) -> Json:
    return {name: value for name, value in fields.items() if name != "id"}


def _painted(fields: Json) -> Json:
    problem = {"code": PAINT, "message": PAINT, "param": None, "line": 1}
    return {**fields, "errors": {"object": "list", "data": [problem]}, "error": PAINT}


def _paint(said: Committed) -> Response:
    if b'status"' not in said.body or b'"purpose"' in said.body:
        return refusal(ApiError(400, PAINT, code=PAINT))
    return _each(said, _painted)


def _pointed_to(fault: Fault, said: Committed) -> Response:
    return _each(said, lambda fields: {**fields, **dict.fromkeys(FILE_FIELDS & fields.keys(), fault.argument)})


def _bytes(said: Committed) -> bytes:
    return said.body if said.path is None else said.path.read_bytes()


def _bomb(fault: Fault, said: Committed) -> Response:
    padded = _bytes(said) + b" " * int(fault.number * MEGABYTE)
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    return Response(gzip.compress(padded, 6), said.status, headers)


def _huge(fault: Fault, said: Committed) -> Response:
    return Huge(said.body if said.path is None else b"{}", int(fault.number * MEGABYTE))


def _stalled(fault: Fault, said: Committed) -> Response:
    return Stalled(fault.number) if said.path is None else FileReply(said.path, half=True, stalls=fault.number)


def _truncated(_: Fault, said: Committed) -> Response:
    if said.path is None:
        return Truncated(said.body, said.status, media_type="application/json")
    return FileReply(said.path, half=True)


def _short(_: Fault, said: Committed) -> Response:
    whole = _bytes(said)
    return Response(whole[: len(whole) // 2], said.status, media_type="application/octet-stream")


AFTER: Final[Mapping[str, Callable[[Fault, Committed], Response]]] = MappingProxyType(
    {
        "drop-after-commit": lambda _, said: HangUp(),
        "500-after-commit": lambda _, said: _broken(),
        "stall": _stalled,
        "truncated": _truncated,
        "short": _short,
        "junk": lambda _, said: json_reply(JUNK),
        "html": lambda _, said: Response(JUNK, media_type="text/html"),
        "huge": _huge,
        "gzip": _bomb,
        "foreign": lambda fault, said: _each(said, lambda fields: {**fields, "input_file_id": fault.argument}),
        "no-id": lambda _, said: _each(said, _without_id),
        "hostile-id": lambda fault, said: _each(said, lambda fields: {**fields, "id": fault.argument}),
        "foreign-url": _pointed_to,
        "ansi": lambda _, said: _paint(said),
    }
)

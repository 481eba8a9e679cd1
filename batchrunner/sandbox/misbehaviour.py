"""What each fault answers. `BEFORE` faults replace the request's processing, `AFTER` faults the reply to a commit.

`late-commit` and `slow` are not here: they change when things happen, which is for whoever handles the request.
"""

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from starlette.responses import Response

from batchrunner.sandbox.faults import Fault
from batchrunner.sandbox.objects import ApiError, Json, encode
from batchrunner.sandbox.replies import HangUp, Huge, Stalled, Truncated, json_reply, refusal

MEGABYTE = 1_000_000
BUSY_PAGE = b"<html><head><title>503</title></head><body><h1>Service Unavailable</h1></body></html>"
JUNK = b"<html><body>Welcome to the captive portal</body></html>"
WRONG_KEY = ApiError(401, "Incorrect API key provided.", code="invalid_api_key")


def _rate_limited(fault: Fault) -> Response:
    error = ApiError(429, "Rate limit reached for requests.", code="rate_limit_exceeded")
    return refusal(error, {"Retry-After": f"{fault.number:.3f}".rstrip("0").rstrip(".")})


def _broken(status: int = 500) -> Response:
    return refusal(ApiError(status, "The server had an error while processing your request.", code="server_error"))


BEFORE: Final[Mapping[str, Callable[[Fault], Response]]] = MappingProxyType(
    {
        "429": _rate_limited,
        "500": lambda _: _broken(),
        "503-html": lambda _: Response(BUSY_PAGE, 503, media_type="text/html"),
        "401": lambda _: refusal(WRONG_KEY),
        "redirect": lambda fault: Response(status_code=307, headers={"Location": fault.argument}),
        "drop-before": lambda _: HangUp(),
    }
)


def _changed(body: bytes, **changes: str) -> Response:
    return _each(body, lambda fields: {**fields, **changes})


def _without_id(body: bytes) -> Response:
    return _each(body, lambda fields: {name: value for name, value in fields.items() if name != "id"})


def _each(body: bytes, change: Callable[[Json], Json]) -> Response:
    """The object in `body` changed, or each one of a list."""
    document: Json = json.loads(body)
    if document["object"] != "list":
        return json_reply(encode(change(document)))
    return json_reply(encode({**document, "data": [change(each) for each in document["data"]]}))


AFTER: Final[Mapping[str, Callable[[Fault, bytes], Response]]] = MappingProxyType(
    {
        "drop-after-commit": lambda _, body: HangUp(),
        "500-after-commit": lambda _, body: _broken(),
        "stall": lambda fault, body: Stalled(fault.number),
        "truncated": lambda _, body: Truncated(body, media_type="application/json"),
        "junk": lambda _, body: json_reply(JUNK),
        "huge": lambda fault, body: Huge(body, int(fault.number * MEGABYTE)),
        "foreign": lambda fault, body: _changed(body, input_file_id=fault.argument),
        "no-id": lambda _, body: _without_id(body),
        "hostile-id": lambda fault, body: _changed(body, id=fault.argument),
    }
)

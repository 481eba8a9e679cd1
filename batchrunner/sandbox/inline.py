"""Requests that travel in a create: from one large JSON body to a file of lines, in flat memory."""

import codecs
import json
import re
from collections.abc import Iterator
from json import JSONDecodeError, JSONDecoder
from pathlib import Path
from typing import Any, BinaryIO, Final

from batchrunner.sandbox.objects import ApiError

CHUNK: Final = 1 << 20
MOST_REQUESTS: Final = 100_000
OPENING: Final = re.compile(r'\s*\{\s*"requests"\s*:\s*\[')
BETWEEN: Final = re.compile(r"[\s,]*")
CLOSING: Final = re.compile(r"\s*\]\s*\}\s*")
CUSTOM_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def write_lines(body: Path, target: Path) -> int:
    """Write each of the `requests` in `body` as a line into `target`; how many there are.

    Raises ApiError 400 for what is no such body, or has a request without a `custom_id` of its own.
    """
    seen: set[str] = set()
    with body.open("rb") as source, target.open("wb") as sink:
        for number, request in enumerate(_Reader(source)):
            _check(request, number, seen)
            sink.write(json.dumps(request).encode() + b"\n")
    if not seen:
        raise _invalid("requests: List should have at least 1 item after validation, not 0")
    return len(seen)


def _check(request: Any, number: int, seen: set[str]) -> None:
    custom_id = request.get("custom_id") if isinstance(request, dict) else None
    if not isinstance(custom_id, str) or not CUSTOM_ID.fullmatch(custom_id):
        raise _invalid(f"requests.{number}.custom_id: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'")
    if not isinstance(request.get("params"), dict):
        raise _invalid(f"requests.{number}.params: Field required")
    if custom_id in seen:
        raise _invalid(f"requests.{number}.custom_id: '{custom_id}' is there more than once")
    seen.add(custom_id)
    if len(seen) > MOST_REQUESTS:
        raise _invalid(f"requests: List should have at most {MOST_REQUESTS} items")


class _Reader:
    """The objects of the one array in a body, one after the other."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")
        self._text = ""
        self._at = 0
        self._ended = False

    def __iter__(self) -> Iterator[Any]:
        self._read(CHUNK)
        opened = OPENING.match(self._text)
        if opened is None:
            raise _invalid("The body of a batch is an object with requests.")
        self._at = opened.end()
        while (found := self._next()) is not None:
            yield found
        if not self._ended or not CLOSING.fullmatch(self._text, self._at):
            raise _invalid("The request body is not valid JSON.")

    def _next(self) -> Any:
        size = CHUNK
        while True:
            between = BETWEEN.match(self._text, self._at)
            start = between.end() if between else self._at
            if self._text[start : start + 1] == "{":
                try:
                    found, self._at = JSONDecoder().raw_decode(self._text, start)
                except (JSONDecodeError, RecursionError):
                    if self._ended:
                        raise _invalid("The request body is not valid JSON.") from None
                else:
                    return found
            elif self._ended:
                return None
            # An object that is cut off is read again from its start, so there must be ever more of it.
            self._read(size)
            size *= 2

    def _read(self, size: int) -> None:
        raw = self._source.read(size)
        self._ended = len(raw) < size
        try:
            self._text = self._text[self._at :] + self._decoder.decode(raw, final=self._ended)
        except UnicodeDecodeError:
            raise _invalid("The request body is not valid UTF-8.") from None
        self._at = 0


def _invalid(message: str) -> ApiError:
    return ApiError(400, message, code="invalid_request")

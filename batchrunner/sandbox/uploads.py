"""Receiving a multipart upload: straight to disk, hashed on the way, in flat memory whatever the size.

RFC 7578. Fields other than `purpose`, `file` and `expires_after` are read and dropped, as a tolerant provider would.
"""

import hashlib
import re
from collections.abc import AsyncIterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from batchrunner.sandbox.objects import ApiError

FIELD_BYTES = 65_536
HOUR, MONTH = 3_600, 2_592_000


@dataclass(frozen=True, slots=True)
class Upload:
    """A file received: its bytes are in `part`; `digest` is over all fields and the content.

    `lifetime` is how many seconds it is kept, None for ever.
    """

    part: Path
    filename: str
    purpose: str
    size: int
    digest: bytes
    lifetime: int | None


async def receive(content_type: str, chunks: AsyncIterable[bytes], part: Path) -> Upload:
    """Write the `file` field of a multipart body into `part`, which is gone again if this fails.

    Raises ApiError 400 for what is not a complete multipart body, lacks `purpose` or `file`, or is to expire otherwise
    than the OpenAI Files API has it: `expires_after[anchor]` created_at, `expires_after[seconds]` an hour to 30 days.
    """
    with _kept_if_whole(part) as sink:
        form = _Form(_boundary(content_type), sink)
        async for chunk in chunks:
            form.feed(chunk)
        return form.finish(part)


@contextmanager
def _kept_if_whole(part: Path) -> Iterator[BinaryIO]:
    try:
        with part.open("wb") as sink:
            yield sink
    except FormParserError:
        part.unlink(missing_ok=True)
        raise _bad_form("Could not parse multipart form.") from None
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _boundary(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise _bad_form("An upload is sent as multipart/form-data.")
    return options[b"boundary"]


def _bad_form(message: str, param: str | None = None) -> ApiError:
    return ApiError(400, message, param=param, code="missing_required_parameter" if param else "invalid_form")


class _Form:
    """Takes the parser's callbacks: small fields into memory, the file field into `sink`."""

    def __init__(self, boundary: bytes, sink: BinaryIO) -> None:
        self._sink = sink
        self._content = hashlib.sha256()
        self._bytes = 0
        self._fields: dict[str, bytearray] = {}
        self._filename: str | None = None
        self._ended = False
        self._header, self._value, self._disposition = bytearray(), bytearray(), b""
        self._name = ""
        self._parser = MultipartParser(
            boundary,
            {
                "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                "on_header_end": self._end_header,
                "on_headers_finished": self._begin_part,
                "on_part_data": self._take,
                "on_end": self._end,
            },
        )

    def feed(self, chunk: bytes) -> None:
        """Parse one piece of the body."""
        self._parser.write(chunk)

    def finish(self, part: Path) -> Upload:
        """What was received, if it is whole."""
        purpose = self._text("purpose")
        if not self._ended:
            raise _bad_form("The multipart form ends early.")
        if not purpose:
            raise _bad_form("Missing required parameter: 'purpose'.", "purpose")
        if self._filename is None:
            raise _bad_form("Missing required parameter: 'file'.", "file")
        lifetime = self._lifetime()
        told = f"{purpose}\0{self._filename}\0{'' if lifetime is None else lifetime}"
        digest = hashlib.sha256(told.encode() + self._content.digest()).digest()
        return Upload(part, self._filename, purpose, self._bytes, digest, lifetime)

    def _lifetime(self) -> int | None:
        anchor, seconds = (self._text(f"expires_after[{name}]") for name in ("anchor", "seconds"))
        if anchor is None and seconds is None:
            return None
        if anchor != "created_at":
            raise _bad_form("expires_after is anchored at 'created_at'.", "expires_after[anchor]")
        if seconds is None or not re.fullmatch("[0-9]{1,9}", seconds) or not HOUR <= int(seconds) <= MONTH:
            raise _bad_form("expires_after is 3600 to 2592000 seconds.", "expires_after[seconds]")
        return int(seconds)

    def _text(self, name: str) -> str | None:
        field = self._fields.get(name)
        return None if field is None else field.decode("utf-8", "replace")

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _begin_part(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._disposition = b""
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if self._name == "file":
            if self._filename is not None:
                raise _bad_form("Only one file can be uploaded at a time.")
            self._filename = options.get(b"filename", b"upload").decode("utf-8", "replace")

    def _take(self, data: bytes, start: int, end: int) -> None:
        piece = data[start:end]
        if self._name == "file":
            self._sink.write(piece)
            self._content.update(piece)
            self._bytes += len(piece)
            return
        field = self._fields.setdefault(self._name, bytearray())
        if len(self._fields) > 32 or len(field) + len(piece) > FIELD_BYTES:
            raise _bad_form("The multipart form has too many or too large fields.")
        field.extend(piece)

    def _end(self) -> None:
        self._ended = True

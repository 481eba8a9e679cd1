"""A request as bytes (RFC 9112), before anything is sent."""

import re
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from dataclasses import dataclass

import httpx

PIECE_BYTES = 1024 * 1024

# The whole head, matched at once (RFC 9110 §5.5, RFC 9112 §3, §5). A value may still hold lines that look like fields,
# so the lines are counted too.
_HEAD = re.compile(
    rb"[A-Z]++ [!-~]++ HTTP/1\.1\r\n(?:[!#$%&'*+.^_`|~0-9A-Za-z-]++: [\t -~\x80-\xff]*+\r\n)++\r\n",
)
_FRAMING = frozenset((b"content-length", b"transfer-encoding"))
_WITH_BODY = frozenset(("POST", "PUT", "PATCH"))


@dataclass(frozen=True, slots=True)
class Message:
    """A request on the wire: `head` goes out in one write, with a small body in it; `rest` follows in pieces."""

    head: bytes
    rest: AsyncGenerator[bytes | memoryview, None] | None = None


def encode(request: httpx.Request) -> Message:
    """The wire form of `request`; fills in Host, Content-Length and Transfer-Encoding where they are absent.

    Raises `httpx.LocalProtocolError` for a head that is not HTTP/1.1 (a line break in a value), for a URL with user
    information, and for a body that does not have its declared length. Nothing was sent then.
    """
    if request.url.userinfo:
        raise httpx.LocalProtocolError("a URL must not carry a user name or password")
    raw = request.headers.raw
    fields = {name.lower(): value for name, value in raw}
    if len(fields) != len(raw):
        _refuse_repeats(raw)
    lines = [f"{request.method} ".encode() + request.url.raw_path + b" HTTP/1.1"]
    if b"host" not in fields:
        lines.append(b"Host: " + request.url.netloc)
    lines += [name + b": " + value for name, value in raw]
    if isinstance(request.stream, httpx.ByteStream):
        return _with_content(request.method, lines, fields, b"".join(request.stream))
    return _with_stream(lines, fields, request.stream)


def _with_content(method: str, lines: list[bytes], fields: dict[bytes, bytes], content: bytes) -> Message:
    if b"transfer-encoding" in fields:
        return _with_stream(lines, fields, (content,))
    if b"content-length" not in fields:
        if content or method in _WITH_BODY:
            lines.append(b"Content-Length: %d" % len(content))
    elif _length(fields) != len(content):
        raise httpx.LocalProtocolError("the body does not have the length its Content-Length declares")
    if len(content) > PIECE_BYTES:
        return Message(_head(lines), _measured((content,), len(content)))
    return Message(_head(lines) + content)


def _with_stream(
    lines: list[bytes], fields: dict[bytes, bytes], stream: AsyncIterable[bytes] | Iterable[bytes]
) -> Message:
    coding = fields.get(b"transfer-encoding")
    if b"content-length" in fields:
        if coding is not None:
            raise httpx.LocalProtocolError("Content-Length and Transfer-Encoding exclude each other")
        return Message(_head(lines), _measured(stream, _length(fields)))
    if coding is None:
        lines.append(b"Transfer-Encoding: chunked")
    elif coding.lower() != b"chunked":
        raise httpx.LocalProtocolError("the only transfer coding spoken here is chunked")
    return Message(_head(lines), _chunked(stream))


def _head(lines: list[bytes]) -> bytes:
    head = b"\r\n".join((*lines, b"", b""))
    if not _HEAD.fullmatch(head) or head.count(b"\n") != len(lines) + 1:
        # Names no value: it may be a credential.
        raise httpx.LocalProtocolError("the request's head is not HTTP/1.1: a control character or a malformed name")
    return head


def _length(fields: dict[bytes, bytes]) -> int:
    text = fields[b"content-length"]
    if not text.isdigit():
        raise httpx.LocalProtocolError("Content-Length is not a number")
    return int(text)


def _refuse_repeats(raw: list[tuple[bytes, bytes]]) -> None:
    names = [name.lower() for name, _ in raw]
    if any(names.count(name) > 1 for name in (b"host", *_FRAMING)):
        raise httpx.LocalProtocolError("Host, Content-Length or Transfer-Encoding is given twice")


async def _pieces(stream: AsyncIterable[bytes] | Iterable[bytes]) -> AsyncGenerator[bytes, None]:
    if isinstance(stream, AsyncIterable):
        async for piece in stream:
            yield piece
    else:
        for piece in stream:
            yield piece


async def _measured(
    stream: AsyncIterable[bytes] | Iterable[bytes], length: int
) -> AsyncGenerator[bytes | memoryview, None]:
    left = length
    async for piece in _pieces(stream):
        left -= len(piece)
        if left < 0:
            raise httpx.WriteError("the body is longer than its Content-Length")
        for start in range(0, len(piece), PIECE_BYTES):
            yield piece if len(piece) <= PIECE_BYTES else memoryview(piece)[start : start + PIECE_BYTES]
    if left:
        raise httpx.WriteError(f"the body ended {left} bytes before its Content-Length")


async def _chunked(stream: AsyncIterable[bytes] | Iterable[bytes]) -> AsyncGenerator[bytes | memoryview, None]:
    async for piece in _pieces(stream):
        # An empty chunk would end the body (RFC 9112 §7.1).
        if piece:
            yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"

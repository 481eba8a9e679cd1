"""Requests as bytes: framed exactly, and nothing in them can become another line."""

import asyncio
from collections.abc import AsyncIterator, Iterable

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.providers._message import PIECE_BYTES, encode

URL = "https://api.test/v1/batch"


def wire(request: httpx.Request) -> bytes:
    """Everything that would be sent."""

    async def collect() -> bytes:
        message = encode(request)
        return message.head + b"".join([bytes(piece) async for piece in message.rest or _nothing()])

    return asyncio.run(collect())


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


async def _later(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def test_a_request_with_content_is_one_write() -> None:
    message = encode(httpx.Request("POST", URL + "?a=b", headers={"X-A": "1"}, content=b"{}"))
    assert message.rest is None
    assert message.head == b"POST /v1/batch?a=b HTTP/1.1\r\nHost: api.test\r\nX-A: 1\r\nContent-Length: 2\r\n\r\n{}"


def test_host_and_length_are_filled_in_where_absent() -> None:
    request = httpx.Request("POST", "http://[::1]:81/x", headers=[(b"X-A", b"1")], stream=httpx.ByteStream(b"{}"))
    assert wire(request) == b"POST /x HTTP/1.1\r\nHost: [::1]:81\r\nX-A: 1\r\nContent-Length: 2\r\n\r\n{}"
    empty = httpx.Request("POST", URL, headers=[], stream=httpx.ByteStream(b""))
    assert wire(empty).endswith(b"\r\nContent-Length: 0\r\n\r\n")


def test_a_get_has_no_body_at_all() -> None:
    assert wire(httpx.Request("GET", URL)) == b"GET /v1/batch HTTP/1.1\r\nHost: api.test\r\n\r\n"


def test_streams_are_chunked_unless_their_length_is_said() -> None:
    pieces = (b"abc", b"", b"0123456789abcdef")
    chunked = wire(httpx.Request("POST", URL, content=_later(pieces)))
    assert chunked.endswith(b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n")
    measured = wire(httpx.Request("POST", URL, headers={"Content-Length": "19"}, content=iter(pieces)))
    assert measured.endswith(b"Content-Length: 19\r\n\r\nabc0123456789abcdef")
    forced = wire(
        httpx.Request("POST", URL, headers=[("Transfer-Encoding", "chunked")], stream=httpx.ByteStream(b"abc"))
    )
    assert forced.endswith(b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")


def test_large_content_goes_out_in_pieces() -> None:
    content = bytes(range(256)) * (PIECE_BYTES // 256) * 2 + b"end"
    message = encode(httpx.Request("POST", URL, content=content))
    assert len(message.head) < 200
    assert wire(httpx.Request("POST", URL, content=content)) == message.head + content


@pytest.mark.parametrize("pieces", [(b"12",), (b"12", b"34"), ()])
def test_a_body_of_another_length_than_declared_fails_and_never_sends_more(pieces: tuple[bytes, ...]) -> None:
    request = httpx.Request("POST", URL, headers={"Content-Length": "3"}, content=_later(pieces))
    with pytest.raises(httpx.WriteError):
        wire(request)


@pytest.mark.parametrize(
    "request_",
    [
        httpx.Request("POST", "https://me:secret@api.test/", content=b""),
        httpx.Request("POST", URL, headers={"Content-Length": "3"}, content=b"12"),
        httpx.Request("POST", URL, headers={"Content-Length": "+2"}, content=b"12"),
        httpx.Request("POST", URL, headers=[("Content-Length", "2"), ("Content-Length", "3")], content=b"12"),
        httpx.Request("POST", URL, headers=[("Host", "a"), ("host", "b")], content=b"12"),
        httpx.Request("POST", URL, headers={"Content-Length": "2", "Transfer-Encoding": "chunked"}, content=b"12"),
        httpx.Request("POST", URL, headers={"Transfer-Encoding": "gzip"}, content=b"12"),
        httpx.Request("PO ST", URL, content=b""),
        httpx.Request("POST", URL, headers={"X A": "1"}, content=b""),
        httpx.Request("POST", URL, headers={"X:A": "1"}, content=b""),
        httpx.Request("POST", URL, headers={"": "1"}, content=b""),
    ],
)
def test_what_cannot_be_framed_is_refused_before_anything_is_sent(request_: httpx.Request) -> None:
    with pytest.raises(httpx.LocalProtocolError):
        encode(request_)


def test_a_refused_header_does_not_show_its_value() -> None:
    request = httpx.Request("POST", URL, headers={"Authorization": "Bearer canary\r\nX: 1"}, content=b"")
    with pytest.raises(httpx.LocalProtocolError) as caught:
        encode(request)
    assert "canary" not in str(caught.value)


PARTS = st.sampled_from([b"\r\nX: 1", b"\r\n", b"\n", b"\r", b"\0", b"X", b": ", b" ", b"\t", b"\xe9"])


TEXT = st.lists(PARTS | st.binary(max_size=3), max_size=5).map(b"".join)


@given(TEXT.map(lambda value: (b"X-A", value)) | TEXT.map(lambda name: (name, b"1")))
def test_no_value_or_name_can_start_a_line_of_its_own(field: tuple[bytes, bytes]) -> None:
    request = httpx.Request("POST", URL, headers=[field], stream=httpx.ByteStream(b""))
    try:
        head = encode(request).head
    except httpx.LocalProtocolError:
        return
    assert head.count(b"\r\n") == head.count(b"\n") == head.count(b"\r") == 5
    assert b"\0" not in head

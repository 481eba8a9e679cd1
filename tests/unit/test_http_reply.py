"""Replies parsed from bytes: however they are cut, whatever they are."""

from itertools import pairwise

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.providers._reply import MAX_HEAD_BYTES, Reply, ReplyTooLarge

CAP = 1024 * 1024

WHOLE = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\nX-A: 2\r\n\r\nhello",
    "empty": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "chunked": b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nT: 1\r\n\r\n",
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "not modified": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
    "interim": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "closing": b"HTTP/1.1 500 Oops\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno",
    "old": b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "until the end": b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nas long as it lasts",
    "gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
}


def seen(reply: Reply) -> tuple[int, list[tuple[bytes, bytes]], bytes, bool]:
    return reply.status, reply.headers, b"".join(reply.chunks), reply.keep_alive


def parsed(*pieces: bytes, method: str = "POST", limit: int | None = CAP) -> Reply:
    reply = Reply(method, limit)
    for piece in pieces:
        reply.feed(piece)
    reply.end()
    return reply


@pytest.mark.parametrize(
    ("name", "status", "body", "keep_alive"),
    [
        ("length", 200, b"hello", True),
        ("empty", 200, b"", True),
        ("chunked", 201, b"hello", True),
        ("no content", 204, b"", True),
        ("not modified", 304, b"", True),
        ("interim", 200, b"{}", True),
        ("closing", 500, b"no", False),
        ("old", 200, b"ok", False),
        ("until the end", 200, b"as long as it lasts", False),
        ("gzip", 200, b"\x1f\x8b\x08\x00", True),
    ],
)
def test_every_framing_is_read(name: str, status: int, body: bytes, keep_alive: bool) -> None:
    reply = parsed(WHOLE[name])
    assert (reply.status, b"".join(reply.chunks), reply.keep_alive) == (status, body, keep_alive)


def test_headers_keep_their_order_and_trailers_are_dropped() -> None:
    assert parsed(WHOLE["length"]).headers == [(b"Content-Length", b"5"), (b"X-A", b"1"), (b"X-A", b"2")]
    assert parsed(WHOLE["chunked"]).headers == [(b"Transfer-Encoding", b"chunked")]


@given(st.sampled_from(sorted(WHOLE)), st.lists(st.integers(0, 200), max_size=30), st.binary(max_size=40))
def test_the_cuts_between_packets_do_not_matter(name: str, cuts: list[int], after: bytes) -> None:
    # What follows a complete reply spoils the connection, never the reply.
    wire = WHOLE[name] + (b"" if name == "until the end" else after)
    edges = [0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]
    whole, cut = parsed(wire), parsed(*(wire[a:b] for a, b in pairwise(edges) if a < b))
    assert seen(cut)[:3] == seen(whole)[:3] == seen(parsed(WHOLE[name]))[:3]
    if not after:
        assert cut.keep_alive == whole.keep_alive == parsed(WHOLE[name]).keep_alive


@pytest.mark.parametrize("after", [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 2", b"\0", b"HTTP"])
def test_bytes_after_the_reply_end_the_connection(after: bytes) -> None:
    together, later = parsed(WHOLE["length"] + after), parsed(WHOLE["length"], after)
    assert b"".join(together.chunks) == b"".join(later.chunks) == b"hello"
    assert not together.keep_alive
    assert not later.keep_alive


REPLY_PARTS = st.sampled_from(
    [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 ", b"100 \r\n", b"\r\n", b"Content-Length: 3\r\n", b"Content-Length: -1\r\n",
     b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip\r\n", b"Connection: upgrade\r\nUpgrade: x\r\n",
     b"0\r\n\r\n", b"ffffffffffffffffff\r\n", b"HTTP/1.1 101 x\r\n", b"HTTP/1.1 000 x\r\n", b": \r\n", b"\0", b"abc"]
)  # fmt: skip


@given(st.lists(REPLY_PARTS | st.binary(max_size=30), max_size=12), st.sampled_from(["POST", "HEAD"]))
def test_garbage_gives_a_protocol_error_or_a_whole_reply(pieces: list[bytes], method: str) -> None:
    try:
        reply = parsed(*pieces, method=method)
    except httpx.RemoteProtocolError:
        return
    assert reply.is_complete
    assert reply.status >= 200


@given(st.sampled_from(sorted(set(WHOLE) - {"until the end"})), st.data())
def test_a_reply_cut_short_is_never_taken_for_whole(name: str, data: st.DataObject) -> None:
    wire = WHOLE[name]
    short = data.draw(st.integers(0, len(wire) - 1))
    with pytest.raises(httpx.RemoteProtocolError):
        parsed(wire[:short])


def test_a_head_request_has_no_body_and_its_connection_is_not_kept() -> None:
    reply = parsed(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", method="HEAD")
    assert reply.is_complete
    assert not reply.keep_alive


def test_an_unknown_transfer_coding_cannot_end_with_the_connection() -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        parsed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nxxxx")


@pytest.mark.parametrize(
    "wire",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
        b"HTTP/1.1 000 Nothing\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
    ],
)
def test_what_two_readers_could_read_differently_is_refused(wire: bytes) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        parsed(wire)


def test_the_cap_counts_the_body_alone_and_is_exact() -> None:
    wire = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 100 + b"0\r\n\r\n"
    assert parsed(wire, limit=100).size == 100
    with pytest.raises(ReplyTooLarge, match="status 200"):
        parsed(wire, limit=99)


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=", b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n", b"Trailer-Field: aaaaaaaaaaaa\r\n"),
    ],
)
def test_a_reply_that_never_gets_to_its_body_is_cut_off(start: bytes, more: bytes) -> None:
    with pytest.raises(httpx.RemoteProtocolError, match="without any of its body"):
        parsed(*filter(None, (start,)), *[more] * (2 * MAX_HEAD_BYTES // len(more)), limit=None)


def test_a_head_over_the_cap_in_one_packet_is_refused() -> None:
    head = b"HTTP/1.1 200 OK\r\nX: " + b"a" * MAX_HEAD_BYTES + b"\r\nContent-Length: 1\r\n\r\nx"
    with pytest.raises(httpx.RemoteProtocolError, match="head is over"):
        parsed(head)

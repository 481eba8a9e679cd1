"""A reply from bytes (RFC 9112), however they arrive. The only module that imports httptools."""

from collections import deque

import httptools
import httpx

MAX_HEAD_BYTES = 64 * 1024
_FRAMING = frozenset((b"content-length", b"transfer-encoding"))


class ReplyTooLarge(httpx.RemoteProtocolError):
    """The reply's body is over the caller's cap. The request was sent, and its outcome is not known."""


class Reply:
    """One reply, parsed as its bytes arrive: interim (1xx) replies are skipped, nothing is decompressed.

    `limit` caps the body in bytes; None means that the reader takes `chunks` out as they come. `has_head` is set once
    `status` and `headers` are final, `is_complete` at the end of the body; `keep_alive` counts only after that.
    """

    __slots__ = (
        "_barren", "_begun", "_head_bytes", "_method", "_parser", "_problem", "chunks", "has_head", "headers",
        "is_complete", "keep_alive", "limit", "size", "status",
    )  # fmt: skip

    def __init__(self, method: str, limit: int | None) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.chunks: deque[bytes] = deque()
        self.size = 0
        self.limit = limit
        self.has_head = self.is_complete = self.keep_alive = False
        self._method = method
        self._begun = False
        self._barren = 0
        self._problem: httpx.RemoteProtocolError | None = None
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)

    @property
    def is_ready(self) -> bool:
        """Whether what the caller asked for is here: the whole reply, or the head of a streamed one."""
        return self.is_complete or (self.limit is None and self.has_head)

    @property
    def is_refusal(self) -> bool:
        """Whether its head is here and says that the request will not be done as it is (3xx, 4xx, 5xx)."""
        return self.status >= 300

    @property
    def is_blank(self) -> bool:
        """Whether not one byte of it has arrived."""
        return not (self._barren or self.size or self.is_complete)

    def feed(self, data: bytes) -> None:
        """Take bytes off the wire. Raises `httpx.RemoteProtocolError` for what is not a reply, or is over a cap."""
        if self._parser is None:
            self.keep_alive = False
            return
        size = self.size
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._refused(error)
        if self.is_complete:
            self._parser = None
        else:
            self._count(len(data), self.size == size)

    def end(self) -> None:
        """The connection ended. Raises `httpx.RemoteProtocolError` unless this body ends so (RFC 9112 §6.3)."""
        if self.is_complete:
            return
        framed = any(name.lower() in _FRAMING for name, _ in self.headers)
        if framed or not self.has_head:
            raise httpx.RemoteProtocolError(f"the reply was cut short after {self.size} bytes of its body")
        self.is_complete = True
        self._parser = None

    def _refused(self, error: httptools.HttpParserError) -> None:
        if not self.is_complete:
            raise self._problem or httpx.RemoteProtocolError(f"not an HTTP/1.1 reply: {error}") from error
        # The reply itself is whole; what follows it is not ours, and nor is the connection any more.
        self.keep_alive = False

    def _count(self, received: int, is_barren: bool) -> None:
        # One bound for all that is not body: the head, a flood of 1xx, chunk extensions, trailers.
        self._barren = self._barren + received if is_barren else 0
        if self._barren > MAX_HEAD_BYTES:
            raise httpx.RemoteProtocolError(f"{MAX_HEAD_BYTES} bytes of reply without any of its body")

    def _refuse(self, problem: httpx.RemoteProtocolError) -> None:
        self._problem = problem
        raise problem

    def on_message_begin(self) -> None:
        """A status line starts (httptools). A second reply to one request means the two ends disagree."""
        if self._begun:
            self.keep_alive = False
        self._begun = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header field, or a trailer field, which is dropped (httptools)."""
        if not self.has_head:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is whole (httptools)."""
        if self.is_complete or self._parser is None:
            return
        status = self._parser.get_status_code()
        if sum(len(name) + len(value) + 4 for name, value in self.headers) > MAX_HEAD_BYTES:
            self._refuse(httpx.RemoteProtocolError(f"the reply's head is over {MAX_HEAD_BYTES} bytes"))
        if status < 100 or status == 101:
            self._refuse(httpx.RemoteProtocolError(f"status {status} was not asked for"))
        if status < 200:
            self.headers = []
            return
        self.status = status
        self.has_head = True
        # The parser would wait for the body a GET would have had; such a connection is not used again.
        self.is_complete = self._method == "HEAD"

    def on_body(self, data: bytes) -> None:
        """Some of the body, without its framing (httptools)."""
        if self.is_complete:
            return
        self.size += len(data)
        if self.limit is not None and self.size > self.limit:
            self._refuse(ReplyTooLarge(f"the reply (status {self.status}) is over {self.limit} bytes"))
        self.chunks.append(data)

    def on_message_complete(self) -> None:
        """The reply is whole, or an interim one is (httptools)."""
        if self.is_complete or self._parser is None:
            return
        if self.has_head:
            self.is_complete = True
            self.keep_alive = self._parser.should_keep_alive()
        else:
            self._begun = False

"""One request and what came of it, as values. Nothing here knows of a network."""

from collections.abc import AsyncIterator, Mapping
from typing import NamedTuple, Protocol


class Stream(Protocol):
    """A request body that is produced piece by piece; `length` is all of it, in bytes."""

    @property
    def length(self) -> int:
        """The bytes that the whole body has."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    def close(self) -> None:
        """Release what the body is read from. Called once, whatever became of the request."""
        ...


class Sink(Protocol):
    """Where the body of a reply goes, piece by piece, in place of memory."""

    def takes(self, status: int, headers: Mapping[str, str]) -> bool:
        """Whether the body of this reply is wanted; that of any other is read as usual."""
        ...

    async def take(self, piece: bytes) -> None:
        """The next of it. What this raises ends the reply."""
        ...


class Call(NamedTuple):
    """A request. `path` starts with a slash; `deadline` is how many seconds all of one attempt may take.

    With a `sink` it is how long the other end may be silent, however long all of it takes. `query` is what follows a
    question mark, encoded. `max_reply_bytes` is the cap of the reply's body where it is not the provider's: 0.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | Stream
    deadline: float
    query: str = ""
    sink: Sink | None = None
    max_reply_bytes: int = 0


class Reply(NamedTuple):
    """What the provider answered: header names in lower case, the body as it was sent, empty where it was encoded."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NotSent(NamedTuple):
    """No byte of the request left this machine."""

    code: str
    words: str


class Unknown(NamedTuple):
    """Some of the request may have left, and no whole reply came back."""

    code: str
    words: str


Result = Reply | NotSent | Unknown

"""One request to another place than a provider: a token exchange, a webhook. Sent once, with a deadline for all of it.

Redirects are answers like any other, replies are capped, nothing is proxied or decompressed.
"""

import asyncio
from collections.abc import Mapping
from threading import Thread
from typing import NamedTuple

from batchrunner._version import __version__

MAX_BYTES = 64 * 1024


class Post(NamedTuple):
    """What is sent. `headers` beside those that say who asks, and how. An answer nobody `reads` is a status."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""
    reads: bool = True


class Answer(NamedTuple):
    """What came back; `status` 0 where nothing did, and why in `words`."""

    status: int
    body: bytes = b""
    words: str = ""


def sent(post: Post, deadline: float) -> Answer:
    """Send and wait for the answer, at most `deadline` seconds. Never raises, but for who interrupts.

    On a thread of its own: a resolver or a server that is silent holds nobody longer than that.
    """
    answers: list[Answer] = []
    thread = Thread(target=lambda: answers.append(asyncio.run(_sent(post, deadline))), daemon=True)
    thread.start()
    thread.join(deadline + 0.5)
    return answers[0] if answers else _late(deadline)


async def _sent(post: Post, deadline: float) -> Answer:
    try:
        async with asyncio.timeout(deadline):
            return await _exchanged(post)
    except TimeoutError:
        return _late(deadline)
    except Exception as error:  # whatever it was, the run goes on without the answer
        return Answer(0, words=str(error) or type(error).__name__)


def _late(deadline: float) -> Answer:
    return Answer(0, words=f"no whole answer within {deadline:g} seconds")


async def _exchanged(post: Post) -> Answer:
    import httpx

    from batchrunner.providers._connections import Connections

    headers = {"User-Agent": f"batchrunner/{__version__}", "Accept": "application/json", "Accept-Encoding": "identity"}
    headers |= {"Host": httpx.URL(post.url).netloc.decode("ascii"), **post.headers}
    if post.method != "GET":
        headers["Content-Length"] = str(len(post.body))
    request = httpx.Request(post.method, post.url, headers=headers, stream=httpx.ByteStream(post.body),
                            extensions={"max_reply_bytes": MAX_BYTES if post.reads else None})  # fmt: skip
    transport = Connections(max_connections=1)
    try:
        response = await transport.handle_async_request(request)
        if not post.reads:
            await response.aclose()
            return Answer(response.status_code)
        encoded = response.headers.get("content-encoding", "identity").lower() != "identity"
        body = response.extensions.get("body") or b"".join([part async for part in response.aiter_raw()])
        return Answer(response.status_code, b"" if encoded else body)
    finally:
        await transport.aclose()

"""A provider that accepts every create at once, or after `argv[1]` milliseconds. Prints its port; ends with its input.

Nothing else could keep up: it must cost less per request than any client it is there to measure.
"""

import asyncio
import gc
import json
import sys
from itertools import count

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
_numbers = count(1)


def reply_to(body: bytes) -> bytes:
    asked = json.loads(body)
    batch = {
        "id": f"batch_{next(_numbers):032x}",
        "object": "batch",
        "endpoint": asked["endpoint"],
        "errors": None,
        "input_file_id": asked["input_file_id"],
        "completion_window": asked.get("completion_window", "24h"),
        "status": "validating",
        "created_at": 1763820000,
        "request_counts": {"total": 0, "completed": 0, "failed": 0},
        "metadata": None,
    }
    text = json.dumps(batch).encode()
    return _HEAD % (len(text), text)


class Exchange(asyncio.Protocol):
    """One connection. Requests have a Content-Length, and the next one comes after the reply."""

    delay = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, blank, body = self.received.partition(b"\r\n\r\n")
        if not blank:
            return
        start = head.lower().index(b"content-length:") + 15
        length = int(head[start:].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        self.received = b""
        if self.delay:
            asyncio.get_running_loop().call_later(self.delay, self.transport.write, reply_to(body))
        else:
            self.transport.write(reply_to(body))


async def serve() -> None:
    Exchange.delay = float(sys.argv[1]) / 1e3
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Exchange, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


gc.disable()
asyncio.run(serve())

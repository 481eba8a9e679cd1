"""A provider that takes every upload and keeps none of it. Prints its port; ends with its input.

It reads a mebibyte at a time, as no upload should be slowed down by what it is sent to.
"""

import socket
import sys
import threading

_REPLY = b'{"id":"file-1","object":"file","bytes":1,"filename":"x","purpose":"batch"}'
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(_REPLY)


def serve(connection: socket.socket) -> None:
    """Requests have a Content-Length; one connection may bring several."""
    room = bytearray(1 << 20)
    with connection:
        while (head := received_head(connection)) is not None:
            fields, rest = head
            if b"expect: 100-continue" in fields:
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            left = int(fields.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]) - rest
            while left > 0 and (count := connection.recv_into(room, min(left, len(room)))):
                left -= count
            connection.sendall(_HEAD + _REPLY)


def received_head(connection: socket.socket) -> tuple[bytes, int] | None:
    """The head in lower case, and how many bytes of the body came with it."""
    received = b""
    while b"\r\n\r\n" not in received:
        data = connection.recv(65_536)
        if not data:
            return None
        received += data
    fields, _, body = received.partition(b"\r\n\r\n")
    return fields.lower() + b"\r\n", len(body)


def accept(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


listener = socket.create_server(("127.0.0.1", 0), backlog=64)
print(listener.getsockname()[1], flush=True)
threading.Thread(target=accept, args=(listener,), daemon=True).start()
sys.stdin.read()

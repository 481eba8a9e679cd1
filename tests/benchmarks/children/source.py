"""A provider that has one file of results, `argv[1]`, and sends it to who asks for anything. Prints its port; ends with
its input.
"""

import os
import socket
import sys
import threading


def serve(connection: socket.socket) -> None:
    """One connection may bring several requests, none of them with a body."""
    with connection, open(sys.argv[1], "rb") as file:
        size = os.fstat(file.fileno()).st_size
        while _is_asked(connection):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            connection.sendfile(file, 0)


def _is_asked(connection: socket.socket) -> bool:
    received = b""
    while b"\r\n\r\n" not in received:
        data = connection.recv(65_536)
        if not data:
            return False
        received += data
    return True


def accept(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


listener = socket.create_server(("127.0.0.1", 0), backlog=64)
print(listener.getsockname()[1], flush=True)
threading.Thread(target=accept, args=(listener,), daemon=True).start()
sys.stdin.read()

"""A file upload as multipart/form-data (RFC 7578), framed by hand so that its length is known and its body streamed."""

import hashlib
from typing import NamedTuple


class Framing(NamedTuple):
    """The bytes before and after the file, and the boundary that both carry."""

    boundary: str
    head: bytes
    tail: bytes

    @property
    def content_type(self) -> str:
        """The value of the request's Content-Type header."""
        return f"multipart/form-data; boundary={self.boundary}"


def framing(name: str, fields: dict[str, str]) -> Framing:
    """The frame of one JSONL file called `name`, after plain `fields`. The same arguments give the same bytes.

    The boundary is a digest, so no line of the file can be it by chance, nor on purpose: a line is a JSON object.
    """
    boundary = f"batchrunner-{hashlib.sha256(name.encode()).hexdigest()[:32]}"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/jsonl\r\n\r\n"
    )
    return Framing(boundary, "".join(parts).encode(), f"\r\n--{boundary}--\r\n".encode())

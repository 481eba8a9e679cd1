"""Origins: where a credential may be sent. Scheme, host and port (RFC 6454), https but for loopback."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from batchrunner.errors import Refused


def checked_origin(url: str, where: str) -> str:
    """The origin of `url`, which may end in `/` or `/v1`. Raises `Refused` `bad-base-url`; `where` says who set it."""
    problem = _problem(url)
    if problem:
        raise Refused(
            "bad-base-url",
            f"{where} is not a usable base URL",
            why=problem,
            hint="Give scheme, host and port, like https://api.example.com",
        )
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _problem(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return f"It cannot be read: {error}."
    if not url.isascii() or not url.isprintable() or " " in url or not parts.hostname or port == 0:
        return "It has no usable host or port."
    if parts.username is not None or parts.password is not None:
        return "It carries a user name or password."
    if parts.query or parts.fragment or parts.path.rstrip("/") not in {"", "/v1"}:
        return "It has a path, a query or a fragment."
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname)):
        return ""
    return "It must start with https:// (http:// is for loopback addresses only)."


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine: `localhost` or a loopback address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False

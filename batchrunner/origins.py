"""Origins: where a credential may be sent. Scheme, host and port (RFC 6454), https but for loopback."""

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from batchrunner.errors import Refused

_DEFAULT_PORTS = {"https": 443, "http": 80}
# Narrower than RFC 3986 on purpose: with nothing else in it, every reader of the URL sees the same host and port.
_AUTHORITY = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?\Z")


def checked_origin(url: str, where: str) -> str:
    """The origin of `url`, which may end in `/` or `/v1`; equal origins are equal text, default ports left out.

    Raises `Refused` `bad-base-url`, which does not repeat the URL; `where` says who set it.
    """
    try:
        parts = urlsplit(url)
        problem = _problem(url, parts)
    except ValueError as error:
        problem = f"It cannot be read: {error}."
    if problem:
        raise Refused(
            "bad-base-url",
            f"{where} is not a usable base URL",
            why=problem,
            hint="Give scheme, host and port, like https://api.example.com",
        )
    return _origin(parts)


def _origin(parts: SplitResult) -> str:
    host = parts.hostname or ""
    shown = f"[{ip_address(host)}]" if ":" in host else host
    port = "" if parts.port in {None, _DEFAULT_PORTS[parts.scheme]} else f":{parts.port}"
    return f"{parts.scheme}://{shown}{port}"


def _problem(url: str, parts: SplitResult) -> str:
    if "@" in parts.netloc:
        return "It carries a user name or password."
    if (
        " " in url
        or not url.isprintable()
        or not _AUTHORITY.match(parts.netloc)
        or parts.port == 0
        or not _is_host(parts)
    ):
        return "It has no usable host or port."
    if parts.query or parts.fragment or parts.path.rstrip("/") not in {"", "/v1"}:
        return "It has a path, a query or a fragment."
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        return ""
    return "It must start with https:// (http:// is for loopback addresses only)."


def _is_host(parts: SplitResult) -> bool:
    """Whether what is in brackets is an address; raises `ValueError`, saying so, where it is not."""
    return "[" not in parts.netloc or ip_address(parts.hostname or "").version == 6


def is_sendable(url: str) -> bool:
    """Whether something secret may be sent to `url`: https, or http to this machine, and no user name in it."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    is_plain = url.isascii() and url.isprintable() and not {" ", "\\", "#"} & set(url)
    is_whole = bool(host) and port != 0 and "@" not in parts.netloc
    return is_plain and is_whole and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine: `localhost` or a loopback address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False

"""The credential: where it may be sent, and how it is kept out of everything that is shown or stored."""

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from batchrunner.errors import Refused

REDACTED = "[redacted]"
# A provider that happens to say "sandbox" is not leaking the key "sandbox"; real keys are longer than ids are alike.
RECOGNISABLE = 16
_USABLE = re.compile(r"[!-~]+")


class Bearer:
    """One API key. Its `repr` says nothing, and it can take itself out of a text.

    Raises `Refused` `unusable-api-key` for a key that cannot be a header value (RFC 9110 §5.5), without showing it.
    """

    __slots__ = ("_key",)

    def __init__(self, key: str, *, provider: str) -> None:
        if not _USABLE.fullmatch(key):
            raise Refused(
                "unusable-api-key",
                f"the API key of provider '{provider}' cannot be sent",
                why="it is empty, or holds a space, a line break or a character outside ASCII",
                hint="check the variable or file that the key is read from",
            )
        self._key = key

    def __repr__(self) -> str:
        return "Bearer(...)"

    @property
    def authorization(self) -> str:
        """The value of the Authorization header (RFC 6750 §2.1)."""
        return f"Bearer {self._key}"

    def redact(self, text: str) -> str:
        """`text` with every occurrence of the key replaced."""
        return text.replace(self._key, REDACTED)

    def redact_reply(self, body: bytes) -> bytes:
        """A reply's body without the key. Only a key too long to occur by chance is looked for: replies are kept."""
        if len(self._key) < RECOGNISABLE or self._key.encode() not in body:
            return body
        return body.replace(self._key.encode(), REDACTED.encode())


def checked_origin(text: str, *, provider: str) -> str:
    """`text` as `scheme://host[:port]`, to which the key may be sent: https, or http to this machine.

    Raises `Refused` `bad-base-url`. What the address holds besides its host is not repeated: it may be a password.
    """
    problem, parts = _parsed(text)
    if parts is not None and not problem:
        return f"{parts.scheme}://{parts.netloc}"
    raise Refused(
        "bad-base-url",
        f"the base_url of provider '{provider}' cannot be used",
        why=problem,
        hint="it is scheme, host and port, such as https://api.example.com",
    )


def _parsed(text: str) -> tuple[str, SplitResult | None]:
    if not _USABLE.fullmatch(text):
        return "it is empty, or holds a space, a line break or a character outside ASCII", None
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        return "it is not a URL, or its port is not between 0 and 65535", None
    return _problem(parts), parts


def _problem(parts: SplitResult) -> str:
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        return "it does not start with https:// and a host"
    if "@" in parts.netloc:
        return "it holds a user name or a password"
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        return "it goes on after the host and port"
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        return f"http would show the API key to the network; use https://{parts.hostname}"
    return ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False

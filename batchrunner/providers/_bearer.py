"""The credential, and how it is kept out of everything that is shown or stored."""

import re

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

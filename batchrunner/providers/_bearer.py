"""The credential, and how it is kept out of everything that is shown or stored."""

import re
from typing import Literal

from batchrunner.errors import Refused

REDACTED = "[redacted]"
# A provider that happens to say "sandbox" is not leaking the key "sandbox"; real keys are longer than ids are alike.
RECOGNISABLE = 16
_USABLE = re.compile(r"[!-~]+")


class Bearer:
    """One API key. Its `repr` says nothing, and it can take itself out of a text.

    Raises `Refused` `unusable-api-key` for a key that cannot be a header value (RFC 9110 §5.5), without showing it.
    """

    __slots__ = ("_in_bytes", "_in_text", "_key")

    def __init__(self, key: str, *, provider: str) -> None:
        if not _USABLE.fullmatch(key):
            raise Refused(
                "unusable-api-key",
                f"the API key of provider '{provider}' cannot be sent",
                why="it is empty, or holds a space, a line break or a character outside ASCII",
                hint="check the variable or file that the key is read from",
            )
        self._key = key
        pattern = "".join(map(_spellings, key))
        self._in_text = re.compile(pattern)
        self._in_bytes = re.compile(pattern.encode())

    def __repr__(self) -> str:
        return "Bearer(...)"

    def header(self, auth: Literal["bearer", "api-key", "x-api-key"]) -> tuple[str, str]:
        """The header that carries it: Authorization (RFC 6750 §2.1), or one that holds the key alone."""
        return ("Authorization", f"Bearer {self._key}") if auth == "bearer" else (auth, self._key)

    def redact(self, text: str) -> str:
        """`text` with every occurrence of the key replaced, however JSON may spell it."""
        if self._key not in text and "\\" not in text:
            return text
        return self._in_text.sub(REDACTED, text)

    def redact_reply(self, body: bytes) -> bytes:
        """A reply's body without the key, however JSON may spell it.

        Only a key too long to occur by chance is looked for: replies are kept.
        """
        if len(self._key) < RECOGNISABLE or (self._key.encode() not in body and b"\\" not in body):
            return body
        return self._in_bytes.sub(REDACTED.encode(), body)


def _spellings(character: str) -> str:
    """A pattern of how a JSON text (RFC 8259 §7) may spell a character, also one that is quoted in another."""
    escaped = rf"\\{{1,8}}u(?i:{ord(character):04x})"
    if character in '/"\\':
        # The longer first: what is left of an escape would spoil the JSON around it.
        return rf"(?:\\{{1,8}}{re.escape(character)}|{escaped}|{re.escape(character)})"
    return f"(?:{re.escape(character)}|{escaped})"

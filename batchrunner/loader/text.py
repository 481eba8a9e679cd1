"""The bytes of a file as text that may be parsed."""

from typing import NamedTuple

from batchrunner.loader.places import Place, place_at
from batchrunner.references import FORBIDDEN

MAX_BYTES = 4 << 20
_PLAIN_ASCII = bytes((9, 10, 13, *range(32, 127)))


class TextProblem(NamedTuple):
    """One problem of a file's text. `place` is None where it is the whole file's."""

    code: str
    message: str
    place: Place | None
    hint: str = ""


class InvalidText(ValueError):
    """A file that is no YAML we read, whatever its bytes. `problems` holds at least one."""

    def __init__(self, *problems: TextProblem) -> None:
        super().__init__(problems[0].message)
        self.problems = problems


def text_of(data: bytes) -> str:
    """`data` decoded, without a byte order mark. Raises `InvalidText` for more than 4 MiB, other encodings than UTF-8,
    and characters that no value may hold."""
    if len(data) > MAX_BYTES:
        raise InvalidText(
            TextProblem("file-too-large", f"the file is larger than {MAX_BYTES >> 20} MiB", None, "split the spec")
        )
    text = _decoded(data).removeprefix("\ufeff")
    # Deleting what is allowed is ten times faster than searching for what is not; nearly all files are ASCII.
    if data.isascii() and not data.translate(None, _PLAIN_ASCII):
        return text
    bad = FORBIDDEN.search(text)
    if bad:
        message = f"the character U+{ord(bad[0]):04X} is not allowed"
        hint = "delete it: it is a control or formatting character, which editors do not show"
        raise InvalidText(TextProblem("bad-character", message, place_at(text, bad.start()), hint))
    return text


def readable(data: bytes) -> str:
    """`data` as text for messages, whatever it is."""
    return data.decode("utf-8", "backslashreplace").removeprefix("\ufeff")


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = readable(data[: error.start])
        message = f"the file is not UTF-8: byte 0x{data[error.start]:02x} is out of place"
        place = Place(*place_at(before, len(before))[:2], width=4)
        raise InvalidText(TextProblem("not-utf8", message, place, "save it as UTF-8")) from None

"""The journal's lines: what one group commit wrote, checksummed and chained.

    d09f11a7 {"serial":8,"prev":"51c3ab02","entries":[…]}

One line is one frame: the CRC-32 of the JSON text as 8 hex digits, a space, the text, a line feed. `prev` is the
checksum of the line before or, in a journal's first frame, of the lineage and the serial of the snapshot it follows, so
that lines of another history cannot be spliced in. A frame is written by one call and synced before the next one is, so
a crash can damage the last line only.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from zlib import crc32

from batchrunner.errors import StateError
from batchrunner.records import MALFORMED, Record, Tolerant, compact, decoder, encode
from batchrunner.state import Entry

_PREFIX = 9
# Never inside a frame: JSON has punctuation before a brace, and in its strings quotes are escaped.
_BEGINNING = re.compile(rb'[0-9a-f]{8} \{"serial":\d+,"prev":"')


class Frame(Record):
    """The entries of one group commit. `lineage` and `format_version` are given in a journal's first frame."""

    serial: int
    prev: str
    lineage: str = ""
    format_version: int = 0
    entries: tuple[Entry, ...]


class Head(Tolerant):
    """What a journal's first frame says about all of it, whatever the version of its entries."""

    serial: int
    lineage: str
    format_version: int


FrameReader = Callable[[memoryview], Frame]

read_frame: FrameReader = decoder(Frame).decode
_read_head = decoder(Head).decode


@dataclass(frozen=True, slots=True)
class Damage:
    """The first line that no crash explains. `line` counts from 1, `offset` in bytes from 0."""

    line: int
    offset: int
    why: str


@dataclass(slots=True)
class Scan:
    """The good frames from a journal's start: how many, the last one's serial and checksum, and the byte after it.

    `torn` says that an unfinished line follows, `damage` that something worse does.
    """

    count: int = 0
    serial: int = 0
    check: str = ""
    end: int = 0
    torn: bool = False
    damage: Damage | None = None


def identity(lineage: str, serial: int) -> str:
    """What the first frame after the snapshot with this lineage and serial is chained to."""
    return f"{crc32(f'{lineage}:{serial}'.encode()):08x}"


def line_of(frame: Frame) -> bytes:
    """The frame as a line that is certain to be read back, or else `StateError` `unstorable-record`."""
    try:
        text = encode(frame)
        if not text.isascii():
            text.decode()
        read_frame(memoryview(text))
        if b"\n" in text:
            text = bytes(compact(text))
    except (*MALFORMED, UnicodeEncodeError, TypeError, OverflowError) as error:
        raise StateError("unstorable-record", "a record cannot be stored", why=str(error)) from None
    return b"%08x %b\n" % (crc32(text), text)


def is_sound(line: bytes) -> bool:
    """Whether a line, its line feed left out, has the right checksum."""
    return _matches(line, memoryview(line), 0, len(line))


def text_of(line: bytes) -> memoryview:
    """The JSON text of a line."""
    return memoryview(line)[_PREFIX:]


def check_of(line: bytes) -> str:
    """The checksum a line begins with."""
    return line[: _PREFIX - 1].decode("ascii")


def head_of(data: bytes) -> Head | None:
    """What a journal's first line says; `None` where it is not the first line of a journal."""
    end = data.find(b"\n")
    line = data[: max(end, 0)]
    if not is_sound(line):
        return None
    try:
        return _read_head(text_of(line))
    except MALFORMED:
        return None


def scan(data: bytes, take: Callable[[Frame], None], read: FrameReader = read_frame) -> Scan:
    """Hand every frame before the first bad line to `take`, each as it is read: together they need far more memory."""
    found = Scan()
    view = memoryview(data)
    while (end := data.find(b"\n", found.end)) >= 0:
        if not _matches(data, view, found.end, end):
            break
        try:
            frame = read(view[found.end + _PREFIX : end])
        except (*MALFORMED, StateError) as error:
            found.damage = _damage(found, f"it cannot be read: {error}")
            return found
        if why := _breaks_chain(frame, found):
            found.damage = _damage(found, why)
            return found
        take(frame)
        found.count, found.serial, found.check = (
            found.count + 1,
            frame.serial,
            check_of(data[found.end : found.end + _PREFIX]),
        )
        found.end = end + 1
    _judge_rest(data, found)
    return found


def _matches(data: bytes, view: memoryview, start: int, end: int) -> bool:
    return data[start : start + _PREFIX] == b"%08x " % crc32(view[start + _PREFIX : end])


def _breaks_chain(frame: Frame, before: Scan) -> str:
    if not before.count:
        chained = frame.lineage and frame.prev == identity(frame.lineage, frame.serial - 1)
        return "" if chained else "it is not the beginning of a journal"
    if frame.serial != before.serial + 1:
        return f"it is revision {frame.serial}, and {before.serial + 1} was expected"
    return "" if frame.prev == before.check else "it does not follow the line before it"


def _judge_rest(data: bytes, found: Scan) -> None:
    """A crash leaves one unfinished line at most, and never a line after it."""
    if found.end == len(data):
        return
    ends_early = data.find(b"\n", found.end) not in {-1, len(data) - 1}
    if ends_early or _BEGINNING.search(data, found.end + 1):
        found.damage = _damage(found, "its checksum does not match, and more lines follow")
    else:
        found.torn = True


def _damage(found: Scan, why: str) -> Damage:
    return Damage(line=found.count + 1, offset=found.end, why=why)

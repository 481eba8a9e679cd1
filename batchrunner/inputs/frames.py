"""Proves of usual lines, at the speed of comparing bytes, that none of their keys comes twice.

The lines of a file mostly differ in two places: the id, and the value of `messages`, `input` or `prompt`. What is
around the two is a line's *frame*. A line that is, byte for byte, a frame with a piece put into each of its two gaps
has the keys of that frame and no others, because

- the first piece is the inside of a JSON string: it holds no quote, no backslash and no control character, and a frame
  has quotes around that gap, where `"custom_id":` came before;
- the other piece is one JSON value, as the decoder cut it out (`Raw`), and comes after the key's name and a colon. In
  valid JSON, `"key":` without a backslash before the second quote is a key: within a string its quotes were escaped.

So a frame is looked at once, with the shortest pieces in its gaps, by a parser that shows every key; a million lines
are then only compared with it. A whole block is compared at once: its lines are rebuilt from what was decoded and must
equal it. As pieces are compared literally, it does not matter how the decoder came by them. Lines that are written in
another way have no frame, and are each looked at by that parser.
"""

from codecs import utf_8_decode
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from batchrunner.jsonl import BULKS, AnyLine, check_keys
from batchrunner.linerules import LineRules
from batchrunner.records import MALFORMED, Raw, Tolerant, decoder

_KEPT = 1024
_LONGEST = 1 << 16
_PIECE = 1 << 16


class Frame(NamedTuple):
    """What is around the id and the bulk of a line, which of the two comes first, and the names of the bulk's field
    and of the one around it.
    """

    before: bytes
    between: bytes
    after: bytes
    is_id_first: bool
    bulk: str
    body: str = "body"

    def filled(self, custom_id: bytes, bulk: bytes) -> bytes:
        """The line with these pieces."""
        first, second = (custom_id, bulk) if self.is_id_first else (bulk, custom_id)
        return b"".join((self.before, first, self.between, second, self.after))


class Columns(NamedTuple):
    """What differs between the lines of a block: ids and bulks."""

    ids: list[str]
    bulks: list[Raw]


class _Messages(Tolerant, rename={"bulk": "messages"}):
    bulk: Raw


class _Input(Tolerant, rename={"bulk": "input"}):
    bulk: Raw


class _Prompt(Tolerant, rename={"bulk": "prompt"}):
    bulk: Raw


class _WithMessages(Tolerant):
    custom_id: str
    body: _Messages


class _WithInput(Tolerant):
    custom_id: str
    body: _Input


class _WithPrompt(Tolerant):
    custom_id: str
    body: _Prompt


class _ParamsWithMessages(Tolerant, rename={"body": "params"}):
    custom_id: str
    body: _Messages


class _ParamsWithInput(Tolerant, rename={"body": "params"}):
    custom_id: str
    body: _Input


class _ParamsWithPrompt(Tolerant, rename={"body": "params"}):
    custom_id: str
    body: _Prompt


_With = _WithMessages | _WithInput | _WithPrompt | _ParamsWithMessages | _ParamsWithInput | _ParamsWithPrompt
_DECODERS: Mapping[tuple[str, str], Callable[[bytes], Sequence[_With]]] = {
    ("body", "messages"): decoder(_WithMessages).decode_lines,
    ("body", "input"): decoder(_WithInput).decode_lines,
    ("body", "prompt"): decoder(_WithPrompt).decode_lines,
    ("params", "messages"): decoder(_ParamsWithMessages).decode_lines,
    ("params", "input"): decoder(_ParamsWithInput).decode_lines,
    ("params", "prompt"): decoder(_ParamsWithPrompt).decode_lines,
}


class Frames:
    """The frames whose keys were looked at, the latest thousand or so."""

    def __init__(self, rules: LineRules) -> None:
        self._rules = rules
        self._known: set[Frame] = set()

    def check(self, line: bytes, request: AnyLine) -> Frame | None:
        """Check that keys come once in `line`, which `request` was read from; its frame, None where it has none.

        Raises `LineProblem` as `check_keys`.
        """
        frame = _frame_of(line, request, self._rules.body)
        if frame is None:
            check_keys(line, self._rules)
        elif frame not in self._known:
            check_keys(frame.filled(b"", b"0"), self._rules)
            self._keep(frame)
        return frame

    def _keep(self, frame: Frame) -> None:
        if len(self._known) >= _KEPT:
            self._known.clear()
        if len(frame.before) + len(frame.between) + len(frame.after) <= _LONGEST:
            self._known.add(frame)


def columns_of(block: bytes, frame: Frame) -> Columns | None:
    """The columns of a `block` of lines with line ends if all of them are of `frame`, a known one; else None.

    Blocks that are not UTF-8 have none. What the lines have in common is only known to be what `frame` has.
    """
    try:
        requests = _DECODERS[frame.body, frame.bulk](block)
    except MALFORMED:
        return None
    ids = [request.custom_id for request in requests]
    bulks = [request.body.bulk for request in requests]
    if not _are_insides("".join(ids)) or not _is_utf8(block) or _rebuilt(frame, ids, bulks) != block:
        return None
    # In an array or an object there may be line ends, too, but not on what is to be one line.
    return None if b"\n" in b"".join(bulks) else Columns(ids, bulks)


def line_ends(block: bytes) -> list[int]:
    """Where the lines of `block` end, line ends included."""
    ends, find, end = [], block.find, 0
    while end := find(b"\n", end) + 1:
        ends.append(end)
    return ends


def _rebuilt(frame: Frame, ids: Sequence[str], bulks: Sequence[Raw]) -> bytes:
    pieces: list[bytes | Raw] = [frame.between] * (4 * len(ids))
    encoded = [*map(str.encode, ids)]
    pieces[0::4], pieces[2::4] = (encoded, bulks) if frame.is_id_first else (bulks, encoded)
    pieces[3::4] = [frame.after + b"\n" + frame.before] * len(ids)
    pieces[-1:] = [frame.after + b"\n"] if ids else []
    pieces.insert(0, frame.before)
    return b"".join(pieces)


def _frame_of(line: bytes, request: AnyLine, body: str) -> Frame | None:
    if not _are_insides(request.custom_id):
        return None
    bulks = [(len(bulk), name, bulk) for name in BULKS if (bulk := getattr(request.body, name))]
    if not bulks:
        return None
    size, name, bulk = max(bulks, key=lambda each: each[0])
    custom_id = request.custom_id.encode()
    one = _place(line, b'"custom_id"', b'"', custom_id)
    other = _place(line, b'"%b"' % name.encode(), b"", bulk)
    if one < 0 or other < 0 or line[one + len(custom_id) : one + len(custom_id) + 1] != b'"':
        return None
    first, last = sorted(((one, one + len(custom_id)), (other, other + size)))
    if first[1] > last[0]:
        return None  # an id within the bulk, of something else
    return Frame(line[: first[0]], line[first[1] : last[0]], line[last[1] :], one < other, name, body)


def _place(line: bytes, key: bytes, quote: bytes, piece: "bytes | Raw") -> int:
    """Where in `line` the value of `key` begins, after its quote, if it is `piece`; -1 where it is not."""
    at = line.find(key) + len(key)
    for between in (b": " + quote, b":" + quote):
        if at >= len(key) and line.startswith(between, at) and line.startswith(piece, at + len(between)):
            return at + len(between)
    return -1


def _are_insides(custom_ids: str) -> bool:
    """Whether these characters stand for themselves in a JSON string."""
    return custom_ids.isprintable() and '"' not in custom_ids and "\\" not in custom_ids


def _is_utf8(block: bytes) -> bool:
    if block.isascii():
        return True
    # What is decoded is thrown away: in pieces it stays in the processor's cache, which takes half the time.
    room, done = memoryview(block), 0
    try:
        while done < len(block):
            is_last = done + _PIECE >= len(block)
            done += utf_8_decode(room[done : done + _PIECE], "strict", is_last)[1]
    except UnicodeDecodeError:
        return False
    return True

"""Tables in JSONL: an object on each line, whose keys are the columns and whose values keep their types."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from batchrunner.inputs.tables.problems import Report, RowProblem
from batchrunner.inputs.tables.reading import BOM, LONGEST, KnownColumn, Row
from batchrunner.printable import brief
from batchrunner.records import MALFORMED, decoder, encode
from batchrunner.renderer import MISSING

_ONE_ROW = "a table has one object a line"
_COLUMNS_KEPT = 1000
_LONGEST_KEY = 1024  # no template names a longer one
_decode = decoder(dict[str, Any]).decode
_QUOTE = b'"'
_ESCAPED_QUOTE = rb"\u0022"
"""Where no quote is written in this way, a line and what became of it have the same number of them, two for each text
and key. A key that comes twice is in the line only."""


class ObjectReader:
    """Reads UTF-8, with or without a byte order mark; blank lines are passed over. A missing key gives `MISSING`."""

    has_header = False
    has_lines = True

    def __init__(self, stream: BinaryIO, report: Report) -> None:
        self._stream = stream
        self._report = report
        self.columns: dict[str, KnownColumn] = {}

    def rows(self, columns: Sequence[str], skip: int) -> Iterator[Row]:
        """The rows but for the first `skip`, with their values in `columns`."""
        for place, line in self._lines():
            if skip:
                skip -= bool(line.strip())
                continue
            row = self._row(place, line)
            if row is not None:
                yield place, [row.get(column, MISSING) for column in columns]

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        read = self._stream.readline
        place, line = 1, read(LONGEST).removeprefix(BOM)
        while line:
            if len(line) == LONGEST and not line.endswith(b"\n"):
                self._report(RowProblem(place, "line-too-long", f"the line has more than {LONGEST:,} bytes", _ONE_ROW))
                while line and not line.endswith(b"\n"):
                    line = read(LONGEST)
            else:
                yield place, line
            place, line = place + 1, read(LONGEST)

    def _row(self, place: int, line: bytes) -> dict[str, Any] | None:
        try:
            row = _decode(line)
            is_suspect = _ESCAPED_QUOTE in line or line.count(_QUOTE) != encode(row).count(_QUOTE)
        except MALFORMED:
            if line.strip():
                self._report(_diagnosed(place, line))
            return None
        if not row.keys() <= self.columns.keys() and len(self.columns) < _COLUMNS_KEPT:
            self.columns.update((key, KnownColumn()) for key in row if len(key) <= _LONGEST_KEY)
        if is_suspect and (repeated := _repetition(place, line)) is not None:
            self._report(repeated)
            return None
        return row


class _Repeated(Exception):
    """Control flow, never seen outside: a key that an object has twice."""


def _repetition(place: int, line: bytes) -> RowProblem | None:
    """What is wrong with a line in which an object has a key twice; None where none has."""
    try:
        json.loads(line.decode(), object_pairs_hook=_without_repetition, parse_int=len, parse_float=len)
    except _Repeated as repeated:
        message = f"the key `{brief(str(repeated))}` comes twice"
        return RowProblem(place, "duplicate-key", message, "only one of the two values can be meant")
    except RecursionError:
        return _too_deep(place)
    return None


def _too_deep(place: int) -> RowProblem:
    return RowProblem(place, "too-deep", "the JSON is nested too deeply")


def _without_repetition(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise _Repeated(key)
        seen.add(key)


def _diagnosed(place: int, line: bytes) -> RowProblem:
    """Why `line` could not be decoded, in the words of the person who wrote it."""
    hint = "a table has one object a line, as JSON"
    try:
        # Numbers are not looked at, and reading a long one would be refused for its length.
        value = json.loads(line.decode(), parse_int=len)
    except UnicodeDecodeError as error:
        message = f"byte {error.start + 1} of the line is not UTF-8"
        return RowProblem(place, "not-utf-8", message, "save the file as UTF-8")
    except RecursionError:
        return _too_deep(place)
    except json.JSONDecodeError as error:
        return RowProblem(place, "invalid-json-line", f"not JSON: {error.msg} at character {error.pos + 1}", hint)
    if not isinstance(value, dict):
        return RowProblem(place, "not-an-object", "the line must be a JSON object", hint)
    return RowProblem(place, "invalid-json-line", "not JSON: numbers and text must be finite and well-formed")

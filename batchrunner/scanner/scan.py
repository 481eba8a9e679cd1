"""One pass over an input: every line checked, ids compared, bytes digested, in memory that lines do not fill."""

import hashlib
import os
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from batchrunner.errors import Diagnostic
from batchrunner.facts import Limits
from batchrunner.jsonl import BOM, LineProblem, RequestLine, check_line
from batchrunner.manifest import LocalFile

LISTED = 20
MODELS_KEPT = 16
BLOCK = 1 << 20
_BUCKETS = 256


@dataclass(frozen=True, slots=True)
class Scan:
    """What a pass found: the file's content, or what is wrong with it. `unlisted` problems were only counted."""

    file: LocalFile
    diagnostics: tuple[Diagnostic, ...] = ()
    unlisted: int = 0


def digest_input(stream: BinaryIO) -> str:
    """`sha256:` and the hex digest of all that `stream` holds."""
    digest = hashlib.sha256()
    while block := stream.read(BLOCK):
        digest.update(block)
    return f"sha256:{digest.hexdigest()}"


def scan_input(stream: BinaryIO, *, path: str, shown: str, endpoint: str, limits: Limits) -> Scan:
    """Check `stream` to its end. `path` is relative to the project root, `shown` how messages name the file."""
    before = os.fstat(stream.fileno())
    scanned = _Pass(shown, endpoint)
    for line in _lines(stream, limits.max_line_bytes):
        scanned.take(line, limits.max_line_bytes)
    scanned.conclude(stream, limits)
    after = os.fstat(stream.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        scanned.problem(0, LineProblem("input-changed", "the file changed while it was read", "Run again."))
    return scanned.result(path)


def _lines(stream: BinaryIO, longest: int) -> Iterator[bytes]:
    """Lines with their ends; one that is too long comes in pieces of `longest` bytes plus two."""
    return iter(lambda: stream.readline(longest + 2), b"")


@dataclass(slots=True)
class _Pass:
    shown: str
    endpoint: str
    count: int = 0
    size: int = 0
    inside_long_line: bool = False
    crlf_told: bool = False
    unlisted: int = 0
    diagnostics: list[Diagnostic] = field(default_factory=list)
    models: dict[str, None] = field(default_factory=dict)
    ids: "_Ids" = field(default_factory=lambda: _Ids())
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def take(self, line: bytes, longest: int) -> None:
        self.digest.update(line)
        self.size += len(line)
        continued, self.inside_long_line = self.inside_long_line, not line.endswith(b"\n")
        if continued:
            return
        self.count += 1
        text = line.removesuffix(b"\n")
        if len(text) > longest:
            words = f"the line is longer than {longest:,} bytes"
            self.problem(self.count, LineProblem("line-too-long", words))
            return
        self._check(self._without_marks(text))

    def _without_marks(self, text: bytes) -> bytes:
        if text.endswith(b"\r") and not self.crlf_told:
            self.crlf_told = True
            words = "lines end in CR LF"
            self.problem(self.count, LineProblem("crlf", words, "Save the file with LF line ends (told once)."))
        if self.count == 1 and text.startswith(BOM):
            self.problem(1, LineProblem("byte-order-mark", "the file starts with a byte order mark", "Save without."))
            return text.removeprefix(BOM)
        return text

    def _check(self, text: bytes) -> None:
        try:
            request = check_line(text, self.endpoint)
        except LineProblem as problem:
            self.problem(self.count, problem)
            return
        self.ids.add(request.custom_id)
        self._see_model(request)

    def _see_model(self, request: RequestLine) -> None:
        model = request.body.model
        if model not in self.models and len(self.models) < MODELS_KEPT:
            self.models[model] = None

    def conclude(self, stream: BinaryIO, limits: Limits) -> None:
        """What only the whole file can show."""
        if not self.count:
            self.problem(0, LineProblem("empty-file", "the file holds no request"))
        for name, found, limit in (
            ("requests", self.count, limits.max_requests),
            ("bytes", self.size, limits.max_bytes),
        ):
            if limit is not None and found > limit:
                words = f"the file holds {found:,} {name}; the provider takes {limit:,} in a batch"
                self.problem(0, LineProblem(f"too-many-{name}", words, "Split it into several batches."))
        for line, first, custom_id in self.ids.repeated(stream, self.endpoint, limits.max_line_bytes):
            words = f"`custom_id` {custom_id[:80]!r} was already used on line {first}"
            self.problem(line, LineProblem("duplicate-custom-id", words))

    def problem(self, line: int, problem: LineProblem) -> None:
        if len(self.diagnostics) >= LISTED:
            self.unlisted += 1
            return
        column = 1 if line else 0
        self.diagnostics.append(
            Diagnostic(problem.code, problem.message, self.shown, line=line, column=column, hint=problem.hint)
        )

    def result(self, path: str) -> Scan:
        file = LocalFile(
            path=path,
            sha256=f"sha256:{self.digest.hexdigest()}",
            size=self.size,
            requests=self.count,
            models=tuple(sorted(self.models)),
        )
        return Scan(file, tuple(self.diagnostics), self.unlisted)


class _Ids:
    """Ids seen, as 8 bytes each: equal hashes only raise a suspicion, which a second pass over the file settles."""

    def __init__(self) -> None:
        self._buckets = [array("q") for _ in range(_BUCKETS)]

    def add(self, custom_id: str) -> None:
        value = hash(custom_id)
        self._buckets[value & (_BUCKETS - 1)].append(value)

    def repeated(self, stream: BinaryIO, endpoint: str, longest: int) -> Iterator[tuple[int, int, str]]:
        """Line, line of first use and id, for each id used again."""
        suspects = self._suspects()
        if not suspects:
            return
        first: dict[str, int] = {}
        stream.seek(0)
        for number, custom_id in _ids_again(stream, endpoint, longest):
            if hash(custom_id) not in suspects:
                continue
            if custom_id in first:
                yield number, first[custom_id], custom_id
            first.setdefault(custom_id, number)

    def _suspects(self) -> set[int]:
        suspects: set[int] = set()
        for bucket in self._buckets:
            if len(set(bucket)) < len(bucket):
                suspects.update(value for value, times in Counter(bucket).items() if times > 1)
        return suspects


def _ids_again(stream: BinaryIO, endpoint: str, longest: int) -> Iterator[tuple[int, str]]:
    number, continued = 0, False
    for line in _lines(stream, longest):
        number += not continued
        continued = not line.endswith(b"\n")
        try:
            yield number, check_line(line.removesuffix(b"\n").removeprefix(BOM), endpoint).custom_id
        except LineProblem:
            continue

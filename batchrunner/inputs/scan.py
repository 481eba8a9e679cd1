"""One pass over an input: every line checked, ids compared, bytes digested, in memory that lines do not fill."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO

from batchrunner.errors import Diagnostic
from batchrunner.facts import Limits
from batchrunner.inputs.ids import SeenIds
from batchrunner.jsonl import BOM, LineProblem, RequestLine, check_line
from batchrunner.manifest import LocalFile

LISTED = 20
MODELS_KEPT = 16
BLOCK = 1 << 20


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
    for piece, starts in _pieces(stream, limits.max_line_bytes):
        scanned.take(piece, starts, limits.max_line_bytes)
    scanned.conclude(stream, limits)
    after = os.fstat(stream.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        scanned.problem(0, LineProblem("input-changed", "the file changed while it was read", "run the command again"))
    return scanned.result(path)


def _pieces(stream: BinaryIO, longest: int) -> Iterator[tuple[bytes, bool]]:
    """Lines with their ends, and that a line starts there; a line that is too long comes in several pieces."""
    starts = True
    while piece := stream.readline(longest + 2):
        yield piece, starts
        starts = piece.endswith(b"\n")


@dataclass(slots=True)
class _Pass:
    shown: str
    endpoint: str
    count: int = 0
    size: int = 0
    crlf_told: bool = False
    unlisted: int = 0
    diagnostics: list[Diagnostic] = field(default_factory=list)
    models: dict[str, None] = field(default_factory=dict)
    ids: SeenIds = field(default_factory=SeenIds)
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def take(self, piece: bytes, starts: bool, longest: int) -> None:
        self.digest.update(piece)
        self.size += len(piece)
        if not starts:
            return
        self.count += 1
        text = piece.removesuffix(b"\n")
        if len(text) > longest:
            words = f"the line is longer than {longest:,} bytes"
            self.problem(self.count, LineProblem("line-too-long", words))
            return
        self._check(self._without_marks(text))

    def _without_marks(self, text: bytes) -> bytes:
        if text.endswith(b"\r") and not self.crlf_told:
            self.crlf_told = True
            words = "lines end in CR LF"
            self.problem(self.count, LineProblem("crlf", words, "save the file with LF line ends (told once)"))
        if self.count == 1 and text.startswith(BOM):
            self.problem(1, LineProblem("byte-order-mark", "the file starts with a byte order mark", "save it without"))
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
                self.problem(0, LineProblem(f"too-many-{name}", words, "split it into several batches"))
        again = partial(_ids_of, stream, self.endpoint, limits.max_line_bytes)
        for line, first, custom_id in self.ids.repeated(again):
            words = f"`custom_id` {custom_id[:80]!r} was already used on line {first}"
            self.problem(line, LineProblem("duplicate-custom-id", words))

    def problem(self, line: int, problem: LineProblem) -> None:
        if len(self.diagnostics) >= LISTED:
            self.unlisted += 1
            return
        column = problem.column if line else 0
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


def _ids_of(stream: BinaryIO, endpoint: str, longest: int) -> Iterator[tuple[int, str]]:
    """Line and id of every sound line of a file that was read before, from its start."""
    stream.seek(0)
    number = 0
    for piece, starts in _pieces(stream, longest):
        number += starts
        text = piece.removesuffix(b"\n")
        if not starts or len(text) > longest:
            continue
        try:
            yield number, check_line(text.removeprefix(BOM) if number == 1 else text, endpoint).custom_id
        except LineProblem:
            continue

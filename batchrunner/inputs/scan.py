"""One pass over an input: every line checked, ids compared, bytes digested, in memory that lines do not fill."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO, Protocol

from batchrunner.errors import Diagnostic
from batchrunner.inputs.ids import SeenIds
from batchrunner.jsonl import BOM, LineProblem, LineRules, RequestLine, check_line
from batchrunner.manifest import LocalFile, Part
from batchrunner.plans import Notice
from batchrunner.ports import TokenCounter
from batchrunner.pricing import BY_BYTES, Demand
from batchrunner.sharder import Load, Sharding, excess, line_load, tokens_of

LISTED = 20
MODELS_KEPT = 256
BLOCK = 1 << 20


class Lines(Protocol):
    """A stream of request lines: an open file, or rows as they are rendered. Read once, and again for suspected ids."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; none at the end, and only there."""
        ...

    def seek(self, offset: int, /) -> int:
        """Go back to the start: `offset` is 0."""
        ...


@dataclass(frozen=True, slots=True)
class ScannedPart:
    """A shard, or the whole where nothing was cut, and what it asks for, by model in order of name."""

    file: LocalFile
    demands: tuple[Demand, ...]


@dataclass(frozen=True, slots=True)
class Scan:
    """What a pass found: the content's parts, in order, or what is wrong with it.

    Where there are `diagnostics`, parts mean nothing; `unlisted` problems were only counted. `notices` stop nothing.
    `counted_by` is how input tokens were counted: `bytes/4`, or the names of tokenizers joined by `+`.
    """

    parts: tuple[ScannedPart, ...]
    notices: tuple[Notice, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    unlisted: int = 0
    counted_by: str = BY_BYTES

    @property
    def requests(self) -> int:
        """The requests of all parts."""
        return sum(part.file.requests for part in self.parts)


def digest_input(stream: BinaryIO) -> str:
    """`sha256:` and the hex digest of all that `stream` holds."""
    digest = hashlib.sha256()
    while block := stream.read(BLOCK):
        digest.update(block)
    return f"sha256:{digest.hexdigest()}"


def scan_lines(
    stream: Lines,
    *,
    path: str,
    shown: str,
    rules: LineRules,
    sharding: Sharding,
    counter: TokenCounter | None = None,
    place_of: Callable[[int], str] = "line {}".format,
) -> Scan:
    """Check `stream` to its end and cut it. `path` is relative to the project root, `shown` how messages name the file,
    `place_of` how the text of a message names a line.

    Whoever opened the file sees to it that it did not change meanwhile.
    """
    scanned = _Pass(shown, rules, sharding, place_of)
    for piece, starts in _pieces(stream, rules.max_line_bytes):
        scanned.take(piece, starts)
    scanned.conclude(stream)
    return scanned.result(path)


def _pieces(stream: Lines, longest: int) -> Iterator[tuple[bytes, bool]]:
    """Lines with their ends, and that a line starts there; a line that is too long comes in several pieces."""
    starts, rest = True, b""
    while block := stream.read(BLOCK):
        *whole, rest = (rest + block).split(b"\n")
        for line in whole:
            yield line + b"\n", starts
            starts = True
        if len(rest) > longest + 2:
            yield rest, starts
            starts, rest = False, b""
    if rest:
        yield rest, starts


@dataclass(slots=True)
class _Cut:
    start: int = 0
    before: int = 0
    load: Load = field(default_factory=Load)
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    models: dict[str, Load] = field(default_factory=dict)


@dataclass(slots=True)
class _Pass:
    shown: str
    rules: LineRules
    sharding: Sharding
    place_of: Callable[[int], str]
    number: int = 0
    crlf_told: bool = False
    blanks: int = 0
    unlisted: int = 0
    diagnostics: list[Diagnostic] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    ids: SeenIds = field(default_factory=SeenIds)
    whole: Load = field(default_factory=Load)
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    cuts: list[_Cut] = field(default_factory=lambda: [_Cut()])

    def take(self, piece: bytes, starts: bool) -> None:
        text = piece.removesuffix(b"\n")
        load = line_load(len(piece)) if starts else Load(0, len(piece))
        if starts:
            self.number += 1
        if starts and not text.strip():
            self.blanks += 1
            load.requests = 0
        elif starts:
            self._tell_blanks()
            request = self._checked(text)
            self._cut(load, request.body.model if request else "")
        self._digested(piece, load)

    def _tell_blanks(self) -> None:
        for line in range(self.number - self.blanks, self.number):
            self.problem(line, LineProblem("blank-line", "the line is blank", "delete it"))
        self.blanks = 0

    def _digested(self, piece: bytes, load: Load) -> None:
        self.digest.update(piece)
        self.cuts[-1].digest.update(piece)
        self.cuts[-1].load.add(load)
        self.whole.add(load)

    def _cut(self, load: Load, model: str) -> None:
        cut = self.cuts[-1]
        together = Load()
        together.add(cut.load)
        together.add(load)
        if cut.load.requests and self.sharding.is_allowed and excess(together, self.sharding):
            cut = _Cut(self.whole.size, self.whole.requests)
            self.cuts.append(cut)
        if model:
            cut.models.setdefault(model, Load()).add(load)

    def _checked(self, text: bytes) -> RequestLine | None:
        if text.endswith(b"\r") and not self.crlf_told:
            self.crlf_told = True
            self.notices.append(Notice(code="crlf", message="lines end in CR LF", where=f"{self.shown}:{self.number}"))
        try:
            if self.number == 1 and text.startswith(BOM):
                problem = LineProblem("byte-order-mark", "the file starts with a byte order mark", "save it without")
                self.problem(1, problem)
                text = text.removeprefix(BOM)
            if len(text) > self.rules.max_line_bytes:
                words = f"the line is longer than {self.rules.max_line_bytes:,} bytes"
                raise LineProblem("line-too-long", words)
            request = check_line(text, self.rules)
        except LineProblem as problem:
            self.problem(self.number, problem)
            return None
        self.ids.add(request.custom_id)
        return request

    def conclude(self, stream: Lines) -> None:
        """What only the whole file can show."""
        if not self.whole.requests:
            self.problem(0, LineProblem("empty-file", "the file holds no request"))
        elif self.blanks:
            line = self.number - self.blanks + 1
            self.notices.append(
                Notice(code="blank-lines", message="the file ends in blank lines", where=f"{self.shown}:{line}")
            )
        for cut in self.cuts:
            if too_much := excess(cut.load, self.sharding):
                name, found, limit = too_much
                code = "too-many-tasks" if name == "requests" else f"too-many-{name.replace(' ', '-')}"
                words = f"the file holds {found:,} {name}; the provider takes {limit:,} in a batch"
                self.problem(0, LineProblem(code, words, "split it into several batches"))
        again = partial(_ids_of, stream, self.rules)
        for line, first, custom_id in self.ids.repeated(again):
            words = f"`custom_id` {custom_id[:80]!r} was already used on {self.place_of(first)}"
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
        numbered = self.sharding.is_numbered or len(self.cuts) > 1
        parts = [self._part(path, cut, number if numbered else 0) for number, cut in enumerate(self.cuts, 1)]
        return Scan(tuple(parts), tuple(self.notices), tuple(self.diagnostics), self.unlisted)

    def _part(self, path: str, cut: _Cut, number: int) -> ScannedPart:
        part = Part(
            number=number,
            start=cut.start,
            before=cut.before,
            whole_sha256=f"sha256:{self.digest.hexdigest()}",
            whole_size=self.whole.size,
        )
        file = LocalFile(
            path=path,
            sha256=f"sha256:{cut.digest.hexdigest()}",
            size=cut.load.size,
            requests=cut.load.requests,
            models=tuple(sorted(cut.models)),
            part=part if number else None,
        )
        demands = [
            Demand(
                model=model,
                requests=load.requests,
                size=load.size,
                input_tokens=tokens_of(load.size),
                output_tokens=None,
            )
            for model, load in sorted(cut.models.items())
        ]
        return ScannedPart(file, tuple(demands))


def _ids_of(stream: Lines, rules: LineRules) -> Iterator[tuple[int, str]]:
    """Line and id of every sound line of a file that was read before, from its start."""
    stream.seek(0)
    number = 0
    for piece, starts in _pieces(stream, rules.max_line_bytes):
        number += starts
        text = piece.removesuffix(b"\n")
        if not starts or len(text) > rules.max_line_bytes:
            continue
        try:
            yield number, check_line(text.removeprefix(BOM) if number == 1 else text, rules).custom_id
        except LineProblem:
            continue

"""What was found wrong in one file, gathered while the rest is read, and shown with the place it is at."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from batchrunner.errors import Diagnostic
from batchrunner.loader.places import Place, Pointer, lines_of
from batchrunner.loader.positions import Node, has, key_place, positions_of, value_place
from batchrunner.loader.text import TextProblem, readable

Target = Literal["value", "key"]

# Lines that may hold a secret, by the name of a key or the shape of a value, are never shown.
# Those that bound tokens, as `max_tokens` does, are.
LONGEST_SHOWN = 100_000
"""Characters of a line that is looked through for secrets, so that some of it may be shown; a longer one is not."""
_SECRETIVE = r"(?i)(?:api[_-]?key|secret|(?<!max_)(?<!max_completion_)(?<!max_output_)token|passw|credential|authorization|bearer)[\w-]*[\"']?\s*:|\b(?:sk|br|key)-\w{12}|://\S*[?@]"


class Finding(NamedTuple):
    """One problem of a document. `target` says whether the value at `pointer` is wrong or its key."""

    code: str
    message: str
    pointer: Pointer
    hint: str = ""
    target: Target = "value"


class Source(NamedTuple):
    """A file as it was read. `path` is how the user named it."""

    path: str
    data: bytes


class Findings:
    """Collects what is wrong, once each: the members of a matrix tend to be wrong together."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, Pointer, Target], Finding] = {}

    def add(self, finding: Finding) -> None:
        """Keep `finding`, unless the same was found at the same place before."""
        self._found.setdefault((finding.code, finding.message, finding.pointer, finding.target), finding)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._found.values())

    def __len__(self) -> int:
        return len(self._found)


def text_diagnostics(source: Source, problems: Iterable[TextProblem]) -> Iterator[Diagnostic]:
    """Problems of the text itself, with their lines."""
    lines = lines_of(readable(source.data))
    for problem in problems:
        bare = Diagnostic(problem.code, problem.message, source.path, hint=problem.hint)
        yield _placed(bare, problem.place, lines)


def document_diagnostics(source: Source, findings: Iterable[Finding]) -> Iterator[Diagnostic]:
    """Problems of a document that could be read, with their places."""
    findings = tuple(findings)
    if not findings:
        return  # finding out where everything is takes as long as reading the file
    lines = lines_of(readable(source.data))
    positions = positions_of(source.data)
    for finding in findings:
        bare = Diagnostic(finding.code, finding.message, source.path, hint=finding.hint)
        diagnostic = _placed(bare, _place(positions, finding), lines)
        yield replace(diagnostic, source="") if _is_secretive(finding) else diagnostic


def _is_secretive(finding: Finding) -> bool:
    """Whether a key may have been written where a reference to it belongs, on any line."""
    unknown = finding.code == "unknown-key" and "providers" in finding.pointer[:3]
    return unknown or "api_key" in finding.pointer or "notify" in finding.pointer[:3]


def in_file_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The diagnostics of one file from top to bottom, each said once: what is said of a default may be said often."""
    unique: dict[tuple[int, int, str, str], Diagnostic] = {}
    for diagnostic in diagnostics:
        unique.setdefault((diagnostic.line, diagnostic.column, diagnostic.code, diagnostic.message), diagnostic)
    return sorted(unique.values(), key=lambda d: (d.line, d.column))


def _place(positions: Node, finding: Finding) -> Place | None:
    if not finding.pointer:
        return None
    pointer = _declared_at(positions, finding.pointer)
    return key_place(positions, pointer) if finding.target == "key" else value_place(positions, pointer)


def _declared_at(positions: Node, pointer: Pointer) -> Pointer:
    """Where the value of a batch is written: in the batch itself, or in the defaults it comes from."""
    if has(positions, pointer) or pointer[0] != "batches":
        return pointer
    default = ("defaults", *pointer[2:])
    return default if len(pointer) > 2 and has(positions, default) else pointer


def _placed(bare: Diagnostic, place: Place | None, lines: Sequence[str]) -> Diagnostic:
    if place is None:
        return bare
    line = lines[place.line - 1]
    shown = "" if len(line) > LONGEST_SHOWN or re.search(_SECRETIVE, line) else line
    return replace(bare, line=place.line, column=place.column, source=shown, width=place.width)

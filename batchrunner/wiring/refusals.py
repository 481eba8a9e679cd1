"""Why the inputs of a spec were refused, in words for its author."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from batchrunner.loader import Finding
from batchrunner.spec import Batch, Table

if TYPE_CHECKING:
    from batchrunner.inputs import InputRefused, Patterns

_HOW_TO_REACH: Mapping[str, str] = {
    "input-not-found": "a path starts at the folder of its spec",
    "no-file-matches": "a path starts at the folder of its spec",
    "input-is-a-link": "name the file itself: what a link points to can change after the review",
    "input-outside-root": "move it there; the root is the folder of batchrunner.yaml, else of the git work tree",
    "input-hidden": "rename it, without the dot",
    "input-not-a-file": "name a file with one request a line",
    "bad-pattern": "write the folders first: `*` and `?` stand for parts of a name, `**` for any number of folders",
    "pattern-too-wide": "write more of the path before the first wildcard",
    "too-many-files": "narrow the pattern, or join small files: a batch takes many thousand requests",
}
_GUESSES = 20
"""For how many inputs of a command a file that may have been meant is looked for: that takes longer than finding one
missing."""


def input_pointer(batch: Batch) -> tuple[str | int, ...]:
    """Where the path of the input of `batch` is written."""
    inside = ("input", "rows") if isinstance(batch.declaration.input, Table) else ("input",)
    return (*batch.pointer, *inside)


class Guesses:
    """Where the files beneath `root` may be that the first inputs that are missing were meant to lead to."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._left = _GUESSES

    def hint(self, folder: str, path: str) -> str:
        """What `path`, at which there is no file from `folder`, may mean; empty where nobody knows."""
        from batchrunner.inputs import path_meant

        if not self._left:
            return ""
        self._left -= 1
        return path_meant(self._root, folder, path, self._patterns)

    @cached_property
    def _patterns(self) -> "Patterns":
        from batchrunner.inputs import Patterns

        return Patterns(self._root)


@dataclass(slots=True)
class Refusals:
    """What was wrong with the inputs of one spec, in words for its author."""

    guesses: Guesses
    folder: str
    findings: list[Finding] = field(default_factory=list)

    def add(self, batch: Batch, refusal: "InputRefused") -> None:
        """Note that the input of `batch` was refused."""
        hint = refusal.hint or self._guess(batch, refusal) or _HOW_TO_REACH.get(refusal.code, "")
        self.findings.append(Finding(refusal.code, refusal.message, input_pointer(batch), hint))

    def _guess(self, batch: Batch, refusal: "InputRefused") -> str:
        path = batch.declaration.input_path
        windows = "\\" in path and refusal.code in ("input-hidden", "bad-pattern")  # `..\x` looks like a hidden name
        if not (windows or refusal.code in ("input-not-found", "no-file-matches")):
            return ""
        return self.guesses.hint(self.folder, path)

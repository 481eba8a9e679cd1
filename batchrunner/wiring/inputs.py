"""Which batches have local inputs, and why one of those cannot be opened."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from batchrunner.address import matches
from batchrunner.loader import Finding
from batchrunner.spec import Batch

if TYPE_CHECKING:
    from batchrunner.inputs import InputRefused

_HOW_TO_REACH: Mapping[str, str] = {
    "input-not-found": "a path starts at the folder of its spec",
    "input-is-a-link": "name the file itself: what a link points to can change after the review",
    "input-outside-root": "move it there; the root is the folder of batchrunner.yaml, else of the git work tree",
    "input-hidden": "rename it, without the dot",
    "input-not-a-file": "name a file with one request a line",
}
_GUESSES = 20
"""For how many inputs a file that may have been meant is looked for: that takes longer than finding one missing."""


def refused_inputs(root: str, targets: Sequence[str], folder: str, batches: Iterable[Batch]) -> Iterator[Finding]:
    """What keeps the inputs of the targeted `batches` from being opened. Their lines are not read."""
    from batchrunner.inputs import InputRefused, open_beneath, relative_to_root

    refusals = Refusals(root, folder)
    for batch in with_input(batches, targets):
        try:
            open_beneath(root, relative_to_root(root, folder, batch.declaration.input_path)).close()
        except InputRefused as refusal:
            refusals.add(batch, refusal)
    yield from refusals.findings


def with_input(batches: Iterable[Batch], targets: Sequence[str]) -> Iterator[Batch]:
    """Those of `batches` that are targeted, all where `targets` is empty, and have a local input."""
    for batch in batches:
        targeted = not targets or any(matches(target, batch.address) for target in targets)
        if targeted and batch.declaration.input is not None:
            yield batch


@dataclass(slots=True)
class Refusals:
    """What was wrong with the inputs of one spec, in words for its author."""

    root: str
    folder: str
    findings: list[Finding] = field(default_factory=list)

    def add(self, batch: Batch, refusal: "InputRefused") -> None:
        """Note that the input of `batch` was refused."""
        hint = self._guess(batch, refusal) or _HOW_TO_REACH.get(refusal.code, "")
        self.findings.append(Finding(refusal.code, refusal.message, (*batch.pointer, "input"), hint))

    def _guess(self, batch: Batch, refusal: "InputRefused") -> str:
        from batchrunner.inputs import path_meant

        path = batch.declaration.input_path
        windows = refusal.code == "input-hidden" and "\\" in path  # `..\x` looks like a name that starts with a dot
        if len(self.findings) >= _GUESSES or not (windows or refusal.code == "input-not-found"):
            return ""
        return path_meant(self.root, self.folder, path)

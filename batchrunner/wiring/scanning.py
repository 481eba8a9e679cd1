"""Scans the local inputs of a workspace's batches, each file once, and says all that is wrong with them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from batchrunner.address import matches
from batchrunner.errors import Diagnostic, InvalidFiles
from batchrunner.loader import diagnostic_at
from batchrunner.spec import Batch, Spec
from batchrunner.wiring.workspace import Workspace

if TYPE_CHECKING:
    from batchrunner.facts import Limits
    from batchrunner.manifest import LocalFile
    from batchrunner.scanner import Scan

_HOW_TO_REACH: Mapping[str, str] = {
    "input-not-found": "a path starts at the folder of its spec",
    "input-is-a-link": "name the file itself: what a link points to can change after the review",
    "input-outside-root": "move it there; the root is the folder of batchrunner.yaml, else of the git work tree",
    "input-hidden": "rename it, without the dot",
    "input-not-a-file": "name a file with one request a line",
}


def scan_inputs(workspace: Workspace) -> "Mapping[str, LocalFile]":
    """The local inputs of the targeted batches, by address. Raises `InvalidFiles` with all that is wrong in them."""
    inputs = _Inputs(workspace)
    scanned = {
        batch.address: inputs.scan(spec, batch)
        for spec in workspace.specs
        for batch in spec.batches
        if batch.declaration.input is not None and _targeted(batch, workspace)
    }
    if inputs.diagnostics:
        raise InvalidFiles(tuple(inputs.diagnostics), unlisted=inputs.unlisted)
    return {address: file for address, file in scanned.items() if file is not None}


def _targeted(batch: Batch, workspace: Workspace) -> bool:
    targets = workspace.choices.targets
    return not targets or any(matches(target, batch.address) for target in targets)


@dataclass(slots=True)
class _Inputs:
    workspace: Workspace
    diagnostics: list[Diagnostic] = field(default_factory=list)
    unlisted: int = 0
    scans: "dict[tuple[str, str, Limits], Scan]" = field(default_factory=dict)

    def scan(self, spec: Spec, batch: Batch) -> "LocalFile | None":
        # Loaded here: checking specs whose inputs all lie at the provider needs none of it.
        from batchrunner.scanner import InputRefused, relative_to_root

        declared = batch.declaration
        limits = self.workspace.project.providers[declared.provider].limits
        try:
            relative = relative_to_root(self.workspace.project.root, spec.folder, declared.input or "")
            return self._scanned(relative, declared.endpoint, limits)
        except InputRefused as refusal:
            hint = _HOW_TO_REACH.get(refusal.code, "")
            pointer = (*batch.pointer, "input")
            self.diagnostics.append(diagnostic_at(spec, pointer, refusal.code, refusal.message, hint))
            return None

    def _scanned(self, relative: str, endpoint: str, limits: "Limits") -> "LocalFile":
        from batchrunner.scanner import open_beneath, scan_input

        known = self.scans.get((relative, endpoint, limits))
        if known is None:
            root = self.workspace.project.root
            shown = os.path.relpath(os.path.join(root, relative))
            with open_beneath(root, relative) as stream:
                known = scan_input(stream, path=relative, shown=shown, endpoint=endpoint, limits=limits)
            self.scans[relative, endpoint, limits] = known
            self.diagnostics.extend(known.diagnostics)
            self.unlisted += known.unlisted
        return known.file

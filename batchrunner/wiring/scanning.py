"""Scans the local inputs of a workspace's batches, each file once, and says all that is wrong with them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from batchrunner.errors import Diagnostic, InvalidFiles
from batchrunner.loader import diagnostics_at
from batchrunner.spec import Batch, Spec
from batchrunner.wiring.inputs import with_input
from batchrunner.wiring.refusals import Refusals
from batchrunner.wiring.workspace import Workspace

if TYPE_CHECKING:
    from batchrunner.inputs import Scan
    from batchrunner.jsonl import LineRules
    from batchrunner.sharder import Sharding


def scan_inputs(workspace: Workspace) -> "Mapping[str, Scan]":
    """What was found in the local inputs of the targeted batches, by address. Raises `InvalidFiles` with all that is wrong in them."""
    inputs = _Inputs(workspace)
    for spec in workspace.specs:
        inputs.scan(spec)
    if inputs.diagnostics:
        raise InvalidFiles(tuple(inputs.diagnostics), unlisted=inputs.unlisted)
    return inputs.files


@dataclass(slots=True)
class _Inputs:
    workspace: Workspace
    files: "dict[str, Scan]" = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    unlisted: int = 0
    scans: "dict[tuple[str, LineRules, Sharding], Scan]" = field(default_factory=dict)

    def scan(self, spec: Spec) -> None:
        refusals = Refusals(self.workspace.project.root, spec.folder)
        for batch in with_input(spec.batches, self.workspace.choices.targets):
            # Loaded here: checking specs whose inputs all lie at the provider needs none of it.
            from batchrunner.inputs import InputRefused

            try:
                self.files[batch.address] = self._scanned(spec, batch)
            except InputRefused as refusal:
                refusals.add(batch, refusal)
        self.diagnostics.extend(diagnostics_at(spec, refusals.findings))

    def _scanned(self, spec: Spec, batch: Batch) -> "Scan":
        from batchrunner.inputs import open_beneath, relative_to_root, scan_lines
        from batchrunner.jsonl import LineRules
        from batchrunner.sharder import Sharding

        root, declared = self.workspace.project.root, batch.declaration
        facts = self.workspace.project.providers[declared.provider]
        relative = relative_to_root(root, spec.folder, declared.input_path)
        rules, sharding = LineRules.of(declared.endpoint, facts), Sharding.of(facts.limits, shard=False)
        known = self.scans.get((relative, rules, sharding))
        if known is None:
            shown = os.path.relpath(os.path.join(root, relative))
            with open_beneath(root, relative) as stream:
                before = os.fstat(stream.fileno())
                known = scan_lines(stream, path=relative, shown=shown, rules=rules, sharding=sharding)
                after = os.fstat(stream.fileno())
            self.scans[relative, rules, sharding] = known
            self.diagnostics.extend(known.diagnostics)
            self.unlisted += known.unlisted
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                words = "the file changed while it was read"
                self.diagnostics.append(Diagnostic("input-changed", words, shown, hint="run the command again"))
        return known

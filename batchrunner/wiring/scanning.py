"""Scans the local inputs of a workspace's batches, each content once, and says all that is wrong with them."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from batchrunner.errors import Diagnostic, InvalidFiles
from batchrunner.loader import Finding, diagnostics_at
from batchrunner.manifest import Template
from batchrunner.spec import Batch, BatchDeclaration, Spec, Table
from batchrunner.templates import Extent, extent_of
from batchrunner.wiring.inputs import with_input
from batchrunner.wiring.refusals import Guesses, Refusals
from batchrunner.wiring.workspace import Workspace

if TYPE_CHECKING:
    from batchrunner.inputs import Allowance, Beneath, Scan, ScanCache, SteadyFile
    from batchrunner.linerules import LineRules
    from batchrunner.ports import TokenCounter
    from batchrunner.sharder import Sharding
    from batchrunner.templates import BadTemplate

MAX_LISTED = 200
VALUE = 1024
"""Bytes that are rendered in the time that one value of a template takes until it is ready for rows."""


def scan_inputs(workspace: Workspace) -> "Mapping[str, Scan]":
    """What was found in the local inputs of the targeted batches, by the address of the batch.

    Rules and limits are those of the provider that is declared, also where the sandbox stands in for it. Raises
    `InvalidFiles` with all that is wrong, at most 200 of it listed.
    """
    targeted = [(spec, tuple(with_input(spec.batches, workspace.choices.targets))) for spec in workspace.specs]
    if not any(batches for _, batches in targeted):
        return {}  # checking specs whose inputs all lie at the provider needs none of what follows
    from batchrunner.estimating import token_counter
    from batchrunner.inputs import Allowance, Beneath, ScanCache

    root = workspace.project.root
    cache = ScanCache(workspace.settings.cache, root)
    with Beneath(root) as beneath:
        allowance = Allowance(workspace.settings.max_rendered)
        inputs = _Inputs(workspace, beneath, cache, allowance, token_counter(), os.path.relpath(root), Guesses(root))
        try:
            for spec, batches in targeted:
                inputs.scan(spec, batches)
        finally:
            cache.save()
    inputs.check()
    return inputs.scans


class _Asked(NamedTuple):
    """What an input is scanned for, and a digest of that. Without a template it holds the lines themselves."""

    rules: "LineRules"
    sharding: "Sharding"
    template: Template | None
    digest: str


@dataclass(slots=True)
class _Inputs:
    workspace: Workspace
    beneath: "Beneath"
    cache: "ScanCache"
    allowance: "Allowance"
    counter: "TokenCounter | None"
    root: str  # as it is shown: from the current folder
    guesses: Guesses
    scans: "dict[str, Scan]" = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    unlisted: int = 0
    known: "dict[tuple[str, str], Scan]" = field(default_factory=dict)
    asked: dict[tuple[object, ...], _Asked] = field(default_factory=dict)
    extents: dict[int, Extent] = field(default_factory=dict)

    def scan(self, spec: Spec, batches: Sequence[Batch]) -> None:
        """Scan the inputs of `batches`, which are of `spec`."""
        from batchrunner.inputs import InputRefused
        from batchrunner.templates import BadTemplate

        if self.allowance.is_spent:
            return
        refusals = Refusals(self.guesses, spec.folder)
        for batch in batches:
            try:
                self.scans[batch.address] = self._scanned(spec, batch)
            except InputRefused as refusal:
                refusals.add(batch, refusal)
            except BadTemplate as bad:
                refusals.findings.extend(_unfit(batch, bad))
            if self.allowance.is_spent:
                break  # what comes after it would be refused, too
        self.diagnostics.extend(diagnostics_at(spec, refusals.findings))

    def check(self) -> None:
        """Raise `InvalidFiles` where something was found wrong."""
        if self.diagnostics:
            more = max(len(self.diagnostics) - MAX_LISTED, 0)
            raise InvalidFiles(tuple(self.diagnostics[:MAX_LISTED]), unlisted=self.unlisted + more)

    def _scanned(self, spec: Spec, batch: Batch) -> "Scan":
        relative = self.beneath.relative(spec.folder, batch.declaration.input_path)
        asked = self._asked_for(batch.declaration)
        known = self.known.get((relative, asked.digest))
        if known is None:
            known = self.known[relative, asked.digest] = self._read(relative, asked)
            self.diagnostics.extend(known.diagnostics)
            self.unlisted += known.unlisted
        length = extent_of(asked.template.body, self.extents).characters if asked.template else 0
        self.allowance.plan(len(known.parts), length)
        return known

    def _asked_for(self, declared: BatchDeclaration) -> _Asked:
        if isinstance(declared.input, Table):
            table, form = declared.input, self.workspace.project.providers[declared.provider].request_lines
            template = Template(custom_id=table.custom_id, body=table.body, url=declared.endpoint, form=form)
            extent = extent_of(template.body, self.extents)
            self.allowance.make(extent.characters + VALUE * extent.values)
            return self._asking(declared, template)
        key = (declared.provider, declared.endpoint, declared.shard)
        if key not in self.asked:
            self.asked[key] = self._asking(declared, None)
        return self.asked[key]

    def _asking(self, declared: BatchDeclaration, template: Template | None) -> _Asked:
        from batchrunner.inputs import decided_by
        from batchrunner.linerules import LineRules
        from batchrunner.sharder import Sharding

        facts = self.workspace.project.providers[declared.provider]
        rules, sharding = LineRules.of(declared.endpoint, facts), Sharding.of(facts.limits, declared.shard)
        counted_by = type(self.counter).__name__ if self.counter else ""
        return _Asked(rules, sharding, template, decided_by(rules, sharding, template, counted_by))

    def _read(self, relative: str, asked: _Asked) -> "Scan":
        """The scan of a file, from the cache if it is there."""
        from batchrunner.inputs import SteadyFile

        path = os.path.join(self.root, relative)
        # Below the root, the way to a file need not lead through the root's name.
        shown = os.path.relpath(path) if self.root.startswith(os.pardir) else os.path.normpath(path)
        descriptor, status = self.beneath.descriptor(relative)
        is_again = self.allowance.admit(relative, status.st_size, is_table=asked.template is not None)
        try:
            scan = self.cache.get(relative, asked.digest, status, shown)
            if scan is not None and asked.template:
                self.allowance.make(sum(part.file.size for part in scan.parts), scan.requests)
            if scan is None:
                scan = self._pass_over(SteadyFile(descriptor, status), relative, shown, asked)
                if is_again and not asked.template:
                    self.allowance.make(status.st_size, 2 * scan.requests)  # short lines take longer than rows
                self.cache.put(relative, asked.digest, status, shown, scan)
        finally:
            os.close(descriptor)
        return scan

    def _pass_over(self, file: "SteadyFile", relative: str, shown: str, asked: _Asked) -> "Scan":
        """What one pass over `file` finds; that it changed, where it did: whatever else was found may come from that.

        Raises `BadTemplate` for a table that the template does not fit.
        """
        from batchrunner.inputs import scan_file
        from batchrunner.templates import BadTemplate

        try:
            scan = scan_file(
                file,
                path=relative,
                shown=shown,
                rules=asked.rules,
                sharding=asked.sharding,
                template=asked.template,
                counter=self.counter,
                made=self.allowance.make,
            )
        except BadTemplate as bad:
            if file.has_changed:
                return _changed(shown)
            raise BadTemplate(
                tuple(each._replace(message=f"{shown}: {each.message}") for each in bad.problems)
            ) from None
        return _changed(shown) if file.has_changed else scan


def _unfit(batch: Batch, bad: "BadTemplate") -> Iterator[Finding]:
    """Why no row of a table can be put into a template, where that is written."""
    for problem in bad.problems:
        yield Finding(problem.code, problem.message, (*batch.pointer, *problem.field), problem.hint)


def _changed(shown: str) -> "Scan":
    """What is to be said of a file that changed while it was read: whatever else was found may come from that."""
    from batchrunner.inputs import Scan

    words = "the file changed while it was read"
    hint = "run the command again once nothing writes to it any more"
    return Scan((), diagnostics=(Diagnostic("input-changed", words, shown, hint=hint),))

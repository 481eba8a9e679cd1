"""Scans the inputs of a workspace's batches and plans them."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from batchrunner._version import __version__
from batchrunner.address import unmatched
from batchrunner.digest import fingerprint
from batchrunner.errors import Diagnostic, InvalidFiles, UsageError
from batchrunner.facts import ProviderFacts
from batchrunner.loader import diagnostic_at
from batchrunner.manifest import ProviderFile, Source
from batchrunner.planner import Circumstances, Desired, plan_changes
from batchrunner.plans import Plan, PlannedSpec, sealed
from batchrunner.scanner import InputRefused, Scan, open_beneath, relative_to_root, scan_input
from batchrunner.spec import Batch, Spec
from batchrunner.state import State
from batchrunner.stores import FileStore
from batchrunner.suggestions import did_you_mean
from batchrunner.wiring.typed import with_typed_hint
from batchrunner.wiring.workspace import SANDBOX, SystemClock, Workspace

_HOW_TO_REACH: Mapping[str, str] = {
    "input-not-found": "a path starts at the folder of its spec",
    "input-is-a-link": "name the file itself: what a link points to can change after the review",
    "input-outside-root": "move it there; the root is the folder of batchrunner.yaml, else of the git work tree",
    "input-hidden": "rename it, without the dot",
    "input-not-a-file": "name a file with one request a line",
}

Survey = Mapping[str, tuple[Desired, ...]]


def plan_workspace(workspace: Workspace, stores: Mapping[str, FileStore], states: Mapping[str, State]) -> Plan:
    """The sealed plan of every spec of `workspace` against `states`, by spec name."""
    around = _circumstances(workspace)
    _check_addresses(workspace, states)
    surveyed = survey(workspace, around)
    changes = [
        with_typed_hint(change, spec.path, stores[spec.name].url, workspace.choices)
        for spec in workspace.specs
        for change in plan_changes(spec.name, spec.path, surveyed[spec.name], states[spec.name], around)
    ]
    return sealed(
        Plan(
            created_at=workspace.now.isoformat(timespec="seconds"),
            tool_version=__version__,
            project=workspace.project.name,
            targets=workspace.choices.targets,
            specs=tuple(_planned(spec, stores[spec.name].url, states[spec.name]) for spec in workspace.specs),
            changes=tuple(changes),
        )
    )


def _planned(spec: Spec, state_url: str, state: State) -> PlannedSpec:
    return PlannedSpec(
        name=spec.name,
        path=spec.path,
        sha256=spec.sha256,
        run=spec.run.label if spec.run.timezone == "UTC" else f"{spec.run.label} ({spec.run.timezone})",
        state=state_url,
        lineage=state.lineage if state.serial else "",
        serial=state.serial,
    )


def _circumstances(workspace: Workspace) -> Circumstances:
    return Circumstances(
        project=workspace.project.name,
        providers=workspace.providers,
        # A key's life is counted on the machine's clock; --at only says which run is meant.
        now=SystemClock().now(),
        targets=workspace.choices.targets,
        replace=workspace.choices.replace,
    )


def _check_addresses(workspace: Workspace, states: Mapping[str, State]) -> None:
    """A target or replacement that names nothing is a typing mistake, not an empty plan."""
    known = [batch.address for spec in workspace.specs for batch in spec.batches]
    recorded = [address for state in states.values() for address in state.batches]
    strangers = [*unmatched(workspace.choices.targets, [*known, *recorded]),
                 *sorted(workspace.choices.replace - set(known))]  # fmt: skip
    if strangers:
        near = did_you_mean(strangers[0], known)
        raise UsageError(
            "no-such-address",
            f"no batch is called {', '.join(strangers)}",
            why=f"There is {', '.join(known[:12]) or 'none'}{', …' if len(known) > 12 else ''}.",
            hint=near or "an address is SPEC/BATCH, quoted where it has brackets",
        )


def survey(workspace: Workspace, around: Circumstances | None = None) -> Survey:
    """The desired batches of each spec, inputs scanned. Raises `InvalidFiles` with everything wrong in any of them."""
    surveyor = _Surveyor(workspace)
    around = around or _circumstances(workspace)
    found = {spec.name: tuple(surveyor.desired(spec, around)) for spec in workspace.specs}
    if surveyor.diagnostics:
        raise InvalidFiles(tuple(surveyor.diagnostics), unlisted=surveyor.unlisted)
    return found


@dataclass(slots=True)
class _Surveyor:
    workspace: Workspace
    diagnostics: list[Diagnostic] = field(default_factory=list)
    unlisted: int = 0
    scans: dict[tuple[str, str], Scan] = field(default_factory=dict)

    def desired(self, spec: Spec, around: Circumstances) -> Iterator[Desired]:
        for batch in spec.batches:
            if not around.targeted(batch.address):
                continue
            source = self._source(spec, batch)
            if source is not None:
                yield _desired(spec, batch, source, self.workspace)

    def _source(self, spec: Spec, batch: Batch) -> Source | None:
        declared = batch.declaration
        if declared.input_file_id is not None:
            return ProviderFile(file_id=declared.input_file_id)
        facts = self.workspace.project.providers[declared.provider]
        try:
            return self._scanned(spec, declared.input or "", declared.endpoint, facts)
        except InputRefused as refusal:
            pointer = (*batch.pointer, "input")
            hint = _HOW_TO_REACH.get(refusal.code, "")
            self.diagnostics.append(diagnostic_at(spec, pointer, refusal.code, refusal.message, hint))
            return None

    def _scanned(self, spec: Spec, path: str, endpoint: str, facts: ProviderFacts) -> Source:
        root = self.workspace.project.root
        relative = relative_to_root(root, spec.folder, path)
        if (relative, endpoint) not in self.scans:
            shown = os.path.relpath(os.path.join(root, relative))
            with open_beneath(root, relative) as stream:
                scan = scan_input(stream, path=relative, shown=shown, endpoint=endpoint, limits=facts.limits)
            self.scans[relative, endpoint] = scan
            self.diagnostics.extend(scan.diagnostics)
            self.unlisted += scan.unlisted
        return self.scans[relative, endpoint].file


def _desired(spec: Spec, batch: Batch, source: Source, workspace: Workspace) -> Desired:
    declared = batch.declaration
    provider = SANDBOX if workspace.choices.sandbox else declared.provider
    paid_for = fingerprint(provider, declared.endpoint, declared.completion_window, source.content)
    return Desired(
        address=batch.address,
        run_key=spec.run.key or f"content:{paid_for.removeprefix('sha256:')[:12]}",
        provider=provider,
        endpoint=declared.endpoint,
        completion_window=declared.completion_window,
        metadata=declared.metadata,
        source=source,
        fingerprint=paid_for,
    )

"""Plans a workspace: its batches with their inputs scanned, against the states."""

from collections.abc import Iterable, Iterator, Mapping
from shlex import quote
from typing import TYPE_CHECKING

from batchrunner._version import __version__
from batchrunner.address import matches, unmatched
from batchrunner.digest import fingerprint
from batchrunner.errors import UsageError
from batchrunner.manifest import ProviderFile, Source
from batchrunner.planner import Circumstances, Desired, plan_changes
from batchrunner.plans import Plan, PlannedSpec, sealed
from batchrunner.spec import Batch, Spec
from batchrunner.state import State
from batchrunner.stores import FileStore
from batchrunner.suggestions import did_you_mean
from batchrunner.wiring.scanning import scan_inputs
from batchrunner.wiring.typed import with_typed_hint
from batchrunner.wiring.workspace import SANDBOX, Choices, SystemClock, Workspace

if TYPE_CHECKING:
    from batchrunner.inputs import Scan


def plan_workspace(workspace: Workspace, stores: Mapping[str, FileStore], states: Mapping[str, State]) -> Plan:
    """The sealed plan of every spec of `workspace` against `states`, by spec name.

    Raises `InvalidFiles` for what is wrong with inputs, `UsageError` for targets and replacements that cannot be meant.
    """
    around = _circumstances(workspace)
    _check_addresses(workspace, states)
    changes = [
        with_typed_hint(change, spec.path, stores[spec.name].url, workspace.choices)
        for spec, desired in _survey(workspace)
        for change in plan_changes(spec.name, spec.path, desired, states[spec.name], around)
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
    inexact = sorted(workspace.choices.replace - set(known))
    _check_replacements_are_exact(inexact, known)
    strangers = [*unmatched(workspace.choices.targets, [*known, *recorded]), *inexact]
    if strangers:
        near = did_you_mean(strangers[0], known)
        raise UsageError(
            "no-such-address",
            f"no batch is called {', '.join(strangers)}",
            why=f"There is {', '.join(known[:12]) or 'none'}{', …' if len(known) > 12 else ''}.",
            hint=near or "an address is SPEC/BATCH, quoted where it has brackets",
        )
    _check_replacements_are_targeted(workspace.choices)


def _check_replacements_are_exact(inexact: Iterable[str], known: Iterable[str]) -> None:
    """Each replacement costs money, so it is named in full: a pattern could grow."""
    for word in inexact:
        if near := [address for address in known if matches(word, address)]:
            raise UsageError(
                "no-such-address",
                f"--replace takes one exact address, and no batch is called {word}",
                why=f"It could mean {', '.join(near[:12])}{', …' if len(near) > 12 else ''}.",
                hint=f"--replace {quote(near[0])}, once for each batch that is to be paid for again",
            )


def _check_replacements_are_targeted(choices: Choices) -> None:
    missed = [address for address in sorted(choices.replace) if not any(matches(t, address) for t in choices.targets)]
    if choices.targets and missed:
        raise UsageError(
            "replace-not-targeted",
            f"--replace {', '.join(missed)} is outside of --target",
            hint="target it too, or leave --target out",
        )


def _survey(workspace: Workspace) -> Iterator[tuple[Spec, tuple[Desired, ...]]]:
    """The desired batches of each spec that are targeted, inputs scanned."""
    files = scan_inputs(workspace)
    for spec in workspace.specs:
        sources = ((batch, _source(batch, files)) for batch in spec.batches)
        yield spec, tuple(_desired(spec, batch, source, workspace) for batch, source in sources if source is not None)


def _source(batch: Batch, files: "Mapping[str, Scan]") -> Source | None:
    if batch.declaration.input_file_id is not None:
        return ProviderFile(file_id=batch.declaration.input_file_id)
    scan = files.get(batch.address)
    return scan.parts[0].file if scan else None


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

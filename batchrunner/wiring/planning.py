"""Plans a workspace: its batches with their inputs scanned, against the states."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from batchrunner._version import __version__
from batchrunner.address import declaration_of, shard, spec_of, whole_of
from batchrunner.desired import Circumstances, Desired
from batchrunner.digest import fingerprint
from batchrunner.importing import Openings
from batchrunner.manifest import LocalFile, ProviderFile, Source
from batchrunner.moving import Relocation, blocked_by
from batchrunner.planner import not_replaced, plan_changes
from batchrunner.plans import Change, Notice, Plan, PlannedSpec, sealed
from batchrunner.policy import rules_of
from batchrunner.spec import Batch, Spec
from batchrunner.state import State, distinct
from batchrunner.stores import FileStore
from batchrunner.wiring.catching import Missed, missed
from batchrunner.wiring.estimates import Asked, Name, priced
from batchrunner.wiring.leftbehind import check_left_behind
from batchrunner.wiring.moving import renaming_of
from batchrunner.wiring.namesakes import check_places
from batchrunner.wiring.naming import check_batches, check_shards
from batchrunner.wiring.scanning import scan_inputs
from batchrunner.wiring.settling import imports_of, imports_of_other_runs, relocated_states, strays_of
from batchrunner.wiring.typed import kept_flags, with_typed_hint
from batchrunner.wiring.workspace import SANDBOX, SystemClock, Workspace

if TYPE_CHECKING:
    from batchrunner.inputs import Scan


def plan_workspace(workspace: Workspace, stores: Mapping[str, FileStore], states: Mapping[str, State]) -> Plan:
    """The sealed plan of every spec of `workspace` against `states`, by spec name.

    Raises `InvalidFiles` for what is wrong with inputs, `UsageError` for targets and replacements that cannot be meant.
    """
    check_places(workspace, states)
    moving = relocated_states(workspace, stores, states)
    check_batches(workspace, moving.states)
    catching = missed(workspace, moving.states)
    survey = _survey(workspace, catching)
    check_shards(workspace.choices, survey.addresses, moving.states)
    check_left_behind(workspace, survey.desired, states)
    strays = strays_of(workspace, survey.desired, stores, moving.states)
    around = replace(circumstances_of(workspace, moving.states.values()), strays=strays)
    importing = imports_of(workspace, survey.desired, moving.states, around)
    around = replace(around, imports={name: each.batch_id for name, each in importing.ids.items()})
    planning = _Planning(workspace, stores, moving, survey, importing, around)
    found = priced(planning.changes(), survey.asked, around.now, workspace.project.policy)
    told = (*catching.notices, *_asked_again(survey, catching), *survey.notices, *importing.idle,
            *not_replaced(found.changes, around), *found.notices)  # fmt: skip
    return sealed(
        Plan(
            created_at=workspace.now.isoformat(timespec="seconds"),
            tool_version=__version__,
            project=workspace.project.name,
            targets=workspace.choices.targets,
            flags=kept_flags(workspace.choices),
            paths=workspace.paths,
            rules=rules_of(workspace.project.policy),
            specs=tuple(planning.spec(spec, catching) for spec in workspace.specs),
            changes=found.changes,
            notices=told,
            refusals=found.refusals,
        )
    )


@dataclass(frozen=True, slots=True)
class _Planning:
    """What the changes of a workspace follow from: `moving` are its states with their moves made."""

    workspace: Workspace
    stores: Mapping[str, FileStore]
    moving: Relocation
    survey: "_Survey"
    importing: Openings
    around: Circumstances

    def changes(self) -> Iterator[Change]:
        """Moves and the imports of other runs, then what becomes of each spec, with the commands as one types them."""
        yield from self.moving.moves
        if self.importing.ids:
            unread, desired = unread_of(self.workspace), self.survey.desired
            yield from imports_of_other_runs(self.importing, unread, desired, self.moving.states, self.around)
        for spec in self.workspace.specs:
            for change in self._changes_of(spec):
                yield with_typed_hint(change, spec.path, self.stores[spec.name].url, self.workspace.choices)

    def _changes_of(self, spec: Spec) -> Iterator[Change]:
        """The changes of `spec`; of a batch whose move cannot be, that alone."""
        blocked = {
            each.address: blocked_by(each) for each in self.moving.conflicts if spec_of(each.address) == spec.name
        }
        yield from blocked.values()
        desired = [each for each in self.survey.desired[spec.name] if whole_of(each.address) not in blocked]
        for change in plan_changes(spec.name, spec.path, desired, self.moving.states[spec.name], self.around):
            if whole_of(change.address) not in blocked:
                yield change

    def spec(self, spec: Spec, catching: Missed) -> PlannedSpec:
        """`spec` as a plan names it, with its state as it was found."""
        state, caught_up = self.moving.states[spec.name], len(catching.runs(spec.name))
        run = spec.run.label if spec.run.timezone == "UTC" else f"{spec.run.label} ({spec.run.timezone})"
        return PlannedSpec(
            name=spec.name,
            path=spec.path,
            sha256=spec.sha256,
            run=f"{run} and {caught_up} missed before" if caught_up else run,
            state=self.stores[spec.name].url,
            lineage=state.lineage if state.serial else "",
            serial=state.serial,
        )


def desired_of(workspace: Workspace) -> Mapping[str, tuple[Desired, ...]]:
    """What the specs want now, by the spec's name. Raises `InvalidFiles` for what is wrong with inputs."""
    return _survey(workspace).desired


def unread_of(workspace: Workspace) -> Mapping[str, tuple[Desired, ...]]:
    """What has a run key without its input, by the spec's name: as if its source were an unknown file."""
    unknown = ProviderFile(file_id="")
    return {
        spec.name: tuple(_desired(spec, batch, unknown, workspace) for batch in spec.batches)
        for spec in workspace.specs
        if spec.run.key
    }


def circumstances_of(workspace: Workspace, states: Iterable[State]) -> Circumstances:
    """What else a plan depends on."""
    return Circumstances(
        project=workspace.project.name,
        providers=workspace.providers,
        # A key's life is counted on the machine's clock; --at only says which run is meant.
        now=SystemClock().now(),
        targets=workspace.choices.targets,
        replace=workspace.choices.replace,
        held=held_keys(states),
        renaming=renaming_of(workspace.specs),
        declared=frozenset(declaration_of(batch.address) for spec in workspace.specs for batch in spec.batches),
    )


def held_keys(states: Iterable[State]) -> Mapping[str, tuple[str, str]]:
    """For which address and run each key in `states` is."""
    return {
        attempt.intent.idempotency_key: (address, run_key)
        for state in distinct(states)
        for address, runs in state.batches.items()
        for run_key, attempts in runs.items()
        for attempt in attempts
    }


@dataclass(frozen=True, slots=True)
class _Survey:
    """What the specs want, by spec, what each address asks for, and what was found in inputs that stops nothing."""

    desired: Mapping[str, tuple[Desired, ...]]
    asked: Mapping[Name, Asked]
    notices: tuple[Notice, ...]

    @property
    def addresses(self) -> frozenset[str]:
        """All that is wanted, shard by shard."""
        return frozenset(each.address for wanted in self.desired.values() for each in wanted)


def _survey(workspace: Workspace, catching: Missed | None = None) -> _Survey:
    """The desired batches that are targeted, their inputs scanned: all shards of a batch of which one is targeted.

    Those of the run of now come first, then what is caught up.
    """
    planned = [(workspace, scan_inputs(workspace)), *(catching.workspaces if catching else ())]
    desired: dict[str, tuple[Desired, ...]] = {}
    asked: dict[Name, Asked] = {}
    for each, scans in planned:
        for spec in each.specs:
            desired[spec.name] = (*desired.get(spec.name, ()), *_desired_of(spec, scans, each))
            asked.update(_asked_by(spec, scans, each))
    notices = dict.fromkeys(notice for _, scans in planned for scan in scans.values() for notice in scan.notices)
    return _Survey(desired, asked, tuple(notices))


def _asked_again(survey: _Survey, catching: Missed) -> Iterator[Notice]:
    """Batches that ask for the same in several runs of one plan: their input does not depend on the run."""
    if not catching.workspaces:
        return
    runs: dict[tuple[str, str], int] = {}
    for each in (each for wanted in survey.desired.values() for each in wanted):
        runs[each.address, each.fingerprint] = runs.get((each.address, each.fingerprint), 0) + 1
    for (address, _), times in runs.items():
        if times > 1:
            words = f"asks for the same in {times} intervals, and is paid for in each: its input names no ${{run.date}}"
            yield Notice(code="same-content", message=words, where=address)


def _desired_of(spec: Spec, scans: "Mapping[str, Scan]", workspace: Workspace) -> Iterator[Desired]:
    for batch in spec.batches:
        if batch.declaration.input_file_id is not None:
            source = ProviderFile(file_id=batch.declaration.input_file_id)
            yield _desired(spec, batch, source, workspace)
        elif batch.address in scans:
            for part in scans[batch.address].parts:
                yield _desired(spec, batch, part.file, workspace)


def _asked_by(spec: Spec, scans: "Mapping[str, Scan]", workspace: Workspace) -> Iterator[tuple[Name, Asked]]:
    for batch in spec.batches:
        if scan := scans.get(batch.address):
            facts = workspace.project.providers[batch.declaration.provider]
            for part in scan.parts:
                yield _desired(spec, batch, part.file, workspace).name, Asked(part.demands, scan.counted_by, facts)


def _address(batch: Batch, source: Source) -> str:
    part = source.part if isinstance(source, LocalFile) else None
    return shard(batch.address, part.number) if part else batch.address


def _desired(spec: Spec, batch: Batch, source: Source, workspace: Workspace) -> Desired:
    declared = batch.declaration
    provider = SANDBOX if workspace.choices.sandbox else declared.provider
    paid_for = partial(fingerprint, provider, declared.endpoint, declared.completion_window)
    # Of all the content, for each of its shards: content that is cut otherwise is not content to be paid for again.
    whole = source.whole if isinstance(source, LocalFile) else source.content
    return Desired(
        address=_address(batch, source),
        run_key=spec.run.key or f"content:{paid_for(whole).removeprefix('sha256:')[:12]}",
        provider=provider,
        endpoint=declared.endpoint,
        completion_window=declared.completion_window,
        metadata=declared.metadata,
        source=source,
        fingerprint=paid_for(source.content),
    )

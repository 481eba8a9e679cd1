"""What a plan settles before it sends anything: moves of all specs, and what their `imports` come to."""

from collections.abc import Iterator, Mapping, Sequence

from batchrunner.desired import Circumstances, Desired
from batchrunner.errors import Diagnostic, InvalidFiles
from batchrunner.importing import Openings, misdirected, of_other_runs, openings
from batchrunner.loader import Finding, diagnostics_at
from batchrunner.moving import Relocation, relocate
from batchrunner.plans import Import
from batchrunner.renaming import Renaming
from batchrunner.state import Entry, State, distinct
from batchrunner.stores import FileStore
from batchrunner.wiring.moving import Strays, relocation_of
from batchrunner.wiring.workspace import Workspace

Wanted = Mapping[str, Sequence[Desired]]
"""What specs want, by their names."""


def relocated_states(workspace: Workspace, stores: Mapping[str, FileStore], states: Mapping[str, State]) -> Relocation:
    """`states` as they will be, the moves that make them so, and those that cannot be."""
    moving, targets = relocation_of(states, stores), workspace.choices.targets
    for spec in workspace.specs:
        if spec.moved:
            relocate(spec.name, Renaming(spec.moved), moving, targets)
    return moving


def strays_of(
    workspace: Workspace, wanted: Wanted, stores: Mapping[str, FileStore], states: Mapping[str, State]
) -> Mapping[tuple[str, str], Sequence[Entry]]:
    """What was submitted of the content that is `wanted`, under names that no spec has."""
    return Strays(workspace.specs, states).found(wanted, stores, workspace.state_suffix())


def imports_of(workspace: Workspace, wanted: Wanted, states: Mapping[str, State], around: Circumstances) -> Openings:
    """What is to be imported. Raises `InvalidFiles` for shards that are not there."""
    known = distinct(states.values())
    wrong: list[Diagnostic] = []
    for spec in workspace.specs:
        found = misdirected(spec.imports, wanted[spec.name], known)
        findings = [Finding("import-to-undeclared", words, (*each.pointer, "to"), hint) for each, words, hint in found]
        wrong += diagnostics_at(spec, findings)
    if wrong:
        raise InvalidFiles(tuple(wrong))
    desired = [each for each_of in wanted.values() for each in each_of]
    return openings([each for spec in workspace.specs for each in spec.imports], desired, known, around)


def imports_of_other_runs(
    importing: Openings, unread: Wanted, wanted: Wanted, states: Mapping[str, State], around: Circumstances
) -> Iterator[Import]:
    """The imports of runs that are not planned; `unread` are the declared batches as if their inputs were unknown."""
    wholes = {each.address: each for batches in unread.values() for each in batches}
    planned = {each.name for batches in wanted.values() for each in batches}
    yield from of_other_runs(importing, wholes, planned, states, around)

"""Where in the specs of a workspace batches are declared."""

from collections.abc import Collection
from dataclasses import replace

from batchrunner.address import whole_of
from batchrunner.errors import Diagnostic
from batchrunner.loader import Finding, diagnostics_at
from batchrunner.plans import Plan, Unchanged
from batchrunner.wiring.workspace import Workspace


def places_of(workspace: Workspace, plan: Plan) -> dict[str, Diagnostic]:
    """Where those batches of `plan` are declared that a reviewer is pointed to, by address without shards."""
    ended = [change.address for change in plan.changes if isinstance(change, Unchanged) and change.hint]
    asked = [refusal.address for refusal in plan.refusals] + [change.address for change in plan.blocked]
    return _places(workspace, {whole_of(address) for address in (*asked, *ended)})


def _places(workspace: Workspace, addresses: Collection[str]) -> dict[str, Diagnostic]:
    places: dict[str, Diagnostic] = {}
    for spec in workspace.specs:
        wanted = [batch for batch in spec.batches if batch.address in addresses]
        pointers = {batch.pointer for batch in wanted}
        # The loader says each place once for each finding: the pointer finds it again.
        found = {pointer: place for pointer in pointers for place in diagnostics_at(spec, [Finding("", "", pointer)])}
        places |= {batch.address: replace(found[batch.pointer], source="") for batch in wanted}
    return places

"""Specs as they are declared for a run, their patterns not expanded and none of their inputs looked at."""

from datetime import datetime
from typing import TYPE_CHECKING

from batchrunner.address import FILE, members_of, spec_of
from batchrunner.coverage import Coverage, History
from batchrunner.loader import Source, load_specs
from batchrunner.runkeys import moment_of, parse_time
from batchrunner.settings import environment
from batchrunner.spec import Recurrence, Spec
from batchrunner.state import State

if TYPE_CHECKING:
    from batchrunner.wiring.workspace import Workspace


def declared_for(workspace: "Workspace", spec: Spec, run_key: str) -> Spec:
    """`spec` for the run `run_key`, empty for that of now. Raises `InvalidFiles` for what only that run has wrong."""
    (loaded,) = load_specs(
        [spec.path],
        project=workspace.project,
        environment=environment(),
        variables=workspace.choices.variables,
        now=workspace.now,
        run_key=run_key or None,
        stdin=bytes,
        read=lambda path, stdin: Source(path, spec.text),
        all_variables=False,
    )
    return loaded


def as_declared(workspace: "Workspace", spec: Spec) -> Spec:
    """`spec` of the workspace with its patterns as they are written, where it has the files that they name."""
    if not any(FILE in members_of(batch.address) for batch in spec.batches):
        return spec
    return declared_for(workspace, spec, workspace.choices.run_key or workspace.settings.run_key)


def coverage_of(workspace: "Workspace", spec: Spec, state: State) -> Coverage:
    """What was submitted of `spec`, by its intervals, from `--since` or the first submission until now.

    Raises `UsageError` `bad-time`, `too-many-intervals`.
    """
    entries = (entry for entry in state.entries() if spec_of(entry.address) == spec.name)
    addresses = [batch.address for batch in as_declared(workspace, spec).batches]
    history = History(addresses, entries, workspace.choices.targets)
    return history.coverage(_recurrence(spec), workspace.now, _since(workspace.choices.since, spec))


def _recurrence(spec: Spec) -> Recurrence:
    return Recurrence(once_per=spec.run.once_per, timezone=spec.run.timezone)


def _since(word: str, spec: Spec) -> datetime | None:
    """The moment that `--since` names: an interval of the spec, or a time."""
    if not word:
        return None
    return moment_of(spec.run.once_per, spec.run.timezone, word) or parse_time(word, spec.run.timezone)

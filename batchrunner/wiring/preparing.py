"""Plans under their locks: fresh from specs, or saved and checked against the ground they stand on now."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from batchrunner.address import spec_of
from batchrunner.errors import StaleError
from batchrunner.facts import ProviderFacts
from batchrunner.loader import load_project
from batchrunner.moving import Conflict
from batchrunner.plans import Plan, Refusal, Sendable
from batchrunner.project import Project
from batchrunner.settings import Settings, environment
from batchrunner.staleness import not_begun
from batchrunner.state import Entry
from batchrunner.stores import FileStore, load_states, open_store
from batchrunner.wiring.grounds import check_ground
from batchrunner.wiring.moving import relocated_by, taken_elsewhere
from batchrunner.wiring.places import SANDBOX, Apart, apart_of
from batchrunner.wiring.planning import plan_workspace
from batchrunner.wiring.recounting import broken_rules
from batchrunner.wiring.running import Ground, locked
from batchrunner.wiring.typed import profile_of
from batchrunner.wiring.workspace import Choices, Workspace, effective_providers


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a lock in seconds, and whom to tell."""

    timeout: float
    waiting: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan under its locks, and what it is sent with. `root` is where its inputs lie.

    Nothing of it may be sent where there are `refusals`: rules that `project_file` has now, whatever the plan says.
    """

    plan: Plan
    ground: Ground
    providers: Mapping[str, ProviderFacts]
    root: str
    refusals: tuple[Refusal, ...]
    project_file: str


@contextmanager
def prepared_from_specs(workspace: Workspace, patience: Patience) -> Iterator[Prepared]:
    """Plan `workspace` with its states locked, so that what is planned is what is there."""
    stores = workspace.stores()
    with loaded(stores, patience) as ground:
        plan = plan_workspace(workspace, stores, ground.states)
        project = workspace.project
        yield Prepared(
            plan, replace(ground, pending=plan.moves), workspace.providers, project.root, plan.refusals, project.path
        )


@contextmanager
def prepared_from_plan(
    plan: Plan, choices: Choices, patience: Patience, meet: Callable[[Project], None]
) -> Iterator[Prepared]:
    """A saved plan; reads no spec. `meet` is told the project as soon as it is known.

    Raises `StaleError` where state, inputs or providers have moved.
    """
    named = choices.project or Settings.read(environment()).project or None
    project = load_project(named, _folder(plan), profile_of(plan))
    meet(project)
    providers = effective_providers(project, environment(), sandbox=sends_to_sandbox(plan))
    apart = apart_of(project, sandbox=sends_to_sandbox(plan))
    with loaded(_stores_of(plan, choices.state, apart), patience) as ground:
        moving = relocated_by(plan.moves, ground.states, ground.stores)
        if moving.conflicts:
            raise _moved_otherwise(moving.conflicts[0])
        check_ground(plan, moving.states, providers, project.root)
        unsent = not_begun(plan, moving.states)
        if taken := taken_elsewhere(unsent, ground.stores, apart.suffix(choices.state)):
            raise _called_otherwise(*taken)
        broken = broken_rules(unsent, project, providers)
        ground = replace(ground, pending=tuple(moving.moves))
        yield Prepared(plan, ground, providers, project.root, broken, project.path)


@contextmanager
def loaded(stores: Mapping[str, FileStore], patience: Patience) -> Iterator[Ground]:
    """States as they are, with `stores`, which are by spec name, locked."""
    with locked(stores, patience.timeout, patience.waiting):
        ground = Ground(load_states(stores), stores)
        # What a crash left in the journal belongs into the snapshot that people commit, also where nothing is sent.
        ground.fold()
        yield ground


def sends_to_sandbox(plan: Plan) -> bool:
    """Whether `plan` was made for the sandbox."""
    is_sent_there = any(change.provider == SANDBOX for change in (*plan.sendable, *plan.imports))
    return is_sent_there or "--sandbox" in plan.flags


def _folder(plan: Plan) -> Path:
    return next((Path(spec.path).parent for spec in plan.specs if spec.path != "-"), Path())


def _stores_of(plan: Plan, state_url: str, apart: Apart) -> dict[str, FileStore]:
    url, suffix = apart.url(state_url), apart.suffix(state_url)
    opened: dict[str, FileStore] = {}

    def store(name: str, state: str) -> FileStore:
        found = open_store(url or state, spec_name=name + suffix, default=Path(state))
        return opened.setdefault(os.path.abspath(found.url), found)

    stores = {spec.name: store(spec.name, spec.state) for spec in plan.specs}
    for move in plan.moves:
        name = spec_of(move.previous)
        if name not in stores and move.previous_state:
            stores[name] = store(name, move.previous_state)
    return stores


def _moved_otherwise(conflict: Conflict) -> StaleError:
    message = f"state has moved since the plan was made: {conflict.previous} and {conflict.address} both have attempts"
    return StaleError("stale-plan", message, why=f"Both were begun for {conflict.run_key}.", hint="Plan again.")


def _called_otherwise(change: Sendable, entry: Entry) -> StaleError:
    message = f"state has moved since the plan was made: {change.address} is called {entry.address} now"
    return StaleError("stale-plan", message, why=f"It was submitted for {entry.run_key} there.", hint="Plan again.")

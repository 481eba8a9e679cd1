"""From paths and flags to specs, providers and stores; sends nothing and reads no credential."""

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from batchrunner import records
from batchrunner.catalog import sandbox_facts
from batchrunner.errors import InvalidFiles, Refused, UsageError
from batchrunner.extensions import Providers
from batchrunner.facts import ProviderFacts
from batchrunner.loader import diagnostics_at, find_specs, load_project, load_specs, moved_files
from batchrunner.origins import checked_origin
from batchrunner.project import Project
from batchrunner.runkeys import parse_time
from batchrunner.settings import Settings, environment
from batchrunner.spec import Spec
from batchrunner.wiring.expanding import Expander, has_patterns
from batchrunner.wiring.inputs import refused_inputs, refused_of
from batchrunner.wiring.moving import holder_of, sources_elsewhere
from batchrunner.wiring.places import SANDBOX as SANDBOX
from batchrunner.wiring.places import apart_of, state_url, store_of_spec

if TYPE_CHECKING:
    from batchrunner.stores import FileStore


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The time now, in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Choices:
    """What the flags said; empty means not said. `at` is a time as typed, `replace` exact addresses.

    `catch_up` is how many missed intervals of each spec are wanted too, `since` the first that counts as one.
    """

    project: str = ""
    state: str = ""
    run_key: str = ""
    at: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    targets: tuple[str, ...] = ()
    replace: frozenset[str] = frozenset()
    sandbox: bool = False
    profile: str = ""
    catch_up: int = 0
    since: str = ""

    def replacing(self, addresses: Iterable[str]) -> "Choices":
        """The same choices, and `addresses` submitted once more."""
        return replace(self, replace=frozenset(addresses))

    def looking_back(self, since: str) -> "Choices":
        """The same choices, and intervals looked at from `since` on."""
        return replace(self, since=since)

    def catching_up(self, number: int, since: str) -> "Choices":
        """The same choices, and up to `number` missed intervals of each spec, none before `since`."""
        if since and not number:
            raise UsageError("since-without-catch-up", "--since says from when on --catch-up looks, which is not given",
                             hint="add --catch-up N, or leave out --since")  # fmt: skip
        return replace(self, catch_up=number, since=since)


@dataclass(frozen=True, slots=True)
class Workspace:
    """Everything a plan is made from, but for state. `paths` are as typed, `now` is the run's one clock reading."""

    paths: tuple[str, ...]
    choices: Choices
    settings: Settings
    project: Project
    providers: Mapping[str, ProviderFacts]
    specs: tuple[Spec, ...]
    now: datetime

    def stores(self) -> "dict[str, FileStore]":
        """The state store of each spec, by the spec's name; specs that share a file share a store.

        Those of specs that are gone are there too, where something in them is moved and still has its old name.
        """
        opened: dict[str, FileStore] = {}
        by_spec: dict[str, FileStore] = {}
        for spec in self.specs:
            store = self._store(spec)
            by_spec[spec.name] = opened.setdefault(os.path.abspath(store.url), store)
        for name, spec in sources_elsewhere(self.specs).items():
            source = holder_of(name, self._store(replace(spec, path=_beside(spec, name), name=name)),
                               by_spec[spec.name], self.state_suffix())  # fmt: skip
            if source is not None:
                by_spec[name] = opened.setdefault(os.path.abspath(source.url), source)
        return by_spec

    def expanded(self) -> "Workspace":
        """The same, with patterns replaced by the files that there are. Raises `InvalidFiles`."""
        return replace(self, specs=_expanded(self.specs, Expander(self.project.root, self.choices.targets)))

    def state_suffix(self) -> str:
        """What comes before the ending of the name of a state, for this profile and sandbox."""
        return apart_of(self.project, sandbox=self.choices.sandbox).suffix(self.state_url())

    def _store(self, spec: Spec) -> "FileStore":
        apart = apart_of(self.project, sandbox=self.choices.sandbox)
        return store_of_spec(spec.path, spec.name, self.state_url(), apart)

    def state_url(self) -> str:
        """Where state is kept, by flag, variable or project file; empty for beside the spec."""
        return self.choices.state or state_url(self.settings, self.project)


def _beside(spec: Spec, name: str) -> str:
    """Where a spec called `name` would be, in the folder of `spec`."""
    return os.path.join(os.path.dirname(spec.path), f"{name}.yaml")


def _pass_by(project: Project) -> None:
    pass


def open_workspace(
    paths: Sequence[str],
    choices: Choices,
    *,
    stdin: Callable[[], bytes],
    variables: Mapping[str, str] | None = None,
    meet: Callable[[Project], None] = _pass_by,
    expand: bool = True,
    gone: Collection[str] = (),
) -> Workspace:
    """Load the project and the specs at `paths`, inputs that are patterns expanded, unless not `expand`.

    `meet` is told the project as soon as it is known, also where the specs turn out to be wrong. Those of `paths`
    that are `gone` are not read.

    Raises `InvalidFiles`, `Refused` or `UsageError`.
    """
    variables = environment() if variables is None else variables
    settings = Settings.read(variables)
    found = find_specs([path for path in paths if path not in gone])
    start = Path(found[0]).parent if found else Path(nearest_folder(paths[0]))
    choices = replace(choices, profile=choices.profile or settings.profile)
    project = load_project(choices.project or settings.project or None, start, choices.profile)
    meet(project)
    now = parse_time(choices.at) if choices.at else SystemClock().now()
    expander = Expander(project.root, choices.targets)
    specs = load_specs(
        found,
        project=project,
        environment=variables,
        variables=choices.variables,
        now=now,
        run_key=choices.run_key or settings.run_key or None,
        stdin=stdin,
        inspect=partial(refused_inputs, expander),
    )
    return Workspace(
        paths=tuple(paths),
        choices=choices,
        settings=settings,
        project=project,
        providers=effective_providers(project, variables, sandbox=choices.sandbox, used=_used(specs)),
        specs=_expanded(specs, expander) if expand else specs,
        now=now,
    )


def nearest_folder(path: str) -> str:
    """The folder of `path`, or the nearest around it that there is: of a pattern, the one it starts at."""
    while not os.path.isdir(path):
        path = os.path.dirname(path) or os.curdir
    return path


def _expanded(specs: tuple[Spec, ...], expander: Expander) -> tuple[Spec, ...]:
    """`specs` with their patterns expanded. Raises `InvalidFiles` with all that is wrong with the paths of inputs."""
    if not any(has_patterns(spec.batches) for spec in specs):
        return specs
    expanded = [(spec, expander.expanded(spec.folder, spec.batches)) for spec in specs]
    if any(expansion.refusals.findings for _, expansion in expanded):
        refused = [diagnostics_at(spec, refused_of(expander, spec.folder, expansion)) for spec, expansion in expanded]
        raise InvalidFiles(tuple(diagnostic for each in refused for diagnostic in each))
    specs = tuple(replace(spec, batches=expansion.batches) for spec, expansion in expanded)
    if still := [each for spec in specs for each in diagnostics_at(spec, moved_files(spec))]:
        raise InvalidFiles(tuple(still))
    return specs


def _used(specs: Iterable[Spec]) -> Collection[str]:
    return {batch.declaration.provider for spec in specs for batch in spec.batches}


def effective_providers(
    project: Project, variables: Mapping[str, str], *, sandbox: bool, used: Collection[str] = ()
) -> Mapping[str, ProviderFacts]:
    """The providers with their origins as the environment sets them; the sandbox alone where that is asked for.

    Raises `Refused` for a variable that is no origin, of a provider in `used`. Another provider's may be meant for
    another program: it has `${NAME}` as its origin then, which nothing can be sent to.
    """
    if sandbox:
        return {SANDBOX: sandbox_facts()}
    known = {name: project.providers[name] for name in {*project.providers, *used} if name in project.providers}
    return Providers({name: _with_origin(name, facts, variables, name in used) for name, facts in known.items()})


def _with_origin(name: str, facts: ProviderFacts, variables: Mapping[str, str], is_used: bool) -> ProviderFacts:
    url = variables.get(facts.origin_env or "", "")
    if not url:
        return facts
    try:
        origin = checked_origin(url, f"{facts.origin_env} (provider {name})")
    except Refused:
        if is_used:
            raise
        origin = f"${{{facts.origin_env}}}"
    return records.replace(facts, origin=origin)

"""Whether the state of a spec would be that of another one too, in a profile or in the sandbox."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from batchrunner.address import spec_of
from batchrunner.errors import Refused
from batchrunner.loader.files import has_spec
from batchrunner.spec import Spec
from batchrunner.state import State
from batchrunner.wiring.places import SANDBOX
from batchrunner.wiring.workspace import Workspace


def check_places(workspace: Workspace, states: Mapping[str, State]) -> None:
    """Refuse a spec whose state another one has, or would have. Raises `Refused` `state-of-two-specs`."""
    url, suffix = workspace.state_url(), workspace.state_suffix()
    if url.endswith(".json"):
        return  # one file for all specs is what was asked for
    profiles = _profiles_at(workspace)
    for spec in workspace.specs:
        name = spec.name if url or spec.path == "-" else Path(spec.path).stem
        # Files that are called as the sandbox's are thrown away, also where no other spec is there yet.
        is_lost = name.endswith(f".{SANDBOX}") and not workspace.choices.sandbox
        for other in sorted(namesakes(f"{name}{suffix}", profiles) - {name}):
            if is_lost or _is_there(other, spec, states[spec.name]):
                raise _shared(spec, f"{name}{suffix}.state.json", other)


def _profiles_at(workspace: Workspace) -> list[str]:
    """The profiles that set states apart by their name where those of `workspace` are."""
    is_chosen = workspace.choices.state or workspace.settings.state
    project = workspace.project
    return [name for name in project.profiles if is_chosen or name not in project.housed]


def namesakes(stem: str, profiles: Iterable[str]) -> set[str]:
    """What specs are called whose state, in one of `profiles` or in the sandbox, is called `stem` too."""
    apart = ["", *(f".{profile}" for profile in profiles)]
    endings = [*apart, *(f"{each}.{SANDBOX}" for each in apart)]
    return {stem.removesuffix(ending) for ending in endings if stem.endswith(ending)} - {""}


def _is_there(other: str, spec: Spec, state: State) -> bool:
    return has_spec(os.path.dirname(spec.path), other) or any(spec_of(address) == other for address in state.batches)


def _shared(spec: Spec, state: str, other: str) -> Refused:
    return Refused(
        "state-of-two-specs",
        f"{state} would be the state of two specs: {spec.name} and {other}",
        where=spec.path,
        why="A profile, and the sandbox, come behind a spec's name. What was submitted for one would count for the "
        "other, or be thrown away with what was only tried.",
        hint="rename one of the files and say so in its `moved`, or name another state: --state FILE.json",
    )

"""From specs and providers to what a state lacks: everything `recover` needs, before anything is written."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from batchrunner.address import spec_of
from batchrunner.desired import Desired
from batchrunner.errors import InvalidFiles
from batchrunner.moments import text_of
from batchrunner.recovering import Found, Keyring, Recovery, recovery
from batchrunner.remote import RemoteBatch, key_in
from batchrunner.state import State
from batchrunner.stores import FileStore
from batchrunner.wiring.asking import Inquiry, Listed
from batchrunner.wiring.moving import renaming_of
from batchrunner.wiring.planning import desired_of, unread_of
from batchrunner.wiring.workspace import SANDBOX, SystemClock, Workspace

INPUTS_UNREAD = (
    "{what}. So what the specs want now is not known: batches are found by their tags and by keys of days, and "
    "their input is the file at the provider."
)


@dataclass(frozen=True, slots=True)
class Discovered:
    """What is at the providers of a workspace. `listed` counts all of their batches, by provider.

    `strangers` are tagged as batches of these specs by another project. `maybe` are batches of a file that a spec
    names, which nothing proves to be its batch. `untold` counts, by provider, batches that are named as ours
    are, by keys that are not known. `broken_off` are providers whose list was not read to its end.
    """

    found: tuple[Found, ...]
    listed: Mapping[str, int]
    strangers: tuple[tuple[str, RemoteBatch], ...]
    maybe: tuple[tuple[Desired, RemoteBatch], ...]
    broken_off: tuple[str, ...]
    untold: Mapping[str, int]
    desired: Mapping[str, tuple[Desired, ...]]

    def recovery_of(self, store: FileStore, stores: Mapping[str, FileStore], state: State) -> Recovery:
        """What the `state` in `store` lacks; `stores` are by spec."""
        kept_here = {name for name, each in stores.items() if each is store}
        found = [each for each in self.found if spec_of(each.tags.address) in kept_here]
        desired = [each for name in kept_here for each in self.desired.get(name, ())]
        return recovery(found, state, desired, text_of(SystemClock().now()))


def providers_asked(workspace: Workspace) -> set[str]:
    """The providers that the specs use; the sandbox alone where that is asked for."""
    if workspace.choices.sandbox:
        return {SANDBOX}
    return {batch.declaration.provider for spec in workspace.specs for batch in spec.batches}


def wanted(workspace: Workspace, warn: Callable[[str], None]) -> Mapping[str, tuple[Desired, ...]]:
    """What the specs want now, by spec; where inputs cannot be read a warning, and what has a key without them."""
    try:
        return desired_of(workspace)
    except InvalidFiles as error:
        warn(INPUTS_UNREAD.format(what=error.message))
        return unread_of(workspace)


def discover(workspace: Workspace, desired: Mapping[str, Sequence[Desired]], inquiry: Inquiry) -> Discovered:
    """Ask every provider of the specs what it has. Raises as `Inquiry.listed` does."""
    lists = [
        inquiry.listed(name, with_names=workspace.providers[name].metadata == "kept")
        for name in sorted(providers_asked(workspace))
    ]
    names = {spec.name for spec in workspace.specs}
    wanted_now = [each for wanted in desired.values() for each in wanted]
    keyring = Keyring(workspace.project.name, names, wanted_now, renaming_of(workspace.specs))
    return Discovered(
        found=tuple(each for listed in lists for each in _found(listed, keyring, workspace)),
        listed=dict(Counter({listed.provider: len(listed.batches) for listed in lists})),
        strangers=tuple(
            (listed.provider, batch) for listed in lists for batch in listed.batches if keyring.is_stranger(batch)
        ),
        maybe=tuple(
            (each, batch) for listed in lists for each in wanted_now for batch in _may_be(each, listed, keyring)
        ),
        broken_off=tuple(listed.provider for listed in lists if not listed.is_complete),
        untold={listed.provider: count for listed in lists if (count := _untold(listed, keyring))},
        desired={name: tuple(each) for name, each in desired.items()},
    )


def _untold(listed: Listed, keyring: Keyring) -> int:
    return sum(keyring.is_untold(batch, listed.names.get(batch.input_file_id, "")) for batch in listed.batches)


def _found(listed: Listed, keyring: Keyring, workspace: Workspace) -> Sequence[Found]:
    origin = workspace.providers[listed.provider].origin
    tagged = ((batch, keyring.tags_of(batch, listed.names.get(batch.input_file_id, ""))) for batch in listed.batches)
    return [Found(listed.provider, origin, batch, tags) for batch, tags in tagged if tags is not None]


def _may_be(desired: Desired, listed: Listed, keyring: Keyring) -> Sequence[RemoteBatch]:
    """Untagged batches of a file that was there before: others may have made them from it as well."""
    file_id = getattr(desired.source, "file_id", "")
    if not file_id or desired.provider != listed.provider:
        return ()
    return [batch for batch in listed.batches if batch.input_file_id == file_id and not key_in(batch.metadata)]

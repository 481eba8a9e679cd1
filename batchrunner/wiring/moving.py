"""Where what is moved is kept, what looks moved, and moves carried out: durable, and finished after any crash."""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from batchrunner.address import declaration_of, spec_of, whole_of
from batchrunner.desired import Desired, content_of
from batchrunner.errors import StateError
from batchrunner.events import Renamed
from batchrunner.loader import specs_in
from batchrunner.loader.files import has_spec
from batchrunner.moving import Relocation, carried_out, relocation
from batchrunner.plans import Move, Sendable
from batchrunner.renaming import Renaming
from batchrunner.spec import Spec
from batchrunner.state import Entry, State
from batchrunner.wiring.places import JOURNAL, SANDBOX, SNAPSHOT

if TYPE_CHECKING:
    from batchrunner.ports import Reporter
    from batchrunner.stores import FileStore


def renaming_of(specs: Sequence[Spec]) -> Renaming:
    """All that `specs` say of other names."""
    return Renaming(rule for spec in specs for rule in spec.moved)


def sources_elsewhere(specs: Sequence[Spec]) -> Mapping[str, Spec]:
    """The specs that are not among `specs` and that something is moved from, each with a spec it is moved to."""
    loaded = {spec.name for spec in specs}
    return {name: spec for spec in specs if spec.moved for name in Renaming(spec.moved).sources() if name not in loaded}


def holder_of(name: str, usual: "FileStore", beside: "FileStore", suffix: str) -> "FileStore | None":
    """The store that holds addresses of the spec called `name`: the `usual` one, or one in the same folder as `beside`.

    `suffix` is what sets states of its kind apart.
    """
    for store in (usual, *(store for _, store in _neighbours(beside, suffix))):
        if any(spec_of(address) == name for address in store.load().batches):
            return store
    return None


def _neighbours(store: "FileStore", suffix: str) -> Iterator[tuple[str, "FileStore"]]:
    """Other states in the folder of `store`, of the same kind, by the name of their spec's file."""
    folder, own = os.path.split(store.url)
    with suppress(OSError):
        yield from states_among(os.listdir(folder or "."), folder, suffix, own)


def states_among(names: Iterable[str], folder: str, suffix: str, own: str = "") -> "Iterator[tuple[str, FileStore]]":
    """The states whose files are among `names` in `folder`, but for the one called `own`, by the name of their spec's
    file."""
    from batchrunner.stores import FileStore

    endings = (f"{suffix}{SNAPSHOT}", f"{suffix}{JOURNAL}")
    stems = {name.removesuffix(ending) for name in names for ending in endings if name.endswith(ending)}
    for stem in sorted(stem for stem in stems if f"{stem}{suffix}{SNAPSHOT}" != own):
        if stem.endswith(f".{SANDBOX}"):
            continue  # no spec may be called so: see `check_places`
        other = FileStore(Path(folder, f"{stem}{suffix}{SNAPSHOT}"))
        if "." not in stem or _is_of_spec(stem, other):
            yield stem, other


def _is_of_spec(stem: str, store: "FileStore") -> bool:
    """Whether a dot in a state's name is one of its spec's: otherwise it belongs to another kind of state, that of a
    profile, whose defects are no concern of this one."""
    with suppress(StateError):
        return any(spec_of(address) == stem for address in store.load().batches)
    return False


def taken_elsewhere(
    changes: Iterable[Sendable], stores: "Mapping[str, FileStore]", suffix: str
) -> tuple[Sendable, Entry] | None:
    """One of `changes` whose key belongs to a submission in another state, beside those in `stores`: there its batch
    has another name now."""
    by_key = {change.idempotency_key: change for change in changes}
    beside = {os.path.dirname(store.url): store for store in stores.values()} if by_key else {}
    own = {os.path.abspath(store.url) for store in stores.values()}
    for each in beside.values():
        others = [other for _, other in _neighbours(each, suffix) if os.path.abspath(other.url) not in own]
        for entry in (entry for other in others for entry in other.load().entries()):
            key = entry.attempt.intent.idempotency_key
            if key in by_key and entry.attempt.may_be_sent:
                return by_key[key], entry
    return None


def relocation_of(states: Mapping[str, State], stores: "Mapping[str, FileStore]") -> Relocation:
    """Nothing moved yet, in copies of `states`."""
    return relocation(states, _urls(stores))


def relocated_by(moves: Sequence[Move], states: Mapping[str, State], stores: "Mapping[str, FileStore]") -> Relocation:
    """`states` as a plan's `moves` make them, and what is still to be done for that."""
    return carried_out(moves, states, _urls(stores))


def _urls(stores: "Mapping[str, FileStore]") -> Mapping[str, str]:
    return {name: store.url for name, store in stores.items()}


class Strays:
    """Submissions under names that no spec has, in `states` and in states of specs that are gone from their folder."""

    def __init__(self, specs: Sequence[Spec], states: Mapping[str, State]) -> None:
        self._specs = specs
        self._declared = {batch.address for spec in specs for batch in spec.batches}
        # Of a pattern that is not expanded, as nothing of it is targeted, every file may still be there.
        self._unexpanded = {declaration_of(batch.address) for spec in specs for batch in spec.batches
                            if batch.declaration.is_pattern}  # fmt: skip
        self._states = states
        self._names = {spec.name for spec in specs}
        self._renaming = renaming_of(specs)

    def found(
        self, desired: Mapping[str, Sequence[Desired]], stores: "Mapping[str, FileStore]", suffix: str
    ) -> Mapping[tuple[str, str], Sequence[Entry]]:
        """By run key and content, and by run key and key, as far as anything `desired` was not submitted under its own
        name."""
        wanted = {each.run_key for name, wanted in desired.items() for each in wanted
                  if not _is_begun(each, self._states[name])}  # fmt: skip
        found: dict[tuple[str, str], list[Entry]] = {}
        for entry in self._entries(wanted, stores, suffix) if wanted else ():
            # What `moved` tells of is moved, or waits for a person or another target.
            is_told = self._renaming.now(entry.address) != entry.address
            if not entry.attempt.is_retry and entry.attempt.may_be_sent and not is_told:
                for mark in (content_of(entry.attempt.intent), entry.attempt.intent.idempotency_key):
                    found.setdefault((entry.run_key, mark), []).append(entry)
        return found

    def _entries(self, runs: Collection[str], stores: "Mapping[str, FileStore]", suffix: str) -> Iterator[Entry]:
        for spec in self._specs:
            own = self._states[spec.name]
            yield from (each for each in _entries_of(own, runs) if spec_of(each.address) == spec.name
                        and not self._is_declared(each.address))  # fmt: skip
        for spec in {os.path.dirname(stores[spec.name].url): spec for spec in self._specs}.values():
            yield from self._gone(spec, stores[spec.name], runs, suffix)

    def _is_declared(self, address: str) -> bool:
        return whole_of(address) in self._declared or declaration_of(address) in self._unexpanded

    def _gone(self, spec: Spec, store: "FileStore", runs: Collection[str], suffix: str) -> Iterator[Entry]:
        here: Collection[str] | None = None
        for state in self._held_beside(spec, store, suffix):
            entries = [each for each in _entries_of(state, runs) if spec_of(each.address) not in self._names]
            if entries and here is None:
                here = specs_in(spec.folder)
            yield from (each for each in entries if spec_of(each.address) not in (here or ()))

    def _held_beside(self, spec: Spec, store: "FileStore", suffix: str) -> Iterator[State]:
        """The state of `spec`, which others may share, and those in its folder whose own spec is not there."""
        yield self._states[spec.name]
        for stem, other in _neighbours(store, suffix):
            if not has_spec(spec.folder, stem):
                yield other.load()


def _is_begun(desired: Desired, state: State) -> bool:
    attempts = state.batches.get(desired.address, {}).get(desired.run_key, ())
    return any(each.status == "submitted" or each.unresolved for each in attempts)


def _entries_of(state: State, runs: Collection[str]) -> Iterator[Entry]:
    for address, by_run in state.batches.items():
        for run_key in by_run.keys() & runs:
            yield from (Entry(address=address, run_key=run_key, attempt=each) for each in by_run[run_key])


def carry_out(moves: Sequence[Move], stores: "Mapping[str, FileStore]", reporter: "Reporter") -> Mapping[str, State]:
    """Write what `moves` make of the states in `stores`, which are locked; the states as they are then.

    A new name is durable before the old one is let go of: whatever a crash leaves, the same moves finish it. Raises
    `StateError`.
    """
    from batchrunner.stores import load_states

    before = load_states(stores)
    after = carried_out(moves, before, _urls(stores))
    writes = [_Write(stores[name], before[name], after.states[name], _leaving(after.moves, name, before))
              for name in {id(stores[name]): name for name in stores}.values()]  # fmt: skip
    for write in writes:
        write.take_in()
    for write in writes:
        write.let_go()
    for move in after.moves:
        reporter.report(Renamed(address=move.address, previous=move.previous))
    return load_states(stores)


class _Write:
    """One state on its way from `before` to `after`."""

    def __init__(self, store: "FileStore", before: State, after: State, leaving: Collection[str]) -> None:
        self._store = store
        self._before = before
        self._after = after
        # What comes to be in another state stays in this one until it is durable there.
        self._leaving = {address: before.batches[address] for address in leaving}

    def take_in(self) -> None:
        """Write all but what leaves for another state."""
        batches = {**self._after.batches, **self._leaving}
        if batches != self._before.batches:
            save(self._store, State(self._before.lineage, self._before.serial, batches))

    def let_go(self) -> None:
        """Write that the rest is gone."""
        if self._leaving:
            now = self._store.load()
            save(self._store, State(now.lineage, now.serial, self._after.batches))


def _leaving(moves: Sequence[Move], name: str, states: Mapping[str, State]) -> set[str]:
    """The addresses that `moves` take from the state of the spec `name` into another."""
    state = states[name]
    wholes = {move.previous for move in moves
              if states[spec_of(move.previous)] is state and states[spec_of(move.address)] is not state}  # fmt: skip
    return {address for address in state.batches if whole_of(address) in wholes}


def save(store: "FileStore", state: State) -> Path | None:
    """Make a changed `state` the next revision; the backup, None where there was nothing before."""
    if state.serial:
        return store.rewrite(state)
    store.append(list(state.entries()))
    store.fold()
    return None

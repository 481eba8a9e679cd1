"""Which submitted batches a command is about, and the providers that know of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from batchrunner.address import matches, natural, spec_of
from batchrunner.facts import ProviderFacts
from batchrunner.ports import AttemptName
from batchrunner.project import Project
from batchrunner.runkeys import names_run
from batchrunner.state import Entry, State
from batchrunner.stores import FileStore


@dataclass(frozen=True, slots=True)
class Followed:
    """What a command that follows up is about.

    `specs` are the names of specs and `patterns` addresses or globs, each empty for all; `run_key` as one types it,
    empty for every run. `runs` are addresses with the run that is meant of each, None for all. `stores` are where their
    states are.
    """

    project: Project
    providers: Mapping[str, ProviderFacts]
    stores: tuple[FileStore, ...]
    specs: frozenset[str] = frozenset()
    patterns: tuple[str, ...] = ()
    run_key: str = ""
    runs: frozenset[tuple[str, str]] | None = None

    def states(self) -> "FollowedStates":
        """The states as they are now."""
        return FollowedStates(self, {store.url: store.load() for store in self.stores})

    def is_about(self, address: str, run_key: str) -> bool:
        """Whether the command is about that run of `address`."""
        return (
            (not self.specs or spec_of(address) in self.specs)
            and (not self.patterns or any(matches(pattern, address) for pattern in self.patterns))
            and (not self.run_key or names_run(self.run_key, run_key))
            and (self.runs is None or (address, run_key) in self.runs)
        )


@dataclass(frozen=True, slots=True)
class FollowedStates:
    """States that were loaded, by the URL of their store."""

    followed: Followed
    states: Mapping[str, State]

    def entries(self) -> list[Entry]:
        """Every attempt that is meant, by address as a person counts, then by run and number."""
        found = [entry for state in self.states.values() for entry in state.entries()
                 if self.followed.is_about(entry.address, entry.run_key)]  # fmt: skip
        return sorted(found, key=lambda entry: (natural(entry.address), entry.run_key, entry.attempt.number))

    def submitted(self) -> list[Entry]:
        """The attempts among them that a remote batch was returned for."""
        return [entry for entry in self.entries() if entry.attempt.status == "submitted"]

    def open(self) -> list[Entry]:
        """The attempts among them whose remote batch has not ended, as far as is known."""
        return [entry for entry in self.entries() if entry.attempt.is_open]

    def store_of(self, address: str) -> FileStore:
        """Where `address` is kept."""
        return next(store for store in self.followed.stores if address in self.states[store.url].batches)


def name_of(entry: Entry) -> AttemptName:
    """Which attempt an entry is."""
    return AttemptName(entry.address, entry.run_key, entry.attempt.number)


def providers_of(entries: Sequence[Entry]) -> set[str]:
    """The names of the providers that have them."""
    return {entry.attempt.intent.provider for entry in entries}

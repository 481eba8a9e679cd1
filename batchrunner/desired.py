"""What specs want, and what else a plan depends on: values that are planned from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from batchrunner.address import matches, spec_of, whole_of
from batchrunner.digest import fingerprint, idempotency_key
from batchrunner.facts import ProviderFacts
from batchrunner.manifest import LocalFile, Source
from batchrunner.renaming import Renaming
from batchrunner.state import Attempt, Entry, Submission


@dataclass(frozen=True, slots=True)
class Desired:
    """A batch, or a shard of one, that a spec wants submitted once for `run_key`.

    `fingerprint` is the digest of what is paid for. Shards have an address, a source and a fingerprint each, and one
    run key together.
    """

    address: str
    run_key: str
    provider: str
    endpoint: str
    completion_window: str
    metadata: Mapping[str, str]
    source: Source
    fingerprint: str

    @property
    def name(self) -> tuple[str, str]:
        """Its address and run key."""
        return self.address, self.run_key

    @property
    def family(self) -> tuple[str, str]:
        """What all shards of one batch have in common: the address of the whole, and the run key."""
        return whole_of(self.address), self.run_key


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What else a plan depends on. `targets` empty means everything.

    `replace` holds exact addresses; that of a batch which is cut into shards stands for all of them. `held` says of
    each key in state for which address and run it is. Keys are computed for the name that a batch had first, by
    `renaming`, so that they outlive a rename. `imports` are ids of batches that stand for an address and run. `strays`
    are submissions under names that no spec has any more, by run key and `content_of`, and by run key and key;
    `declared` are the names that they have, members aside.
    """

    project: str
    providers: Mapping[str, ProviderFacts]
    now: datetime
    targets: tuple[str, ...] = ()
    replace: frozenset[str] = frozenset()
    held: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    renaming: Renaming = field(default_factory=Renaming)
    declared: frozenset[str] = frozenset()
    imports: Mapping[tuple[str, str], str] = field(default_factory=dict)
    strays: Mapping[tuple[str, str], Sequence[Entry]] = field(default_factory=dict)

    def strays_of(self, desired: Desired) -> Sequence[Entry]:
        """What was submitted, or may have been, in the run of `desired` under other names: of its content, or else with
        its own first key, which is what it was called before a rename that is told of no more."""
        if not self.strays:
            return ()
        alike = self.strays.get((desired.run_key, content_of(desired)), ())
        return alike or self.strays.get((desired.run_key, self._key(desired.address, desired.run_key, 1)), ())

    def targeted(self, address: str) -> bool:
        """Whether the plan is about `address`."""
        return not self.targets or any(matches(target, address) for target in self.targets)

    def replaced(self, address: str) -> bool:
        """Whether `address` is to be submitted once more, by itself or with all other shards."""
        return address in self.replace or whole_of(address) in self.replace

    def next_key(self, address: str, run_key: str, attempts: Sequence[Attempt], *, is_retry: bool = False) -> str:
        """The key of the next paid submission of a run: another one only where one was paid for, retries among them.

        It outlives refusals, so that a batch which a wrong refusal hid is returned instead of made again, and can be
        computed anew when the state is lost.
        """
        paid = {attempt.intent.idempotency_key for attempt in attempts if attempt.status == "submitted"}
        number = 1 + sum(attempt.status == "submitted" for attempt in attempts)
        while True:
            key = self._key(address, run_key, number, is_retry=is_retry)
            if key not in paid and self.held.get(key, (address, run_key)) == (address, run_key):
                return key
            number += 1

    def _key(self, address: str, run_key: str, number: int, *, is_retry: bool = False) -> str:
        first = self.renaming.originally(address)
        return idempotency_key(self.project, spec_of(first), first, run_key, number, is_retry=is_retry)


def content_of(submission: Desired | Submission) -> str:
    """The digest of what is paid for with all shards of a batch together, however it is cut."""
    source = submission.source
    whole = source.whole if isinstance(source, LocalFile) else source.content
    return fingerprint(submission.provider, submission.endpoint, submission.completion_window, whole)

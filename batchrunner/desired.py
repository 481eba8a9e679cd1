"""What specs want, and what else a plan depends on: values that are planned from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from batchrunner.address import matches, spec_of, whole_of
from batchrunner.digest import idempotency_key
from batchrunner.facts import ProviderFacts
from batchrunner.manifest import Source
from batchrunner.state import Attempt


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
    def family(self) -> tuple[str, str]:
        """What all shards of one batch have in common: the address of the whole, and the run key."""
        return whole_of(self.address), self.run_key


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What else a plan depends on. `targets` empty means everything.

    `replace` holds exact addresses; that of a batch which is cut into shards stands for all of them. `held` says of
    each key in state for which address and run it is: that of a batch which was moved is computed for its old name.
    """

    project: str
    providers: Mapping[str, ProviderFacts]
    now: datetime
    targets: tuple[str, ...] = ()
    replace: frozenset[str] = frozenset()
    held: Mapping[str, tuple[str, str]] = field(default_factory=dict)

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
            key = idempotency_key(self.project, spec_of(address), address, run_key, number, is_retry=is_retry)
            if key not in paid and self.held.get(key, (address, run_key)) == (address, run_key):
                return key
            number += 1

"""Everything that watching needs around the watcher: which batches can be asked for where, providers, the recorder."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from batchrunner import records
from batchrunner.facts import Polling, ProviderFacts
from batchrunner.ports import Executor, Reporter
from batchrunner.state import Entry
from batchrunner.stores import FileStore
from batchrunner.watcher import Report, Tools, refresh, watch
from batchrunner.wiring.recording import StateRecorder
from batchrunner.wiring.running import Sending, follow
from batchrunner.wiring.workspace import SystemClock

NAP_SECONDS = 0.2
"""How soon a wait notices that it is over."""


@dataclass(frozen=True, slots=True)
class Watching:
    """How batches are watched. `store_of` is where an address is kept; `interval` seconds are between looks, None for
    what each provider's `polling` says; `patience` seconds are waited at most, None for as long as it takes.
    """

    store_of: Callable[[str], FileStore]
    sending: Sending
    reporter: Reporter
    interval: float | None = None
    patience: float | None = None

    def refresh(self, entries: Sequence[Entry]) -> Report:
        """Look once at each of `entries`."""
        return follow(self.sending, self.reporter, lambda executor: refresh(entries, self._tools(executor)))

    def watch(self, entries: Sequence[Entry]) -> Report:
        """Look at `entries` until all have ended, or patience has."""
        return follow(
            self.sending, self.reporter, lambda executor: watch(entries, self._tools(executor), self.patience)
        )

    def _tools(self, executor: Executor) -> Tools:
        return Tools(
            executor=executor,
            recorder=StateRecorder(self.store_of),
            reporter=self.reporter,
            clock=SystemClock(),
            polling=polling_of(self.sending.providers, self.interval),
            stopping=lambda: self.sending.brake.pulled,
            pause=self._pause,
            lot=random.random,
        )

    async def _pause(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while (left := until - loop.time()) > 0 and not self.sending.brake.pulled:  # noqa: ASYNC110 - a signal sets a flag
            await asyncio.sleep(min(left, NAP_SECONDS))


def polling_of(providers: Mapping[str, ProviderFacts], interval: float | None = None) -> dict[str, Polling]:
    """How each provider is watched; every `interval` seconds where that is given."""
    polling = {name: facts.polling for name, facts in providers.items()}
    if interval is None:
        return polling
    return {name: records.replace(each, base_seconds=interval, cap_seconds=interval) for name, each in polling.items()}


@dataclass(slots=True)
class Sorted:
    """Attempts by whether they can be asked for: `elsewhere` says by provider why some cannot be."""

    here: list[Entry] = field(default_factory=list)
    elsewhere: dict[str, str] = field(default_factory=dict)


def sorted_by_reach(entries: Sequence[Entry], providers: Mapping[str, ProviderFacts]) -> Sorted:
    """`entries` that were sent to where their provider is now; another would not know them, and that proves nothing."""
    found = Sorted()
    for entry in entries:
        intent = entry.attempt.intent
        facts = providers.get(intent.provider)
        if facts is None:
            found.elsewhere[intent.provider] = f"provider {intent.provider} is not configured here"
        elif facts.origin != intent.origin:
            found.elsewhere[intent.provider] = (
                f"batches were sent to {intent.origin}, and {intent.provider} is now at {facts.origin}"
            )
        else:
            found.here.append(entry)
    return found

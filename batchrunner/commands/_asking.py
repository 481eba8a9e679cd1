"""Asking providers from a command: keys, and who is told that a question is repeated."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from batchrunner.commands._console import Console
from batchrunner.commands._secrets import keep_secret
from batchrunner.commands._states import Sought, find_stores, project_sought
from batchrunner.errors import Refused
from batchrunner.facts import ProviderFacts
from batchrunner.ports import Reporter
from batchrunner.settings import environment
from batchrunner.state import Entry, State
from batchrunner.wiring.asking import Inquiry
from batchrunner.wiring.resolving import Witness, taken_ids, why_unasked
from batchrunner.wiring.running import keys_of
from batchrunner.wiring.silence import Silent
from batchrunner.wiring.workspace import SANDBOX, SystemClock, effective_providers


def inquiry(
    names: Iterable[str], providers: Mapping[str, ProviderFacts], root: str, console: Console
) -> Inquiry:  # fmt: skip
    """Who asks the providers called `names`. Raises `Refused` where one has no key."""
    keys = keys_of(sorted(names), providers)
    keep_secret(key for name, key in keys.items() if name != SANDBOX)
    return Inquiry(root, providers, keys, _reporter(console))


def _reporter(console: Console) -> Reporter:
    if not console.output.progress:
        return Silent()
    from batchrunner.render.lines import LineReporter

    return LineReporter(console.warn, SystemClock())


def witness_of(entry: Entry, states: Sequence[State], sought: Sought, console: Console) -> Witness:
    """Who can say what became of `entry`, which one of `states` has. Reads the project file and a key."""
    provider = entry.attempt.intent.provider
    taken = taken_ids(states, entry)
    project = project_sought(sought, _start(sought))
    providers = effective_providers(project, environment(), sandbox=sought.sandbox)
    why = why_unasked(entry.attempt, providers)
    if why:
        return Witness(provider, None, why, taken)
    try:
        return Witness(provider, inquiry([provider], providers, project.root, console), "", taken)
    except Refused as error:
        return Witness(provider, None, error.message, taken)


def _start(sought: Sought) -> Path:
    """Where the search for a project file begins: where the states are."""
    return Path(find_stores(sought)[0].url).parent

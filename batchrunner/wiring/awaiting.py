"""Waiting for what a workspace is about, from a program."""

from collections.abc import Iterable, Iterator

from batchrunner.address import spec_of
from batchrunner.applier import Brake
from batchrunner.errors import Refused
from batchrunner.plans import Unchanged
from batchrunner.ports import Reporter
from batchrunner.standing import Standing, current, standing_of
from batchrunner.state import Entry
from batchrunner.stores import load_states
from batchrunner.watcher import Report
from batchrunner.wiring.following import name_of, providers_of
from batchrunner.wiring.planning import plan_workspace
from batchrunner.wiring.running import Sending, keys_of
from batchrunner.wiring.watching import Watching, polling_of, sorted_by_reach
from batchrunner.wiring.workspace import SystemClock, Workspace


def wait_workspace(
    workspace: Workspace, reporter: Reporter, patience: float | None, interval: float | None
) -> tuple[Standing, ...]:
    """Look at the runs that the specs are about until all have ended, `patience` seconds have, or a signal stops it.

    Returns where each stands then. Raises `Refused` `missing-key`, or `not-watched` where a provider cannot be asked.
    """
    stores = workspace.stores()
    states = load_states(stores)
    covered = {(c.address, c.run_key) for c in plan_workspace(workspace, stores, states).changes
               if isinstance(c, Unchanged)}  # fmt: skip
    entries = [entry for name, state in states.items() for entry in current(list(state.entries()), every_run=True)
               if spec_of(entry.address) == name and (entry.address, entry.run_key) in covered]  # fmt: skip
    reach = sorted_by_reach([entry for entry in entries if entry.attempt.is_open], workspace.providers)
    _refuse(reach.elsewhere.values())
    if reach.here:
        keys = keys_of(providers_of(reach.here), workspace.providers)
        sending = Sending(workspace.project.root, workspace.providers, keys, 16, Brake())
        watching = Watching(lambda address: stores[spec_of(address)], sending, reporter, interval, patience)
        report = watching.watch(reach.here)
        _refuse(_deaf(report))
        seen = {name_of(entry): entry for entry in report.entries}
        entries = [seen.get(name_of(entry), entry) for entry in entries]
    return tuple(_standings(entries, workspace))


def _standings(entries: Iterable[Entry], workspace: Workspace) -> Iterator[Standing]:
    now, polling = SystemClock().now(), polling_of(workspace.providers)
    for entry in entries:
        # Of a provider that is not configured any more the usual pace is as good as any.
        pace = polling.get(entry.attempt.intent.provider) or next(iter(polling.values()))
        yield standing_of(entry, now, pace)


def _deaf(report: Report) -> Iterator[str]:
    for provider, denied in report.denied.items():
        yield f"{provider} refused the key ({denied.code})"
    for provider in report.blind:
        yield f"{provider} offers no looking at batches"


def _refuse(reasons: Iterable[str]) -> None:
    if told := "; ".join(reasons):
        raise Refused("not-watched", "batches cannot be waited for from here", why=told,
                      hint="check the provider's key and address in the project file")  # fmt: skip

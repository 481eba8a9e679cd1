"""Plans retries: which requests are asked for again, the file they are written to, and the plan under its locks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from batchrunner._version import __version__
from batchrunner.address import spec_of, whole_of
from batchrunner.desired import Circumstances
from batchrunner.errors import BatchrunnerError, Refused
from batchrunner.facts import ProviderFacts
from batchrunner.manifest import LocalFile, Source
from batchrunner.plans import Change, Plan, PlannedSpec, sealed
from batchrunner.results import ResultsShelf
from batchrunner.results.shelf import INPUT
from batchrunner.retries import Rows, carried_on, retried, retry, unfinished
from batchrunner.rows import RowOutcome
from batchrunner.standing import newest_runs
from batchrunner.state import Entry, State
from batchrunner.stores import FileStore
from batchrunner.wiring.estimates import Asked, Name, priced
from batchrunner.wiring.following import Followed
from batchrunner.wiring.ledgers import Files, Ledger, RowNow, input_file, noted_files, rows_now
from batchrunner.wiring.planning import held_keys
from batchrunner.wiring.preparing import Patience, Prepared, loaded
from batchrunner.wiring.requests import scanned_requests, write_requests
from batchrunner.wiring.runs import BatchRun, ShardRun, runs_of
from batchrunner.wiring.workspace import SystemClock


@dataclass(frozen=True, slots=True)
class Wish:
    """Which rows are asked for again: those that ended as one of `outcomes`.

    `force` also those that the provider refused for what they ask.
    """

    outcomes: frozenset[RowOutcome] = frozenset({"error", "expired", "missing"})
    force: bool = False

    def wants(self, row: RowNow) -> bool:
        """Whether `row` is asked for again."""
        return row.outcome in self.outcomes and (self.force or row.outcome != "error" or row.is_transient)


@dataclass(slots=True)
class Outlook:
    """What a retry comes to. `untouched` by address, why nothing of it is asked again; `ok` what needs no retry.

    `kept` counts, by address, rows that failed and would fail again.
    """

    untouched: dict[str, BatchrunnerError] = field(default_factory=dict)
    ok: list[str] = field(default_factory=list)
    kept: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PreparedRetry:
    """A plan under its locks, and what stands beside it."""

    prepared: Prepared
    outlook: Outlook


def newest_only(followed: Followed) -> Followed:
    """`followed`, narrowed to the newest run of each address unless it names one."""
    if followed.run_key:
        return followed
    runs = _runs(followed.states().entries())
    return replace(followed, runs=frozenset(runs.items()))


def ledger_of(followed: Followed, top: Path) -> tuple[Files, Ledger]:
    """What is known here of the rows of what is `followed`, whose results were fetched into the folder `top`."""
    root = followed.project.root
    shelf = ResultsShelf(top, Path(root), INPUT)

    def input_here(entry: Entry) -> Path | None:
        file = input_file(entry.attempt)
        path = shelf.path(entry, file) if file else None
        return path if path is not None and path.is_file() else None

    return noted_files(root, followed.providers), Ledger(root, followed.providers, input_here)


def _runs(entries: Iterable[Entry]) -> dict[str, str]:
    """By address the run that is meant: of its batch the newest one that a provider may have, or else the newest.

    Shards that it has no more are left alone.
    """
    entries = list(entries)
    newest = newest_runs(entries) | newest_runs(entry for entry in entries if entry.attempt.may_be_sent)
    return {each.address: each.run_key for each in entries if newest.get(whole_of(each.address)) == each.run_key}


@contextmanager
def prepared_retry(
    followed: Followed, wish: Wish, files: Files, ledger: Ledger, patience: Patience
) -> Iterator[PreparedRetry]:
    """Plan the retry of what is `followed`, of each address its newest run, with its states locked."""
    states = followed.states()
    runs = _runs(states.entries())
    stores = {spec_of(address): states.store_of(address) for address in runs}
    with loaded(stores, patience) as ground:
        outlook = Outlook()
        planning = _Planning(followed, wish, files, ledger, outlook)
        changes = planning.changes(runs, ground.states)
        plan = _plan(followed, changes, stores, ground.states, planning.asked)
        project = followed.project
        yield PreparedRetry(
            Prepared(plan, ground, followed.providers, project.root, plan.refusals, project.path), outlook
        )


def _plan(
    followed: Followed,
    changes: Sequence[Change],
    stores: Mapping[str, FileStore],
    states: Mapping[str, State],
    asked: Mapping[Name, Asked],
) -> Plan:
    now = SystemClock().now()
    found = priced(changes, asked, now, followed.project.policy)
    named = sorted({spec_of(change.address) for change in changes})
    return sealed(
        Plan(
            created_at=now.isoformat(timespec="seconds"),
            tool_version=__version__,
            project=followed.project.name,
            specs=tuple(_planned(name, stores[name].url, states[name], changes) for name in named),
            changes=found.changes,
            notices=found.notices,
            refusals=found.refusals,
        )
    )


def _planned(name: str, url: str, state: State, changes: Iterable[Change]) -> PlannedSpec:
    runs = sorted({change.run_key for change in changes if spec_of(change.address) == name})
    return PlannedSpec(name=name, path=name, sha256="", run=", ".join(runs), state=url, lineage=state.lineage,
                       serial=state.serial)  # fmt: skip


@dataclass(slots=True)
class _Planning:
    followed: Followed
    wish: Wish
    files: Files
    ledger: Ledger
    outlook: Outlook
    asked: dict[Name, Asked] = field(default_factory=dict)

    def changes(self, runs: Mapping[str, str], states: Mapping[str, State]) -> list[Change]:
        project = self.followed.project
        held = held_keys(states.values())
        around = Circumstances(project.name, self.followed.providers, SystemClock().now(), held=held)
        found = []
        for address, run_key in runs.items():
            state = states[spec_of(address)]
            try:
                change = self._change(address, run_key, state, around)
            except BatchrunnerError as error:
                self.outlook.untouched[address] = error
            else:
                found += [change] if change is not None else []
        return found

    def _change(self, address: str, run_key: str, state: State, around: Circumstances) -> Change | None:
        attempts = state.batches.get(address, {}).get(run_key, [])
        waiting = unfinished(attempts)
        if waiting is not None and waiting.is_retry:
            return carried_on(address, run_key, waiting, around)
        found = retried(address, run_key, attempts, force=self.wish.force)
        base, *retries = (Entry(address=address, run_key=run_key, attempt=each) for each in found.attempts)
        (run,) = runs_of([state], [base])
        if all(each.attempt is not found.base for each in run.entries):
            return None
        facts = self.followed.providers.get(base.attempt.intent.provider)
        if facts is None:
            raise Refused("unknown-provider", f"provider {base.attempt.intent.provider} is not configured here",
                          hint="declare it in the project file, or run this where that is")  # fmt: skip
        if found.was_never_processed:
            source: Source | None = base.attempt.intent.source
        else:
            source = self._written(ShardRun(base, tuple(retries)), run, facts)
        return None if source is None else retry(address, run_key, attempts, Rows(base.attempt, source), around)

    def _written(self, shard: ShardRun, run: BatchRun, facts: ProviderFacts) -> LocalFile | None:
        """The requests of `shard` that are asked for again, as a file; None where there are none."""
        address = shard.base.address
        chosen = self._chosen(address, rows_now(self.ledger, shard, self.files, self.ledger.owners(run)))
        path = write_requests(self.followed.project.root, chosen)
        if path is None:
            return None
        file, asked = scanned_requests(self.followed.project.root, path, shard.base.attempt, facts)
        self.asked[address, shard.base.run_key] = asked
        return file

    def _chosen(self, address: str, rows: Iterable[RowNow]) -> Iterator[bytes]:
        count = kept = 0
        for row in rows:
            if self.wish.wants(row):
                count += 1
                yield row.line + b"\n"
            else:
                kept += row.outcome == "error"
        if kept:
            self.outlook.kept[address] = kept
        if not (count or kept):
            self.outlook.ok.append(address)

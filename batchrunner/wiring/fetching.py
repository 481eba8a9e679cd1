"""Everything a fetch needs around the fetcher: what is wanted, the accounts of what came, and their notes in state."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from batchrunner import fetcher, records, watcher
from batchrunner.accounts import Account, tally_of, usage_of
from batchrunner.errors import Refused
from batchrunner.fetcher import Brought, Wanted
from batchrunner.inputs import InputRefused, open_content
from batchrunner.manifest import LocalFile
from batchrunner.moments import text_of
from batchrunner.ports import AttemptName, Executor, Reporter
from batchrunner.results import ResultsShelf, only_one
from batchrunner.results.shelf import INPUT
from batchrunner.state import Attempt, Entry, Fetched, State
from batchrunner.wiring.accounting import Accountant
from batchrunner.wiring.costs import UsageCosts
from batchrunner.wiring.following import Followed, FollowedStates, name_of
from batchrunner.wiring.ledgers import Ledger, input_file, is_ended, is_owed, result_files
from batchrunner.wiring.recording import StateRecorder
from batchrunner.wiring.running import Sending, follow
from batchrunner.wiring.runs import BatchRun, runs_of
from batchrunner.wiring.watching import Watching, sorted_by_reach
from batchrunner.wiring.workspace import SystemClock

FOLDER = "results"
LATE_PATIENCE = 60.0
"""Seconds that are waited for an output file that a batch which ended has not named yet."""
_FLUSHES = 10


@dataclass(slots=True)
class Ending:
    """How a fetch ended. `accounts` are in the order of addresses, and `made` counts those that were not there before.

    `size` are bytes that were downloaded. `looks` is what came of looking, `elsewhere` says by provider why batches
    were not asked for. `unsaved`: another command holds the lock of the state, so it does not say yet what is here; the
    next fetch does.
    """

    accounts: list[Account] = field(default_factory=list)
    made: int = 0
    size: int = 0
    brought: list[Brought] = field(default_factory=list)
    looks: watcher.Report = field(default_factory=watcher.Report)
    elsewhere: dict[str, str] = field(default_factory=dict)
    unsaved: bool = False

    @property
    def unwritten(self) -> list[str]:
        """Why results could not be kept on this disk, each reason once."""
        errors = {f"{each.error.message}: {each.error.why}": each.error for each in self.brought if each.error}
        return [f"{words} ({error.where})" for words, error in errors.items()]


@dataclass(slots=True)
class Fetching:
    """One fetch of `followed` into the folder `top`, where it is the only one that writes.

    `sending` makes what the providers with these names are asked with; it is called only where one has to be. With
    `with_inputs` what was asked is brought as well, where a row is not ok and the input is not here as it was sent.
    """

    followed: Followed
    states: FollowedStates
    top: Path
    sending: Callable[[set[str]], Sending]
    reporter: Reporter
    told: Callable[[Brought], None] = lambda _: None
    with_tables: bool = False
    with_inputs: bool = False
    _ending: Ending = field(default_factory=Ending)
    _tried: set[AttemptName] = field(default_factory=set)

    def run(self) -> Ending:
        """Bring what is not here, and account for all of it. Raises `BatchrunnerError`."""
        submitted = self.states.submitted()
        if not submitted:
            return self._ending
        with only_one(self.top):
            return self._run(submitted)

    def _run(self, submitted: list[Entry]) -> Ending:
        shelf = ResultsShelf(self.top, Path(self.root))
        entries = self._looked_at(submitted)
        self._bring(entries, shelf)
        runs = runs_of(self._states_with(entries), entries)
        accountant = Accountant(self._ledger(), shelf, UsageCosts(self.followed.providers).of, self._reasons())
        for run in runs:
            self._account(run, accountant)
        self._note(entries, runs, accountant)
        return self._ending

    @property
    def root(self) -> str:
        """The project's root."""
        return self.followed.project.root

    def _looked_at(self, entries: list[Entry]) -> list[Entry]:
        """`entries` as they are now, as far as their providers can be asked."""
        unseen = [entry for entry in entries if not self._is_ended(entry)]
        reach = sorted_by_reach(unseen, self.followed.providers)
        self._ending.elsewhere = reach.elsewhere
        if not reach.here:
            return entries
        watching = Watching(self.states.store_of, self.sending(_providers(reach.here)), self.reporter)
        report = self._ending.looks = watching.refresh(reach.here)
        seen = {name_of(entry): entry for entry in report.entries}
        if late := [entry for entry in report.entries if self._is_owed(entry)]:
            again = replace(watching, patience=LATE_PATIENCE).watch(late)
            seen |= {name_of(entry): entry for entry in again.entries}
        return [seen.get(name_of(entry), entry) for entry in entries]

    def _is_ended(self, entry: Entry) -> bool:
        return is_ended(entry.attempt, self.followed.providers)

    def _is_owed(self, entry: Entry) -> bool:
        return is_owed(entry.attempt, self.followed.providers)

    def _bring(self, entries: Sequence[Entry], shelf: ResultsShelf) -> None:
        wanted = [Wanted(each, result_files(each.attempt)) for each in entries if self._is_ended(each)]
        lacking = [each for each in wanted if any(shelf.lacks(each.entry, file) for file in each.files)]
        self._ending.brought = self._download(lacking, shelf)
        self._ending.size = sum(each.size for each in self._ending.brought)

    def _download(self, wanted: Sequence[Wanted], shelf: ResultsShelf) -> list[Brought]:
        reach = sorted_by_reach([each.entry for each in wanted], self.followed.providers)
        self._ending.elsewhere |= reach.elsewhere
        here = {name_of(entry) for entry in reach.here}
        reachable = [each for each in wanted if name_of(each.entry) in here]
        if not reachable:
            return []
        sending = self.sending(_providers(reach.here))

        async def verb(executor: Executor) -> list[Brought]:
            tools = fetcher.Tools(executor, shelf, lambda: sending.brake.pulled, self.told)
            return await fetcher.fetch(reachable, tools)

        return follow(sending, self.reporter, verb)

    def _states_with(self, entries: Iterable[Entry]) -> list[State]:
        for entry in entries:
            for state in self.states.states.values():
                if entry.address in state.batches:
                    state.record([entry])
        return list(self.states.states.values())

    def _ledger(self) -> Ledger:
        return Ledger(self.root, self.followed.providers, self._input_here)

    def _input_here(self, entry: Entry) -> Path | None:
        file = input_file(entry.attempt)
        path = self._inputs().path(entry, file) if file else None
        return path if path is not None and path.is_file() else None

    def _inputs(self) -> ResultsShelf:
        return ResultsShelf(self.top, Path(self.root), INPUT)

    def _reasons(self) -> dict[AttemptName, tuple[str, str]]:
        """Why results are not here, by attempt."""
        reasons = {}
        for entry in self._ending.looks.entries:
            if self._is_owed(entry):
                reasons[name_of(entry)] = ("output-not-named", "")
        for each in self._ending.brought:
            if each.trouble is not None:
                reasons[name_of(each.entry)] = (each.trouble.code, each.trouble.words)
            elif each.error is not None:
                reasons[name_of(each.entry)] = (each.error.code, each.error.why)
        return reasons

    def _account(self, run: BatchRun, accountant: Accountant) -> None:
        account = accountant.current(run)
        if account is None:
            self._bring_inputs([entry for entry in run.entries if not self._can_open(entry)], accountant)
            account = accountant.made(run)
            if not account.is_known and self._bring_inputs(run.entries, accountant):
                account = accountant.made(run)
            self._ending.made += bool(account.batches)
        if self.with_inputs and account.rows.failed:
            bases = (shard.base for shard in run.shards)
            self._bring_inputs([base for base in bases if accountant.ledger.asked(base) is None], accountant)
        if self.with_tables and account.batches:
            accountant.write_table(run)
        self._ending.accounts.append(account)

    def _can_open(self, entry: Entry) -> bool:
        source = entry.attempt.intent.source
        if self._input_here(entry) is not None:
            return True
        try:
            if isinstance(source, LocalFile):
                open_content(self.root, source).close()
                return True
        except (InputRefused, OSError):
            pass
        return False

    def _bring_inputs(self, entries: Iterable[Entry], accountant: Accountant) -> bool:
        """Download what was asked, of attempts whose results are here; whether any of it came."""
        wanted = []
        for entry in entries:
            file = input_file(entry.attempt)
            untried = name_of(entry) not in self._tried and self._input_here(entry) is None
            if file is not None and untried and accountant.files(entry) is not None:
                self._tried.add(name_of(entry))
                wanted.append(Wanted(entry, (file,)))
        # Without it missing rows cannot be known; that is said, and is no failure.
        with suppress(Refused):
            return any(each.files for each in self._download(wanted, self._inputs()))
        return False

    def _note(self, entries: Sequence[Entry], runs: Iterable[BatchRun], accountant: Accountant) -> None:
        """Have state say what is here."""
        known = {name_of(entry): entry for run in runs for entry in run.entries}
        recorder = StateRecorder(self.states.store_of)
        now = SystemClock().now()
        for account in self._ending.accounts:
            for batch in account.batches:
                name = AttemptName(batch.address, account.run_key, batch.attempt)
                files = accountant.files(known[name])
                fetched = Fetched(at=text_of(now), files=files or (), tally=tally_of(batch.rows),
                                  usage=usage_of(batch.tokens))  # fmt: skip
                if not _says_the_same(known[name].attempt.fetched, fetched):
                    recorder.record(name, partial(_noted, fetched=fetched))
        self._ending.unsaved = recorder.is_behind and not any(recorder.write() for _ in range(_FLUSHES))


def _says_the_same(before: Fetched | None, now: Fetched) -> bool:
    return before is not None and records.replace(before, at=now.at) == now


def _noted(attempt: Attempt, *, fetched: Fetched) -> Attempt:
    if _says_the_same(attempt.fetched, fetched):
        return attempt
    return records.replace(attempt, fetched=fetched)


def _providers(entries: Iterable[Entry]) -> set[str]:
    return {entry.attempt.intent.provider for entry in entries}

"""Accounts of what was fetched, and the merged files that belong to them."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from batchrunner.accounts import (
    FORMAT_VERSION,
    Account,
    Cost,
    FetchedBatch,
    Pending,
    Rows,
    rows_of,
    summed,
    tokens_of,
    usage_of,
)
from batchrunner.digest import digest_of
from batchrunner.errors import StateError
from batchrunner.manifest import LocalFile
from batchrunner.ports import AttemptName
from batchrunner.pricing import Estimate, bill
from batchrunner.records import decode, pretty
from batchrunner.remote import Usage
from batchrunner.results import (
    ERRORS,
    RESULTS,
    SUMMARY,
    ResultsShelf,
    Shard,
    Sheet,
    content_of,
    make_folder,
    put,
    size_of,
    write_ledger,
)
from batchrunner.state import Attempt, Entry, FetchedFile
from batchrunner.watched import word_of
from batchrunner.wiring.following import name_of
from batchrunner.wiring.ledgers import Ledger, is_ended, result_files
from batchrunner.wiring.runs import BatchRun, ShardRun

MAKER = "2"
"""Changes with what is made of the same downloads."""

CostOf = Callable[[Entry, Usage], Estimate | None]


@dataclass(slots=True)
class Accountant:
    """Makes accounts of runs whose files are on `shelf`. `why` says why those of an attempt are not.

    `cost_of` prices what an attempt used.
    """

    ledger: Ledger
    shelf: ResultsShelf
    cost_of: CostOf
    why: Mapping[AttemptName, tuple[str, str]] = field(default_factory=dict)
    _files: dict[AttemptName, tuple[FetchedFile, ...] | None] = field(default_factory=dict)

    def files(self, entry: Entry) -> tuple[FetchedFile, ...] | None:
        """What is here of an attempt; None where not all of it is."""
        name = name_of(entry)
        if name not in self._files:
            self._files[name] = self._found(entry)
        return self._files[name]

    def _found(self, entry: Entry) -> tuple[FetchedFile, ...] | None:
        if not is_ended(entry.attempt, self.ledger.providers):
            return None
        found = [self.shelf.found(entry, file) for file in result_files(entry.attempt)]
        return None if None in found else tuple(file for file in found if file is not None)

    def current(self, run: BatchRun) -> Account | None:
        """The account of `run` that is on the disk already, where nothing has changed since."""
        folder = self.shelf.folder(*run.name)
        try:
            account = decode(content_of(folder / SUMMARY), Account, what=SUMMARY)
        except (OSError, StateError):
            return None
        sizes = [size_of(folder / name) for name in (RESULTS, ERRORS)]
        is_current = account.made_of == self._made_of(run) and sizes == [account.results_size, account.errors_size]
        return account if is_current else None

    def made(self, run: BatchRun) -> Account:
        """The account of `run`, its files written anew. Raises `Refused` `results-not-written`, `results-unreadable`.

        Where nothing is here yet, nothing is written.
        """
        here = _Here(self, run)
        if all(self.files(shard.base) is None for shard in run.shards):
            return here.account()
        folder = self._folder(run)
        written = write_ledger(folder, here.shards())
        account = here.account(
            codes=written.codes, results_size=written.results, errors_size=written.errors, made_of=self._made_of(run)
        )
        put(folder / SUMMARY, pretty(account))
        return account

    def write_table(self, run: BatchRun) -> None:
        """Write the rows of `run` as a Parquet file. Raises `Refused` `parquet-missing`, `results-not-written`."""
        from batchrunner.results.tables import write_table

        write_table(self._folder(run), _Here(self, run).shards())

    def _folder(self, run: BatchRun) -> Path:
        return make_folder(self.shelf.top, *self.shelf.folder(*run.name).relative_to(self.shelf.top).parts)

    def _made_of(self, run: BatchRun) -> str:
        attempts = [
            [entry.address, entry.attempt.number, entry.attempt.intent.retry_of, entry.attempt.batch_id,
             word_of(entry.attempt.sight), None if files is None else [file.sha256 for file in files]]
            for entry, files in ((entry, self.files(entry)) for entry in run.entries)
        ]  # fmt: skip
        return digest_of([MAKER, FORMAT_VERSION, *run.name, attempts, [e.attempt.batch_id for e in run.superseded]])


@dataclass(slots=True)
class _Here:
    """Gathers the account of a run while its shards are written, one after the other."""

    accountant: Accountant
    run: BatchRun
    batches: list[FetchedBatch] = field(default_factory=list)
    costs: list[Estimate | None] = field(default_factory=list)
    rows: list[Rows] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    is_known: bool = True

    def shards(self) -> Iterator[Shard]:
        """The shards that are here, in order."""
        owners = self.accountant.ledger.owners(self.run)
        for shard in self.run.shards:
            sheet = self._sheet(shard)
            if sheet is not None:
                sheet.keep_only(shard.base.address, owners)
                self._close(sheet)
                yield Shard(sheet, self.accountant.ledger.reader(shard.base))
            del sheet  # before the next one is made

    def _sheet(self, shard: ShardRun) -> Sheet | None:
        base: Sheet | None = None
        for entry, sheet in self.accountant.ledger.merged(shard, self.accountant.files):
            self._enter(entry, sheet)
            base = base or sheet
        return base

    def _enter(self, entry: Entry, sheet: Sheet) -> None:
        usage = sheet.usage or _usage_of_batch(entry.attempt)
        self.costs.append(self.accountant.cost_of(entry, usage) if usage else None)
        self.batches.append(
            FetchedBatch(
                address=entry.address,
                attempt=entry.attempt.number,
                retry_of=entry.attempt.intent.retry_of,
                batch_id=entry.attempt.batch_id,
                status=word_of(entry.attempt.sight),
                rows=rows_of(sheet.tally(), sheet.unreadable.count, sheet.repeated),
                tokens=tokens_of([usage]),
                files=tuple(os.path.basename(file.path) for file in self.accountant.files(entry) or ()),
            )
        )

    def _close(self, sheet: Sheet) -> None:
        self.rows.append(rows_of(sheet.tally(), sheet.unreadable.count, sheet.repeated))
        self.is_known = self.is_known and sheet.is_known
        self.unreadable += sheet.unreadable.shown
        self.strangers += sheet.strangers.shown

    def account(self, **written: object) -> Account:
        """The account of what was gathered."""
        pending = tuple(self._pending(entry) for entry in self.run.entries if self.accountant.files(entry) is None)
        return Account(
            address=self.run.address,
            run_key=self.run.run_key,
            rows=summed(self.rows),
            is_known=self.is_known,
            is_complete=not pending,
            batches=tuple(self.batches),
            pending=pending,
            superseded=tuple(entry.attempt.batch_id for entry in self.run.superseded),
            unreadable=tuple(self.unreadable[:20]),
            strangers=tuple(self.strangers[:20]),
            tokens=tokens_of(usage_of(batch.tokens) for batch in self.batches),
            cost=self._cost(),
            **written,  # type: ignore[arg-type]
        )

    def _pending(self, entry: Entry) -> Pending:
        attempt = entry.attempt
        usual = "not-fetched" if is_ended(attempt, self.accountant.ledger.providers) else "running"
        why, words = self.accountant.why.get(name_of(entry)) or (usual, "")
        source = attempt.intent.source
        return Pending(
            address=entry.address,
            attempt=attempt.number,
            retry_of=attempt.intent.retry_of,
            batch_id=attempt.batch_id,
            status=word_of(attempt.sight),
            why=why,
            words=words,
            rows=source.requests if isinstance(source, LocalFile) else 0,
        )

    def _cost(self) -> Cost:
        estimated = bill(entry.attempt.intent.estimate for entry in self.run.entries)
        spent = bill(self.costs)
        is_known = bool(self.costs) and spent.is_complete
        return Cost(
            low=estimated.low,
            high=estimated.high if estimated.is_complete else None,
            actual=spent.high if is_known else None,
            basis="+".join(sorted(spent.bases if is_known else estimated.bases)),
        )


def _usage_of_batch(attempt: Attempt) -> Usage | None:
    batch = attempt.sight.batch if attempt.sight else None
    return batch.usage if batch else None

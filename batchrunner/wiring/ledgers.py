"""What became of each request of what was submitted: runs of batches, their shards and retries, over files on disk."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shlex import quote
from typing import BinaryIO, NamedTuple

from batchrunner.errors import Refused, TryAgain
from batchrunner.facts import ProviderFacts
from batchrunner.inputs import InputRefused, open_content
from batchrunner.manifest import LocalFile
from batchrunner.polling import awaits_output, polling_at
from batchrunner.providers import result_reader
from batchrunner.remote import ResultFile
from batchrunner.results import Asked, InputMoved, RawFile, ReadLine, Sheet, ids_of, lines_by_id, size_of
from batchrunner.rows import RowOutcome
from batchrunner.state import Attempt, Entry, FetchedFile
from batchrunner.templates import BadTemplate
from batchrunner.wiring.runs import BatchRun, ShardRun, owners_of

Files = Callable[[Entry], Sequence[FetchedFile] | None]
"""What is here of the results of an attempt; None where not all of it is."""


def is_owed(attempt: Attempt, providers: Mapping[str, ProviderFacts]) -> bool:
    """Whether it ended, and its provider may still name a file of answers."""
    return awaits_output(attempt.sight, polling_at(attempt.intent.provider, providers))


def is_ended(attempt: Attempt, providers: Mapping[str, ProviderFacts]) -> bool:
    """Whether all results that there will be of it can be downloaded, or could be once."""
    return attempt.sight is not None and attempt.sight.is_final and not is_owed(attempt, providers)


def result_files(attempt: Attempt) -> tuple[ResultFile, ...]:
    """What there is to download of an attempt, the answers first."""
    batch = attempt.sight.batch if attempt.sight else None
    files = batch.files if batch else ()
    return tuple(sorted(files, key=lambda file: file.kind == "errors"))


def input_file(attempt: Attempt) -> ResultFile | None:
    """What was asked, at the provider; None where there is nothing to download."""
    source = attempt.intent.source
    file_id = attempt.file_id or (source.file_id if not isinstance(source, LocalFile) else "")
    return ResultFile(kind="all", file_id=file_id) if file_id and not attempt.input_removed_at else None


@dataclass(frozen=True, slots=True)
class Ledger:
    """Makes sheets of what is on the disk. `root` is the project's; `input_here` the downloaded input of an attempt."""

    root: str
    providers: Mapping[str, ProviderFacts]
    input_here: Callable[[Entry], Path | None]

    def reader(self, entry: Entry) -> ReadLine:
        """What reads the result lines of an attempt. Raises `Refused` `unknown-provider`."""
        name = entry.attempt.intent.provider
        if name not in self.providers:
            raise Refused("unknown-provider", f"provider {name} is not configured here",
                          hint="declare it in the project file, or run this where that is")  # fmt: skip
        return result_reader(self.providers[name])

    def sheet(self, entry: Entry, files: Iterable[FetchedFile]) -> Sheet:
        """The rows of one attempt. Raises `Refused` `results-unreadable`."""
        sheet, read = Sheet(self.asked(entry)), self.reader(entry)
        for file in files:
            path = Path(self.root, file.path)
            try:
                sheet.take(RawFile(path, entry.attempt.batch_id, entry.attempt.number), read)
            except OSError as error:
                raise _unreadable(path, error) from None
        return sheet

    def merged(self, shard: ShardRun, files: Files) -> Iterator[tuple[Entry, Sheet]]:
        """The sheet of each attempt of `shard` that is here, the base first; once all were taken that of the base
        holds what its retries mended. Nothing where the base is not here."""
        base: Sheet | None = None
        for entry in shard.entries:
            here = files(entry)
            if here is None and base is None:
                return
            if here is not None:
                sheet = self.sheet(entry, here)
                yield entry, sheet
                base = self._merged(base, sheet)

    def _merged(self, base: Sheet | None, sheet: Sheet) -> Sheet:
        if base is not None:
            base.merge(sheet)
        return base or sheet

    def owners(self, run: BatchRun) -> Mapping[str, str]:
        """The address of the shard whose answer counts, by id; empty where no id can be in several shards of `run`."""
        if run.is_disjoint:
            return {}
        asked = {shard.base.address: self.asked(shard.base) for shard in run.shards}
        return owners_of(run, {address: ids.rows for address, ids in asked.items() if ids is not None})

    def asked(self, entry: Entry) -> Asked | None:
        """The ids that an attempt asked for; None where its input is neither here nor downloaded."""
        proven = self._proven(entry)
        return proven[1] if proven else None

    def lines(self, entry: Entry) -> Iterator[tuple[str, bytes]]:
        """The ids and lines that an attempt asked for, in order, each id once. Raises `Refused` `input-unknown`."""
        proven = self._proven(entry)
        if proven is None:
            source = entry.attempt.intent.source
            file = source.path if isinstance(source, LocalFile) else source.file_id
            raise Refused("input-unknown", "what was asked is neither here nor at the provider any more",
                          where=entry.address, hint=f"bring back {file} as it was when it was submitted")  # fmt: skip
        with closing(proven[0]()) as stream:
            yield from lines_by_id(stream)

    def _proven(self, entry: Entry) -> tuple[Callable[[], BinaryIO], Asked] | None:
        """What opens the input of an attempt, and the ids in it, which are those that were sent."""
        source = entry.attempt.intent.source
        for opened in self._openers(entry):
            try:
                with closing(opened()) as stream:
                    return opened, ids_of(stream, source if isinstance(source, LocalFile) else None)
            except (InputMoved, InputRefused, BadTemplate, OSError):
                continue
        return None

    def _openers(self, entry: Entry) -> Iterator[Callable[[], BinaryIO]]:
        source = entry.attempt.intent.source
        if isinstance(source, LocalFile):
            yield partial(open_content, self.root, source)
        path = self.input_here(entry)
        if path is not None:
            yield partial(_opened, path)


def _unreadable(path: Path, error: OSError) -> Refused:
    return Refused("results-unreadable", "fetched results cannot be read", where=str(path),
                   why=error.strerror or str(error), hint="remove the file, and fetch again")  # fmt: skip


def _opened(path: Path) -> BinaryIO:
    return path.open("rb")


class RowNow(NamedTuple):
    """A request as it stands, over an attempt and all its retries. `line` is what was sent, without its end."""

    custom_id: str
    outcome: RowOutcome
    is_transient: bool
    line: bytes


def rows_now(ledger: Ledger, shard: ShardRun, files: Files, owners: Mapping[str, str]) -> Iterator[RowNow]:
    """Every row of `shard` in the order of its input, in flat memory but for ids; not what `owners` give to others.

    Raises `TryAgain` `output-not-named` where answers may still come, `Refused` `not-fetched` where results of it are
    not here, and `input-unknown`.
    """
    if owed := [entry for entry in shard.entries if is_owed(entry.attempt, ledger.providers)]:
        raise TryAgain("output-not-named", f"{owed[0].address} may have answers that its provider has not named yet",
                       where=owed[0].attempt.batch_id, why="To ask again for what is missing now may be paid twice.",
                       hint="run this again in a few minutes")  # fmt: skip
    if missing := [entry for entry in shard.entries if files(entry) is None]:
        raise Refused("not-fetched", f"results of {missing[0].address} are not here", where=missing[0].attempt.batch_id,
                      hint=f"batchrunner fetch {quote(missing[0].address)}")  # fmt: skip
    sheets = list(ledger.merged(shard, files))
    base = sheets[0][1]
    if not base.is_known and _is_answered(shard.base, base):
        return
    for custom_id, line in ledger.lines(shard.base):
        if owners.get(custom_id, shard.base.address) != shard.base.address:
            continue
        answer = base.answer(custom_id, base.rows[custom_id])
        yield RowNow(custom_id, answer.outcome, answer.is_transient, line)


def _is_answered(entry: Entry, sheet: Sheet) -> bool:
    """Whether as many rows are ok as were asked for, which can be told without the input."""
    source = entry.attempt.intent.source
    return isinstance(source, LocalFile) and not sheet.strangers.count and sheet.tally().ok == source.requests


def noted_files(root: str, providers: Mapping[str, ProviderFacts]) -> Files:
    """Files as state has them noted."""

    def files(entry: Entry) -> Sequence[FetchedFile] | None:
        fetched = entry.attempt.fetched
        if not is_ended(entry.attempt, providers) or fetched is None:
            return None
        whole = all(size_of(Path(root, file.path)) == file.size for file in fetched.files)
        named = {file.source for file in fetched.files} >= set(result_files(entry.attempt))
        return fetched.files if whole and named else None

    return files

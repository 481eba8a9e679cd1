"""Batches that are at their providers already and stand for what specs declare: `imports`, and `state import`. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from batchrunner.address import natural, spec_of, whole_of
from batchrunner.desired import Circumstances, Desired
from batchrunner.digest import fingerprint
from batchrunner.events import Failed
from batchrunner.jobs import Deferred, Denied, NotFound, Outcome, Seen
from batchrunner.manifest import ProviderFile
from batchrunner.matching import standing_for
from batchrunner.planner import adoption, submission
from batchrunner.plans import Import, Notice
from batchrunner.remote import RemoteBatch, key_in, untagged
from batchrunner.spec import Adoption
from batchrunner.state import Attempt, Intent, State, newest_paid

UNKNOWN = ProviderFile(file_id="")
"""The input of a run that is not the one that is planned: whatever the batch reads."""


def difference(change: Import, batch: RemoteBatch) -> str:
    """Why `batch` is not what `change` takes it for, in words; empty where nothing speaks against it."""
    key = key_in(batch.metadata)
    if key and key != change.idempotency_key:
        return "It is tagged as another submission of batchrunner."
    if batch.endpoint and batch.endpoint != change.endpoint:
        return f"It is for {batch.endpoint}, and the spec says {change.endpoint}."
    file_id = getattr(change.source, "file_id", "")
    if file_id and batch.input_file_id and batch.input_file_id != file_id:
        return f"It reads {batch.input_file_id}, and the spec says {file_id}."
    return ""


def not_imported(change: Import, outcome: Outcome) -> Failed | None:
    """Why a look at its provider did not make `change` true; None where it did."""
    if isinstance(outcome, Seen):
        why = difference(change, outcome.batch)
        return _failed(change, "not-imported", "another-batch", words=why) if why else None
    status, words = getattr(outcome, "status", 0), getattr(outcome, "words", "")
    if isinstance(outcome, NotFound):
        return _failed(change, "not-imported", "no-such-batch", status=status, words=words)
    if isinstance(outcome, Denied | Deferred):
        word = "denied" if isinstance(outcome, Denied) else "deferred"
        return _failed(change, word, outcome.code, status=status, words=words)
    return _failed(change, "not-imported", "cannot-look", status=status, words=words)


def _failed(change: Import, outcome: str, code: str, *, status: int = 0, words: str = "") -> Failed:
    return Failed(
        address=change.address, run_key=change.run_key, outcome=outcome, code=code, status=status, words=words
    )


def attempt_of(change: Import, batch: RemoteBatch, at: str, plan_id: str = "") -> Attempt:
    """The attempt that stands for `batch`, looked up or believed at time `at` (RFC 3339 UTC)."""
    fields = {**change.as_fields(), "metadata": _metadata(change, batch)}
    if change.source == UNKNOWN:
        fields |= _of_file(change, ProviderFile(file_id=batch.input_file_id))
    intent = Intent(**fields, plan_id=plan_id, created_at=batch.created_at or at)
    return standing_for(batch, intent, change.attempt, at)


def _of_file(change: Import, source: ProviderFile) -> dict[str, object]:
    paid_for = fingerprint(change.provider, change.endpoint, change.completion_window, source.content)
    return {"source": source, "fingerprint": paid_for}


def _metadata(change: Import, batch: RemoteBatch) -> Mapping[str, str]:
    return untagged(batch.metadata) if batch.metadata else change.metadata


def is_recorded(change: Import, state: State) -> bool:
    """Whether `state` has the batch for the address and run already."""
    attempts = state.batches.get(change.address, {}).get(change.run_key, ())
    return any(each.batch_id == change.batch_id for each in attempts)


class Openings(NamedTuple):
    """What is to be imported: ids by address and run key. `idle` is what there is no use for, with why."""

    ids: Mapping[tuple[str, str], Adoption]
    idle: Sequence[Notice]


def openings(
    imports: Sequence[Adoption], desired: Iterable[Desired], states: Collection[State], around: Circumstances
) -> Openings:
    """What of `imports` is open. What is in a state already, under whatever name, is nothing to do."""
    here = {entry.attempt.batch_id for state in states for entry in state.entries()} if imports else set()
    keys = {each.address: each.run_key for each in desired}
    opened: dict[tuple[str, str], Adoption] = {}
    idle: list[Notice] = []
    for each in imports:
        run_key = each.run_key or keys.get(each.address, "")
        if each.batch_id in here or not run_key or not around.targeted(each.address):
            continue
        taken = _taken(each.address, run_key, states)
        if taken:
            message = f"{each.batch_id} is not imported: {taken}"
            idle.append(Notice(code="import-not-needed", message=message, where=each.address))
        else:
            opened[each.address, run_key] = each
    return Openings(opened, idle)


def _taken(address: str, run_key: str, states: Iterable[State]) -> str:
    """Why no batch can stand for a run of `address` any more; empty where one can."""
    attempts = [each for state in states for each in state.batches.get(address, {}).get(run_key, ())]
    if paid := newest_paid(attempts):
        return f"for {run_key} there is {paid.batch_id}"
    in_doubt = any(each.unresolved and each.sent_at for each in attempts)
    return f"for {run_key} there is a submission in doubt, which is settled first" if in_doubt else ""


def misdirected(
    imports: Sequence[Adoption], desired: Iterable[Desired], states: Collection[State]
) -> Iterator[tuple[Adoption, str, str]]:
    """Imports to a batch as a whole that is cut into shards, or to a shard that there is not: what is wrong, a hint."""
    known = {each.address for each in desired}
    cut = {whole_of(address) for address in known}
    here = {entry.attempt.batch_id for state in states for entry in state.entries()} if imports else set()
    for each in imports:
        whole = whole_of(each.address)
        if each.batch_id in here or each.address in known or whole not in cut:
            continue
        shards = sorted((address for address in known if whole_of(address) == whole), key=natural)
        words = f"{whole} is cut into {len(shards)} shards" if len(shards) > 1 else f"there is only {shards[0]}"
        yield each, words, f"name one of them, like `{shards[0].partition('/')[2]}`"


def of_other_runs(
    opened: Openings,
    wholes: Mapping[str, Desired],
    planned: Collection[tuple[str, str]],
    states: Mapping[str, State],
    around: Circumstances,
) -> Iterator[Import]:
    """The imports of runs other than those `planned`, whose input is whatever the batch reads.

    `wholes` are the declared batches, by address.
    """
    for (address, run_key), each in opened.ids.items():
        declared = wholes.get(whole_of(address))
        if (address, run_key) in planned or declared is None:
            continue
        source = declared.source if isinstance(declared.source, ProviderFile) else UNKNOWN
        attempts = states[spec_of(address)].batches.get(address, {}).get(run_key, ())
        wanted = replace(declared, address=address, run_key=run_key, source=source)
        yield adoption(submission(wanted, attempts, "", around), each.batch_id)

"""Submissions that are found again at their providers, and what a state lacks of them. Pure.

A submission is known by its key, which follows from names alone (see `digest`): what a batch is tagged with counts only
where the key can be computed from it. So a state that was lost is rebuilt without guessing, and batches of another
project, or tags that somebody made up, are told from ours.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import product
from typing import Literal, NamedTuple

from batchrunner.address import is_address, spec_of
from batchrunner.desired import Desired
from batchrunner.digest import fingerprint, idempotency_key
from batchrunner.manifest import LocalFile, ProviderFile
from batchrunner.matching import Alarm, adopted, is_alive, preferred, standing_for
from batchrunner.records import replace
from batchrunner.remote import RemoteBatch, Tags, key_in, tags_in, untagged
from batchrunner.renaming import Renaming
from batchrunner.state import Attempt, Entry, Intent, State

MOST_ATTEMPTS = 1_000
LIKELY_ATTEMPTS = 16
UNTOLD = -1
"""What a retry asks again for, where its key alone is known: rows of what was submitted last before it."""
_RUN_KEY = re.compile(r"[a-z]+:[!-~]{1,128}\Z", re.ASCII)
_FINGERPRINT = re.compile(r"sha256:[0-9a-f]{64}\Z", re.ASCII)
_UPLOAD_NAME = re.compile(r"(br1-[a-z2-7]{32})-([0-9a-f]{16})\.jsonl\Z", re.ASCII)


class Found(NamedTuple):
    """A remote batch that is one of our submissions. `origin` is where its provider is."""

    provider: str
    origin: str
    batch: RemoteBatch
    tags: Tags


class Recovered(NamedTuple):
    """What is written into a state: an attempt that it lacks, or the outcome of one that it has."""

    entry: Entry
    how: Literal["added", "settled"]


class Recovery(NamedTuple):
    """What becomes of a state. `known` are submissions it has already, `conflicts` what it has otherwise."""

    recovered: tuple[Recovered, ...]
    known: int
    alarms: tuple[Alarm, ...]
    conflicts: tuple[Found, ...]


class Keyring:
    """The keys of `project` that can be told from names, for the specs called `specs`.

    `desired` is what the specs want now: the keys of its runs need no tags, and are recognised in the names of uploads.
    By `renaming`, what was submitted under another name is recognised, and called what it is called now.
    """

    def __init__(
        self, project: str, specs: Collection[str], desired: Iterable[Desired], renaming: Renaming | None = None
    ) -> None:
        self._project = project
        self._specs = specs
        self._renaming = renaming or Renaming()
        self._expected: dict[str, tuple[int, bool, Desired]] = {}
        for each in desired:
            for number, is_retry in product(range(1, LIKELY_ATTEMPTS + 1), (False, True)):
                for name in self._names(each.address):
                    key = self._key(name, each.run_key, number, is_retry=is_retry)
                    self._expected[key] = (number, is_retry, each)

    def tags_of(self, batch: RemoteBatch, upload_name: str = "") -> Tags | None:
        """Which submission `batch` is; None where it is none of ours. `upload_name` is that of the file it reads."""
        if key := key_in(batch.metadata):
            tags = tags_in(batch.metadata)
            if tags is not None and self._is_ours(tags):
                return tags._replace(address=self._renaming.now(tags.address))
            return self._told(key, batch, "")
        named = _UPLOAD_NAME.match(upload_name)
        return self._told(named[1], batch, named[2]) if named else None

    def is_untold(self, batch: RemoteBatch, upload_name: str = "") -> bool:
        """Whether `batch` is named as ours are, by a key that is none that is known, and without tags that tell it."""
        named = key_in(batch.metadata) or _UPLOAD_NAME.match(upload_name)
        return bool(named) and tags_in(batch.metadata) is None and self.tags_of(batch, upload_name) is None

    def is_stranger(self, batch: RemoteBatch) -> bool:
        """Whether `batch` is tagged as a batch of these specs, and is not: its key is of another project."""
        tags = tags_in(batch.metadata)
        return tags is not None and self._is_of_specs(tags.address) and self.tags_of(batch) is None

    def _is_of_specs(self, address: str) -> bool:
        return spec_of(self._renaming.now(address)) in self._specs

    def _names(self, address: str) -> set[str]:
        """What `address` may have been called when its key was computed."""
        return {address, self._renaming.originally(address)}

    def _is_ours(self, tags: Tags) -> bool:
        if not is_address(tags.address) or not self._is_of_specs(tags.address):
            return False
        if not (_RUN_KEY.match(tags.run_key) and _FINGERPRINT.match(tags.fingerprint)):
            return False
        # A refused attempt uses no key up: the number of a key may be smaller than that of the attempt.
        # And where a batch was moved in state, its key stays taken: that of the next may have a larger one.
        numbers = range(min(max(tags.attempt, LIKELY_ATTEMPTS), MOST_ATTEMPTS), 0, -1)
        is_retry = tags.retry_of > 0
        names = self._names(tags.address)
        keys = (self._key(name, tags.run_key, number, is_retry=is_retry) for number in numbers for name in names)
        return tags.idempotency_key in keys

    def _told(self, key: str, batch: RemoteBatch, content: str) -> Tags | None:
        """By a key alone, and the first 16 digits of the `content` that was uploaded, where that is known."""
        if key not in self._expected:
            return None
        number, is_retry, desired = self._expected[key]
        paid_for = desired.fingerprint
        if not _is_same_content(desired, content, is_retry=is_retry):
            file = ProviderFile(file_id=batch.input_file_id).content
            paid_for = fingerprint(desired.provider, desired.endpoint, desired.completion_window, file)
        retry_of = UNTOLD if is_retry else 0
        return Tags(key, desired.address, desired.run_key, paid_for, number, retry_of=retry_of)

    def _key(self, address: str, run_key: str, number: int, *, is_retry: bool) -> str:
        return idempotency_key(self._project, spec_of(address), address, run_key, number, is_retry=is_retry)


def _is_same_content(desired: Desired, content: str, *, is_retry: bool) -> bool:
    """Whether it is what `desired` is paid for: a run that is keyed by content says so itself."""
    if content and isinstance(desired.source, LocalFile):
        return desired.source.sha256.removeprefix("sha256:").startswith(content)
    return desired.run_key.startswith("content:") and not is_retry


def recovery(found: Iterable[Found], state: State, desired: Iterable[Desired], at: str) -> Recovery:
    """What `state` lacks of what was `found`, at time `at` (RFC 3339 UTC). What it has is never changed for another.

    An attempt without an outcome gets the one that was found. `desired` is what the specs want now: an attempt that was
    paid for the same reads the same source.
    """
    by_key: dict[str, list[Found]] = {}
    for each in found:
        by_key.setdefault(each.tags.idempotency_key, []).append(each)
    holders: dict[str, list[Entry]] = {}
    for entry in state.entries():
        holders.setdefault(entry.attempt.intent.idempotency_key, []).append(entry)
    wanted = {each.address: each for each in desired}
    recovering = _Recovering(state, wanted, at)
    for key in sorted(by_key, key=lambda each: (by_key[each][0].tags.address, by_key[each][0].tags.attempt)):
        recovering.take(by_key[key], holders.get(key, []))
    return Recovery(
        tuple(recovering.recovered), recovering.known, tuple(recovering.alarms), tuple(recovering.conflicts)
    )


class _Recovering:
    def __init__(self, state: State, wanted: Mapping[str, Desired], at: str) -> None:
        self.recovered: list[Recovered] = []
        self.known = 0
        self.alarms: list[Alarm] = []
        self.conflicts: list[Found] = []
        self._state = state
        self._wanted = wanted
        self._at = at
        self._added_to: dict[tuple[str, str], set[int]] = {}

    def take(self, group: Sequence[Found], holders: Sequence[Entry]) -> None:
        """Take in the batches of one key, which `holders` are the attempts of."""
        paid = [entry for entry in holders if entry.attempt.status == "submitted"]
        if paid:
            self.known += 1
            self._alarm(paid[-1], group, {entry.attempt.batch_id for entry in paid})
            return
        best = preferred([each.batch for each in group])
        chosen = next(each for each in group if each.batch is best)
        recovered = self._settled(chosen, holders[-1]) if holders else self._added(chosen)
        if recovered is None:
            self.conflicts.append(chosen)
            return
        self.recovered.append(recovered)
        self._alarm(recovered.entry, group, {best.batch_id})

    def _alarm(self, entry: Entry, group: Sequence[Found], kept: Collection[str]) -> None:
        is_stopped = any(each.batch.batch_id in kept and not is_alive(each.batch) for each in group)
        others = tuple(each.batch for each in group if each.batch.batch_id not in kept and is_alive(each.batch))
        if len(others) > is_stopped:
            batch_id = entry.attempt.batch_id
            self.alarms.append(Alarm(entry.address, entry.run_key, group[0].provider, batch_id, others))

    def _settled(self, found: Found, holder: Entry) -> Recovered:
        return Recovered(replace(holder, attempt=adopted(holder.attempt, found.batch, self._at)), "settled")

    def _added(self, found: Found) -> Recovered | None:
        tags = found.tags
        there = self._state.batches.get(tags.address, {}).get(tags.run_key, ())
        if any(attempt.number == tags.attempt for attempt in there):
            return None
        number = self._free_number(tags, there)
        if tags.retry_of == UNTOLD:
            found = found._replace(tags=tags._replace(retry_of=self._base_of(tags, there)))
        attempt = replace(_rebuilt(found, self._wanted.get(tags.address), self._at), number=number)
        return Recovered(Entry(address=tags.address, run_key=tags.run_key, attempt=attempt), "added")

    def _base_of(self, tags: Tags, there: Sequence[Attempt]) -> int:
        """The number of the newest attempt before it that is no retry; 0 where that is not known."""
        here = [each.entry.attempt for each in self.recovered
                if (each.entry.address, each.entry.run_key) == (tags.address, tags.run_key)]  # fmt: skip
        bases = (each.number for each in [*there, *here] if each.status == "submitted" and not each.is_retry)
        return max((number for number in bases if number < tags.attempt), default=0)

    def _free_number(self, tags: Tags, there: Sequence[Attempt]) -> int:
        """The attempt's own, unless another submission has it, which a batch that was moved in state leaves behind."""
        added = self._added_to.setdefault((tags.address, tags.run_key), set())
        taken = added | {attempt.number for attempt in there}
        number = tags.attempt if tags.attempt not in added else max(taken) + 1
        added.add(number)
        return number


def _rebuilt(found: Found, desired: Desired | None, at: str) -> Attempt:
    """The attempt that became a batch, as far as batch and spec tell. What it was estimated at is lost."""
    batch, tags = found.batch, found.tags
    same = desired if desired is not None and desired.fingerprint == tags.fingerprint else None
    intent = Intent(
        idempotency_key=tags.idempotency_key,
        fingerprint=tags.fingerprint,
        provider=found.provider,
        origin=found.origin,
        endpoint=same.endpoint if same else batch.endpoint,
        completion_window=same.completion_window if same else batch.completion_window,
        source=same.source if same else ProviderFile(file_id=batch.input_file_id),
        metadata=dict(same.metadata) if same and not batch.metadata else untagged(batch.metadata),
        retry_of=tags.retry_of,
        created_at=batch.created_at or at,
    )
    return standing_for(batch, intent, tags.attempt, at)

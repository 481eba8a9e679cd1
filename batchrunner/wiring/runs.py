"""Runs of batches as they were submitted: which shards count, after some were replaced, cut otherwise, or added."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from batchrunner.address import natural, whole_of
from batchrunner.manifest import LocalFile
from batchrunner.standing import newest_runs
from batchrunner.state import Entry, State
from batchrunner.wiring.following import FollowedStates

Range = tuple[int, int]
"""The first request of a content, and the one after the last."""


class ShardRun(NamedTuple):
    """What was submitted of one shard, or of a batch that has none, in a run: the base, and its retries by number."""

    base: Entry
    retries: tuple[Entry, ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All of it."""
        return self.base, *self.retries


class BatchRun(NamedTuple):
    """A batch in a run. `superseded` was submitted before a replacement, and answers what nobody asks any more.

    Not `is_disjoint` where several of the `shards` may have asked for the same: what was submitted last counts then.
    """

    address: str
    run_key: str
    shards: tuple[ShardRun, ...]
    superseded: tuple[Entry, ...]
    is_disjoint: bool = True

    @property
    def name(self) -> tuple[str, str]:
        """Which batch and run it is."""
        return self.address, self.run_key

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every attempt whose results count."""
        return tuple(entry for shard in self.shards for entry in shard.entries)

    @property
    def newest_first(self) -> list[Entry]:
        """Its bases, by when they were submitted."""
        return _newest_first(shard.base for shard in self.shards)


def runs_of(states: Iterable[State], entries: Iterable[Entry]) -> list[BatchRun]:
    """The runs of batches that any of `entries` belongs to, with all their shards."""
    wanted = dict.fromkeys((whole_of(entry.address), entry.run_key) for entry in entries)
    submitted: dict[tuple[str, str], list[Entry]] = {name: [] for name in wanted}
    for state in states:
        for entry in state.entries():
            name = whole_of(entry.address), entry.run_key
            if name in submitted and entry.attempt.status == "submitted":
                submitted[name].append(entry)
    return [_run(address, run_key, submitted[address, run_key]) for address, run_key in wanted]


def left_to_fetch(states: FollowedStates) -> FollowedStates:
    """`states`, narrowed to what a fetch is about that names no run: of each batch the newest one, and those of which
    some results were never here.
    """
    entries = states.submitted()
    newest = newest_runs(entries)
    meant = {
        run.name
        for run in runs_of(states.states.values(), entries)
        if newest.get(run.address) == run.run_key or any(each.attempt.fetched is None for each in run.entries)
    }
    runs = ((each.address, each.run_key) for each in entries if (whole_of(each.address), each.run_key) in meant)
    return FollowedStates(replace(states.followed, runs=frozenset(runs)), states.states)


def _run(address: str, run_key: str, submitted: Sequence[Entry]) -> BatchRun:
    bases = {entry.address: entry for entry in submitted if not entry.attempt.is_retry}
    current = list(_current(_newest_first(bases.values())))
    shards = tuple(
        ShardRun(base, tuple(each for each in submitted if _retries(each, base)))
        for base in sorted(current, key=lambda each: natural(each.address))
    )
    counted = {id(entry) for shard in shards for entry in shard.entries}
    superseded = tuple(each for each in submitted if id(each) not in counted)
    return BatchRun(address, run_key, shards, superseded, _are_disjoint(current))


def _newest_first(bases: Iterable[Entry]) -> list[Entry]:
    return sorted(bases, key=lambda entry: entry.attempt.intent.created_at, reverse=True)


def _retries(entry: Entry, base: Entry) -> bool:
    return entry.address == base.address and entry.attempt.intent.retry_of == base.attempt.number


def _current(bases: Sequence[Entry]) -> Iterator[Entry]:
    """Those of `bases`, newest first, whose requests were not all submitted again by newer ones.

    An input that has grown, or of which one shard was changed and replaced, is another content, and the shards that
    are as they were still count. Once all of a content was submitted, nothing of another one does.
    """
    content = _whole(bases[0]) if bases else ""
    is_all = _is_all_of(content, bases)
    newer: list[Range] = []
    for base in bases:
        if is_all and _whole(base) != content:
            continue
        requests = _range(base)
        if requests is None or not _is_covered(requests, newer):
            yield base
        if requests is not None:
            newer.append(requests)


def _is_all_of(content: str, bases: Sequence[Entry]) -> bool:
    """Whether `bases` hold the whole of `content`."""
    alike = [base for base in bases if _whole(base) == content]
    # A file at the provider that stands for a shard, as after a recovery, holds that shard alone.
    if any(_part(base) is None and whole_of(base.address) == base.address for base in alike):
        return True
    end = 0
    for start, size, whole_size in sorted(filter(None, map(_part, alike))):
        if start > end:
            return False
        end = max(end, start + size)
        if end >= whole_size:
            return True
    return False


def _part(base: Entry) -> tuple[int, int, int] | None:
    """Where in a content it lies, its size, and that of all the content, in bytes; None where it is no part."""
    source = base.attempt.intent.source
    if isinstance(source, LocalFile) and source.part:
        return source.part.start, source.size, source.part.whole_size
    return None


def _range(base: Entry) -> Range | None:
    """Which requests of its content it holds; None where nobody knows."""
    source = base.attempt.intent.source
    if not isinstance(source, LocalFile):
        return None
    before = source.part.before if source.part else 0
    return before, before + source.requests


def _is_covered(requests: Range, others: Iterable[Range]) -> bool:
    reached, end = requests
    for first, last in sorted(others):
        if first <= reached:
            reached = max(reached, last)
    return reached >= end > requests[0]


def _are_disjoint(bases: Sequence[Entry]) -> bool:
    """Whether none of the requests of `bases` can be in two of them."""
    if len(bases) < 2:
        return True
    ranges = [_range(base) for base in bases]
    known = sorted(each for each in ranges if each is not None)
    if len(known) < len(ranges) or len({_whole(base) for base in bases}) > 1:
        return False
    return all(one[1] <= other[0] for one, other in pairwise(known))


def _whole(base: Entry) -> str:
    source = base.attempt.intent.source
    return source.whole if isinstance(source, LocalFile) else source.content


def owners_of(run: BatchRun, asked: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """The address of the newest base of `run` that asked for each id; `asked` are ids by address."""
    owners: dict[str, str] = {}
    for base in run.newest_first:
        for custom_id in asked.get(base.address, ()):
            owners.setdefault(custom_id, base.address)
    return owners

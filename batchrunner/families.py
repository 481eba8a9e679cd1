"""What a run was paid for, or is still owed, that the shards which are wanted now do not reproduce.

All shards of one batch, and the batch as a whole, are one family: cut from the same content and, in one run, one
occurrence. Which shards there are follows from the input, the spec and the provider's limits, and each of those can
change when some of them were paid for already. Requests of the old shard 3 may then be in a shard 4, an address for
which nothing was submitted. So once a family was paid for, or may have been, for anything else than what is wanted
(another address, or another fingerprint), no further member of it is sent unless `--replace` names it.

Retries ask again for rows of what was paid for: they belong to their attempt, and are nobody's rivals.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby

from batchrunner.address import shard, whole_of
from batchrunner.desired import Desired
from batchrunner.digest import digest_of
from batchrunner.manifest import LocalFile, Source
from batchrunner.owed import Name
from batchrunner.plans import Change, Resume, Submit
from batchrunner.records import replace
from batchrunner.state import Attempt, Entry, Intent, State

_RANGES = 4

Trace = tuple[str, int, bool]
"""Of an attempt: its address, its number, and whether it may have been sent."""


class Families:
    """The families of `spec`: what is `desired` of each, and what `state` and what is `owed` hold beside that.

    `followed` is what is done about those that are owed.
    """

    def __init__(
        self,
        spec: str,
        desired: Iterable[Desired],
        state: State,
        owed: Mapping[Name, Attempt],
        followed: Sequence[Change] = (),
    ) -> None:
        self._wanted: dict[Name, dict[str, str]] = defaultdict(dict)
        for each in desired:
            self._wanted[each.family][each.address] = each.fingerprint
        self._addresses: dict[str, list[str]] = defaultdict(list)
        for address in state.addresses_of(spec):
            self._addresses[whole_of(address)].append(address)
        self._rivals = {family: tuple(self._rivals_of(family, state, owed)) for family in self._wanted}
        self._declared = {whole for whole, _ in self._wanted}
        resumed = [change for change in followed if isinstance(change, Resume)]
        families = {*self._wanted, *map(family_of, resumed)}
        self._traces = traces_of(state, families, resumed)

    def rivals(self, family: Name) -> Sequence[Entry]:
        """What was paid for, or may be, that is not wanted as it was sent; by address, oldest first."""
        return self._rivals[family]

    def version_beside(self, desired: Desired) -> str:
        """What stands for the attempts at other addresses of its family."""
        return version_beside(desired.address, self._traces[desired.family])

    def anchored(self, change: Change) -> Change:
        """`change`, one of those that were `followed`, with what stands for the attempts beside it."""
        if not isinstance(change, Resume):
            return change
        return replace(change, family_version=version_beside(change.address, self._traces[family_of(change)]))

    def members(self, family: Name) -> frozenset[str]:
        """The addresses that are wanted."""
        return frozenset(self._wanted[family])

    def is_declared(self, address: str) -> bool:
        """Whether `address` is of a batch that is wanted, however that is cut."""
        return whole_of(address) in self._declared

    def _rivals_of(self, family: Name, state: State, owed: Mapping[Name, Attempt]) -> Iterator[Entry]:
        whole, run_key = family
        for address in self._addresses[whole]:
            wanted = self._wanted[family].get(address)
            for attempt in state.batches[address].get(run_key, ()):
                counts = attempt.status == "submitted" or attempt is owed.get((address, run_key))
                if counts and not attempt.is_retry and attempt.intent.fingerprint != wanted:
                    yield Entry(address=address, run_key=run_key, attempt=attempt)


def family_of(change: Submit | Resume) -> Name:
    """The family of what is to be sent."""
    return whole_of(change.address), change.run_key


def traces_of(
    state: State, families: Collection[Name], resumed: Iterable[Resume], plan_id: str = ""
) -> Mapping[Name, tuple[Trace, ...]]:
    """Every attempt of `families` that is no retry, but for those that a plan follows up.

    These are the `resumed`, and what `plan_id` decided.
    """
    followed = {(change.address, change.run_key, change.attempt) for change in resumed}
    found: dict[Name, list[Trace]] = {family: [] for family in families}
    for address in sorted(state.batches):
        whole = whole_of(address)
        for run_key, attempts in state.batches[address].items():
            if (whole, run_key) in found:
                found[whole, run_key].extend(
                    (address, each.number, each.may_be_sent)
                    for each in attempts
                    if not each.is_retry
                    and (address, run_key, each.number) not in followed
                    and (not plan_id or each.intent.plan_id != plan_id)
                )
    return {family: tuple(traces) for family, traces in found.items()}


def version_beside(address: str, traces: tuple[Trace, ...]) -> str:
    """Changes whenever another address of a family has a further attempt, or sends one; empty where there is none."""
    return "" if all(each == address for each, _, _ in traces) else _digest_of(traces)


_digest_of = lru_cache(maxsize=4)(digest_of)
"""Once for all shards of a family."""


def contrast(desired: Desired, rivals: Sequence[Entry]) -> str:
    """What was submitted of the family of `desired`, as which shards, and in what that differs, in words.

    For which run is what the reason says already.
    """
    verb = "was" if any(rival.attempt.batch_id for rival in rivals) else "was begun as"
    return f"{verb} {_listed(rivals)} before, {_how(desired, [rival.attempt.intent for rival in rivals])}"


def _how(desired: Desired, intents: Sequence[Intent]) -> str:
    others = [intent.source for intent in intents if _whole(intent.source) != _whole(desired.source)]
    if others and not all(_is_addressed_otherwise(source, desired.source) for source in others):
        return _from_what(others, desired.source)
    for name, words in (("provider", "provider"), ("endpoint", "endpoint"), ("completion_window", "completion window")):
        if any(getattr(intent, name) != getattr(desired, name) for intent in intents):
            return f"with another {words}"
    return "cut otherwise"


def _from_what(others: Sequence[Source], source: Source) -> str:
    """Of a table, whether its template differs, as far as that is known, or its rows."""
    if any(not _are_rendered_alike(other, source) for other in others):
        return "from other content"
    if any(_wording(other) != _wording(source) for other in others):
        return "with another template"
    return f"from other rows of {source.path}" if isinstance(source, LocalFile) else "from other content"


def _listed(rivals: Sequence[Entry]) -> str:
    """Their addresses, consecutive shards as a range: `nightly/x#1 … #3`."""
    numbers = sorted({int(rival.address.partition("#")[2] or 0) for rival in rivals})
    words = list(_ranges(whole_of(rivals[0].address), numbers))
    return ", ".join([*words[:_RANGES], *(["…"] if len(words) > _RANGES else [])])


def _ranges(whole: str, numbers: Sequence[int]) -> Iterator[str]:
    if numbers[0] == 0:
        yield whole
    counted = enumerate(number for number in numbers if number)
    for _, group in groupby(counted, key=lambda pair: pair[1] - pair[0]):
        first, *rest = (number for _, number in group)
        yield f"{shard(whole, first)} … #{rest[-1]}" if rest else shard(whole, first)


def _whole(source: Source) -> str:
    return source.whole if isinstance(source, LocalFile) else source.content


def difference(desired: Desired, intent: Intent) -> str:
    """In what `desired` differs from `intent`, as far as it is paid for, in words."""
    pairs = {
        "provider": (intent.provider, desired.provider),
        "endpoint": (intent.endpoint, desired.endpoint),
        "completion_window": (intent.completion_window, desired.completion_window),
    }
    told = [f"{name} {old} -> {new}" for name, (old, new) in pairs.items() if old != new]
    return ", ".join([*told, *_input_difference(intent.source, desired.source)])


def _input_difference(old: Source, new: Source) -> Iterator[str]:
    """Of the same table what changed: with another template nobody knows whether its rows did, too."""
    if _short(old) == _short(new) or _is_addressed_otherwise(old, new):
        return
    if isinstance(old, LocalFile) and isinstance(new, LocalFile) and _are_rendered_alike(old, new):
        what = "rows" if _wording(old) == _wording(new) else "template for the rows"
        digests = f"{_digest(old)} -> {_digest(new)}"
        yield f"{what} of {new.path} changed (rendered lines {digests})"
    else:
        yield f"input {_short(old)} -> {_short(new)}"


def _are_rendered_alike(old: Source, new: Source) -> bool:
    """Whether both are rendered from the same table."""
    tables = [source.path for source in (old, new) if isinstance(source, LocalFile) and source.template]
    return len(tables) == 2 and tables[0] == tables[1]


def _is_addressed_otherwise(old: Source, new: Source) -> bool:
    """Whether the requests of a table may differ in their `url` alone, which is the endpoint's doing."""
    return _are_rendered_alike(old, new) and _wording(old) == _wording(new) and _url(old) != _url(new)


def _wording(source: Source) -> tuple[object, ...]:
    """What the rows of a table are rendered with, but for the `url`; nothing for another source."""
    template = source.template if isinstance(source, LocalFile) else None
    return (template.custom_id, template.body) if template else ()


def _url(source: Source) -> str:
    return source.template.url if isinstance(source, LocalFile) and source.template else ""


def _short(source: Source) -> str:
    if not isinstance(source, LocalFile):
        return source.file_id
    if source.template:
        return f"rows of {source.path} (rendered lines {_digest(source)})"
    return f"{source.path} ({_digest(source)})"


def _digest(source: LocalFile) -> str:
    return source.sha256[:19]

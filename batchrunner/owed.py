"""Attempts without an outcome: which of them are still owed to a provider, and which wait for a person."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from shlex import quote

from batchrunner.address import whole_of
from batchrunner.desired import Circumstances, Desired
from batchrunner.facts import ProviderFacts, key_is_alive
from batchrunner.manifest import LocalFile, Source
from batchrunner.plans import Blocked, Resume
from batchrunner.state import Attempt, Entry, Intent, State

Name = tuple[str, str]
"""An address and a run key."""


def owed_attempts(spec: str, desired: Iterable[Desired], state: State, around: Circumstances) -> Mapping[Name, Attempt]:
    """The unresolved attempts of `spec` that are still followed up, in order of their addresses. Targets don't matter.

    A create that may have left is always followed up; one that has not, while it can still be sent as it was, and while
    none of its requests were submitted, or may have been, in other shards. A retry that has not left is nobody's wish
    but that of the command that began it, which makes it anew.
    """
    now = _Now(desired)
    candidates = {
        (address, run_key): attempts[-1]
        for address in state.addresses_of(spec)
        for run_key, attempts in state.batches[address].items()
        if attempts[-1].unresolved
        and not ((address, run_key) in around.imports and not attempts[-1].sent_at)
        and _still_owed(run_key, attempts[-1], now.of((address, run_key)), around)
    }
    unsent = {name for name, attempt in candidates.items() if not attempt.sent_at}
    beside = _beside(state, candidates, {_family(name) for name in unsent})
    return {
        name: attempt
        for name, attempt in candidates.items()
        if name not in unsent or not any(_gives_way(name, attempt, other, now) for other in beside[_family(name)])
    }


def _family(name: Name) -> Name:
    return whole_of(name[0]), name[1]


def _beside(state: State, candidates: Mapping[Name, Attempt], families: Collection[Name]) -> Mapping[Name, list[Entry]]:
    """What was submitted, or is to be followed up, of each of `families`."""
    found: dict[Name, list[Entry]] = {family: [] for family in families}
    for address in state.batches if families else ():
        for run_key, attempts in state.batches[address].items():
            name = (address, run_key)
            found.get(_family(name), []).extend(
                Entry(address=address, run_key=run_key, attempt=attempt)
                for attempt in attempts
                if not attempt.is_retry and (attempt.status == "submitted" or attempt is candidates.get(name))
            )
    return found


class _Now:
    """What is wanted: of each run its own, of a run that is not planned what the first that is says of the batch."""

    def __init__(self, desired: Iterable[Desired]) -> None:
        self._by_name: dict[Name, Desired] = {}
        self._by_address: dict[str, Desired] = {}
        for each in desired:
            self._by_name[each.name] = each
            self._by_address.setdefault(each.address, each)

    def of(self, name: Name) -> Desired | None:
        return self._by_name.get(name) or self._by_address.get(name[0])


def _gives_way(name: Name, unsent: Attempt, other: Entry, now: _Now) -> bool:
    if other.address == name[0] or not _overlap(unsent.intent, other.attempt.intent):
        return False
    undecided = other.attempt.unresolved and not other.attempt.sent_at
    is_wanted = _is_wanted(now.of(name), unsent)
    return not (undecided and is_wanted and not _is_wanted(now.of((other.address, other.run_key)), other.attempt))


def _is_wanted(wanted: Desired | None, attempt: Attempt) -> bool:
    return wanted is not None and wanted.fingerprint == attempt.intent.fingerprint


def _overlap(one: Intent, other: Intent) -> bool:
    """Whether two submissions of one family may hold the same requests: all do but parts of the same whole."""
    a, b = one.source, other.source
    if not (isinstance(a, LocalFile) and isinstance(b, LocalFile)) or a.whole != b.whole:
        return True
    if _terms(one) != _terms(other):
        return True
    return a.start < b.start + b.size and b.start < a.start + a.size


def _terms(intent: Intent) -> tuple[str, str, str]:
    return intent.provider, intent.endpoint, intent.completion_window


def _still_owed(run_key: str, attempt: Attempt, desired: Desired | None, around: Circumstances) -> bool:
    """An input that was not uploaded yet can be sent as it was while it is what the spec names now.

    Where runs are keyed by content, also only while the spec wants that content sent as it was going to be.
    """
    intent = attempt.intent
    if attempt.sent_at:
        return True
    facts = around.providers.get(intent.provider)
    if facts is None or facts.origin != intent.origin or attempt.is_retry:
        return False
    if attempt.request or desired is None:
        return bool(attempt.request)
    same_run = desired.run_key == run_key or not run_key.startswith("content:")
    return same_run and _is_same(desired.source, intent.source)


def _is_same(one: Source, other: Source) -> bool:
    """Whether two sources are read from the same place and give the same bytes, whatever else is known of them."""
    if not (isinstance(one, LocalFile) and isinstance(other, LocalFile)):
        return one == other
    return (one.path, one.sha256, one.part, one.template) == (other.path, other.sha256, other.part, other.template)


def carry_on(name: Name, attempt: Attempt, desired: Desired | None, around: Circumstances) -> Blocked | Resume:
    """What is done about an owed attempt: its stored intent is sent as it stands, or a person has to look first."""
    address, run_key = name
    held = _why_held(attempt, around)
    if held is not None:
        reason, explanation = held
        return Blocked(
            address=address,
            run_key=run_key,
            reason=reason,
            explanation=explanation,
            hint=f"batchrunner resolve {quote(address)} --adopt BATCH_ID",
        )
    return Resume(
        **attempt.intent.as_fields(),
        address=address,
        run_key=run_key,
        reason=_why_resumed(attempt, desired),
        attempt=attempt.number,
        base_version=attempt.version,
    )


def _why_resumed(attempt: Attempt, desired: Desired | None) -> str:
    if desired is not None and desired.fingerprint != attempt.intent.fingerprint and not attempt.is_retry:
        return "spec-changed-since"
    return attempt.status if attempt.status in {"in-doubt", "deferred"} else "interrupted"


def _can_be_looked_for(facts: ProviderFacts) -> bool:
    """Whether the provider's list of batches tells what became of a create, so that no person has to."""
    if facts.idempotency == "list-match":
        return True
    return facts.idempotency != "none" and facts.metadata == "sent" and facts.paths.list_batches is not None


def _why_held(attempt: Attempt, around: Circumstances) -> tuple[str, str] | None:
    intent = attempt.intent
    facts = around.providers.get(intent.provider)
    if facts is None:
        return "provider-unknown", f"provider {intent.provider} is no longer configured"
    if facts.origin != intent.origin:
        return "origin-changed", f"it may have been sent to {intent.origin}, and {intent.provider} is now elsewhere"
    if not attempt.sent_at or _can_be_looked_for(facts):
        return None
    if facts.idempotency == "none":
        return "in-doubt-held", f"sent at {attempt.sent_at}; {intent.provider} does not honour idempotency keys"
    if not key_is_alive(facts, datetime.fromisoformat(attempt.sent_at), around.now):
        return (
            "key-expired",
            f"sent at {attempt.sent_at}, and it is {around.now.isoformat(timespec='seconds')} now; "
            f"{intent.provider} honours a key for {facts.key_ttl_seconds / 3600:g} hours",
        )
    return None

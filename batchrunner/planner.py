"""Desired batches and recorded attempts in, changes out. Pure: no clock, no file, no provider."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from shlex import quote

from batchrunner.address import matches, spec_of
from batchrunner.digest import idempotency_key
from batchrunner.errors import Refused
from batchrunner.facts import ProviderFacts, key_is_alive
from batchrunner.manifest import LocalFile, Source
from batchrunner.plans import Blocked, Change, Orphan, Replace, Resume, Submit, Unchanged
from batchrunner.pricing import Estimate
from batchrunner.state import Attempt, Intent, State


@dataclass(frozen=True, slots=True)
class Desired:
    """A batch that a spec wants submitted once for `run_key`; `fingerprint` is the digest of what is paid for."""

    address: str
    run_key: str
    provider: str
    endpoint: str
    completion_window: str
    metadata: Mapping[str, str]
    source: Source
    fingerprint: str
    estimate: Estimate | None = None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What else a plan depends on. `targets` empty means everything; `replace` holds exact addresses."""

    project: str
    providers: Mapping[str, ProviderFacts]
    now: datetime
    targets: tuple[str, ...] = ()
    replace: frozenset[str] = frozenset()

    def targeted(self, address: str) -> bool:
        """Whether the plan is about `address`."""
        return not self.targets or any(matches(target, address) for target in self.targets)


def plan_changes(
    spec: str, path: str, desired: Iterable[Desired], state: State, around: Circumstances
) -> tuple[Change, ...]:
    """The changes of the spec `spec` at `path`: what is unresolved first, then its batches in order, then orphans.

    Raises `Refused` `replace-unresolved` where `--replace` names a batch whose outcome is not known yet.
    """
    wanted = tuple(d for d in desired if around.targeted(d.address))
    by_name = {(d.address, d.run_key): d for d in wanted}
    open_attempts = dict(_unresolved(spec, wanted, state, around))
    changes: list[Change] = [
        _carry_on(name, attempt, by_name.get(name), around) for name, attempt in open_attempts.items()
    ]
    changes += [_change(d, path, state, around) for name, d in by_name.items() if name not in open_attempts]
    return (*changes, *_orphans(spec, wanted, state, around))


def _unresolved(
    spec: str, wanted: tuple[Desired, ...], state: State, around: Circumstances
) -> Iterator[tuple[tuple[str, str], Attempt]]:
    now = {d.address: d for d in wanted}
    for address, runs in state.batches.items():
        if spec_of(address) != spec or not around.targeted(address):
            continue
        for run_key, attempts in runs.items():
            attempt = attempts[-1]
            if attempt.unresolved and _still_owed(run_key, attempt, now.get(address), around):
                _refuse_replacing(address, around)
                yield (address, run_key), attempt


def _still_owed(run_key: str, attempt: Attempt, desired: Desired | None, around: Circumstances) -> bool:
    """A create that may have left is always followed up; one that has not, while it can still be sent as it was.

    An input that was not uploaded yet can be, while it is what the spec names now; keyed by its content, while the spec
    wants that content sent as it was going to be.
    """
    intent = attempt.intent
    if attempt.sent_at:
        return True
    facts = around.providers.get(intent.provider)
    if facts is None or facts.origin != intent.origin:
        return False
    if attempt.request or desired is None:
        return bool(attempt.request)
    return desired.source == intent.source and (desired.run_key == run_key or not run_key.startswith("content:"))


def _refuse_replacing(address: str, around: Circumstances) -> None:
    if address in around.replace:
        raise Refused(
            "replace-unresolved",
            f"{address} cannot be replaced: its last submission is still unresolved",
            why="A replacement is paid for; whether the first one went through has to be known before.",
            hint="Run apply without --replace first.",
        )


def _carry_on(
    name: tuple[str, str], attempt: Attempt, desired: Desired | None, around: Circumstances
) -> Blocked | Resume:
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
    if desired is not None and desired.fingerprint != attempt.intent.fingerprint:
        return "spec-changed-since"
    return attempt.status if attempt.status in {"in-doubt", "deferred"} else "interrupted"


def _why_held(attempt: Attempt, around: Circumstances) -> tuple[str, str] | None:
    intent = attempt.intent
    facts = around.providers.get(intent.provider)
    if facts is None:
        return "provider-unknown", f"provider {intent.provider} is no longer configured"
    if facts.origin != intent.origin:
        return "origin-changed", f"it may have been sent to {intent.origin}, and {intent.provider} is now elsewhere"
    if not attempt.sent_at:
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


def _change(desired: Desired, path: str, state: State, around: Circumstances) -> Change:
    attempts = state.batches.get(desired.address, {}).get(desired.run_key, [])
    paid = next((attempt for attempt in reversed(attempts) if attempt.status == "submitted"), None)
    if paid is None:
        return _submit(desired, attempts, around)
    if desired.address in around.replace:
        return _replace(desired, attempts, paid, around)
    return _settled(desired, path, paid)


def _settled(desired: Desired, path: str, latest: Attempt) -> Unchanged | Blocked:
    if latest.intent.fingerprint != desired.fingerprint:
        return Blocked(
            address=desired.address,
            run_key=desired.run_key,
            reason="changed-since-submitted",
            explanation=_difference(desired, latest.intent),
            batch_id=latest.batch_id,
            hint=f"batchrunner apply {quote(path)} --replace {quote(desired.address)}",
        )
    reworded = dict(desired.metadata) != latest.intent.metadata
    return Unchanged(
        address=desired.address,
        run_key=desired.run_key,
        reason="metadata-differs" if reworded else "already-submitted",
        batch_id=latest.batch_id,
        submitted_at=latest.updated_at,
    )


def _difference(desired: Desired, intent: Intent) -> str:
    pairs = {
        "provider": (intent.provider, desired.provider),
        "endpoint": (intent.endpoint, desired.endpoint),
        "completion_window": (intent.completion_window, desired.completion_window),
        "input": (_short(intent.source), _short(desired.source)),
    }
    return ", ".join(f"{name} {old} -> {new}" for name, (old, new) in pairs.items() if old != new)


def _short(source: Source) -> str:
    if isinstance(source, LocalFile):
        return f"{source.path} ({source.sha256[:19]})"
    return source.file_id


def _key(desired: Desired, attempts: Sequence[Attempt], around: Circumstances) -> str:
    """The key of the next paid submission: another one only where one was paid for.

    It outlives refusals, so that a batch which a wrong refusal hid is returned instead of made again, and can be
    computed anew when the state is lost.
    """
    number = 1 + sum(attempt.status == "submitted" for attempt in attempts)
    return idempotency_key(around.project, spec_of(desired.address), desired.address, desired.run_key, number)


def _submit(desired: Desired, attempts: Sequence[Attempt], around: Circumstances) -> Submit:
    latest = attempts[-1] if attempts else None
    return Submit(
        address=desired.address,
        run_key=desired.run_key,
        reason=_why_submitted(latest),
        attempt=latest.number + 1 if latest else 1,
        idempotency_key=_key(desired, attempts, around),
        fingerprint=desired.fingerprint,
        provider=desired.provider,
        origin=around.providers[desired.provider].origin,
        endpoint=desired.endpoint,
        completion_window=desired.completion_window,
        source=desired.source,
        metadata=dict(desired.metadata),
        estimate=desired.estimate,
        base_version=latest.version if latest else "",
    )


def _why_submitted(latest: Attempt | None) -> str:
    if latest is None:
        return "new"
    return "rejected-before" if latest.status == "rejected" else "never-sent"


def _replace(desired: Desired, attempts: Sequence[Attempt], paid: Attempt, around: Circumstances) -> Replace:
    planned = _submit(desired, attempts, around)
    fields = {name: getattr(planned, name) for name in planned.__struct_fields__}
    return Replace(**{**fields, "reason": "replace-requested", "replaces": paid.batch_id})


def _orphans(spec: str, wanted: tuple[Desired, ...], state: State, around: Circumstances) -> Iterator[Orphan]:
    declared = {d.address for d in wanted}
    for address in sorted(state.batches):
        if spec_of(address) != spec or address in declared or not around.targeted(address):
            continue
        paid = [(run_key, attempt) for run_key, attempts in state.batches[address].items()
                for attempt in attempts if attempt.status == "submitted"]  # fmt: skip
        if paid:
            run_key, newest = max(paid, key=lambda each: each[1].updated_at)
            yield Orphan(address=address, run_key=run_key, reason="not-in-specs", batch_id=newest.batch_id)

"""Desired batches and recorded attempts in, changes out. Pure: no clock, no file, no provider.

What was submitted for a run is not submitted for it again: not under its own address, and not as other shards of the
same batch (see `families`). Each of those stays `blocked`, as `changed-since-submitted`, until `--replace` names it.
What was submitted under a name that no spec has any more `looks-renamed`: `moved` says so, or `--replace` that it is
not. What was submitted there with the key of a batch was that batch, whatever it holds now.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from shlex import quote

from batchrunner.address import whole_of
from batchrunner.desired import Circumstances, Desired, content_of
from batchrunner.errors import Refused
from batchrunner.families import Families, contrast, difference
from batchrunner.owed import Name, carry_on, owed_attempts
from batchrunner.plans import Blocked, Change, Import, Notice, Orphan, Replace, Submit, Unchanged
from batchrunner.polling import failed_throughout
from batchrunner.records import replace
from batchrunner.renaming import block_for
from batchrunner.state import Attempt, Entry, State, newest_paid

REPLACEABLE = ("changed-since-submitted", "looks-renamed")
"""Reasons to be blocked that `--replace` gets past."""

__all__ = ["REPLACEABLE", "Circumstances", "Desired", "adoption", "not_replaced", "plan_changes", "submission"]


def plan_changes(
    spec: str, path: str, desired: Iterable[Desired], state: State, around: Circumstances
) -> tuple[Change, ...]:
    """The changes of the spec `spec` at `path`: what is unresolved first, then its batches in order, then orphans.

    Of a batch that is cut into shards, all shards are among `desired`, targeted or not. Raises `Refused`
    `replace-unresolved` where `--replace` names a batch whose outcome is not known yet.
    """
    desired = tuple(desired)
    owed = owed_attempts(spec, desired, state, around)
    by_name = {(each.address, each.run_key): each for each in desired if around.targeted(each.address)}
    followed = [
        carry_on(name, attempt, by_name.get(name), around) for name, attempt in owed.items() if around.targeted(name[0])
    ]
    families = Families(spec, desired, state, owed, followed)
    _refuse_unresolved(by_name.values(), owed, families, around)
    changes = [families.anchored(change) for change in followed]
    changes += [_change(each, path, state, families, around) for name, each in by_name.items() if name not in owed]
    return (*_with_families_named(changes, path, families), *_orphans(spec, families, state, around))


def _refuse_unresolved(
    wanted: Iterable[Desired], owed: Mapping[Name, Attempt], families: Families, around: Circumstances
) -> None:
    """A replacement is for what was paid: not for what is unresolved, and not beside other shards that are."""
    replaced = [each for each in wanted if around.replaced(each.address)]
    unsettled = [address for address, _ in owed if around.replaced(address) and around.targeted(address)]
    unsettled += [
        rival.address for each in replaced for rival in families.rivals(each.family) if rival.attempt.unresolved
    ]
    if unsettled:
        raise Refused(
            "replace-unresolved",
            f"{unsettled[0]} cannot be replaced: its last submission is still unresolved",
            why="A replacement is paid for; whether the first one went through has to be known before.",
            hint="Run apply without --replace first.",
        )


def _change(desired: Desired, path: str, state: State, families: Families, around: Circumstances) -> Change:
    attempts = state.batches.get(desired.address, {}).get(desired.run_key, [])
    paid = newest_paid(attempts)
    rivals = families.rivals(desired.family)
    beside = families.version_beside(desired)
    strays = () if paid or rivals or desired.name in around.imports else around.strays_of(desired)
    if around.replaced(desired.address) and (paid or rivals or strays):
        return _replace(submission(desired, attempts, beside, around), paid or [*rivals, *strays][0].attempt)
    if paid is not None:
        return _settled(desired, path, paid, rivals, _last_of(paid, attempts))
    if rivals:
        return _displaced(desired, path, rivals)
    if strays:
        return _looks_renamed(desired, path, strays, around)
    planned = submission(desired, attempts, beside, around)
    batch_id = around.imports.get(desired.name)
    return planned if batch_id is None else adoption(planned, batch_id)


def _looks_renamed(desired: Desired, path: str, strays: Sequence[Entry], around: Circumstances) -> Blocked:
    newest = max(strays, key=lambda each: each.attempt.updated_at)
    names = list(dict.fromkeys(whole_of(each.address) for each in (newest, *strays)))
    known = newest.attempt.batch_id
    blocked = _blocked(desired, path, block_for(names, whole_of(desired.address), path, around), known)
    is_same = content_of(newest.attempt.intent) == content_of(desired)
    return replace(blocked, reason="looks-renamed") if is_same else blocked


def adoption(planned: Submit, batch_id: str) -> Import:
    """The import of `batch_id` in place of what was `planned`."""
    return Import(
        **planned.as_fields(),
        address=planned.address,
        run_key=planned.run_key,
        reason="declared-in-imports",
        attempt=planned.attempt,
        batch_id=batch_id,
        base_version=planned.base_version,
    )


def _last_of(paid: Attempt, attempts: Sequence[Attempt]) -> Attempt:
    """The attempt that decides how `paid` ended: its newest retry, or itself."""
    retries = [each for each in attempts if each.status == "submitted" and each.intent.retry_of == paid.number]
    return retries[-1] if retries else paid


def _settled(
    desired: Desired, path: str, latest: Attempt, rivals: Sequence[Entry], last: Attempt
) -> Unchanged | Blocked:
    if latest.intent.fingerprint != desired.fingerprint:
        alone = all(rival.address == whole_of(desired.address) == desired.address for rival in rivals)
        explained = difference(desired, latest.intent) if alone else contrast(desired, rivals)
        return _blocked(desired, path, explained, latest.batch_id)
    reworded = dict(desired.metadata) != latest.intent.metadata
    unchanged = Unchanged(
        address=desired.address,
        run_key=desired.run_key,
        reason="metadata-differs" if reworded else "already-submitted",
        batch_id=latest.batch_id,
        submitted_at=latest.updated_at,
    )
    return _ended(unchanged, last) if last.sight is not None and last.sight.is_final else unchanged


def _ended(unchanged: Unchanged, last: Attempt) -> Unchanged:
    """What to say of a batch that ended without giving what was paid for. It is never submitted again by itself."""
    batch = last.sight.batch if last.sight else None
    gone = last.sight is not None and last.sight.is_gone
    status: str = "gone" if gone or batch is None else batch.status
    if batch is not None and failed_throughout(batch):
        status = "completed, with no request that succeeded"
    elif status == "completed":
        return unchanged
    reason = f"{status}-remotely" if status in {"expired", "cancelled", "gone"} else "failed-remotely"
    return replace(unchanged, reason=reason, status=status, batch_id=last.batch_id, submitted_at=last.updated_at,
                   hint=f"batchrunner retry {quote(unchanged.address)}")  # fmt: skip


def _displaced(desired: Desired, path: str, rivals: Sequence[Entry]) -> Blocked:
    known = next((rival.attempt.batch_id for rival in rivals if rival.attempt.batch_id), "")
    return _blocked(desired, path, contrast(desired, rivals), known)


def _blocked(desired: Desired, path: str, explanation: str, batch_id: str) -> Blocked:
    return Blocked(
        address=desired.address,
        run_key=desired.run_key,
        reason="changed-since-submitted",
        explanation=explanation,
        batch_id=batch_id,
        hint=_to_replace(path, desired.address),
    )


def _to_replace(path: str, address: str) -> str:
    return f"batchrunner apply {quote(path)} --replace {quote(address)}"


def _with_families_named(changes: Sequence[Change], path: str, families: Families) -> Iterator[Change]:
    """`changes`, with shards that wait for a replacement all together, or ended badly together, under one name."""
    waiting: dict[Name, set[str]] = {}
    ended = Counter(
        (whole_of(each.address), each.run_key) for each in changes if isinstance(each, Unchanged) and each.hint
    )
    for change in changes:
        if change.reason in REPLACEABLE:
            waiting.setdefault((whole_of(change.address), change.run_key), set()).add(change.address)
    together = {family for family, addresses in waiting.items() if addresses == families.members(family)}
    for change in changes:
        whole = whole_of(change.address)
        if isinstance(change, Blocked) and whole != change.address and (whole, change.run_key) in together:
            yield replace(change, replacing=whole, hint=_to_replace(path, whole))
        elif isinstance(change, Unchanged) and ended[whole, change.run_key] > 1:
            yield replace(change, hint=change.hint and f"batchrunner retry {quote(whole)}")
        else:
            yield change


def submission(desired: Desired, attempts: Sequence[Attempt], beside: str, around: Circumstances) -> Submit:
    """The next submission of `desired`, after `attempts` of its run; `beside` stands for those at other shards."""
    latest = attempts[-1] if attempts else None
    return Submit(
        address=desired.address,
        run_key=desired.run_key,
        reason=_why_submitted(latest),
        attempt=latest.number + 1 if latest else 1,
        idempotency_key=around.next_key(desired.address, desired.run_key, attempts),
        fingerprint=desired.fingerprint,
        provider=desired.provider,
        origin=around.providers[desired.provider].origin,
        endpoint=desired.endpoint,
        completion_window=desired.completion_window,
        source=desired.source,
        metadata=dict(desired.metadata),
        base_version=latest.version if latest else "",
        family_version=beside,
    )


def _why_submitted(latest: Attempt | None) -> str:
    if latest is None:
        return "new"
    return "rejected-before" if latest.status == "rejected" else "never-sent"


def _replace(planned: Submit, paid: Attempt) -> Replace:
    fields = {name: getattr(planned, name) for name in planned.__struct_fields__}
    return Replace(**{**fields, "reason": "replace-requested", "replaces": paid.batch_id})


def not_replaced(changes: Sequence[Change], around: Circumstances) -> Iterator[Notice]:
    """What `--replace` names of `changes` although there is nothing to replace: it is planned as without."""
    for name in sorted(around.replace):
        named = [each for each in changes
                 if isinstance(each, Submit | Import) and name in {each.address, whole_of(each.address)}]  # fmt: skip
        if named and not any(isinstance(each, Replace) for each in named):
            words = f"--replace changes nothing: it was not submitted for {named[0].run_key} before"
            yield Notice(code="nothing-to-replace", message=words, where=name)


def _orphans(spec: str, families: Families, state: State, around: Circumstances) -> Iterator[Orphan]:
    for address in state.addresses_of(spec):
        if families.is_declared(address) or not around.targeted(address):
            continue
        paid = [(run_key, attempt) for run_key, attempts in state.batches[address].items()
                for attempt in attempts if attempt.status == "submitted" and not attempt.is_retry]  # fmt: skip
        if paid:
            run_key, newest = max(paid, key=lambda each: each[1].updated_at)
            yield Orphan(address=address, run_key=run_key, reason="not-in-specs", batch_id=newest.batch_id)

"""Whether a plan still stands on the ground it was made on."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from batchrunner.address import spec_of, whole_of
from batchrunner.desired import content_of
from batchrunner.errors import StaleError
from batchrunner.families import family_of, traces_of, version_beside
from batchrunner.plans import Import, Orphan, Plan, Replace, Resume, Sendable, Submit
from batchrunner.state import Attempt, Entry, State, distinct


def check_current(plan: Plan, states: Mapping[str, State]) -> None:
    """Refuse a plan whose ground has moved. `states` are by spec name, loaded under their locks, and as what the plan
    itself moves makes them.

    An address that this same plan moved is not stale: a crashed apply carries on with the plan that was reviewed. What
    is still to be sent is stale as well where other shards of its batch moved: they may hold the same requests.
    Raises `StaleError` `other-state` or `stale-plan`, naming every address; `plan-altered` for what no planner wrote.
    """
    _check_once(plan)
    for spec in plan.specs:
        lineage = states[spec.name].lineage
        if spec.lineage and spec.lineage != lineage:
            raise StaleError(
                "other-state",
                f"the plan was made from another state of {spec.name}",
                why=f"It was planned on lineage {spec.lineage}; {spec.state} is {lineage}.",
                hint="Plan again.",
            )
    stale = [
        address
        for spec in plan.specs
        for address in _stale(plan, [c for c in plan.sendable if spec_of(c.address) == spec.name], states[spec.name])
    ]
    stale += _taken(plan, states)
    stale += [each.address for each in plan.imports if _is_taken(each, plan, states[spec_of(each.address)])]
    if stale:
        raise StaleError(
            "stale-plan",
            f"state has moved since the plan was made: {', '.join(stale)}",
            why="Another apply has submitted or changed them.",
            hint="Plan again; what is already submitted will show as unchanged.",
        )


def _check_once(plan: Plan) -> None:
    """State would keep one of two that are sent under one name."""
    names = Counter((change.address, change.run_key) for change in (*plan.sendable, *plan.imports))
    for (address, run_key), times in names.items():
        if times > 1:
            raise StaleError("plan-altered", f"the plan names {address} {times} times for {run_key}",
                             why="It was edited after it was made.", hint="Plan again.")  # fmt: skip


def _taken(plan: Plan, states: Mapping[str, State]) -> Iterator[str]:
    """What was submitted since the plan was made under a name that it does not have: as after a rename, or before one.

    The name is another where its key is the same, or where its content is and the plan, being of all there was then,
    does not declare it. What `--replace` asked for was known to be there.
    """
    changes = [change for change in not_begun(plan, states) if isinstance(change, Submit)]
    if not changes:
        return
    is_undeclared = _undeclared(plan)
    entries = list(_of_runs({change.run_key for change in changes}, states))
    keys = {(each.run_key, each.attempt.intent.idempotency_key): each.address for each in entries}
    contents = {(each.run_key, content_of(each.attempt.intent)) for each in entries
                if is_undeclared(each.address) and not each.attempt.is_retry}  # fmt: skip
    for change in changes:
        renamed = keys.get((change.run_key, change.idempotency_key), change.address) != change.address
        alike = (change.run_key, content_of(change)) in contents and not isinstance(change, Replace)
        if renamed or alike:
            yield change.address


def _of_runs(run_keys: Collection[str], states: Mapping[str, State]) -> Iterator[Entry]:
    for state in distinct(states.values()):
        yield from (each for each in state.entries() if each.run_key in run_keys and each.attempt.may_be_sent)


def _undeclared(plan: Plan) -> Callable[[str], bool]:
    """Whether a batch of the plan's specs was in none of them; of a plan for some targets, as far as it says so."""
    names = {spec.name for spec in plan.specs}
    listed = {whole_of(change.address): isinstance(change, Orphan) for change in plan.changes}
    return lambda address: spec_of(address) in names and listed.get(whole_of(address), not plan.targets)


def not_begun(plan: Plan, states: Mapping[str, State]) -> tuple[Sendable, ...]:
    """What a current plan sends that has no attempt in state yet: the rest is paid for or owed."""
    return tuple(change for change in plan.sendable if not _is_begun(change, states[spec_of(change.address)]))


def _is_begun(change: Sendable, state: State) -> bool:
    latest = state.latest(change.address, change.run_key)
    return latest is not None and latest.number == change.attempt


def is_done(plan: Plan, states: Mapping[str, State]) -> bool:
    """Whether every batch of a current plan is submitted, or imported, already. Its moves are for others to tell."""
    return bool(plan.settling) and not outstanding(plan, states)


def outstanding(plan: Plan, states: Mapping[str, State]) -> tuple[Sendable | Import, ...]:
    """What a current plan sends and imports that is not submitted yet: nobody else is asked for anything."""
    changes = (*plan.sendable, *plan.imports)
    return tuple(change for change in changes if not _done(change, states[spec_of(change.address)]))


def _is_taken(change: Import, plan: Plan, state: State) -> bool:
    """Whether something else became of the run that a batch is imported for."""
    latest = state.latest(change.address, change.run_key)
    if (latest.version if latest else "") == change.base_version:
        return False
    return latest is not None and not (latest.number == change.attempt and latest.intent.plan_id == plan.plan_id)


def _done(change: Sendable | Import, state: State) -> bool:
    latest = state.latest(change.address, change.run_key)
    return latest is not None and latest.number == change.attempt and latest.status == "submitted"


def _stale(plan: Plan, changes: Sequence[Sendable], state: State) -> Iterator[str]:
    resumed = [change for change in changes if isinstance(change, Resume)]
    traces = traces_of(state, {family_of(change) for change in changes}, resumed, plan.plan_id)
    for change in changes:
        beside = version_beside(change.address, traces[family_of(change)])
        moved = change.family_version != beside and not _left(change, plan, state)
        if moved or not _current(change, plan, state):
            yield change.address


def _left(change: Sendable, plan: Plan, state: State) -> bool:
    """Whether it was sent already, or may have been: a submission by this plan, what it resumes by any."""
    latest = state.latest(change.address, change.run_key)
    ours = latest is not None and _same_submission(change, plan, latest)
    return ours and latest is not None and (latest.may_be_sent or latest.status == "rejected")


def _current(change: Sendable, plan: Plan, state: State) -> bool:
    latest = state.latest(change.address, change.run_key)
    if (latest.version if latest else "") == change.base_version:
        return True
    return latest is not None and _same_submission(change, plan, latest)


def _same_submission(change: Sendable, plan: Plan, latest: Attempt) -> bool:
    if latest.number != change.attempt or latest.intent.idempotency_key != change.idempotency_key:
        return False
    return isinstance(change, Resume) or latest.intent.plan_id == plan.plan_id

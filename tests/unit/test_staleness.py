"""Which plans still stand on their ground."""

from typing import Any

import pytest
from support.builders import DAY, LINEAGE, attempt, desired, intent, local, plan_of, remote, shards, state_of
from support.doubles import Bench, Memory

from batchrunner.desired import Desired
from batchrunner.errors import ExitCode, StaleError
from batchrunner.plans import Plan, Resume, Submit
from batchrunner.records import replace
from batchrunner.staleness import check_current
from batchrunner.state import Entry, State, moved

LATER = "2026-11-22T03:00:00+00:00"


def refusal(plan: Plan, state: State) -> StaleError:
    with pytest.raises(StaleError) as caught:
        check_current(plan, {"nightly": state})
    return caught.value


def test_a_plan_stands_where_it_was_made() -> None:
    for state in (State(LINEAGE), state_of(attempt("rejected")), state_of(attempt("in-doubt")), state_of(attempt())):
        check_current(plan_of([desired()], state), {"nightly": state})


def test_every_address_that_moved_is_named() -> None:
    plan = plan_of([desired("nightly/a"), desired("nightly/b"), desired("nightly/c")])
    state = state_of(attempt())
    state.record([Entry(address="nightly/c", run_key=DAY, attempt=attempt("in-doubt"))])
    error = refusal(plan, state)
    assert (error.code, error.exit_code) == ("stale-plan", ExitCode.CONFLICT)
    assert "nightly/a, nightly/c" in error.message
    assert "nightly/b" not in error.message


def test_other_addresses_may_move() -> None:
    state = state_of(attempt(wanted=desired(source=remote("file-2"))), address="nightly/other")
    check_current(plan_of([desired()]), {"nightly": state})


def test_content_that_was_submitted_since_under_a_name_that_is_gone_is_stale() -> None:
    beside = state_of(attempt(), address="nightly/was")
    assert "nightly/a" in refusal(plan_of([desired()]), beside).message
    # What the plan declares, or asked to be paid for again, or of which it does not speak, is no rename.
    check_current(plan_of([desired(), desired("nightly/was")], beside), {"nightly": beside})
    check_current(plan_of([desired()], targets=("nightly/a",)), {"nightly": beside})
    paid = state_of(attempt())
    replacing = plan_of([desired()], paid, replace=frozenset(["nightly/a"]))
    paid.record([Entry(address="nightly/was", run_key=DAY, attempt=attempt())])
    check_current(replacing, {"nightly": paid})


def test_a_key_that_is_held_by_another_name_is_stale() -> None:
    plan = plan_of([desired()], targets=("nightly/a",))
    moved_since = attempt(intent=intent(desired(source=remote("file-2")), key=plan.sendable[0].idempotency_key))
    assert "nightly/a" in refusal(plan, state_of(moved_since, address="nightly/b")).message


def test_another_lineage_is_refused() -> None:
    plan = plan_of([desired()], state_of(attempt("rejected")))
    other = State("another", 1, state_of(attempt("rejected")).batches)
    error = refusal(plan, other)
    assert error.code == "other-state"
    assert LINEAGE in error.why
    assert "another" in error.why


def test_what_a_plan_names_twice_is_not_sent_twice() -> None:
    plan = plan_of([desired("nightly/a"), desired("nightly/b")])
    error = refusal(replace(plan, changes=(*plan.changes, plan.changes[1])), State(LINEAGE))
    assert (error.code, error.message) == ("plan-altered", f"the plan names nightly/b 2 times for {DAY}")


def test_a_plan_made_before_there_was_a_state_has_no_lineage() -> None:
    check_current(plan_of([desired()]), {"nightly": State("born-later", 3)})


@pytest.mark.parametrize("status", ["intended", "uploaded", "in-doubt", "deferred", "submitted", "rejected"])
def test_what_the_same_plan_moved_is_not_stale(status: Any) -> None:
    plan = plan_of([desired()])
    (change,) = plan.sendable
    ours = intent(key=change.idempotency_key, plan_id=plan.plan_id)
    check_current(plan, {"nightly": state_of(attempt(status, intent=ours))})


@pytest.mark.parametrize("status", ["intended", "uploaded", "in-doubt", "deferred", "submitted", "rejected"])
def test_what_another_plan_moved_is(status: Any) -> None:
    plan = plan_of([desired()])
    (change,) = plan.sendable
    theirs = intent(key=change.idempotency_key, plan_id="sha256:another")
    assert refusal(plan, state_of(attempt(status, intent=theirs))).code == "stale-plan"


def test_a_later_attempt_is_not_the_plans_own() -> None:
    plan = plan_of([desired()])
    (change,) = plan.sendable
    ours = intent(key=change.idempotency_key, plan_id=plan.plan_id)
    state = state_of(attempt("rejected", intent=ours), attempt(number=2, intent=ours))
    assert refusal(plan, state).code == "stale-plan"


def test_a_replacement_is_for_the_attempt_it_saw() -> None:
    seen = state_of(attempt())
    plan = plan_of([desired()], seen, replace=frozenset({"nightly/a"}))
    check_current(plan, {"nightly": seen})
    assert refusal(plan, state_of(attempt(), attempt(number=2, batch_id="batch-2"))).code == "stale-plan"
    assert refusal(plan, State(LINEAGE, 1)).code == "stale-plan"


def submitted(wanted: Desired, plan: Plan | None = None) -> Entry:
    """What state says once `wanted` was submitted, by `plan` or another one."""
    planned = {change.address: change for change in plan.sendable} if plan else {}
    key = planned[wanted.address].idempotency_key if plan else "br1-other"
    ours = intent(wanted, key=key, plan_id=plan.plan_id if plan else "sha256:another")
    return Entry(address=wanted.address, run_key=DAY, attempt=attempt(wanted=wanted, intent=ours))


def remembering(*entries: Entry) -> State:
    state = State(LINEAGE, len(entries))
    state.record(entries)
    return state


def test_shards_that_another_plan_moved_make_their_siblings_stale() -> None:
    """The plan was made for the content as it was cut then; what went out meanwhile may hold the same requests."""
    twos, threes, whole = shards("abcde", 2), shards("abcde", 3), desired(source=local("abcde"))
    for wanted, moved_by_others in ((twos, [whole]), (threes, twos[2:]), ([whole], threes), (twos, threes[:1])):
        error = refusal(plan_of(wanted), remembering(*map(submitted, moved_by_others)))
        assert error.code == "stale-plan"
        assert wanted[-1].address in error.message
    replacing = plan_of(threes, remembering(*map(submitted, twos)), replace=frozenset({"nightly/a"}))
    check_current(replacing, {"nightly": remembering(*map(submitted, twos))})
    assert refusal(replacing, remembering(*map(submitted, [*twos, whole]))).code == "stale-plan"


def test_shards_that_the_same_plan_moved_leave_their_siblings_current() -> None:
    twos = shards("abcde", 2)
    plan = plan_of(twos)
    for count in range(4):
        check_current(plan, {"nightly": remembering(*(submitted(each, plan) for each in twos[:count]))})
    begun = remembering(submitted(twos[0]))
    rest = plan_of(twos, begun)
    check_current(rest, {"nightly": begun})
    check_current(rest, {"nightly": remembering(submitted(twos[0]), submitted(twos[1], rest))})


def test_what_the_same_plan_sent_may_be_settled_whatever_its_siblings_do() -> None:
    twos, whole = shards("abcde", 2), desired(source=local("abcde"))
    plan = plan_of(twos)
    settled = remembering(*(submitted(each, plan) for each in twos), submitted(whole))
    check_current(plan, {"nightly": settled})
    for status in ("intended", "deferred"):
        unsent = submitted(twos[1], plan)
        unsent = replace(unsent, attempt=attempt(status, intent=unsent.attempt.intent))  # type: ignore[arg-type]
        assert refusal(plan, remembering(submitted(twos[0], plan), unsent, submitted(whole))).code == "stale-plan"


def begun(wanted: Desired, status: Any = "deferred") -> Entry:
    """What state says of `wanted` whose upload was put off: its create cannot have left."""
    return Entry(address=wanted.address, run_key=DAY, attempt=attempt(status, intent=intent(wanted), request=""))


def gone_on(entry: Entry, status: Any = "submitted") -> Entry:
    return replace(entry, attempt=moved(entry.attempt, status, LATER, sent_at=LATER))


@pytest.mark.parametrize("status", ["in-doubt", "submitted"])
def test_what_was_begun_in_other_shards_and_sent_since_makes_a_plan_stale(status: Any) -> None:
    """Cut one way, begun, cut another way and planned, cut as before and sent: each request once all the same."""
    twos, whole = shards("abcde", 2), desired(source=local("abcde"))
    for wanted, other in ((twos, [whole]), ([whole], twos)):
        entries = [begun(each) for each in other]
        submitting = plan_of(wanted, remembering(*entries))
        assert [type(change) for change in submitting.sendable] == [Submit] * len(wanted)
        check_current(submitting, {"nightly": remembering(*entries)})
        assert refusal(submitting, remembering(*(gone_on(each, status) for each in entries))).code == "stale-plan"


def test_a_resumption_is_stale_where_other_shards_were_sent_since() -> None:
    twos, whole = shards("abcde", 2), desired(source=local("abcde"))
    for wanted, other in ((twos, [whole]), ([whole], twos)):
        entries = [begun(each) for each in wanted]
        resuming = plan_of(wanted, remembering(*entries))
        assert [type(change) for change in resuming.sendable] == [Resume] * len(wanted)
        check_current(resuming, {"nightly": remembering(*entries)})
        check_current(resuming, {"nightly": remembering(*map(gone_on, entries))})
        check_current(resuming, {"nightly": remembering(gone_on(entries[0]), *entries[1:])})
        assert refusal(resuming, remembering(*entries, *map(submitted, other))).code == "stale-plan"
        both = [*entries, *map(begun, other)]
        resuming = plan_of(wanted, remembering(*both))
        check_current(resuming, {"nightly": remembering(*both)})
        since = remembering(*entries, *(gone_on(begun(each)) for each in other))
        assert refusal(resuming, since).code == "stale-plan"


def test_a_resumption_may_find_its_intent_further_on() -> None:
    open_attempt = attempt("in-doubt")
    plan = plan_of([], state_of(open_attempt))
    for status in ("in-doubt", "deferred", "submitted"):
        check_current(plan, {"nightly": state_of(moved(open_attempt, status, LATER))})  # type: ignore[arg-type]
    assert refusal(plan, State(LINEAGE, 1)).code == "stale-plan"
    other = attempt("in-doubt", intent=intent(key="br1-other"), updated_at=LATER)
    assert refusal(plan, state_of(other)).code == "stale-plan"


def test_a_plan_that_was_applied_may_be_applied_again_and_its_rival_may_not() -> None:
    memory = Memory()
    plan = plan_of([desired()])
    rival = plan_of([desired(metadata={"made": "by another"})])
    assert Bench(memory=memory).apply(plan).submitted == 1
    check_current(plan, {"nightly": memory.load()})
    assert refusal(rival, memory.load()).code == "stale-plan"


def test_only_what_sends_has_to_be_current() -> None:
    plan = plan_of([desired(metadata={"x": "y"})], state_of(attempt()))
    check_current(plan, {"nightly": state_of(attempt(), attempt(number=2))})

"""Retries of rows: what they are sent as, and that they disturb nothing that specs declare."""

import pytest
from support.builders import DAY, around, attempt, desired, facts, intent, local, plan_of, shards, state_of

from batchrunner.digest import idempotency_key
from batchrunner.plans import Blocked, Resume, Submit, action_of
from batchrunner.retries import Rows, carried_on, retry, unfinished
from batchrunner.state import Attempt, Entry, State, newest_paid

BASE = attempt(wanted=desired(source=local("abcd")))
SOME = local("ab", ".batchrunner/retries/ab.jsonl")


def a_retry(status: str = "submitted", number: int = 2, **changes: object) -> Attempt:
    stored = intent(desired(source=SOME), key="br1-retry", retry_of=1)
    return attempt(status, intent=stored, number=number, **{"batch_id": "batch-2", **changes})  # type: ignore[arg-type]


def asked(*attempts: Attempt, **circumstances: object) -> Submit | Resume:
    return retry("nightly/a", DAY, attempts, Rows(BASE, SOME), around(**circumstances))


def test_is_a_further_attempt_of_its_base_under_a_key_of_its_own() -> None:
    change = asked(BASE)
    assert (action_of(change), change.attempt, change.retry_of, change.reason) == ("submit", 2, 1, "retry")
    assert change.base_version == BASE.version
    assert change.idempotency_key not in {BASE.intent.idempotency_key, asked(BASE, a_retry()).idempotency_key}


def test_has_the_same_key_however_often_it_is_begun() -> None:
    keys = {asked(BASE, *begun).idempotency_key for begun in ([], [a_retry("rejected", batch_id="")])}
    assert len(keys) == 1


@pytest.mark.parametrize("status", ["intended", "deferred"])
def test_that_was_never_sent_is_carried_on(status: str) -> None:
    begun = a_retry(status, batch_id="")
    change = asked(BASE, begun)
    assert unfinished([BASE, begun]) is None
    assert (action_of(change), change.attempt, change.idempotency_key) == ("resume", 2, "br1-retry")


def test_that_was_never_sent_and_asks_for_other_rows_is_made_anew() -> None:
    other = intent(desired(source=local("cd")), key="br1-retry", retry_of=1)
    change = asked(BASE, attempt("deferred", intent=other, number=2))
    assert (action_of(change), change.attempt, change.source) == ("submit", 3, SOME)


def test_that_may_have_left_comes_first() -> None:
    begun = a_retry("in-doubt", batch_id="")
    assert unfinished([BASE, begun]) is begun
    resumed = carried_on("nightly/a", DAY, begun, around())
    assert isinstance(resumed, Resume)
    assert resumed.retry_of == 1
    keyless = carried_on("nightly/a", DAY, begun, around(providers={"p": facts(idempotency="none")}))
    assert isinstance(keyless, Blocked)
    assert keyless.reason == "in-doubt-held"


def test_a_batch_is_unchanged_whatever_was_retried_of_it() -> None:
    (change,) = plan_of([desired(source=local("abcd"))], state_of(BASE, a_retry())).changes
    assert (action_of(change), change.batch_id) == ("unchanged", "batch-1")  # type: ignore[union-attr]
    assert newest_paid([BASE, a_retry()]) is BASE


def test_apply_carries_on_a_retry_that_may_have_left_and_leaves_others_alone() -> None:
    wanted = [desired(source=local("abcd"))]
    (sent,) = plan_of(wanted, state_of(BASE, a_retry("in-doubt", batch_id=""))).changes
    assert (action_of(sent), sent.reason) == ("resume", "in-doubt")
    (unsent,) = plan_of(wanted, state_of(BASE, a_retry("deferred", batch_id=""))).changes
    assert action_of(unsent) == "unchanged"


def test_retries_are_no_rivals_of_shards() -> None:
    first, second = shards("abcd", 2)
    again = intent(desired(source=SOME), retry_of=1)
    state = State("lineage", 3)
    for number, each in ((1, attempt(wanted=first)), (2, attempt(intent=again, number=2))):
        state.record([Entry(address="nightly/a#1", run_key=DAY, attempt=each)])
        assert state.batches["nightly/a#1"][DAY][-1].number == number
    begun = attempt("intended", wanted=second)
    assert [action_of(each) for each in plan_of([first, second], state).changes] == ["unchanged", "submit"]
    state.record([Entry(address="nightly/a#2", run_key=DAY, attempt=begun)])
    assert [action_of(each) for each in plan_of([first, second], state).changes] == ["resume", "unchanged"]


def test_a_replacement_has_a_key_after_those_of_retries() -> None:
    plan = plan_of([desired(source=local("new"))], state_of(BASE, a_retry()), replace=frozenset({"nightly/a"}))
    (change,) = plan.changes
    assert isinstance(change, Submit)
    assert (change.attempt, change.retry_of) == (3, 0)
    assert change.idempotency_key == idempotency_key("acme", "nightly", "nightly/a", change.run_key, 3)
    assert change.idempotency_key != asked(BASE, a_retry()).idempotency_key

"""The retry budget and the pause, shared by the senders of one provider."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from batchrunner.facts import Retry
from batchrunner.providers._pace import Pace


def pace(stopping: bool = False, **numbers: float) -> Pace:
    return Pace(Retry(base_seconds=0.001, **numbers), lambda: stopping)


def test_retries_stop_at_half_of_the_budget_and_come_back_with_success():
    budget = pace(budget=10, budget_refill=0.5)
    for _ in range(4):
        budget.failed()
        assert budget.may_retry
    budget.failed()
    assert not budget.may_retry
    budget.succeeded()
    assert budget.may_retry


def test_the_budget_is_spent_by_failures_and_never_by_limits():
    budget = pace(budget=3, budget_refill=1)
    for _ in range(10):
        budget.limited()
    assert not budget.may_retry
    assert not budget.is_spent
    budget.failed()
    assert budget.is_spent
    budget.limited()
    assert budget.is_spent
    budget.succeeded()
    assert not budget.is_spent


@given(st.lists(st.booleans(), max_size=300))
def test_success_never_saves_up_more_than_the_budget(successes):
    budget = pace(budget=10, budget_refill=3)
    for succeeded in successes:
        (budget.succeeded if succeeded else budget.failed)()
    for _ in range(4):
        budget.failed()
    budget.failed()
    assert not budget.may_retry


def test_a_pause_holds_and_then_lets_through():
    async def scenario() -> float:
        gate = pace()
        gate.pause(0.02)
        start = asyncio.get_running_loop().time()
        assert await gate.clearance() == 0
        return asyncio.get_running_loop().time() - start

    assert asyncio.run(scenario()) >= 0.02


def test_a_shorter_pause_does_not_end_a_longer_one():
    async def scenario() -> float:
        gate = pace(retry_after_cap_seconds=1)
        gate.pause(500)
        gate.pause(0.001)
        return await gate.clearance()

    assert 400 < asyncio.run(scenario()) <= 500


def test_a_pause_too_long_to_wait_and_a_run_that_stops_say_what_is_left():
    async def scenario(gate: Pace) -> float:
        gate.pause(100)
        return await gate.clearance()

    assert asyncio.run(scenario(pace(retry_after_cap_seconds=99))) > 99
    assert asyncio.run(scenario(pace(stopping=True))) > 99

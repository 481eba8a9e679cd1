"""What becomes of single lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.sandbox.fates import CHANCE_STATUSES, PLAIN, Chances, Failure, Fate, fate_of

CERTAIN, NONE = Chances(1.0), Chances()


def fate(custom_id: str, *, earlier: int = 0, chances: Chances = NONE, **body: object) -> Fate:
    return fate_of(custom_id, body, chances, lambda: earlier)


@pytest.mark.parametrize(
    ("custom_id", "expected"),
    [
        ("sandbox-fail-500", Fate(failure=Failure(500))),
        ("row-1-sandbox-fail-429", Fate(failure=Failure(429))),
        ("row_sandbox-fail-400", Fate(failure=Failure(400))),
        ("a b:sandbox-drop", Fate("drop")),
        ("x-sandbox-duplicate", Fate("duplicate")),
        ("x-sandbox-stranger", Fate("stranger")),
        ("x-sandbox-flaky-2", Fate(failure=Failure(500, is_counted=True))),
        ("mysandbox-drop", PLAIN),
        ("sandbox-drop-1", PLAIN),
        ("sandbox-fail-200", PLAIN),
        ("sandbox-fail-5000", PLAIN),
        ("sandbox-flaky-0", PLAIN),
        ("fail-500", PLAIN),
        ("", PLAIN),
    ],
)
def test_what_an_id_asks_for(custom_id: str, expected: Fate) -> None:
    assert fate(custom_id) == expected
    assert fate("row", model=custom_id) == expected


def test_an_id_goes_before_a_model_and_the_body_before_both() -> None:
    assert fate("a-sandbox-drop", model="m-sandbox-fail-500").kind == "drop"
    assert fate("a-sandbox-drop", sandbox_error=404) == Fate(failure=Failure(404))
    assert fate("a", sandbox_error="no such model") == Fate(failure=Failure(400, "no such model"))
    assert fate("a", sandbox_error=True) == Fate(failure=Failure(400))


def test_who_is_flaky_fails_until_it_was_asked_often_enough() -> None:
    assert [fate("a-sandbox-flaky-3", earlier=times) == PLAIN for times in range(4)] == [False, False, True, True]


@given(st.text(), st.integers(0, 5))
def test_what_is_certain_to_fail_always_does(custom_id: str, earlier: int) -> None:
    failure = fate(custom_id, earlier=earlier, chances=CERTAIN).failure
    assert failure is not None or custom_id.endswith(("drop", "duplicate", "stranger"))
    assert fate(custom_id, earlier=earlier, chances=NONE) == PLAIN or "sandbox-" in custom_id


@given(st.integers(), st.floats(0.1, 0.9))
def test_chances_keep_their_share_and_every_status(seed: int, chance: float) -> None:
    failed = [fate(f"r{n}", chances=Chances(chance, seed)).failure for n in range(400)]
    assert abs(sum(one is not None for one in failed) / 400 - chance) < 0.15
    assert {one.status for one in failed if one} == set(CHANCE_STATUSES)


@given(st.integers(0, 1000))
def test_whoever_fails_by_chance_does_not_for_ever(number: int) -> None:
    assert any(fate(f"r{number}", earlier=times, chances=Chances(0.5)) == PLAIN for times in range(40))

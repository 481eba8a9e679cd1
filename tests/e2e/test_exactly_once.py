"""SIGKILL at every step of an apply, then apply again until it is done: each planned batch exists once, and no other."""

from collections.abc import Iterator
from itertools import count

import pytest
from support.killing import Killer, killing
from support.runs import at_desk
from support.sweeps import Plot

ONE_AT_A_TIME = ("specs", "--concurrency", "1")


@pytest.fixture(scope="module")
def killer() -> Iterator[Killer]:
    with killing() as killer:
        yield killer


@pytest.mark.parametrize("part", range(1, 5))
def test_killed_at_every_step(killer: Killer, part: int) -> None:
    with at_desk() as desk:
        figures = Plot(desk, killer, ONE_AT_A_TIME).sweep(count(part, 4))
    assert figures.kills > 25
    assert (figures.duplicates, figures.lost, figures.needed) == (0, 0, 1)


def test_killed_with_many_in_flight_and_two_states(killer: Killer) -> None:
    with at_desk() as desk:
        figures = Plot(desk, killer, two_specs=True).sweep(count(3, 5))
    assert figures.kills > 25
    assert (figures.duplicates, figures.lost, figures.needed) == (0, 0, 1)


@pytest.mark.parametrize("fault", ["drop-after-commit=0.4", "500-after-commit=0.4", "late-commit=0.4:0.02"])
def test_killed_while_the_provider_lies(killer: Killer, fault: str) -> None:
    with at_desk(fault, seed=7) as desk:
        figures = Plot(desk, killer, ONE_AT_A_TIME).sweep(count(2, 6))
        assert not desk.ledger.requests()["conflicts"]
    assert figures.kills > 15
    assert (figures.duplicates, figures.lost) == (0, 0)

"""The long campaigns, by hand: `pytest --campaign -s -n 2 tests/e2e/test_exactly_once_campaign.py`."""

import random
from itertools import count
from typing import NamedTuple

import pytest
from support.killing import Killer
from support.runs import TIMEOUTS, at_desk
from support.sweeps import SHARDS, TABLE, Figures, Plot, Scene

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(3600)]

FAULTS = {
    "none": [],
    "429": ["429=0.4:0.01"],
    "500": ["500=0.4"],
    "503-html": ["503-html=0.4"],
    "drop-before": ["drop-before=0.4"],
    "drop-after-commit": ["drop-after-commit=0.4"],
    "500-after-commit": ["500-after-commit=0.4"],
    "truncated": ["truncated=0.4"],
    "junk": ["junk=0.4"],
    "stall": ["stall=0.2:60"],
    "late-commit": ["late-commit=0.4:0.02"],
    "mixed": [
        "429=0.06:0.01", "500=0.06", "503-html=0.06", "drop-before=0.06", "drop-after-commit=0.06", "late-commit=0.06",
        "500-after-commit=0.06", "truncated=0.06", "junk=0.06", "no-id=0.03", "hostile-id=0.03", "foreign=0.03",
    ],
}  # fmt: skip


class Way(NamedTuple):
    """How an apply is killed: at every `stride`-th step."""

    arguments: tuple[str, ...]
    two_specs: bool
    stride: int


WAYS = {
    "one at a time": Way(("specs", "--concurrency", "1"), two_specs=False, stride=1),
    "two states, many in flight": Way(("specs",), two_specs=True, stride=2),
}


def report(what: str, figures: Figures) -> None:
    print(f"\n{what}: {figures}")
    assert (figures.duplicates, figures.lost) == (0, 0)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", FAULTS)
def test_killed_at_every_step(killer: Killer, fault: str, way: str) -> None:
    chosen = WAYS[way]
    facts = {"timeouts": {**TIMEOUTS, "create_seconds": 0.2, "upload_seconds": 0.2}} if fault == "stall" else None
    with at_desk(*FAULTS[fault], seed=11) as desk:
        figures = Plot(desk, killer, chosen.arguments, facts, chosen.two_specs).sweep(count(1, chosen.stride))
        assert not desk.ledger.requests()["conflicts"]
    report(f"{fault}, {way}", figures)


@pytest.mark.parametrize("seed", range(4))
def test_killed_again_and_again_at_any_time(killer: Killer, seed: int) -> None:
    chance = random.Random(seed)
    total = Figures()
    with at_desk(*FAULTS["mixed"], seed=seed) as desk:
        plot = Plot(desk, killer, two_specs=True)
        for _ in range(60):
            project = plot.project()
            ends = [plot.run(project, "apply", "specs", seconds=chance.uniform(0.001, 0.06)) for _ in range(8)]
            total.add(plot.settle(project, sum(end.killed for end in ends)))
            plot.assert_nothing_to_send(project)
            project.forget()
    report(f"storm {seed}", total)


@pytest.mark.parametrize("scene", [SHARDS, TABLE], ids=["a file", "a table"])
@pytest.mark.parametrize("way", ["one at a time", "many in flight", "a saved plan"])
@pytest.mark.parametrize("fault", ["none", "mixed"])
def test_shards_killed_at_every_step(killer: Killer, fault: str, way: str, scene: Scene) -> None:
    first = "plan.json" if way == "a saved plan" else "specs"
    arguments = (first, "--concurrency", "8" if way == "many in flight" else "1")
    with at_desk(*FAULTS[fault], seed=11) as desk:
        figures = Plot(desk, killer, arguments, scene=scene).sweep(count(1))
        assert not desk.ledger.requests()["conflicts"]
    report(f"shards of {'a table' if scene is TABLE else 'a file'}, {fault}, {way}", figures)

"""SIGKILL at every step of a wait: state stays readable, nothing is submitted, the next wait comes to the same end."""

from itertools import count

import pytest
from support.killing import Ended, Killer
from support.runs import Desk, Project, at_desk
from support.sweeps import Kills

POLLING = {"base_seconds": 0.01, "cap_seconds": 0.02, "gone_looks": 3, "gone_seconds": 0.05}


def run(killer: Killer, project: Project, *arguments: str, **how: int) -> Ended:
    return killer.run(project.folder, *arguments, environment=project.environment, **how)


def sweep(killer: Killer, desk: Desk, steps: "count[int]", *verb: str) -> int:
    """Kill `verb` at each of `steps`, in a fresh project; how many kills there were."""
    kills = Kills(steps)
    for step in kills:
        project = desk.project(polling=POLLING)
        assert run(killer, project, "apply", "specs", "-q").code == 0
        posts, ids = desk.posts(), project.ids()

        ended = kills.noted(run(killer, project, *verb, step=step))

        shown = run(killer, project, "status", "specs")
        assert shown.code == 0, f"after {ended}: {shown}"
        again = run(killer, project, "wait", "specs", "--timeout", "30")
        assert again.code == 0, f"after {ended}: {again}"
        assert "3 batches: 3 completed." in again.out
        applied = run(killer, project, "apply", "specs", "-q")
        assert (applied.code, desk.posts(), project.ids()) == (0, posts, ids), f"after {ended}"
        project.forget()
    return kills.made


@pytest.mark.parametrize("part", [1, pytest.param(2, marks=pytest.mark.campaign)])
def test_killed_at_every_step_of_a_wait(killer: Killer, part: int) -> None:
    with at_desk() as desk:
        assert sweep(killer, desk, count(part, 2), "wait", "specs", "--interval", "0.05") > 15


def test_killed_at_every_step_of_a_refresh(killer: Killer) -> None:
    with at_desk() as desk:
        assert sweep(killer, desk, count(1, 2), "status", "specs", "--refresh") > 10

"""SIGKILL at every step of an apply that moves a whole spec to another state, then apply again: nothing is lost."""

import json
from functools import partial
from itertools import count

import pytest
from support.killing import Killer
from support.runs import Project, at_desk, batch, spec
from support.sweeps import Kills

MOVED = [{"from": "nightly/*", "to": "*"}, {"from": "a", "to": "first"}]


def renamed(project: Project) -> dict[str, dict[str, list[dict[str, object]]]]:
    """Rename the spec's file and one of its batches, and return what state had before."""
    before = json.loads((project.folder / "specs/nightly.state.json").read_text())["batches"]
    (project.folder / "specs/nightly.yaml").unlink()
    project.write("specs/daily.yaml", spec(batch("first", "data/0.jsonl"), batch("b", "data/1.jsonl"), moved=MOVED))
    return before


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=[pytest.mark.campaign, pytest.mark.timeout(3600)])])
def test_killed_at_every_step(killer: Killer, every: int) -> None:
    """A day takes some of them; the campaign takes every one."""
    kills = Kills(count(1, every))
    with at_desk() as desk:
        for step in kills:
            project = desk.project({"nightly": spec(batch("a", "data/0.jsonl"), batch("b", "data/1.jsonl"))})
            run = partial(killer.run, project.folder, environment=project.environment)
            project.apply_until_done("specs", run=run)
            before = renamed(project)
            ended = kills.noted(run("apply", "specs", step=step))
            again = run("apply", "specs")
            assert again.code == 0, f"after {ended}: {again}"
            after = json.loads((project.folder / "specs/daily.state.json").read_text())["batches"]
            assert after == {"daily/first": before["nightly/a"], "daily/b": before["nightly/b"]}, ended
            assert json.loads((project.folder / "specs/nightly.state.json").read_text())["batches"] == {}, ended
            assert "2 unchanged" in run("apply", "specs").out
            assert len(project.batches()) == 2, ended
            project.forget()
    assert kills.made > 10

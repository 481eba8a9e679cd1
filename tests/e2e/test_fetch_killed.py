"""SIGKILL at every step of a fetch, then fetch until it is done: every row is there, once and in its place."""

import json
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from support.killing import Ended, Killer
from support.runs import Desk, Project, at_desk, spec
from support.sweeps import Kills

from batchrunner.sandbox import Timings
from batchrunner.stores import FileStore

IDS = ["d", "b-sandbox-fail-500", "a", "e-sandbox-drop", "c", "f-sandbox-duplicate", "g"]
SCENE = spec({"name": "x", "input": "data/x.jsonl", "shard": {"max_requests": 3}})
QUICK = Timings(validating=0.0, in_progress=0.0, finalizing=0.0, cancelling=0.0)


def submitted(desk: Desk) -> Project:
    project = desk.project({"nightly": SCENE})
    lines = [{"custom_id": each, "method": "POST", "url": "/v1/chat/completions",
              "body": {"model": "m", "messages": []}} for each in IDS]  # fmt: skip
    project.folder.joinpath("specs/data/x.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert project.apply_until_done() == 1
    return project


def ids_in(path: Path) -> list[str]:
    return [json.loads(line)["custom_id"] for line in path.read_bytes().splitlines()]


def assert_whole(project: Project) -> None:
    (folder,) = project.folder.glob("results/nightly/*/x")
    assert ids_in(folder / "results.jsonl") == ["d", "a", "c", "f-sandbox-duplicate", "g"]
    assert ids_in(folder / "errors.jsonl") == ["b-sandbox-fail-500", "e-sandbox-drop"]
    rows = json.loads((folder / "summary.json").read_text())["rows"]
    assert (rows["total"], rows["ok"], rows["error"], rows["missing"], rows["duplicates"]) == (7, 5, 1, 1, 1)
    assert not [path for path in folder.rglob("*") if path.name.endswith((".part", ".tmp"))]
    state = FileStore(project.folder / "specs" / "nightly.state.json").load()
    fetched = [entry.attempt.fetched for entry in state.entries()]
    assert sum(each.tally.ok for each in fetched if each) == 5


def gone_on_with(run: Callable[..., Ended]) -> Ended:
    """A fetch until it is over: a server that breaks off most of the time may break off as often as one fetch asks."""
    ended = run("fetch")
    for _ in range(5):
        ended = run("fetch") if ended.code == 75 else ended
    return ended


@pytest.mark.parametrize("every", [32, pytest.param(7, marks=[pytest.mark.campaign, pytest.mark.timeout(3600)])])
@pytest.mark.parametrize("fault", ["", "content:truncated=0.4"])
def test_killed_at_every_step(killer: Killer, fault: str, every: int) -> None:
    """A day takes some of them, the campaign more."""
    with at_desk(*filter(None, [fault]), timings=QUICK) as desk:
        kills = Kills(count(4 if fault else 1, every))
        made = 0
        for step in kills:
            project = submitted(desk)
            run = partial(killer.run, project.folder, environment=project.environment)
            ended = kills.noted(run("fetch", step=step))
            try:
                again = gone_on_with(run)
                assert again.code == 5, again
                assert_whole(project)
                assert run("fetch").out.splitlines()[-3].startswith("Nothing new: 1 batch, 7 rows")
            except AssertionError as error:
                raise AssertionError(f"after {ended}") from error
            made += len(project.batches())
            project.forget()
        assert kills.made > 140 // every
        assert made % 3 == 0

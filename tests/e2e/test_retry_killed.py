"""SIGKILL at every step of a retry, then retry until nothing is left: one further batch of the rows that failed."""

import json
from functools import partial
from itertools import count

import pytest
from support.killing import Killer
from support.runs import Desk, Project, at_desk, request_line, spec
from support.sweeps import Kills

from batchrunner.sandbox import Timings

AT_ONCE = Timings(0.0, 0.0, 0.0, 0.0)
IDS = ("a", "b-{}-sandbox-flaky-2", "c", "d-{}-sandbox-flaky-2", "e")
RETRY = ("retry", "specs/nightly.yaml", "--yes")


def submitted(desk: Desk) -> Project:
    """A project with a batch that was submitted, of which two rows fail the first time."""
    project = desk.project({"nightly": spec({"name": "x", "input": "data/x.jsonl"})})
    lines = [json.dumps(request_line(each.format(project.name))) + "\n" for each in IDS]
    project.folder.joinpath("specs/data/x.jsonl").write_text("".join(lines))
    return project


def outcomes(project: Project, folder: str = "results") -> dict[str, int]:
    """How many rows `fetch` counts as what."""
    (summary,) = project.folder.glob(f"{folder}/nightly/*/x/summary.json")
    rows = json.loads(summary.read_text())["rows"]
    return {name: rows[name] for name in ("ok", "error", "expired", "missing")}


@pytest.mark.parametrize("every", [20, pytest.param(4, marks=[pytest.mark.campaign, pytest.mark.timeout(3600)])])
@pytest.mark.parametrize("fault", ["", "create:drop-after-commit=0.5"])
def test_killed_at_every_step(killer: Killer, fault: str, every: int) -> None:
    """A day takes some of them, the campaign more."""
    kills = Kills(count(9 if fault else 3, every))
    with at_desk(*filter(None, [fault]), timings=AT_ONCE, seed=5) as desk:
        for step in kills:
            project = submitted(desk)
            run = partial(killer.run, project.folder, environment=project.environment)
            project.apply_until_done("specs", run=run)
            ended = kills.noted(run(*RETRY, step=step))
            for _ in range(6):
                again = run(*RETRY, "--json")
                document = json.loads(again.out.splitlines()[-1])
                if again.code == 0 and document.get("ok"):
                    break
            else:
                raise AssertionError(f"after {ended}: {again}")
            made = project.batches()
            assert len(made) == 2, ended
            attempts = project.attempts()["nightly/x"]
            assert [each["batch_id"] for each in attempts if "batch_id" in each] == [each["id"] for each in made]
            asked = desk.content(made[1]["input_file_id"]).splitlines()
            assert [json.loads(line)["custom_id"] for line in asked] == [
                each.format(project.name) for each in IDS if "flaky" in each
            ]
            assert run("fetch", "specs/nightly.yaml").code == 0
            assert outcomes(project) == {"ok": 5, "error": 0, "expired": 0, "missing": 0}
            assert run("apply", "specs").code == 0
            assert len(project.batches()) == 2
            project.forget()
    assert kills.made > 95 // every

"""SIGKILL at every step of an apply of shards: during the check, an upload, and between two of them.

What the provider has in the end is the input, each request of it once.
"""

from collections.abc import Iterator
from functools import partial
from itertools import count

import pytest
from support.killing import Killer
from support.runs import Desk, at_desk
from support.sweeps import SHARDS, TABLE, Plot

ONE_AT_A_TIME = ("specs", "--concurrency", "1")
SCENES = {"a file": SHARDS, "a table": TABLE}
AT = {
    "during the check": "after open x.",
    "when the first intent is stored": "after fdatasync",
    "during an upload": "halfway sendmsg|after send POST /v1/files",
    "when the first file is there": "after recv HTTP/1.1 200 OK",
    "during the first create": "after send POST /v1/batch",
}


@pytest.fixture
def desk() -> Iterator[Desk]:
    with at_desk() as desk:
        yield desk


@pytest.mark.parametrize("scene", SCENES)
def test_killed_at_every_step(killer: Killer, desk: Desk, scene: str) -> None:
    """A few of them; the campaign takes every one."""
    figures = Plot(desk, killer, ONE_AT_A_TIME, scene=SCENES[scene]).sweep(count(3, 11))
    assert figures.kills > 10
    assert (figures.duplicates, figures.lost, figures.needed) == (0, 0, 1)


@pytest.mark.parametrize("scene", SCENES)
def test_killed_while_applying_a_saved_plan(killer: Killer, desk: Desk, scene: str) -> None:
    figures = Plot(desk, killer, ("plan.json", "--concurrency", "1"), scene=SCENES[scene]).sweep(count(5, 13))
    assert figures.kills > 8
    assert (figures.duplicates, figures.lost, figures.needed) == (0, 0, 1)


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("at", AT)
def test_killed_at_a_known_step(killer: Killer, desk: Desk, scene: str, at: str) -> None:
    plot = Plot(desk, killer, ONE_AT_A_TIME, scene=SCENES[scene])
    project = plot.project()
    ended = plot.run(project, "apply", *plot.arguments, label=AT[at])
    assert ended.killed, ended
    assert plot.settle(project, 1).needed == 1
    plot.assert_nothing_to_send(project)


def test_killed_between_shards_and_cut_otherwise_before_the_next_apply(killer: Killer, desk: Desk) -> None:
    """Whoever edits the spec then is asked; with the old one again, it is carried on."""
    plot = Plot(desk, killer, ONE_AT_A_TIME, scene=SHARDS)
    project = plot.project()
    run = partial(killer.run, project.folder, environment=project.environment)
    assert run("apply", *plot.arguments, label="before .*POST /v1/batch|after send POST /v1/batch").killed
    text = (project.folder / "specs/nightly.yaml").read_text()
    project.folder.joinpath("specs/nightly.yaml").write_text(text.replace('"max_requests": 2', '"max_requests": 3'))
    again = run("apply", *plot.arguments)
    assert again.code in {1, 3}, again
    assert "cut otherwise" in " ".join(again.out.split())
    assert len(project.batches()) == 1
    project.folder.joinpath("specs/nightly.yaml").write_text(text)
    plot.settle(project, 1)


def test_a_replacement_killed_between_shards_is_ordered_again_by_name(killer: Killer, desk: Desk) -> None:
    plot = Plot(desk, killer, ONE_AT_A_TIME, scene=SHARDS)
    project = plot.project()
    run = partial(killer.run, project.folder, environment=project.environment)
    day = ("apply", "specs", "--concurrency", "1")
    assert run(*day).code == 0
    text = (project.folder / "specs/nightly.yaml").read_text()
    project.folder.joinpath("specs/nightly.yaml").write_text(text.replace('"max_requests": 2', '"max_requests": 3'))
    assert run(*day, "--replace", "nightly/x", label="after send POST /v1/batch").killed
    after = run(*day)
    assert (after.code, len(project.batches())) == (3, 4), after
    assert "--replace 'nightly/x#2'" in after.out
    assert run(*day, "--replace", "nightly/x#2").code == 0
    assert run(*day).code == 0
    assert len(project.batches()) == 5

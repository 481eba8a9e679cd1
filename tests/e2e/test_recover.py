"""A state is lost, and its recovery is killed at every step: nothing is submitted anew, and nothing is lost again."""

from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from support.killing import Killer
from support.runs import Desk, Project, at_desk


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with at_desk() as desk:
        yield desk


def lose(project: Project) -> None:
    for path in project.folder.glob("specs/*.state.*"):
        path.unlink()


def leftovers(project: Project) -> list[Path]:
    return [path for path in project.folder.glob("specs/*.state.journal.jsonl") if path.stat().st_size]


STRIDE = 5


@pytest.mark.parametrize("start", [1, 3])
def test_killed_on_the_way(killer: Killer, desk: Desk, start: int) -> None:
    project = desk.project(metadata="sent")
    run = partial(killer.run, project.folder, environment=project.environment)
    assert run("apply", "specs").code == 0
    posts, ids = desk.posts(), project.ids()
    for step in count(start, STRIDE):
        lose(project)
        killed = run("recover", "specs", "--yes", step=step)
        assert run("recover", "specs", "--yes").code == 0, killed
        assert run("apply", "specs").code == 0, killed
        assert (project.ids(), desk.posts()) == (ids, posts), killed
        assert not leftovers(project), killed
        if not killed.killed:
            break
    assert step > 4 * STRIDE


def test_killed_while_a_state_that_is_outdated_is_rewritten(killer: Killer, desk: Desk) -> None:
    project = desk.project(metadata="sent")
    run = partial(killer.run, project.folder, environment=project.environment)
    assert run("apply", "specs").code == 0
    posts, ids = desk.posts(), project.ids()
    for step in count(4, STRIDE):
        assert run("state", "rm", "nightly/first", "--yes").code == 0
        killed = run("recover", "specs", "--yes", step=step).killed
        assert run("recover", "specs", "--yes").code == 0
        assert run("apply", "specs").code == 0
        assert (project.ids(), desk.posts()) == (ids, posts)
        if not killed:
            break
    assert step > 4 * STRIDE


def test_an_apply_after_a_killed_recovery_makes_nothing_twice(killer: Killer, desk: Desk) -> None:
    """Whoever does not wait for the recovery loses nothing by it, as long as the provider honours keys."""
    project = desk.project(metadata="sent")
    run = partial(killer.run, project.folder, environment=project.environment)
    project.apply_until_done()
    lose(project)
    assert run("recover", "specs", "--yes", step=2).killed
    project.apply_until_done()
    assert project.run("recover", "specs", "--yes").code == 0
    project.assert_exactly_once()

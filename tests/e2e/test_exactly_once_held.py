"""Providers that take a second send for a second batch: what is in doubt waits for a person, the rest goes on."""

import re
from functools import partial
from itertools import count

import pytest
from support.killing import Killer
from support.runs import Desk, Done, Project, at_desk

RESOLVE = re.compile(r"batchrunner resolve .*")


def unkeyed(desk: Desk) -> Project:
    return desk.project(idempotency="none")


def printed(done: Done) -> list[str]:
    """The resolve commands on the screen."""
    return RESOLVE.findall(done.out + done.err)


def only_printed(done: Done) -> str:
    (command,) = set(printed(done))
    return command


def adopting(command: str, batch_id: str) -> str:
    """A printed command with its two ends chosen between: that one was made."""
    assert "--adopt BATCH_ID" in command
    return command.replace("BATCH_ID", batch_id).partition(" | ")[0]


def denying(command: str) -> str:
    """A printed command with its two ends chosen between: none was made."""
    return f"{command.partition(' --adopt')[0]} --absent"


def ids_nowhere_in_state(project: Project) -> list[str]:
    return [made["id"] for made in project.batches() if made["id"] not in project.ids().values()]


@pytest.mark.parametrize("fault", ["drop-after-commit", "500-after-commit", "junk", "truncated"])
def test_what_was_made_is_adopted(fault: str) -> None:
    with at_desk(f"create:{fault}=first", honour_keys=False) as desk:
        project = unkeyed(desk)
        done = project.run("apply", "specs")
        assert done.code == 3
        assert len(project.batches()) == 3
        assert len(project.ids()) == 2
        posts = desk.posts()
        assert project.run("apply", "specs").code == 3
        assert desk.posts() == posts, "what is held is not sent"
        (batch_id,) = ids_nowhere_in_state(project)
        assert project.run_printed(adopting(only_printed(done), batch_id)).code == 0
        assert project.run("apply", "specs").code == 0
        assert desk.posts() == posts
        assert {made["id"] for made in project.batches()} == set(project.ids().values())


@pytest.mark.parametrize("fault", ["drop-before", "500", "503-html"])
def test_what_was_not_made_is_sent_once_more(fault: str) -> None:
    with at_desk(f"create:{fault}=first", honour_keys=False) as desk:
        project = unkeyed(desk)
        assert project.run("apply", "specs").code == 3
        again = project.run("apply", "specs")
        assert again.code == 3
        assert len(project.batches()) == 2
        posts = desk.posts()
        assert project.run_printed(denying(only_printed(again))).code == 0
        assert project.run("apply", "specs").code == 0
        assert desk.posts() == posts + 1
        assert {made["id"] for made in project.batches()} == set(project.ids().values())
        assert len(project.batches()) == 3


def test_killed_at_every_step_and_settled_by_a_person(killer: Killer) -> None:
    with at_desk(honour_keys=False) as desk:
        for step in count(1, 4):
            project = unkeyed(desk)
            run = partial(killer.run, project.folder, environment=project.environment)
            killed = run("apply", "specs", "--concurrency", "1", step=step).killed
            again = run("apply", "specs")
            assert again.code == (3 if printed(again) else 0), again
            while held := sorted(set(printed(again))):
                settle(project, held[0])
                again = run("apply", "specs")
            assert again.code == 0, again
            assert {made["id"] for made in project.batches()} == set(project.ids().values())
            assert len(project.batches()) == 3
            if not killed:
                return


def settle(project: Project, command: str) -> None:
    """Look at the provider, as the person does who is asked to."""
    made = ids_nowhere_in_state(project)
    answer = adopting(command, made[0]) if made else denying(command)
    assert project.run_printed(answer).code == 0

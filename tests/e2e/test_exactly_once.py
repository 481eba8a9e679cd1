"""SIGKILL at every step of an apply, then apply until it is done: each planned batch exists once, and no other."""

from functools import partial
from itertools import count

import pytest
from support.killing import Killer
from support.runs import at_desk, batch, spec
from support.sweeps import Plot

from batchrunner.sandbox import Ledger

ONE_AT_A_TIME = ("specs", "--concurrency", "1")


@pytest.mark.parametrize("part", range(1, 5))
def test_killed_at_every_step(killer: Killer, part: int) -> None:
    with at_desk() as desk:
        figures = Plot(desk, killer, ONE_AT_A_TIME).sweep(count(part, 4))
    assert figures.kills > 25
    assert (figures.duplicates, figures.lost, figures.needed) == (0, 0, 1)


def test_killed_with_many_in_flight_and_two_states(killer: Killer) -> None:
    with at_desk() as desk:
        figures = Plot(desk, killer, two_specs=True).sweep(count(3, 7))
    assert figures.kills > 15
    assert (figures.duplicates, figures.lost, figures.needed) == (0, 0, 1)


@pytest.mark.parametrize("fault", ["drop-after-commit=0.4", "500-after-commit=0.4", "late-commit=0.4:0.02"])
def test_killed_while_the_provider_lies(killer: Killer, fault: str) -> None:
    with at_desk(fault, seed=7) as desk:
        figures = Plot(desk, killer, ONE_AT_A_TIME).sweep(count(2, 9))
        assert not desk.ledger.requests()["conflicts"]
    assert figures.kills > 10
    assert (figures.duplicates, figures.lost) == (0, 0)


@pytest.mark.parametrize("part", [1, pytest.param(2, marks=pytest.mark.campaign)])
def test_killed_while_applying_a_saved_plan(killer: Killer, part: int) -> None:
    with at_desk() as desk:
        figures = Plot(desk, killer, ("plan.json", "--concurrency", "1")).sweep(count(part * 5, 10))
    assert figures.kills > 10
    assert (figures.duplicates, figures.lost, figures.needed) == (0, 0, 1)


def test_killed_together_with_the_built_in_sandbox(killer: Killer) -> None:
    """The provider dies with the tool and comes back with it."""
    with at_desk() as desk:
        kills = 0
        for step in range(10, 170, 20):
            project = desk.project()
            run = partial(killer.run, project.folder, environment=project.environment)
            kills += run("apply", "specs", "--sandbox", step=step).killed
            assert project.apply_until_done("specs", "--sandbox", run=run) == 1
            made = Ledger(project.folder / ".batchrunner" / "sandbox.sqlite3").batches()
            assert sorted(batch["id"] for batch in made) == sorted(project.ids().values())
            assert len(made) == 3
        assert kills > 3
        assert not desk.ledger.batches()


def test_the_table_that_others_fail(killer: Killer) -> None:
    table = {
        "killed during the create, run again": killed_and_run_again(killer, "after send POST /v1/batch"),
        "killed after the submission, run again": killed_and_run_again(killer, "after recv HTTP/1.1 200 OK"),
        "accepted, then answered 500 once": answered_500_once(),
        "two runners at once": two_runners_at_once(),
    }
    print("\n".join(f"{batches}  {what}" for what, batches in table.items()))
    assert list(table.values()) == [1, 1, 1, 1]


ONE_BATCH = {"nightly": spec(batch("ready", "file-abc"))}


def killed_and_run_again(killer: Killer, label: str) -> int:
    with at_desk() as desk:
        project = desk.project(ONE_BATCH)
        run = partial(killer.run, project.folder, environment=project.environment)
        assert run("apply", "specs", label=label).killed
        assert run("apply", "specs").code == 0
        assert run("apply", "specs").code == 0
        project.assert_exactly_once(1)
        return len(project.batches())


def answered_500_once() -> int:
    with at_desk("500-after-commit=first") as desk:
        project = desk.project(ONE_BATCH)
        assert project.run("apply", "specs").code == 0
        project.assert_exactly_once(1)
        return len(project.batches())


def two_runners_at_once() -> int:
    with at_desk("slow=1:0.3") as desk:
        project = desk.project(ONE_BATCH)
        runners = [project.start("apply", "specs") for _ in range(2)]
        for runner in runners:
            runner.communicate()
        assert [runner.returncode for runner in runners] == [0, 0]
        project.assert_exactly_once(1)
        return len(project.batches())

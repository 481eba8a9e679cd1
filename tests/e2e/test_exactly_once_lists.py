"""A provider that takes a second send for a second batch, and lists them: nobody is asked, nothing is paid twice.

SIGKILL at every step of an apply, faults at every create, and both; then apply until it is done.
"""

from functools import partial
from itertools import count
from typing import Any

import pytest
from support.killing import Killer
from support.runs import at_desk, batch, spec
from support.sweeps import Plot

ONE_AT_A_TIME = ("specs", "--concurrency", "1")
LISTED: dict[str, Any] = {"idempotency": "list-match", "metadata": "sent", "polling": {"settle_seconds": 0.1}}

LOST = ["drop-after-commit", "500-after-commit", "junk", "truncated", "no-id", "foreign", "html", "gzip:1"]
ONE_BATCH = {"nightly": spec(batch("ready", "file-abc"))}
NOT_MADE = ["drop-before", "500", "503-html"]


@pytest.mark.parametrize("fault", [*LOST, "stall:2", "huge:2"])
def test_what_was_made_is_found_in_the_same_run(fault: str) -> None:
    name, _, argument = fault.partition(":")
    rule = f"create:{name}=first:2" + (f":{argument}" if argument else "")
    with at_desk(rule, honour_keys=False) as desk:
        project = desk.project(**LISTED, timeouts={"create_seconds": 0.5})
        assert project.run("apply", "specs").code == 0
        project.assert_exactly_once(3)
        posts = desk.posts()
        assert project.run("apply", "specs").code == 0
        assert desk.posts() == posts
        adopted = [attempts[-1].get("adopted", False) for attempts in project.attempts().values()]
        assert sorted(adopted) == [False, True, True]


@pytest.mark.parametrize("fault", [*NOT_MADE, "late-commit"])
def test_what_was_not_made_is_sent_again_and_what_is_late_is_waited_for(fault: str) -> None:
    rule = f"create:{fault}=first:2" + (":0.02" if fault == "late-commit" else "")
    with at_desk(rule, honour_keys=False) as desk:
        project = desk.project(**LISTED)
        assert project.run("apply", "specs").code == 0
        project.assert_exactly_once(3)


def test_two_batches_of_one_create_are_an_alarm(killer: Killer) -> None:
    with at_desk("create:duplicate=first", "slow=1:0.1", honour_keys=False) as desk:
        project = desk.project(ONE_BATCH, **LISTED)
        run = partial(killer.run, project.folder, environment=project.environment)
        assert run("apply", "specs", label="after send POST /v1/batch").killed
        for _ in range(2):
            done = run("apply", "specs")
            assert done.code == 3
            assert len(project.batches()) == 2
            assert all(made["id"] in done.out + done.err for made in project.batches())
            assert project.ids() == {}


@pytest.mark.parametrize(
    "fault", ["500", "404", "junk", "truncated", "huge", "gzip", "drop-before", "hostile-id", "no-id"]
)
def test_a_list_that_does_not_tell_holds_it_and_never_pays_twice(fault: str) -> None:
    rules = ("create:drop-after-commit=first", f"survey:{fault}=1.0" + (":20" if fault == "huge" else ""))
    with at_desk(*rules, honour_keys=False) as desk:
        project = desk.project(**LISTED, retry={"base_seconds": 0.01, "cap_seconds": 0.02})
        for _ in range(2):
            done = project.run("apply", "specs")
            assert done.code == 3
            assert len(project.batches()) == 3
            assert len(project.ids()) == 2


@pytest.mark.parametrize("part", [1, *(pytest.param(part, marks=pytest.mark.campaign) for part in (2, 3))])
def test_killed_at_every_step(killer: Killer, part: int) -> None:
    with at_desk(honour_keys=False) as desk:
        figures = Plot(desk, killer, ONE_AT_A_TIME, facts=LISTED).sweep(count(part, 6))
    assert figures.kills > 10
    assert (figures.duplicates, figures.lost) == (0, 0)


@pytest.mark.parametrize(
    "fault",
    [
        "drop-after-commit=0.4",
        pytest.param("500-after-commit=0.4", marks=pytest.mark.campaign),
        "create:late-commit=0.4:0.02",
    ],
)
def test_killed_while_the_provider_lies(killer: Killer, fault: str) -> None:
    with at_desk(fault, seed=7, honour_keys=False) as desk:
        figures = Plot(desk, killer, ONE_AT_A_TIME, facts=LISTED).sweep(count(2, 11))
    assert figures.kills > 5
    assert (figures.duplicates, figures.lost) == (0, 0)


def test_killed_in_the_middle_of_looking(killer: Killer) -> None:
    """Between the create that was lost, the walks of the list and the send that follows."""
    with at_desk("create:500=0.5", "create:500-after-commit=0.5", seed=3, honour_keys=False) as desk:
        for label in ("after send GET /v1/batch", "after recv HTTP/1.1 200 OK", "after send POST /v1/batch"):
            project = desk.project(**LISTED)
            run = partial(killer.run, project.folder, environment=project.environment)
            run("apply", *ONE_AT_A_TIME, label=label)
            project.apply_until_done(*ONE_AT_A_TIME, run=run)
            project.assert_exactly_once(3)

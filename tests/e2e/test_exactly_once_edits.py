"""What people change between a crash and the next apply: specs, inputs, plans, the state itself."""

import json
from functools import partial

import pytest
from support.killing import Killer
from support.runs import at_desk, batch, request_line, scripted_desk, spec
from support.scripted_server import hang_up, reply

CREATED = reply(200, b'{"id": "batch-1", "object": "batch"}')
DURING_THE_CREATE = "after send POST /v1/batch"


def test_the_stored_intent_goes_first_and_byte_for_byte(killer: Killer) -> None:
    another = reply(200, b'{"id": "batch-2", "object": "batch"}')
    with scripted_desk(hang_up(), CREATED, another) as (desk, server):
        project = desk.project({"nightly": spec(batch("ready", "file-old"))})
        run = partial(killer.run, project.folder, environment=project.environment)
        assert run("apply", "specs", label=DURING_THE_CREATE).killed
        project.write("specs/nightly.yaml", spec(batch("ready", "file-new")))
        assert run("apply", "specs", "--concurrency", "1").code == 0
        lost, resumed, edited = server.seen
    assert json.loads(lost.body)["input_file_id"] == "file-old"
    assert (lost.body, lost.headers["idempotency-key"]) == (resumed.body, resumed.headers["idempotency-key"])
    assert json.loads(edited.body)["input_file_id"] == "file-new"
    assert edited.headers["idempotency-key"] != lost.headers["idempotency-key"]


def test_new_content_is_one_new_submission(killer: Killer) -> None:
    with at_desk() as desk:
        project = desk.project({"nightly": spec(batch("first", "data/0.jsonl"))})
        run = partial(killer.run, project.folder, environment=project.environment)
        assert run("apply", "specs", label=DURING_THE_CREATE).killed
        project.write("specs/data/0.jsonl", request_line("edited"))
        assert project.apply_until_done(run=run) == 1
        assert project.apply_until_done(run=run) == 1
        old, new = project.attempts()["nightly/first"]
        made = project.batches()
    assert {old["batch_id"], new["batch_id"]} == {each["id"] for each in made}
    assert len(made) == 2
    assert old["file_id"] != new["file_id"]


def test_an_input_edited_before_its_upload_leaves_nothing_behind(killer: Killer) -> None:
    with at_desk() as desk:
        project = desk.project({"nightly": spec(batch("first", "data/0.jsonl"))})
        run = partial(killer.run, project.folder, environment=project.environment)
        assert run("apply", "specs", label="before connect").killed
        project.write("specs/data/0.jsonl", request_line("edited"))
        assert project.apply_until_done(run=run) == 1
        assert [each["id"] for each in project.batches()] == list(project.ids().values())


def test_an_edit_within_the_day_waits_for_replace(killer: Killer) -> None:
    with at_desk() as desk:
        once_a_day = {"run": {"once_per": "day"}}
        project = desk.project({"nightly": spec(batch("ready", "file-old"), **once_a_day)})
        run = partial(killer.run, project.folder, environment=project.environment)
        today = ("apply", "specs", "--run-key", "2026-11-22")
        assert run(*today, label=DURING_THE_CREATE).killed
        project.write("specs/nightly.yaml", spec(batch("ready", "file-new"), **once_a_day))
        assert run(*today).code == 0
        assert [each["input_file_id"] for each in project.batches()] == ["file-old"]
        blocked = run(*today)
        assert blocked.code == 1
        assert "--replace nightly/ready" in blocked.out
        assert run(*today, "--replace", "nightly/ready").code == 0
        assert run(*today).code == 0
        assert [each["input_file_id"] for each in project.batches()] == ["file-old", "file-new"]
        assert [each["batch_id"] for each in project.attempts()["nightly/ready"]] == [
            each["id"] for each in project.batches()
        ]


def test_a_run_as_if_it_were_another_time_goes_on_after_a_crash(killer: Killer) -> None:
    with at_desk() as desk:
        project = desk.project({"nightly": spec(batch("ready", "file-1"), run={"once_per": "day"})})
        run = partial(killer.run, project.folder, environment=project.environment)
        for time in ("2026-01-02T03:04:05Z", "2099-01-02T03:04:05Z"):
            assert run("apply", "specs", "--at", time, label=DURING_THE_CREATE).killed
            assert run("apply", "specs", "--at", time).code == 0
        assert len(project.batches()) == 2


@pytest.mark.parametrize("label", [DURING_THE_CREATE, "after recv HTTP/1.1 200 OK", "before replace"])
def test_a_saved_plan_resumes_and_then_sends_nothing(killer: Killer, label: str) -> None:
    with at_desk() as desk:
        project = desk.project()
        run = partial(killer.run, project.folder, environment=project.environment)
        assert run("plan", "specs", "--out", "plan.json").code == 0
        assert run("apply", "plan.json", label=label).killed
        assert run("apply", "plan.json").code == 0
        project.assert_exactly_once()
        posts = desk.posts()
        assert run("apply", "plan.json").code == 0
        assert desk.posts() == posts


def test_a_saved_plan_is_stale_once_another_apply_has_moved_an_address() -> None:
    with at_desk() as desk:
        project = desk.project()
        assert project.run("plan", "specs", "--out", "plan.json").code == 0
        assert project.run("apply", "specs", "--target", "nightly/first").code == 0
        posts = desk.posts()
        stale = project.run("apply", "plan.json")
        assert stale.code == 4
        assert "nightly/first" in stale.err
        assert "nightly/second" not in stale.err
        assert desk.posts() == posts
        project.apply_until_done()
        project.assert_exactly_once()


@pytest.mark.parametrize("with_uploads", [False, True])
def test_state_that_is_lost_altogether_makes_no_second_batch(with_uploads: bool) -> None:
    with at_desk() as desk:
        project = desk.project(None if with_uploads else {"nightly": spec(batch("ready", "file-1"))})
        project.apply_until_done()
        ids = project.ids()
        for path in project.folder.glob("specs/*state*"):
            path.unlink()
        assert project.apply_until_done() == 1
        assert project.ids() == ids
        assert {each["id"] for each in project.batches()} == set(ids.values())


@pytest.mark.parametrize("source", ["file-1", "data/0.jsonl"])
def test_state_that_is_lost_and_then_an_edit_within_the_day_wait_for_a_person(source: str) -> None:
    """The provider says that the key came with another request before: it has a batch that nobody here knows of."""
    once_a_day = {"run": {"once_per": "day"}}
    with at_desk() as desk:
        project = desk.project({"nightly": spec(batch("ready", source), **once_a_day)})
        today = ("apply", "specs", "--run-key", "2026-11-22")
        assert project.run(*today).code == 0
        (made,) = project.batches()
        for path in project.folder.glob("specs/*state*"):
            path.unlink()
        project.write("specs/data/0.jsonl", request_line("edited"))
        project.write("specs/nightly.yaml", spec(batch("ready", source.replace("1", "2")), **once_a_day))
        for _ in range(2):
            unsure = project.run(*today)
            assert unsure.code == 3
            assert "This Idempotency-Key was used before" in unsure.out
        assert "it reads another file" in project.run("resolve", "nightly/ready", "--adopt", made["id"]).err
        assert project.run("resolve", "nightly/ready", "--adopt", made["id"], "--force").code == 0
        assert project.run(*today).code == 0
        assert project.ids() == {"nightly/ready": made["id"]}
        assert len(project.batches()) == 1


def test_what_is_in_doubt_at_one_address_is_not_sent_to_another(killer: Killer) -> None:
    with at_desk() as desk, at_desk() as elsewhere:
        project = desk.project()
        run = partial(killer.run, project.folder)
        label = DURING_THE_CREATE
        assert run("apply", "specs", environment=project.environment, label=label).killed
        moved = run("apply", "specs", environment={**project.environment, "ALPHAEDGE_BASE_URL": elsewhere.origin})
        assert moved.code == 3
        assert desk.origin in moved.out
        assert "file-case-1" not in [made["input_file_id"] for made in elsewhere.ledger.batches()]
        assert run("apply", "specs", environment=project.environment).code in {0, 3}
        made = [*desk.ledger.batches(), *elsewhere.ledger.batches()]
        assert len({each["idempotency_key"] for each in made}) == len(made) == 3

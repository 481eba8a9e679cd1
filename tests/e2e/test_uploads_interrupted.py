"""SIGKILL during an upload, and after it: the next apply finds what is there, and each batch exists once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from support.killing import Ended, Killer
from support.runs import ENDPOINT, Desk, Project, at_desk, batch, spec

ROWS = 40
FILLER = "z" * 100_000
IN_THE_BODY = "halfway send z+$"
ANSWERED = "after recv HTTP/1.1 200 OK"
NOT_OFFERED: dict[str, Any] = {"paths": {"list_files": None}}


@contextmanager
def one_upload(*faults: str, **facts: Any) -> Iterator[Project]:
    """A project with one batch whose input has four megabytes, at a provider that takes each upload for a new one."""
    with at_desk(*faults, honour_keys=False) as desk:
        yield written(desk, **facts)


def written(desk: Desk, **facts: Any) -> Project:
    project = desk.project({"nightly": spec(batch("a", "data/large.jsonl"))}, **facts)
    rows = (
        f'{{"custom_id":"{n}","method":"POST","url":"{ENDPOINT}","body":{{"model":"m","messages":["{FILLER}"]}}}}\n'
        for n in range(ROWS)
    )
    project.folder.joinpath("specs/data/large.jsonl").write_text("".join(rows))
    return project


def runner(killer: Killer, project: Project) -> Callable[..., Ended]:
    return partial(killer.run, project.folder, environment=project.environment)


def seen(project: Project) -> dict[str, int]:
    requests = project.desk.ledger.requests()
    return {name: requests[name] for name in ("uploads", "lists", "creates")}


def assert_one_batch_of(project: Project, files: int) -> None:
    project.assert_exactly_once(1)
    made = project.desk.ledger.files()
    assert len(made) == files
    assert {file["filename"] for file in made} == {made[0]["filename"]}
    assert made[0]["filename"].startswith(project.batches()[0]["idempotency_key"] or "br1-")
    assert project.batches()[0]["input_file_id"] in {file["id"] for file in made}


@pytest.mark.parametrize("facts", [{}, NOT_OFFERED], ids=["list", "no list"])
def test_killed_in_the_middle_of_the_body(killer: Killer, facts: dict[str, Any]) -> None:
    with one_upload(**facts) as project:
        run = runner(killer, project)
        assert run("apply", "specs", label=IN_THE_BODY).killed
        assert project.desk.ledger.files() == []
        assert project.apply_until_done("specs", run=run) == 1
        assert_one_batch_of(project, files=1)
        assert seen(project) == {"uploads": 2, "lists": 0 if facts else 1, "creates": 1}


@pytest.mark.parametrize("facts", [{}, NOT_OFFERED], ids=["list", "no list"])
def test_killed_when_the_provider_has_the_file(killer: Killer, facts: dict[str, Any]) -> None:
    with one_upload(**facts) as project:
        run = runner(killer, project)
        assert run("apply", "specs", label=ANSWERED).killed
        assert len(project.desk.ledger.files()) == 1
        assert project.apply_until_done("specs", run=run) == 1
        assert_one_batch_of(project, files=2 if facts else 1)
        assert seen(project) == {"uploads": 2 if facts else 1, "lists": 0 if facts else 1, "creates": 1}


@pytest.mark.parametrize(
    "fault",
    [
        "500",
        "401",
        "429",
        "503-html",
        "drop-before",
        "truncated",
        "junk",
        "huge",
        "no-id",
        "hostile-id",
        "redirect=1:/x",
    ],
)
def test_a_list_that_misbehaves_leads_to_no_other_file(killer: Killer, fault: str) -> None:
    with one_upload(f"list:{fault}" if "=" in fault else f"list:{fault}=1") as project:
        run = runner(killer, project)
        assert run("apply", "specs", label=ANSWERED).killed
        assert project.apply_until_done("specs", run=run) == 1
        assert_one_batch_of(project, files=2)
        assert project.batches()[0]["input_file_id"] == project.desk.ledger.files()[1]["id"]


def test_an_input_that_was_edited_meanwhile_is_uploaded_anew(killer: Killer) -> None:
    """Other content has another name."""
    with one_upload() as project:
        run = runner(killer, project)
        assert run("apply", "specs", label=ANSWERED).killed
        path = project.folder / "specs/data/large.jsonl"
        path.write_text(path.read_text().replace('"custom_id":"0"', '"custom_id":"9999"', 1))
        project.apply_until_done("specs", run=run)
        (made,) = project.batches()
        assert made["input_file_id"] == project.desk.ledger.files()[1]["id"]
        assert len({file["filename"] for file in project.desk.ledger.files()}) == 2


@pytest.mark.parametrize("fault", ["drop-after-commit", "500-after-commit", "truncated", "junk"])
def test_an_upload_without_a_usable_reply_is_not_sent_twice(fault: str) -> None:
    with one_upload(f"upload:{fault}=first") as project:
        assert project.run("apply", "specs").code == 0
        assert_one_batch_of(project, files=1)
        assert seen(project) == {"uploads": 1, "lists": 1, "creates": 1}


def test_many_interrupted_uploads_are_found_by_one_look(killer: Killer) -> None:
    names = [f"b{number}" for number in range(8)]
    with at_desk("upload:drop-after-commit=1", honour_keys=False) as desk:
        project = desk.project(
            {"nightly": spec(*(batch(name, f"data/{name}.jsonl") for name in names))},
            **NOT_OFFERED,
        )  # fmt: skip
        for name in names:
            path = project.folder / f"specs/data/{name}.jsonl"
            path.write_text((project.folder / "specs/data/0.jsonl").read_text().replace("case", name, 1))
        assert project.run("apply", "specs").code == 75
        uploads = seen(project)["uploads"]
        config = project.folder / "batchrunner.yaml"
        config.write_text(config.read_text().replace('"list_files": null', '"list_files": "/v1/files"'))
        assert project.run("apply", "specs").code == 0
        project.assert_exactly_once(8)
        assert seen(project) == {"uploads": uploads, "lists": 1, "creates": 8}

"""Conformance, files: F1 to F8 for every dialect, over sockets, with a provider that loses and mixes up."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from support.cli import Desk
from support.conformance import bench, case, desk_at
from support.dialects import SHORT, facts_at, opened
from support.killing import Killer

from batchrunner.catalog import built_in
from batchrunner.jobs import FilesSurveyed, Outcome, Removed, RemoveFile, SurveyFiles
from batchrunner.providers import OpenProvider
from batchrunner.records import replace
from batchrunner.testing.following import ended, lines_of
from batchrunner.testing.submitting import Submitter


@case("F1")
def test_a_file_is_uploaded(dialect: str, tmp_path: Path) -> None:
    with bench(dialect, tmp_path) as at:
        submission = at.run(lambda provider, submitter: submitter.prepared(provider))
        (file,) = at.ledger.files()
        assert file["id"] == submission.job.input_file_id
        assert file["bytes"] == submission.source.size
        assert submission.job.idempotency_key in file["filename"]
        listed = at.run(lambda provider, _: provider.follow(SurveyFiles(provider="")))
        assert isinstance(listed, FilesSurveyed)
        assert [(each.file_id, each.size) for each in listed.files] == [(file["id"], file["bytes"])]


@case("F2")
@pytest.mark.parametrize("fault", ["drop-after-commit", "500-after-commit", "truncated", "no-id"])
def test_an_upload_that_was_not_answered_is_found(dialect: str, tmp_path: Path, fault: str) -> None:
    with bench(dialect, tmp_path, f"upload:{fault}=first") as at:
        submission = at.run(lambda provider, submitter: submitter.prepared(provider))
        assert [file["id"] for file in at.ledger.files()] == [submission.job.input_file_id]


@case("F3")
@pytest.mark.parametrize("fault", ["truncated", "drop-after-commit", "500", "503-html", "stall=first:1:9"])
def test_a_download_that_breaks_off(dialect: str, tmp_path: Path, fault: str) -> None:
    fault = fault if "=" in fault else f"{fault}=first:2"
    timeouts = replace(SHORT, download_idle_seconds=1.5)
    with bench(dialect, tmp_path, f"content:{fault}", facts={"timeouts": timeouts}) as at:

        async def scenario(provider: OpenProvider, submitter: Submitter) -> tuple[list[str], bytes]:
            submission, batch_id = await submitter.submitted(provider, 40)
            batch = await ended(provider, submitter.subject, batch_id)
            return list(submission.custom_ids), await lines_of(provider, batch)

        custom_ids, lines = at.run(scenario)
        found = [json.loads(line)["custom_id"] for line in lines.splitlines()]
        assert sorted(found) == sorted(custom_ids)


@case("F3", is_slow=True)
def test_results_that_do_not_come_are_not_there(dialect: str, tmp_path: Path) -> None:
    with desk_at(dialect, tmp_path, "content:truncated=1") as (desk, _):
        assert desk.run("apply", "s.yaml").code == 0
        assert desk.run("wait").code == 0
        fetched = desk.run("fetch", "--json")
        assert fetched.code == 75, fetched
        assert not list(desk.folder.rglob("results.jsonl"))


@case("F3", is_slow=True)
def test_killed_in_a_fetch(dialect: str, tmp_path: Path, killer: Killer) -> None:
    with desk_at(dialect, tmp_path) as (desk, _):
        assert desk.run("apply", "s.yaml").code == 0
        assert desk.run("wait").code == 0
        for label in ("after recv HTTP/1.1 200", "before rename", "before replace"):
            killer.run(desk.folder, "fetch", environment=desk.env, label=label)
        assert desk.run("fetch").code == 0
        assert ids_in(desk, "results.jsonl") == ["row-0", "row-1", "row-2"]


def ids_in(desk: Desk, name: str) -> list[str]:
    """The ids in a file of results, in its order."""
    (path,) = desk.folder.rglob(name)
    return [json.loads(line)["custom_id"] for line in path.read_text().splitlines()]


@case("F4", is_slow=True)
def test_out_of_order_missing_and_twice(dialect: str, tmp_path: Path) -> None:
    ids = ("z", "a-sandbox-drop", "m-sandbox-duplicate", "b", "c-sandbox-stranger", "a", "k-sandbox-fail-500")
    with desk_at(dialect, tmp_path, custom_ids=ids) as (desk, _):
        assert desk.run("apply", "s.yaml").code == 0
        desk.run("wait")
        fetched = desk.run("fetch", "--json")
        rows = fetched.document["rows"]
        assert fetched.code != 0
        assert (rows["ok"], rows["error"], rows["missing"], rows["total"]) == (5, 1, 1, 7), rows
        assert (rows["duplicates"], rows["strangers"]) == (1, 1)
        assert ids_in(desk, "results.jsonl") == ["z", "m-sandbox-duplicate", "b", "c-sandbox-stranger", "a"]
        assert ids_in(desk, "errors.jsonl") == ["a-sandbox-drop", "k-sandbox-fail-500"]


@case("F5", is_slow=True)
def test_a_body_that_is_a_string(dialect: str, tmp_path: Path) -> None:
    with desk_at(dialect, tmp_path, habits=frozenset({"body-string"})) as (desk, _):
        assert desk.run("apply", "s.yaml").code == 0
        assert desk.run("wait").code == 0
        fetched = desk.run("fetch", "--json")
        assert (fetched.code, fetched.document["rows"]["ok"]) == (0, 3)


@case("F6", is_slow=True)
def test_an_error_file_of_nothing(dialect: str, tmp_path: Path) -> None:
    with desk_at(dialect, tmp_path, habits=frozenset({"empty-error-file"})) as (desk, _):
        assert desk.run("apply", "s.yaml").code == 0
        assert desk.run("wait").code == 0
        fetched = desk.run("fetch", "--json")
        assert (fetched.code, fetched.document["rows"]["ok"]) == (0, 3)


BAD_INPUTS: dict[str, Any] = {
    "twice": lambda good: good + good,
    "no JSON": lambda good: good + b"{\n",
    "no custom_id": lambda good: good.replace(b'"custom_id"', b'"custom"'),
    "stream": lambda good: good.replace(b'"model"', b'"stream":true,"model"'),
    "empty": lambda good: b"",
    "blank lines": lambda good: b"\n" + good,
    "byte order mark": lambda good: b"\xef\xbb\xbf" + good,
}


@case("F7", is_slow=True)
@pytest.mark.parametrize("how", BAD_INPUTS)
def test_a_bad_input_is_refused_by_the_plan(dialect: str, tmp_path: Path, how: str) -> None:
    with desk_at(dialect, tmp_path, rows=1) as (desk, ledger):
        desk.write("rows.jsonl", BAD_INPUTS[how](desk.folder.joinpath("rows.jsonl").read_bytes()))
        planned = desk.run("plan", "s.yaml", "--json")
        applied = desk.run("apply", "s.yaml", "--json")
        assert (planned.code, applied.code) == (1, 1), planned
        assert "rows.jsonl" in json.dumps(planned.document)
        assert (ledger.batches(), ledger.files()) == ([], [])


@case("F7", is_slow=True, mistral="lines need no url", together="lines need no url", anthropic="lines have no url")
def test_another_url_is_refused_by_the_plan(dialect: str, tmp_path: Path) -> None:
    with desk_at(dialect, tmp_path) as (desk, _):
        desk.write("rows.jsonl", desk.read("rows.jsonl").replace("/v1/chat/completions", "/v1/embeddings"))
        assert desk.run("plan", "s.yaml").code == 1


async def removed(dialect: str, desk: Desk, file_id: str) -> Outcome:
    """What comes of deleting a file, by somebody else."""
    origin = json.loads(desk.read("batchrunner.yaml"))["providers"][dialect]["base_url"]
    async with opened(facts_at(dialect, origin), Submitter.open_input) as provider:  # type: ignore[arg-type]
        return await provider.follow(RemoveFile(provider=dialect, file_id=file_id))


@case("F8", is_slow=True)
def test_a_file_that_is_gone_before_the_create(dialect: str, tmp_path: Path, killer: Killer) -> None:
    """No batch, no loop, and words that say what to do."""
    with desk_at(dialect, tmp_path) as (desk, ledger):
        create = built_in()[dialect].paths.create_batch
        assert killer.run(
            desk.folder, "apply", "s.yaml", environment=desk.env, label=f"before send POST {create} "
        ).killed
        (file,) = ledger.files()
        assert isinstance(asyncio.run(removed(dialect, desk, file["id"])), Removed)
        again = desk.run("apply", "s.yaml", "--json")
        assert again.code in (0, 1, 3), again
        assert len(ledger.batches()) <= 1
        assert again.code or desk.run("wait").code in (0, 5)

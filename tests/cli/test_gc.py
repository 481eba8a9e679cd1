"""Files that nobody needs any more: shown, deleted with approval, and nothing that something may still need."""

import json
import time
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from support.cli import KEY, Desk, Ran, request_lines

from batchrunner.sandbox import SandboxSettings, Timings, running

SPEC = """\
run: {once_per: day}
defaults: {endpoint: /v1/embeddings}
batches:
  - {name: rows, input: data/rows.jsonl}
"""
AT = ("--at", "2026-11-22T02:30:00Z")
OURS = f"br1-{'a' * 32}-{'0' * 16}.jsonl"


class Shop:
    """A provider in reach, whose clock is moved on, and a batch that was submitted to it."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.ahead = 0.0

    def upload(self, name: str) -> str:
        """Upload a file as somebody else would."""
        body = (
            '--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
            f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
            f"{request_lines('z')}\r\n--x--\r\n"
        )
        url = f"{self.desk.env['ALPHAEDGE_BASE_URL']}/v1/files"
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "multipart/form-data; boundary=x"}
        with urllib.request.urlopen(urllib.request.Request(url, body.encode(), headers)) as reply:
            file_id: str = json.load(reply)["id"]
            return file_id

    def deleted(self) -> list[str]:
        return [file["id"] for file in self.desk.ledger.files() if file["deleted"]]

    def run(self, *arguments: str) -> Ran:
        return self.desk.run(*arguments)


@pytest.fixture
def shop(desk: Desk, request: pytest.FixtureRequest) -> Iterator[Shop]:
    seconds = getattr(request, "param", 0.0)
    shop, database = Shop(desk), desk.folder.with_name("provider.sqlite3")
    desk.write("s.yaml", SPEC)
    desk.write("data/rows.jsonl", request_lines("a", "b"))
    settings = SandboxSettings(
        database, key=KEY, timings=Timings(0.0, seconds, 0.0, 0.0), clock=lambda: time.time() + shop.ahead
    )
    with running(settings) as provider:
        desk.database = database
        desk.env |= {"ALPHAEDGE_BASE_URL": provider.base_url, "ALPHAEDGE_API_KEY": KEY}
        assert desk.run("apply", "s.yaml", *AT).code == 0
        yield shop


def files(ran: Ran) -> Mapping[str, Any]:
    return {each["file_id"]: each["outcome"] for each in ran.document["files"]}


def test_what_was_not_fetched_stays(shop: Shop) -> None:
    assert shop.run("gc").out == "Nothing to delete.\n"
    assert shop.run("status", "--refresh").code == 0
    assert shop.run("gc", "--yes").out == "Nothing to delete.\n"


@pytest.mark.parametrize("shop", [3600.0], indirect=True)
def test_what_is_open_stays(shop: Shop) -> None:
    assert shop.run("status", "--refresh").code == 0
    assert shop.run("gc", "--yes").out == "Nothing to delete.\n"
    assert not shop.deleted()


def test_what_was_fetched_goes_once_that_is_approved(shop: Shop) -> None:
    (file,) = shop.desk.ledger.files()
    assert shop.run("fetch", "s.yaml").code == 0
    shown = shop.run("gc", "s.yaml")
    assert (shown.code, shop.deleted()) == (0, [])
    assert file["id"] in shown.out
    assert "completed, and fetched" in shown.out
    assert "batchrunner gc s.yaml --yes" in shown.err
    assert files(shop.run("gc", "--json")) == {file["id"]: ""}
    assert not shop.deleted()
    assert files(shop.run("gc", "--yes", "--json")) == {file["id"]: "deleted"}
    assert shop.deleted() == [file["id"]]
    assert shop.run("gc").out == "Nothing to delete.\n"
    assert shop.run("apply", "s.yaml", *AT).code == 0
    assert len(shop.desk.ledger.batches()) == 1


def test_what_is_gone_already_is_noted(shop: Shop) -> None:
    (file,) = shop.desk.ledger.files()
    assert shop.run("fetch", "s.yaml").code == 0
    state = shop.desk.read("s.state.json")
    assert files(shop.run("gc", "--yes", "--json")) == {file["id"]: "deleted"}
    shop.desk.write("s.state.json", state)
    again = shop.run("gc", "--yes", "--json")
    assert (again.code, files(again)) == (0, {file["id"]: "gone"})
    assert shop.run("gc").out == "Nothing to delete.\n"


def test_uploads_that_nobody_knows_go_when_they_are_old(shop: Shop) -> None:
    lost, theirs = shop.upload(OURS), shop.upload("tickets.jsonl")
    assert shop.run("gc").out == "Nothing to delete.\n"
    shop.ahead = -3 * 86_400.0
    old, others = shop.upload(OURS), shop.upload("old.jsonl")
    shop.ahead = 0.0
    assert files(shop.run("gc", "--yes", "--json")) == {old: "deleted"}
    assert shop.deleted() == [old]
    assert not {lost, theirs, others} & set(shop.deleted())


def test_the_input_of_another_state_stays(shop: Shop) -> None:
    shop.ahead = -3 * 86_400.0
    assert shop.run("apply", "s.yaml", "--at", "2026-11-19T02:30:00Z").code == 0
    shop.desk.folder.joinpath("s.state.json").unlink()
    shop.ahead = 0.0
    shop.desk.write("t.yaml", SPEC.replace("input: data/rows.jsonl", "input_file_id: file-x"))
    assert shop.run("apply", "t.yaml").code == 0
    assert shop.run("gc", "--yes").out == "Nothing to delete.\n"


def test_results_go_only_where_that_is_asked_for_and_they_are_here(shop: Shop) -> None:
    assert shop.run("fetch", "s.yaml").code == 0
    ran = shop.run("gc", "--results", "--json")
    assert {each["kind"] for each in ran.document["files"]} == {"input", "results"}
    for raw in shop.desk.folder.glob("results/s/*/rows/raw/*"):
        raw.unlink()
    assert {each["kind"] for each in shop.run("gc", "--results", "--json").document["files"]} == {"input"}
    assert shop.run("fetch", "s.yaml").code == 0
    assert shop.run("gc", "--results", "--yes").code == 0
    # Nobody lists results: those that were deleted are asked for again, and are gone.
    assert set(files(shop.run("gc", "--results", "--yes", "--json")).values()) == {"gone"}
    assert shop.run("fetch", "s.yaml").code == 0


def test_a_provider_out_of_reach_is_tried_later(shop: Shop) -> None:
    assert shop.run("fetch", "s.yaml").code == 0
    ran = shop.desk.run("gc", "--yes", env={"ALPHAEDGE_BASE_URL": "http://127.0.0.1:9"})
    assert (ran.code, shop.deleted()) == (75, []), ran

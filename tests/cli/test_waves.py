"""Batches in waves: as much at a time as a provider's queue takes, and nothing fails for being too much."""

import time
from collections.abc import Iterator

import pytest
from support.cli import KEY, Desk, request_lines

from batchrunner.sandbox import SandboxSettings, Timings, running

SPEC = """\
run: {once_per: day}
defaults: {endpoint: /v1/embeddings}
batches:
  - {name: rows, input: data/rows.jsonl, shard: {max_requests: 2}}
"""
TOKENS = 300
"""More than one shard of two requests takes, and less than two."""


class Clock:
    """A clock that is moved on."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def narrow(desk: Desk) -> Iterator[tuple[Desk, Clock]]:
    """A provider with a queue for one shard, of which each takes ten minutes."""
    clock, database = Clock(), desk.folder.with_name("provider.sqlite3")
    desk.write("s.yaml", SPEC)
    lines = request_lines("a", "b", "c", "d", "e", "f").replace("words", "words " * 70)
    desk.write("data/rows.jsonl", lines)
    desk.write("batchrunner.yaml", f"providers: {{alphaedge: {{limits: {{max_enqueued_tokens: {TOKENS}}}}}}}\n")
    timings = Timings(0.0, 600.0, 0.0, 0.0)
    settings = SandboxSettings(database, key=KEY, timings=timings, clock=clock, max_enqueued_tokens=TOKENS)
    with running(settings) as provider:
        desk.database = database
        desk.env |= {"ALPHAEDGE_BASE_URL": provider.base_url, "ALPHAEDGE_API_KEY": KEY}
        yield desk, clock


def test_come_one_after_the_other(narrow: tuple[Desk, Clock]) -> None:
    desk, clock = narrow
    for wave in range(1, 4):
        ran = desk.run("apply", "s.yaml", "--at", "2026-11-22T02:30:00Z")
        assert ran.code == (0 if wave == 3 else 75), ran
        assert f"1 submitted, {wave - 1} unchanged, {3 - wave} failed." in " ".join(ran.out.split())
        assert ("queue-full" in ran.out) == (wave < 3)
        assert len(desk.ledger.batches()) == wave
        assert len(desk.ledger.files()) == wave, "what waits is not uploaded"
        if wave < 3:
            again = desk.run("apply", "s.yaml", "--at", "2026-11-22T02:30:00Z")
            assert (again.code, len(desk.ledger.batches())) == (75, wave)
        clock.ahead += 600.0
    status = desk.run("status", "s.yaml", "--refresh", "--json")
    assert '"failed": 1' not in status.out
    assert status.code == 0, status


def test_no_queue_is_too_short_for_a_shard(narrow: tuple[Desk, Clock]) -> None:
    desk, _ = narrow
    desk.write("s.yaml", SPEC.replace(", shard: {max_requests: 2}", ""))
    plan = desk.run("plan", "s.yaml", "--json").document
    assert len([change for change in plan["changes"] if change["action"] == "submit"]) == 3
    desk.write("s.yaml", SPEC.replace("{max_requests: 2}", "false"))
    assert desk.run("plan", "s.yaml").code == 1


def test_apply_waits_through_all_of_them(desk: Desk) -> None:
    database = desk.folder.with_name("provider.sqlite3")
    desk.write("s.yaml", SPEC)
    desk.write("data/rows.jsonl", request_lines("a", "b", "c", "d", "e", "f").replace("words", "words " * 70))
    limits = f"limits: {{max_enqueued_tokens: {TOKENS}}}, polling: {{base_seconds: 0.05}}"
    desk.write("batchrunner.yaml", f"providers: {{alphaedge: {{{limits}}}}}\n")
    with running(SandboxSettings(database, key=KEY, max_enqueued_tokens=TOKENS)) as provider:
        desk.database = database
        desk.env |= {"ALPHAEDGE_BASE_URL": provider.base_url, "ALPHAEDGE_API_KEY": KEY}
        ran = desk.run("apply", "s.yaml", "--wait")
    assert ran.code == 0, ran
    assert len(desk.ledger.batches()) == 3
    assert "3 completed" in ran.out

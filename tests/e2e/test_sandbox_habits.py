"""Habits: what servers that speak a dialect do otherwise than its vendor, one by one, over real sockets."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from batchrunner.errors import UsageError
from batchrunner.sandbox import Faults, Ledger, SandboxSettings, Timings, running
from batchrunner.sandbox.habits import HABITS

CHAT = "/v1/chat/completions"
START = 1_795_354_841.0


@dataclass
class Clock:
    """Time that moves when told to."""

    now: float = START

    def __call__(self) -> float:
        return self.now


@dataclass
class Provider:
    """A sandbox with habits, and what is asked of it."""

    client: httpx.Client
    clock: Clock
    ledger: Ledger

    def create(self, *ids: str, key: str = "") -> dict[str, Any]:
        rows = ({"custom_id": one, "method": "POST", "url": CHAT, "body": {"model": "m"}} for one in ids or ("a", "b"))
        content = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
        file = self.client.post("/v1/files", data={"purpose": "batch"}, files={"file": content}).json()
        order = {"input_file_id": file["id"], "endpoint": CHAT, "metadata": {"k": "v"}}
        headers = {"Idempotency-Key": key} if key else {}
        made: dict[str, Any] = self.client.post("/v1/batches", json=order, headers=headers).json()
        return made

    def look(self, batch: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(f"/v1/batches/{batch['id']}").json()
        return found

    def done(self, *ids: str) -> dict[str, Any]:
        made = self.create(*ids)
        self.clock.now += 120
        return self.look(made)

    def listed(self) -> list[str]:
        return [batch["id"] for batch in self.client.get("/v1/batches").json()["data"]]

    def lines(self, file_id: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.client.get(f"/v1/files/{file_id}/content").text.splitlines()]


@contextmanager
def having(folder: Path, *habits: str, **settings: Any) -> Iterator[Provider]:
    clock = Clock()
    chosen = SandboxSettings(
        folder / "sandbox.db", clock=clock, timings=Timings(10, 100, 10, 5), habits=frozenset(habits), **settings
    )
    headers = {"Authorization": "Bearer sandbox"}
    with (
        running(chosen) as sandbox,
        httpx.Client(base_url=sandbox.base_url, headers=headers, verify=False) as client,
    ):
        yield Provider(client, clock, Ledger(chosen.database))


def test_ids_that_are_uuids(tmp_path: Path) -> None:
    with having(tmp_path, "uuid-ids") as at:
        batch = at.done()
        pattern = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
        assert re.fullmatch(pattern, batch["id"])
        assert re.fullmatch(pattern, batch["input_file_id"])
        assert batch["status"] == "completed"


def test_a_status_that_nobody_knows(tmp_path: Path) -> None:
    with having(tmp_path, "scheduling") as at:
        made = at.create()
        assert made["status"] == at.look(made)["status"] == "scheduling"
        at.clock.now += 10
        assert at.look(made)["status"] == "in_progress"


def test_words_and_times_of_other_servers(tmp_path: Path) -> None:
    with having(tmp_path, "capitals", "iso-times", "window-1d", "null-counts") as at:
        made = at.create()
        assert (made["status"], made["completion_window"]) == ("VALIDATING", "1d")
        assert (made["created_at"], made["request_counts"]) == ("2026-11-22T13:40:41Z", None)
        at.clock.now += 120
        batch = at.look(made)
        assert (batch["status"], batch["completed_at"]) == ("COMPLETED", "2026-11-22T13:42:41Z")
        assert batch["request_counts"] == {"total": None, "completed": None, "failed": None}
        assert batch["failed_at"] is None


def test_an_output_that_comes_late(tmp_path: Path) -> None:
    with having(tmp_path, "late-output:3") as at:
        made = at.create("a", "b-sandbox-fail-400")
        at.clock.now += 60
        at.look(made)
        at.clock.now += 60
        seen = [at.look(made), at.look(made)]
        (listed,) = at.client.get("/v1/batches").json()["data"]
        seen += [listed, at.look(made)]
        assert [batch["status"] for batch in seen] == ["completed"] * 4
        assert [bool(batch["output_file_id"]) for batch in seen] == [False, False, False, True]
        assert all(batch["error_file_id"] for batch in seen)


def test_nothing_but_errors(tmp_path: Path) -> None:
    with having(tmp_path, "errors-only") as at:
        batch = at.done("a", "b")
        assert (batch["status"], batch["output_file_id"]) == ("completed", None)
        assert batch["request_counts"] == {"total": 2, "completed": 0, "failed": 2}
        assert {line["custom_id"] for line in at.lines(batch["error_file_id"])} == {"a", "b"}


def test_an_error_file_without_errors(tmp_path: Path) -> None:
    with having(tmp_path, "empty-error-file") as at:
        batch = at.done()
        got = at.client.get(f"/v1/files/{batch['error_file_id']}/content")
        assert (got.status_code, got.content, got.headers["content-length"]) == (200, b"", "0")
        assert at.client.get(f"/v1/files/{batch['error_file_id']}").json()["bytes"] == 0
        assert len(at.lines(batch["output_file_id"])) == 2


def test_lines_in_other_forms(tmp_path: Path) -> None:
    with having(tmp_path / "string", "body-string") as at:
        (line,) = at.lines(at.done("a")["output_file_id"])
        assert json.loads(line["response"]["body"])["object"] == "chat.completion"
    with having(tmp_path / "bare", "bare-response", "bare-errors") as at:
        batch = at.done("a", "b-sandbox-fail-400")
        (line,), (failed,) = at.lines(batch["output_file_id"]), at.lines(batch["error_file_id"])
        assert line["response"]["object"] == "chat.completion"
        assert failed.keys() == {"id", "custom_id", "error"}
        assert failed["error"].keys() == {"type", "message"}


def test_results_are_out_of_order_the_same_way_each_time(tmp_path: Path) -> None:
    ids = [f"r{number}" for number in range(100)]
    orders = []
    for name, habits in (("one", ()), ("two", ()), ("three", ("in-order",))):
        with having(tmp_path / name, *habits) as at:
            orders.append([line["custom_id"] for line in at.lines(at.done(*ids)["output_file_id"])])
    assert orders[0] == orders[1] != ids
    assert sorted(orders[0]) == sorted(ids)
    assert orders[2] == ids


def test_a_batch_that_is_stuck(tmp_path: Path) -> None:
    with having(tmp_path, "stuck") as at:
        made = at.create()
        at.clock.now += 30 * 86_400
        batch = at.look(made)
        assert (batch["status"], batch["request_counts"]["completed"]) == ("in_progress", 0)
        assert batch["expires_at"] < at.clock.now
        at.client.post(f"/v1/batches/{made['id']}/cancel")
        at.clock.now += 5
        assert at.look(made)["status"] == "cancelled"


def test_a_batch_that_vanishes(tmp_path: Path) -> None:
    with having(tmp_path, "vanishing:500") as at:
        made = at.create()
        at.clock.now += 499
        assert at.look(made)["status"] == "completed"
        assert at.listed() == [made["id"]]
        at.clock.now += 1
        assert at.client.get(f"/v1/batches/{made['id']}").status_code == 404
        assert at.client.post(f"/v1/batches/{made['id']}/cancel").status_code == 404
        assert at.listed() == []
        assert len(at.ledger.batches()) == 1


def test_a_batch_that_is_too_young_to_be_found(tmp_path: Path) -> None:
    with having(tmp_path, "404-young:2") as at:
        made = at.create()
        codes = [at.client.get(f"/v1/batches/{made['id']}").status_code for _ in range(4)]
        assert codes == [404, 404, 200, 200]


def test_a_list_that_is_behind(tmp_path: Path) -> None:
    with having(tmp_path, "slow-list:20") as at:
        made = at.create()
        assert at.look(made)["id"] == made["id"]
        at.clock.now += 19
        assert at.listed() == []
        at.clock.now += 1
        assert at.listed() == [made["id"]]


def test_a_gateway_that_tries_again(tmp_path: Path) -> None:
    with having(tmp_path, "duplicate-create") as at:
        made = at.create()
        one, other = at.ledger.batches()
        assert other["id"] == made["id"] != one["id"]
        assert one["metadata"] == other["metadata"] == {"k": "v"}
        assert one["input_file_id"] == other["input_file_id"]
        at.create(key="k")
        assert len(at.ledger.batches()) == 3, "a key that is honoured prevents it"


def test_a_gateway_that_tries_again_once(tmp_path: Path) -> None:
    with having(tmp_path, faults=Faults.parse(["create:duplicate=first"])) as at:
        at.create()
        at.create()
        assert len(at.ledger.batches()) == 3


def test_more_tokens_than_may_wait(tmp_path: Path) -> None:
    with having(tmp_path, max_enqueued_tokens=60) as at:
        one = at.create("a", "b")
        tokens = at.ledger.batches()[0]["tokens"]
        assert 30 < tokens <= 60
        two = at.create("c", "d")
        at.clock.now += 20
        refused = at.look(two)
        assert (refused["status"], refused["errors"]["data"][0]["code"]) == ("failed", "token_limit_exceeded")
        at.clock.now += 100
        assert at.look(one)["status"] == "completed"
        three = at.create("c", "d")
        at.clock.now += 120
        assert at.look(three)["status"] == "completed"
        assert [batch["problems"] for batch in at.ledger.batches()] == [[], ["token_limit_exceeded"], []]


def test_the_queue_is_freed_by_time_alone(tmp_path: Path) -> None:
    with having(tmp_path, max_enqueued_tokens=60) as at:
        for _ in range(3):
            made = at.create("a", "b")
            at.clock.now += 120
            assert at.look(made)["status"] == "completed"
            at.create("a", "b")
            at.clock.now += 120


@pytest.mark.parametrize("habit", ["uid-ids", "", "uuid-ids:3", "late-output:often", "late-output:", "stuck:-1"])
def test_what_is_no_habit_is_refused_before_anything_is_made(tmp_path: Path, habit: str) -> None:
    with pytest.raises(UsageError) as caught:
        SandboxSettings(tmp_path / "sandbox.db", habits=frozenset({habit}))
    assert caught.value.why
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


def ledger_of(at: Provider) -> list[Callable[[], object]]:
    return [at.ledger.batches, at.ledger.files, at.ledger.requests]


@pytest.mark.parametrize("habit", sorted(HABITS))
def test_every_habit_leaves_a_server_that_answers(tmp_path: Path, habit: str) -> None:
    with having(tmp_path, habit) as at:
        made = at.create()
        at.clock.now += 120
        at.client.get(f"/v1/batches/{made['id']}")
        assert at.client.get("/v1/batches").status_code == 200
        assert all(read() for read in ledger_of(at))

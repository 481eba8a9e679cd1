"""What the sandbox leaves of a batch: whole, cut short, failing on request, and in the words of OpenAI's own types."""

import contextlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from batchrunner.sandbox import Ledger, SandboxSettings, Timings, running

CHAT = "/v1/chat/completions"
START = 1_795_354_841.0
TIMINGS = Timings(10, 100, 10, 5)


@dataclass
class Clock:
    """Time that moves when told to."""

    now: float = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(tmp_path: Path, clock: Clock) -> SandboxSettings:
    return SandboxSettings(tmp_path / "sandbox.db", clock=clock, timings=TIMINGS)


@pytest.fixture
def client(settings: SandboxSettings) -> Iterator[httpx.Client]:
    with running(settings) as sandbox, connect(sandbox.base_url) as connected:
        yield connected


def connect(base_url: str) -> httpx.Client:
    return httpx.Client(base_url=base_url, headers={"Authorization": "Bearer sandbox"}, verify=False)


def submit(client: httpx.Client, *ids: str, window: str = "24h") -> str:
    """A batch of requests with these ids."""
    rows = ({"custom_id": one, "method": "POST", "url": CHAT, "body": {"model": "m", "messages": []}} for one in ids)
    content = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    file = client.post("/v1/files", data={"purpose": "batch"}, files={"file": ("in.jsonl", content)}).json()
    order = {"input_file_id": file["id"], "endpoint": CHAT, "completion_window": window}
    return str(client.post("/v1/batches", json=order).json()["id"])


def look(client: httpx.Client, batch_id: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/v1/batches/{batch_id}").json()
    return found


def results(client: httpx.Client, file_id: str | None) -> list[dict[str, Any]]:
    if file_id is None:
        return []
    return [json.loads(line) for line in client.get(f"/v1/files/{file_id}/content").text.splitlines()]


def ids(lines: list[dict[str, Any]]) -> set[str]:
    return {line["custom_id"] for line in lines}


def test_counts_move_while_it_is_in_progress(client: httpx.Client, clock: Clock) -> None:
    batch_id = submit(client, *(f"r{n}" for n in range(10)))
    seen = []
    for clock.now in (START + 5, START + 10, START + 35, START + 60, START + 109, START + 120):
        batch = look(client, batch_id)
        seen.append((batch["request_counts"]["total"], batch["request_counts"]["completed"]))
        assert bool(batch["usage"]) == (batch["status"] == "completed")
    assert seen == [(0, 0), (10, 0), (10, 2), (10, 5), (10, 9), (10, 10)]


def test_usage_is_the_sum_of_what_the_answers_say(client: httpx.Client, clock: Clock) -> None:
    batch_id = submit(client, "a", "b", "c-sandbox-fail-400")
    clock.now += 120
    batch = look(client, batch_id)
    paid = [line["response"]["body"]["usage"] for line in results(client, batch["output_file_id"])]
    assert batch["usage"]["input_tokens"] == sum(usage["prompt_tokens"] for usage in paid)
    assert batch["usage"]["output_tokens"] == sum(usage["completion_tokens"] for usage in paid)
    assert batch["usage"]["total_tokens"] == sum(usage["total_tokens"] for usage in paid) > 0


@pytest.mark.parametrize("looked_before", [True, False])
def test_what_is_cancelled_keeps_what_was_done_in_proportion_to_the_time(
    client: httpx.Client, clock: Clock, looked_before: bool
) -> None:
    batch_id = submit(client, *(f"r{n}" for n in range(10)))
    clock.now += 40
    if looked_before:
        assert look(client, batch_id)["request_counts"]["completed"] == 3
    client.post(f"/v1/batches/{batch_id}/cancel")
    clock.now += 2
    assert look(client, batch_id)["output_file_id"] is None
    clock.now += 3
    batch = look(client, batch_id)
    assert batch["status"] == "cancelled"
    assert batch["request_counts"] == {"total": 10, "completed": 3, "failed": 7}
    done, rest = results(client, batch["output_file_id"]), results(client, batch["error_file_id"])
    assert ids(done) == {"r0", "r1", "r2"}
    assert ids(rest) == {f"r{n}" for n in range(3, 10)}
    assert {(line["error"]["code"], line["response"]) for line in rest} == {("batch_cancelled", None)}
    assert batch["usage"]["total_tokens"] > 0


def test_what_expires_keeps_what_was_done(settings: SandboxSettings, clock: Clock, tmp_path: Path) -> None:
    slow = SandboxSettings(tmp_path / "slow.db", clock=clock, timings=Timings(0, 7200, 10, 5))
    with running(slow) as sandbox, connect(sandbox.base_url) as client:
        batch_id = submit(client, "a", "b", "c", "d", window="1h")
        clock.now += 3600
        batch = look(client, batch_id)
        assert (batch["status"], batch["request_counts"]) == ("expired", {"total": 4, "completed": 2, "failed": 2})
        assert ids(results(client, batch["output_file_id"])) == {"a", "b"}
        assert {line["error"]["code"] for line in results(client, batch["error_file_id"])} == {"batch_expired"}


def test_what_is_cancelled_before_it_began_has_no_files(client: httpx.Client, clock: Clock) -> None:
    batch_id = submit(client, "a", "b")
    client.post(f"/v1/batches/{batch_id}/cancel")
    clock.now += 120
    batch = look(client, batch_id)
    assert (batch["status"], batch["output_file_id"], batch["error_file_id"]) == ("cancelled", None, None)
    assert batch["request_counts"]["total"] == 0


def test_deleting_an_input_does_not_disturb_who_is_at_work_on_it(
    client: httpx.Client, clock: Clock, settings: SandboxSettings
) -> None:
    batch_id = submit(client, "a", "b")
    clock.now += 60
    client.delete(f"/v1/files/{look(client, batch_id)['input_file_id']}")
    client.post(f"/v1/batches/{batch_id}/cancel")
    clock.now += 60
    batch = look(client, batch_id)
    assert (batch["status"], batch["request_counts"]["completed"]) == ("cancelled", 1)
    assert ids(results(client, batch["output_file_id"])) == {"a"}
    assert [file["deleted"] for file in Ledger(settings.database).files()] == [True]


def test_files_are_there_for_nobody_before_the_end(client: httpx.Client, clock: Clock) -> None:
    batch_id = submit(client, "a")
    clock.now += 60
    look(client, batch_id)
    assert client.get("/v1/files", params={"purpose": "batch_output"}).json()["data"] == []


def test_a_batch_whose_lines_all_fail_has_no_output(client: httpx.Client, clock: Clock) -> None:
    batch_id = submit(client, "a-sandbox-fail-400", "b-sandbox-fail-500")
    clock.now += 120
    batch = look(client, batch_id)
    assert (batch["status"], batch["output_file_id"]) == ("completed", None)
    failed = {line["custom_id"]: line["response"] for line in results(client, batch["error_file_id"])}
    assert {name: said["status_code"] for name, said in failed.items()} == {
        "a-sandbox-fail-400": 400,
        "b-sandbox-fail-500": 500,
    }


def test_lines_that_are_lost_doubled_or_nobodys(client: httpx.Client, clock: Clock) -> None:
    batch_id = submit(client, "a", "b-sandbox-drop", "c-sandbox-duplicate", "d-sandbox-stranger")
    clock.now += 120
    batch = look(client, batch_id)
    assert batch["request_counts"] == {"total": 4, "completed": 4, "failed": 0}
    assert batch["error_file_id"] is None
    seen = Counter(line["custom_id"] for line in results(client, batch["output_file_id"]))
    (stranger,) = (name for name in seen if name.startswith("stranger-"))
    assert seen == {"a": 1, "c-sandbox-duplicate": 2, "d-sandbox-stranger": 1, stranger: 1}


def test_who_is_flaky_succeeds_when_asked_often_enough(client: httpx.Client, clock: Clock) -> None:
    codes = []
    for _ in range(4):
        batch_id = submit(client, "a-sandbox-flaky-3", "b")
        clock.now += 60
        look(client, batch_id)  # answered in between, and not counted for that
        clock.now += 60
        codes.append(look(client, batch_id)["request_counts"]["failed"])
    assert codes == [1, 1, 0, 0]


def test_the_model_can_say_it_too(client: httpx.Client, clock: Clock) -> None:
    row = {"custom_id": "a", "method": "POST", "url": CHAT, "body": {"model": "gpt-sandbox-fail-429", "messages": []}}
    file = client.post("/v1/files", data={"purpose": "batch"}, files={"file": json.dumps(row).encode()}).json()
    batch = client.post("/v1/batches", json={"input_file_id": file["id"], "endpoint": CHAT}).json()
    clock.now += 120
    (failed,) = results(client, look(client, batch["id"])["error_file_id"])
    assert failed["response"]["status_code"] == 429


def test_lines_fail_by_chance_as_the_seed_has_it_and_not_for_ever(tmp_path: Path, clock: Clock) -> None:
    def failing(name: str) -> list[set[str]]:
        settings = SandboxSettings(tmp_path / name, clock=clock, timings=TIMINGS, row_failures=0.3)
        failed = []
        names = [f"r{n}" for n in range(60)]
        with running(settings) as sandbox, connect(sandbox.base_url) as client:
            while names:
                batch_id = submit(client, *names)
                clock.now += 120
                batch = look(client, batch_id)
                failed.append(ids(results(client, batch["error_file_id"])))
                names = sorted(failed[-1])
        return failed

    first = failing("one.db")
    assert first == failing("two.db")
    assert 5 < len(first[0]) < 35
    assert len(first) > 1


def test_cancelling_what_has_ended_may_be_no_error(tmp_path: Path, clock: Clock) -> None:
    settings = SandboxSettings(tmp_path / "sandbox.db", clock=clock, timings=TIMINGS, terminal_cancel=200)
    with running(settings) as sandbox, connect(sandbox.base_url) as client:
        batch_id = submit(client, "a")
        clock.now += 120
        answer = client.post(f"/v1/batches/{batch_id}/cancel")
        assert (answer.status_code, answer.json()["status"]) == (200, "completed")
    assert Ledger(settings.database).batches()[0]["cancelled_at"] is None


def test_every_moment_is_a_batch_of_the_vendors_own_type(client: httpx.Client, clock: Clock) -> None:
    types = pytest.importorskip("openai.types")
    one, other = submit(client, "a", "b-sandbox-fail-400"), submit(client, "a", "b")
    seen = []
    for clock.now in (START, START + 20, START + 112, START + 120):
        seen.append(types.Batch.model_validate(look(client, one), strict=True))
        if clock.now == START + 20:
            client.post(f"/v1/batches/{other}/cancel")
    seen.append(types.Batch.model_validate(look(client, other), strict=True))
    assert [batch.status for batch in seen] == ["validating", "in_progress", "finalizing", "completed", "cancelled"]
    assert all(not batch.model_extra for batch in seen)
    assert seen[3].usage.total_tokens > 0
    for file in client.get("/v1/files").json()["data"]:
        assert not types.FileObject.model_validate(file, strict=True).model_extra


def test_a_database_of_the_second_version_goes_on(settings: SandboxSettings, clock: Clock) -> None:
    with running(settings) as sandbox, connect(sandbox.base_url) as client:
        done = submit(client, "a", "b-sandbox-fail-400")
        clock.now += 120
        before = look(client, done)
        output = results(client, before["output_file_id"])
        waiting = submit(client, "c")
    with contextlib.closing(sqlite3.connect(settings.database)) as database, database:
        database.executescript(
            "ALTER TABLE batches DROP COLUMN model; ALTER TABLE batches DROP COLUMN tokens;"
            "ALTER TABLE batches DROP COLUMN looks; ALTER TABLE batches DROP COLUMN last_looks;"
            "UPDATE batches SET result = json_remove(result, '$.unasked', '$.input_tokens', '$.output_tokens',"
            " '$.is_final') WHERE result IS NOT NULL;"
            "DROP TABLE failed_lines; DELETE FROM counters WHERE name IN ('looks', 'surveys', 'contents', 'cancels',"
            " 'removes'); PRAGMA user_version = 2;"
        )
    with running(settings) as sandbox, connect(sandbox.base_url) as client:
        after = look(client, done)
        assert {**after, "usage": None} == {**before, "usage": None}
        assert results(client, after["output_file_id"]) == output
        clock.now += 120
        assert look(client, waiting)["status"] == "completed"
        client.post(f"/v1/batches/{waiting}/cancel")
    assert Ledger(settings.database).requests()["cancels"] == 1


def test_the_ledger_says_what_came_of_each_batch(client: httpx.Client, clock: Clock, settings: SandboxSettings) -> None:
    whole, cut = submit(client, "a", "b-sandbox-fail-400"), submit(client, "a", "b")
    client.post(f"/v1/batches/{cut}/cancel")
    clock.now += 120
    look(client, whole)
    one, other = Ledger(settings.database).batches()
    assert (one["total"], one["completed"], one["failed"], one["problems"]) == (2, 1, 1, [])
    assert (one["cancelled_at"], other["cancelled_at"]) == (None, START)
    requests = Ledger(settings.database).requests()
    assert (requests["creates"], requests["looks"], requests["surveys"], requests["cancels"]) == (2, 1, 0, 1)

"""The sandbox as a provider: its calls over real sockets, what they answer, and what it remembers."""

import contextlib
import gc
import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import jsonschema  # type: ignore[import-untyped]
import pytest

from batchrunner.errors import Refused
from batchrunner.sandbox import Ledger, SandboxSettings, Timings, running

CHAT = "/v1/chat/completions"
SECRET = "sk-canary-4f1d"  # not a key of anything
START = 1_795_354_841.0
OPTIONAL_INT, OPTIONAL_TEXT = {"type": ["integer", "null"]}, {"type": ["string", "null"]}
BATCH_SHAPE = {
    "type": "object",
    "required": ["id", "object", "endpoint", "input_file_id", "completion_window", "status", "created_at"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string"},
        "object": {"const": "batch"},
        "endpoint": {"type": "string"},
        "input_file_id": {"type": "string"},
        "completion_window": {"type": "string"},
        "created_at": {"type": "integer"},
        "status": {
            "enum": [
                "validating", "failed", "in_progress", "finalizing", "completed", "expired", "cancelling", "cancelled",
            ]
        },
        "errors": {"type": ["object", "null"], "required": ["object", "data"]},
        "output_file_id": OPTIONAL_TEXT,
        "error_file_id": OPTIONAL_TEXT,
        **dict.fromkeys(["expires_at", "in_progress_at", "finalizing_at", "completed_at"], OPTIONAL_INT),
        **dict.fromkeys(["failed_at", "expired_at", "cancelling_at", "cancelled_at"], OPTIONAL_INT),
        "request_counts": {"type": "object", "required": ["total", "completed", "failed"]},
        "model": OPTIONAL_TEXT,
        "usage": {"type": ["object", "null"], "required": ["input_tokens", "output_tokens", "total_tokens"]},
        "metadata": {"type": ["object", "null"], "additionalProperties": {"type": "string"}},
    },
}  # fmt: skip


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
    return SandboxSettings(tmp_path / "sandbox.db", key=SECRET, clock=clock, timings=Timings(10, 100, 10, 5))


@pytest.fixture
def client(settings: SandboxSettings) -> Iterator[httpx.Client]:
    with running(settings) as sandbox, connect(sandbox.base_url) as connected:
        yield connected


@pytest.fixture
def ledger(settings: SandboxSettings) -> Ledger:
    return Ledger(settings.database)


def connect(base_url: str, key: str = SECRET) -> httpx.Client:
    return httpx.Client(base_url=base_url, headers={"Authorization": f"Bearer {key}"}, trust_env=False, verify=False)


def create(client: httpx.Client, path: str = "/v1/batch", *, key: str = "", **fields: object) -> httpx.Response:
    body = {"input_file_id": "file-abc123", "endpoint": CHAT, **fields}
    return client.post(path, json=body, headers={"Idempotency-Key": key} if key else {})


def upload(client: httpx.Client, content: bytes, *, key: str = "", name: str = "in.jsonl") -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return client.post("/v1/files", data={"purpose": "batch"}, files={"file": (name, content)}, headers=headers)


def lines(*bodies: dict[str, Any]) -> bytes:
    rows = ({"custom_id": f"row-{n}", "method": "POST", "url": CHAT, "body": body} for n, body in enumerate(bodies))
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def error_code(response: httpx.Response) -> str:
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert isinstance(error["message"], str)
    return str(error["code"])


def test_importing_the_package_loads_neither_server_nor_database() -> None:
    script = (
        "import sys, batchrunner.sandbox; print(*{'starlette', 'uvicorn', 'asyncio', 'sqlite3'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


def test_alphaedge_create_answers_what_is_documented(client: httpx.Client, ledger: Ledger) -> None:
    response = create(client, completion_window="24h", key="br1-one")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    reply = response.json()
    jsonschema.validate(reply, BATCH_SHAPE)
    assert reply["id"].startswith("batch-")
    assert reply["object"] == "batch"
    assert reply["status"] == "validating"
    assert reply["created_at"] == START
    assert reply["input_file_id"] == "file-abc123"
    assert reply["endpoint"] == CHAT
    (kept,) = ledger.batches()
    assert (kept["id"], kept["idempotency_key"], kept["input_file_id"]) == (reply["id"], "br1-one", "file-abc123")
    assert ledger.requests() == {
        "creates": 1, "uploads": 0, "lists": 0, "looks": 0, "surveys": 0, "contents": 0, "cancels": 0, "removes": 0,
        "unauthorized": 0, "replays": 0, "conflicts": 0,
    }  # fmt: skip


def test_openai_create_retrieve_and_list(client: httpx.Client) -> None:
    made = [create(client, "/v1/batches", metadata={"n": str(n)}).json() for n in range(5)]
    assert all(batch["id"].startswith("batch_") for batch in made)
    assert client.get(f"/v1/batches/{made[0]['id']}").json() == made[0]
    assert client.get(f"/v1/batch/{made[0]['id']}").json() == made[0]
    seen, after = [], ""
    while True:
        page = client.get("/v1/batches", params={"limit": 2} | ({"after": after} if after else {})).json()
        assert page["object"] == "list"
        assert (page["first_id"], page["last_id"]) == (page["data"][0]["id"], page["data"][-1]["id"])
        seen += page["data"]
        after = page["last_id"]
        if not page["has_more"]:
            break
    assert seen == made[::-1]
    assert client.get("/v1/batch").json()["data"] == seen


def test_an_empty_list(client: httpx.Client) -> None:
    assert client.get("/v1/batches").json() == {
        "object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False,
    }  # fmt: skip


def test_a_batch_goes_its_way_with_the_clock_and_leaves_its_output(client: httpx.Client, clock: Clock) -> None:
    file = upload(client, lines({"model": "m", "messages": []}, {"sandbox_error": "no"}, {"model": "m"})).json()
    batch = create(client, "/v1/batches", input_file_id=file["id"], completion_window="7d").json()
    assert batch["expires_at"] - batch["created_at"] == 7 * 86_400
    statuses = []
    for clock.now in (START + 10, START + 110, START + 120):
        batch = client.get(f"/v1/batches/{batch['id']}").json()
        jsonschema.validate(batch, BATCH_SHAPE)
        statuses.append(batch["status"])
    assert statuses == ["in_progress", "finalizing", "completed"]
    assert batch["request_counts"] == {"total": 3, "completed": 2, "failed": 1}
    output = client.get(f"/v1/files/{batch['output_file_id']}/content").text.splitlines()
    assert {json.loads(line)["custom_id"] for line in output} == {"row-0", "row-2"}
    (failed,) = client.get(f"/v1/files/{batch['error_file_id']}/content").text.splitlines()
    assert json.loads(failed)["response"]["body"]["error"]["message"] == "no"
    listed = {
        entry["id"]: entry for entry in client.get("/v1/files", params={"purpose": "batch_output"}).json()["data"]
    }
    assert listed.keys() == {batch["output_file_id"], batch["error_file_id"]}


def test_an_input_that_is_already_at_the_provider_has_content_of_its_own(client: httpx.Client, clock: Clock) -> None:
    made = [create(client).json()["id"] for _ in range(2)]
    clock.now += 120
    batches = [client.get(f"/v1/batches/{batch_id}").json() for batch_id in made]
    outputs = [client.get(f"/v1/files/{batch['output_file_id']}/content").content for batch in batches]
    assert outputs[0] == outputs[1]
    assert batches[0]["request_counts"]["completed"] == len(outputs[0].splitlines()) > 1


def test_an_unusable_input_fails_the_batch_with_its_line(client: httpx.Client, clock: Clock) -> None:
    file = upload(client, lines({}) + b"{oops\n").json()
    batch = create(client, input_file_id=file["id"]).json()
    assert batch["status"] == "validating"
    clock.now += 120
    batch = client.get(f"/v1/batch/{batch['id']}").json()
    jsonschema.validate(batch, BATCH_SHAPE)
    assert batch["status"] == "failed"
    assert [(entry["code"], entry["line"]) for entry in batch["errors"]["data"]] == [("invalid_json_line", 2)]
    assert error_code(client.post(f"/v1/batch/{batch['id']}/cancel")) == "batch_not_cancellable"


def test_cancel(client: httpx.Client, clock: Clock) -> None:
    batch = create(client).json()
    clock.now += 50
    assert client.post(f"/v1/batches/{batch['id']}/cancel").json()["status"] == "cancelling"
    clock.now += 5
    again = client.post(f"/v1/batch/{batch['id']}/cancel")
    assert (again.status_code, again.json()["status"]) == (200, "cancelled")
    assert again.json()["cancelling_at"] == START + 50
    done = create(client).json()
    clock.now += 120
    assert client.post(f"/v1/batch/{done['id']}/cancel").status_code == 409
    assert client.post("/v1/batch/batch-nobody/cancel").status_code == 404


def test_the_key_at_the_door(client: httpx.Client, ledger: Ledger) -> None:
    for headers in ({"Authorization": "Bearer wrong"}, {"Authorization": SECRET}, {"Authorization": ""}):
        refused = client.post("/v1/batch", json={"input_file_id": "f", "endpoint": CHAT}, headers=headers)
        assert refused.status_code == 401
        assert error_code(refused) == "invalid_api_key"
        assert "wrong" not in refused.text
    assert ledger.batches() == []
    assert ledger.requests()["unauthorized"] == 3
    assert ledger.requests()["creates"] == 0


def test_every_reply_has_the_sandbox_date(client: httpx.Client, clock: Clock) -> None:
    clock.now = 784_111_777  # the date RFC 9110 section 5.6.7 shows
    replies = [create(client), client.get("/v1/nowhere"), client.get("/v1/files", headers={"Authorization": "no"})]
    assert [reply.status_code for reply in replies] == [200, 404, 401]
    assert {reply.headers["date"] for reply in replies} == {"Sun, 06 Nov 1994 08:49:37 GMT"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("POST", "/v1/batch/", 404),
        ("PUT", "/v1/batch", 405),
        ("GET", "/v1/batch/nobody", 404),
        ("GET", "/v1/batches/..%2f..%2fetc", 404),
        ("GET", "/v1/files/nobody", 404),
        ("GET", "/v1/files/nobody/content", 404),
        ("DELETE", "/v1/files/nobody", 404),
        ("GET", "/v1/batches?after=nobody", 404),
        ("GET", "/v1/files?after=nobody", 404),
        ("GET", "/v1/batches?limit=0", 400),
        ("GET", "/v1/files?limit=10001", 400),
    ],
)
def test_what_is_not_there_is_refused_in_openai_shape(
    client: httpx.Client, method: str, path: str, status: int
) -> None:
    response = client.request(method, path)
    assert response.status_code == status
    assert error_code(response)


def test_a_refused_create_keeps_nothing(client: httpx.Client, ledger: Ledger) -> None:
    assert error_code(create(client, endpoint=None)) == "missing_required_parameter"
    assert error_code(create(client, input_file_id="file-missing-7", key="k")) == "file_not_found"
    assert error_code(client.post("/v1/batch", content=b"{oops")) == "invalid_json"
    assert client.post("/v1/batch", content=b" " * 1_100_000).status_code == 413
    assert create(client, key="k" * 256).status_code == 400
    assert ledger.batches() == []
    assert ledger.requests()["creates"] == 5
    assert create(client, key="k").status_code == 200, "a refusal does not use up its key"


def test_the_same_key_and_body_is_the_first_reply_again(client: httpx.Client, ledger: Ledger, clock: Clock) -> None:
    first = create(client, key="k")
    clock.now += 60
    again = create(client, key="k")
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert create(client).json()["id"] != first.json()["id"]
    assert len(ledger.batches()) == 2
    assert ledger.requests()["replays"] == 1


def test_the_same_key_with_another_body_is_refused(client: httpx.Client, ledger: Ledger) -> None:
    create(client, key="k")
    other = create(client, key="k", completion_window="7d")
    assert other.status_code == 422
    assert error_code(other) == "idempotency_key_reused"
    assert upload(client, b"1", key="k").status_code == 200, "keys of uploads are other keys"
    assert upload(client, b"2", key="k").status_code == 422
    assert len(ledger.batches()) == 1
    assert ledger.requests()["conflicts"] == 2


def test_a_key_lives_as_long_as_it_is_said_to(client: httpx.Client, clock: Clock) -> None:
    first = create(client, key="k").json()["id"]
    clock.now += 86_399
    assert create(client, key="k").json()["id"] == first
    clock.now += 1
    second = create(client, key="k").json()["id"]
    assert second != first
    assert create(client, key="k").json()["id"] == second


def test_many_at_once_with_one_key_make_one_batch(client: httpx.Client, ledger: Ledger) -> None:
    gate = threading.Barrier(8)

    def one() -> str:
        with connect(str(client.base_url)) as own:
            gate.wait()
            return str(create(own, key="k").json()["id"])

    with ThreadPoolExecutor(8) as pool:
        ids = {future.result() for future in [pool.submit(one) for _ in range(8)]}
    assert [batch["id"] for batch in ledger.batches()] == list(ids)
    assert ledger.requests()["replays"] == 7


def test_a_provider_that_ignores_keys_makes_two(tmp_path: Path) -> None:
    settings = SandboxSettings(tmp_path / "sandbox.db", key=SECRET, honour_keys=False)
    with running(settings) as sandbox, connect(sandbox.base_url) as client:
        assert create(client, key="k").json()["id"] != create(client, key="k").json()["id"]
    assert [batch["idempotency_key"] for batch in Ledger(settings.database).batches()] == ["k", "k"]


def test_uploads(client: httpx.Client, ledger: Ledger) -> None:
    content = bytes(range(256)) * 4000
    made = upload(client, content, key="k", name="nächtlich.jsonl").json()
    assert made["object"] == "file"
    assert (made["bytes"], made["filename"], made["purpose"]) == (len(content), "nächtlich.jsonl", "batch")
    assert upload(client, content, key="k", name="nächtlich.jsonl").json() == made, "another boundary, the same upload"
    assert client.get(f"/v1/files/{made['id']}").json() == made
    assert client.get(f"/v1/files/{made['id']}/content").content == content
    part = client.get(f"/v1/files/{made['id']}/content", headers={"Range": "bytes=256-259"})
    assert (part.status_code, part.content) == (206, bytes(range(4)))
    assert [file["idempotency_key"] for file in ledger.files()] == ["k"]
    assert ledger.requests()["uploads"] == 2


@pytest.mark.parametrize(
    ("asked", "status", "first", "last"),
    [
        ("bytes=0-0", 206, 0, 0), ("bytes=5-", 206, 5, 99), ("bytes=90-500", 206, 90, 99), ("bytes=100-", 416, 0, -1),
        ("bytes=9-8", 416, 0, -1), ("bytes=-5", 200, 0, 99), ("bytes=0-1,5-6", 200, 0, 99), ("rows=1-2", 200, 0, 99),
    ],
)  # fmt: skip
def test_a_range_of_a_file(client: httpx.Client, asked: str, status: int, first: int, last: int) -> None:
    content = bytes(range(100))
    made = upload(client, content).json()
    got = client.get(f"/v1/files/{made['id']}/content", headers={"Range": asked})
    assert (got.status_code, got.content) == (status, content[first : last + 1])
    if status != 200:
        assert got.headers["content-range"] == ("bytes */100" if status == 416 else f"bytes {first}-{last}/100")


def is_open(name: str) -> bool:
    """Whether this process, in which the sandbox runs, has a file of that name open."""
    return any(name in os.readlink(link) for link in Path("/proc/self/fd").iterdir() if link.is_symlink())


def test_a_server_that_stops_while_it_sends_a_file_closes_it(settings: SandboxSettings) -> None:
    with contextlib.ExitStack() as server:
        sandbox = server.enter_context(running(settings))
        with connect(sandbox.base_url) as client:
            name = upload(client, b"x" * 30_000_000).json()["id"]
            with client.stream("GET", f"/v1/files/{name}/content") as response:
                assert next(response.iter_raw())
                assert is_open(name)
                server.close()
    assert not is_open(name)


def test_files_are_listed_newest_first_and_can_be_deleted(client: httpx.Client, ledger: Ledger, clock: Clock) -> None:
    made = [upload(client, b"%d" % n).json() for n in range(3)]
    page = client.get("/v1/files", params={"limit": 2, "purpose": "batch"}).json()
    assert (page["data"], page["has_more"]) == (made[:0:-1], True)
    rest = client.get("/v1/files", params={"after": page["last_id"]}).json()
    assert (rest["data"], rest["has_more"]) == (made[:1], False)
    waiting = create(client, input_file_id=made[0]["id"]).json()
    gone = client.delete(f"/v1/files/{made[0]['id']}")
    assert gone.json() == {"id": made[0]["id"], "object": "file", "deleted": True}
    assert client.get(f"/v1/files/{made[0]['id']}").status_code == 404
    assert client.delete(f"/v1/files/{made[0]['id']}").status_code == 404
    assert error_code(create(client, input_file_id=made[0]["id"])) == "file_not_found"
    assert [file["deleted"] for file in ledger.files()] == [True, False, False]
    clock.now += 120
    assert client.get(f"/v1/batch/{waiting['id']}").json()["errors"]["data"][0]["code"] == "file_not_found"


def test_files_are_listed_in_either_order(client: httpx.Client, ledger: Ledger) -> None:
    made = [upload(client, b"%d" % n).json() for n in range(3)]
    page = client.get("/v1/files", params={"limit": 2, "order": "asc"}).json()
    assert (page["data"], page["has_more"]) == (made[:2], True)
    rest = client.get("/v1/files", params={"order": "asc", "after": page["last_id"]}).json()
    assert (rest["data"], rest["has_more"]) == (made[2:], False)
    assert client.get("/v1/files", params={"order": "desc"}).json()["data"] == made[::-1]
    assert error_code(client.get("/v1/files", params={"order": "newest"})) == "invalid_value"
    assert ledger.requests()["lists"] == 4


def passing(client: httpx.Client, seconds: object, anchor: str = "created_at", key: str = "") -> httpx.Response:
    fields = {"purpose": "batch", "expires_after[anchor]": anchor, "expires_after[seconds]": str(seconds)}
    headers = {"Idempotency-Key": key} if key else {}
    return client.post("/v1/files", data=fields, files={"file": ("in.jsonl", b"1")}, headers=headers)


def test_a_file_expires_when_it_was_asked_to(client: httpx.Client, clock: Clock) -> None:
    file = passing(client, 3600).json()
    assert file["expires_at"] == int(START) + 3600
    waiting = create(client, input_file_id=file["id"]).json()
    clock.now += 3599
    assert client.get(f"/v1/files/{file['id']}").json() == file
    clock.now += 1
    assert client.get(f"/v1/files/{file['id']}").status_code == 404
    assert client.get("/v1/files").json()["data"] == []
    assert error_code(create(client, input_file_id=file["id"])) == "file_not_found"
    assert client.get(f"/v1/batch/{waiting['id']}").json()["errors"]["data"][0]["code"] == "file_not_found"


def test_another_lifetime_is_another_upload(client: httpx.Client) -> None:
    assert passing(client, 3600, key="k").status_code == 200
    assert error_code(passing(client, 7200, key="k")) == "idempotency_key_reused"


@pytest.mark.parametrize(
    ("seconds", "anchor"),
    [(3599, "created_at"), (2_592_001, "created_at"), ("1e4", "created_at"), ("", "created_at"), (3600, "now")],
)
def test_a_lifetime_that_no_file_may_have(client: httpx.Client, ledger: Ledger, seconds: object, anchor: str) -> None:
    assert passing(client, seconds, anchor).status_code == 400
    assert ledger.files() == []


def test_a_database_of_the_first_version_goes_on(settings: SandboxSettings) -> None:
    with running(settings) as sandbox, connect(sandbox.base_url) as client:
        old = upload(client, b"1").json()
    with contextlib.closing(sqlite3.connect(settings.database)) as database, database:
        database.executescript(
            "ALTER TABLE files DROP COLUMN expires_at; DELETE FROM counters WHERE name = 'lists';"
            "ALTER TABLE batches DROP COLUMN model; ALTER TABLE batches DROP COLUMN tokens;"
            "ALTER TABLE batches DROP COLUMN looks; ALTER TABLE batches DROP COLUMN last_looks;"
            "DROP TABLE failed_lines; DELETE FROM counters WHERE name = 'looks'; PRAGMA user_version = 1;"
        )
    with running(settings) as sandbox, connect(sandbox.base_url) as client:
        assert client.get("/v1/files").json()["data"] == [old]
        assert passing(client, 3600).json()["expires_at"]


PURPOSE_PART = b'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
FILE_PART = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data; boundary=x", PURPOSE_PART + FILE_PART + b"cut of"),
        ("multipart/form-data; boundary=x", PURPOSE_PART + FILE_PART + b"a\r\n" + FILE_PART + b"b\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", PURPOSE_PART + b"--x--\r\n"),
        ("multipart/form-data; boundary=x", FILE_PART + b"a\r\n--x--\r\n"),
        (
            "multipart/form-data; boundary=x",
            PURPOSE_PART.replace(b"batch", b"b" * 70_000) + FILE_PART + b"a\r\n--x--\r\n",
        ),
        ("application/json", b"{}"),
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=x", b"nothing of the kind"),
    ],
)
def test_a_bad_upload_is_refused_and_leaves_no_bytes(
    client: httpx.Client, settings: SandboxSettings, content_type: str, body: bytes
) -> None:
    refused = client.post("/v1/files", content=body, headers={"Content-Type": content_type})
    assert refused.status_code == 400
    assert error_code(refused)
    assert list(settings.database.with_name("sandbox.db.files").iterdir()) == []


def test_an_uploader_that_leaves_half_way_leaves_no_bytes(client: httpx.Client, settings: SandboxSettings) -> None:
    def half() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + b"a" * 100_000
        raise InterruptedError

    headers = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": "1000000"}
    with pytest.raises(InterruptedError):
        client.post("/v1/files", content=half(), headers=headers)
    folder = settings.database.with_name("sandbox.db.files")
    while list(folder.iterdir()):
        client.get("/v1/files")  # each reply is a turn of the server's loop
    assert Ledger(settings.database).files() == []


def test_everything_survives_a_restart(settings: SandboxSettings, clock: Clock) -> None:
    with running(settings) as sandbox, connect(sandbox.base_url) as client:
        file = upload(client, lines({"model": "m"}), key="u").json()
        first = create(client, key="k", input_file_id=file["id"], metadata={"a": "b"}).json()
    clock.now += 120
    with running(settings) as sandbox, connect(sandbox.base_url) as client:
        batch = client.get(f"/v1/batch/{first['id']}").json()
        assert (batch["status"], batch["metadata"]) == ("completed", {"a": "b"})
        assert create(client, key="k", input_file_id=file["id"], metadata={"a": "b"}).json() == first
        assert upload(client, lines({"model": "m"}), key="u").json() == file
        output = client.get(f"/v1/files/{batch['output_file_id']}/content").content
    with running(settings) as sandbox, connect(sandbox.base_url) as client:
        assert client.get(f"/v1/batch/{first['id']}").json() == batch
        assert client.get(f"/v1/files/{batch['output_file_id']}/content").content == output
    assert len(Ledger(settings.database).batches()) == 1


def test_no_bearer_and_no_body_is_kept_where_it_does_not_belong(
    settings: SandboxSettings, capfd: pytest.CaptureFixture[str]
) -> None:
    with running(settings) as sandbox, connect(sandbox.base_url) as client:
        create(client, metadata={"a": "canary-metadata"}, note="canary-body")
        client.post("/v1/batch", content=b'{"canary-body')
        client.get("/v1/batch", headers={"Authorization": "Bearer canary-bearer"})
    written = b"".join(path.read_bytes() for path in settings.database.parent.rglob("*") if path.is_file())
    assert b"canary-metadata" in written, "this looks into the right place"
    assert not any(word in written for word in (SECRET.encode(), b"canary-body", b"canary-bearer"))
    assert capfd.readouterr() == ("", "")
    assert SECRET not in repr(settings) + repr(sandbox)


def test_a_ledger_without_a_database_is_empty(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "nothing.db")
    assert (ledger.batches(), ledger.files(), ledger.requests()) == ([], [], {})
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("not a database at all, but long enough to be looked at " * 20)
    (tmp_path / "folder.db").mkdir()
    with sqlite3.connect(tmp_path / "newer.db") as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    for name in ("text.db", "folder.db", "newer.db", "text.db/below.db"):
        with pytest.raises(Refused) as caught, running(SandboxSettings(tmp_path / name)):
            pytest.fail("it started")
        assert caught.value.code == "unusable-sandbox-database"
        assert caught.value.where == str(tmp_path / name)
        assert caught.value.why
        assert caught.value.hint


def test_a_port_that_is_taken_is_refused(client: httpx.Client, tmp_path: Path) -> None:
    for port in (client.base_url.port, 70_000):
        with pytest.raises(Refused) as caught, running(SandboxSettings(tmp_path / "other.db", port=port or 0)):
            pytest.fail("it started")
        assert caught.value.code == "cannot-listen"
    assert not (tmp_path / "other.db").exists()


def test_who_connects_at_the_last_moment_is_let_go(settings: SandboxSettings) -> None:
    for _ in range(20):
        with running(settings) as sandbox:
            host, port = sandbox.base_url.removeprefix("http://").split(":")
            connections = [socket.create_connection((host, int(port))) for _ in range(3)]
        for connection in connections:
            with connection, contextlib.suppress(ConnectionResetError):
                assert connection.recv(1) == b""
    gc.collect()  # a socket the server forgot would be a ResourceWarning here, which is an error


def test_ipv6(tmp_path: Path) -> None:
    with running(SandboxSettings(tmp_path / "sandbox.db", key=SECRET, host="::1")) as sandbox:
        assert sandbox.base_url.startswith("http://[::1]:")
        with connect(sandbox.base_url) as client:
            assert create(client).status_code == 200

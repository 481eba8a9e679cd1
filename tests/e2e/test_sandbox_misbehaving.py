"""Each fault as a client meets it, and what was committed behind its back."""

import contextlib
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from batchrunner.sandbox import Faults, Ledger, SandboxSettings, running

Send = Callable[..., httpx.Response]
CLOSED = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)


@contextmanager
def misbehaving(folder: Path, *faults: str, seed: int = 0) -> Iterator[httpx.Client]:
    settings = SandboxSettings(folder / "sandbox.db", faults=Faults.parse(faults, seed))
    headers = {"Authorization": "Bearer sandbox"}
    with (
        running(settings) as sandbox,
        httpx.Client(base_url=sandbox.base_url, headers=headers, trust_env=False, verify=False) as client,
    ):
        yield client


def create(client: httpx.Client, key: str = "k") -> httpx.Response:
    body = {"input_file_id": "file-abc123", "endpoint": "/v1/embeddings"}
    return client.post("/v1/batch", json=body, headers={"Idempotency-Key": key})


def upload(client: httpx.Client, key: str = "k") -> httpx.Response:
    file = {"file": ("in.jsonl", b"x" * 300_000)}
    return client.post("/v1/files", data={"purpose": "batch"}, files=file, headers={"Idempotency-Key": key})


def committed(folder: Path) -> int:
    ledger = Ledger(folder / "sandbox.db")
    return len(ledger.batches()) + len(ledger.files())


@pytest.fixture(params=[create, upload])
def send(request: pytest.FixtureRequest) -> Send:
    chosen: Send = request.param
    return chosen


@pytest.mark.parametrize(
    ("fault", "status", "content_type"),
    [
        ("429", 429, "application/json"),
        ("500", 500, "application/json"),
        ("503-html", 503, "text/html; charset=utf-8"),
        ("401", 401, "application/json"),
    ],
)
def test_refused_before_anything_happened(
    tmp_path: Path, send: Send, fault: str, status: int, content_type: str
) -> None:
    with misbehaving(tmp_path, f"{fault}=first") as client:
        refused = send(client)
        assert (refused.status_code, refused.headers["content-type"]) == (status, content_type)
        assert committed(tmp_path) == 0
        after = send(client)
        assert after.status_code == 200
        assert "idempotency-replayed" not in after.headers


@pytest.mark.parametrize(
    ("fault", "header"), [("429=1", "1"), ("429=1:0", "0"), ("429=1:3600", "3600"), ("429=1:0.05", "0.05")]
)
def test_429_says_when_to_come_back(tmp_path: Path, fault: str, header: str) -> None:
    with misbehaving(tmp_path, fault) as client:
        assert create(client).headers["retry-after"] == header


def test_redirect_points_to_another_place(tmp_path: Path, send: Send) -> None:
    with misbehaving(tmp_path, "redirect=1:http://127.0.0.1:9/elsewhere") as client:
        response = send(client)
        assert (response.status_code, response.headers["location"]) == (307, "http://127.0.0.1:9/elsewhere")
    assert committed(tmp_path) == 0


def test_drop_before(tmp_path: Path, send: Send) -> None:
    with misbehaving(tmp_path, "drop-before=first") as client:
        with pytest.raises(CLOSED):
            send(client)
        assert committed(tmp_path) == 0
        assert "idempotency-replayed" not in send(client).headers


@pytest.mark.parametrize("fault", ["drop-after-commit", "truncated", "stall=first:1:0"])
def test_committed_and_the_connection_closed(tmp_path: Path, send: Send, fault: str) -> None:
    with misbehaving(tmp_path, fault if "=" in fault else f"{fault}=first") as client:
        with pytest.raises(CLOSED):
            send(client)
        assert committed(tmp_path) == 1
        again = send(client)
        assert (again.status_code, again.headers["idempotency-replayed"]) == (200, "true")
        assert committed(tmp_path) == 1


def test_truncated_promises_more_than_it_sends(tmp_path: Path) -> None:
    with misbehaving(tmp_path, "truncated=1") as client:
        body = {"input_file_id": "file-abc123", "endpoint": "/v1/embeddings"}
        with client.stream("POST", "/v1/batch", json=body) as response, pytest.raises(httpx.RemoteProtocolError):
            response.read()
        assert response.status_code == 200
        assert 0 < response.num_bytes_downloaded < int(response.headers["content-length"])


@pytest.mark.parametrize("fault", ["500-after-commit", "junk", "huge", "no-id", "hostile-id"])
def test_committed_and_an_answer_that_cannot_be_used(tmp_path: Path, send: Send, fault: str) -> None:
    with misbehaving(tmp_path, f"{fault}=first") as client:
        first = send(client)
        assert first.status_code == (500 if fault == "500-after-commit" else 200)
        assert committed(tmp_path) == 1
        again = send(client)
        assert (again.status_code, again.headers["idempotency-replayed"]) == (200, "true")
        assert again.json()["id"] in str(
            Ledger(tmp_path / "sandbox.db").batches() + Ledger(tmp_path / "sandbox.db").files()
        )
        assert committed(tmp_path) == 1


def test_what_the_unusable_answers_look_like(tmp_path: Path, send: Send) -> None:
    def answer(fault: str) -> httpx.Response:
        with misbehaving(tmp_path, fault) as client:
            return send(client, key=fault)

    with pytest.raises(ValueError, match="Expecting value"):
        answer("junk=1").json()
    huge = answer("huge=1:3")
    assert len(huge.content) == int(huge.headers["content-length"]) > 3_000_000
    assert len(huge.json()["padding"]) == 3_000_000
    assert "id" not in answer("no-id=1").json()
    assert "/" in answer("hostile-id=1").json()["id"]
    assert answer("hostile-id=1:x").json()["id"] == "x"


def test_foreign_answers_about_another_file(tmp_path: Path) -> None:
    with misbehaving(tmp_path, "foreign=1:file-somebody-elses") as client:
        assert create(client).json()["input_file_id"] == "file-somebody-elses"
        assert upload(client).status_code == 200
    assert [batch["input_file_id"] for batch in Ledger(tmp_path / "sandbox.db").batches()] == ["file-abc123"]


def sent_by_hand(client: httpx.Client, key: str) -> socket.socket:
    """A create on a socket of its own, for clients that leave before the answer."""
    body = b'{"input_file_id": "file-abc123", "endpoint": "/v1/embeddings"}'
    connection = socket.create_connection((client.base_url.host, client.base_url.port or 0))
    connection.sendall(
        b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sandbox\r\nIdempotency-Key: %b\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (key.encode(), len(body), body)
    )
    return connection


def until_committed(folder: Path, number: int) -> None:
    while committed(folder) < number:
        pass


def test_a_stalled_request_is_committed_and_ends_when_the_client_leaves(tmp_path: Path) -> None:
    with misbehaving(tmp_path, "stall=first:1:86400") as client:
        with sent_by_hand(client, "k"):
            until_committed(tmp_path, 1)
        body = b'{"input_file_id": "file-abc123", "endpoint": "/v1/embeddings"}'
        again = client.post("/v1/batch", content=body, headers={"Idempotency-Key": "k"})
        assert again.headers["idempotency-replayed"] == "true"


def test_leaving_does_not_wait_for_who_is_still_stalled_or_slow(tmp_path: Path) -> None:
    for number, fault in enumerate(("stall=1:86400", "slow=1:86400"), 1):
        with misbehaving(tmp_path, fault) as client:
            waiting = sent_by_hand(client, fault)
            until_committed(tmp_path, number)
        with waiting, contextlib.suppress(ConnectionResetError):
            assert waiting.recv(1) == b""


def test_slow_commits_before_it_waits_and_then_answers(tmp_path: Path, send: Send) -> None:
    with misbehaving(tmp_path, "slow=1:0.01", "junk=first") as client:
        assert send(client).text.startswith("<html>")
        assert send(client).status_code == 200


def test_a_late_commit_comes_after_the_connection_is_gone(tmp_path: Path, send: Send) -> None:
    with misbehaving(tmp_path, "late-commit=first:1:0.1") as client:
        with pytest.raises(CLOSED):
            send(client)
        while not committed(tmp_path):
            client.get("/v1/batches")
        assert send(client).headers["idempotency-replayed"] == "true"
    assert committed(tmp_path) == 1


def test_a_late_commit_finds_that_its_key_was_used_meanwhile(tmp_path: Path, send: Send) -> None:
    with misbehaving(tmp_path, "late-commit=first:1:86400") as client:
        with pytest.raises(CLOSED):
            send(client)
        assert committed(tmp_path) == 0
        assert "idempotency-replayed" not in send(client).headers
        with pytest.raises(CLOSED), misbehaving(tmp_path / "other", "late-commit=1:86400") as other:
            send(other)
    assert committed(tmp_path) == 1
    assert committed(tmp_path / "other") == 1, "what was late is committed when the sandbox stops"
    left = [*(tmp_path / "sandbox.db.files").iterdir(), *(tmp_path / "other" / "sandbox.db.files").iterdir()]
    assert len(left) == (2 if send is upload else 0)


def outcomes(client: httpx.Client, requests: range) -> list[str]:
    def one(number: int) -> str:
        try:
            response = create(client, key=str(number))
        except CLOSED:
            return "closed"
        return str(response.status_code)

    return [one(number) for number in requests]


def test_a_seed_repeats_itself_across_restarts(tmp_path: Path) -> None:
    faults = ("429=0.3", "drop-after-commit=0.2", "500=0.2", "create:503-html=first:2")
    with misbehaving(tmp_path / "one", *faults, seed=7) as client:
        whole = outcomes(client, range(40))
    with misbehaving(tmp_path / "two", *faults, seed=7) as client:
        halves = outcomes(client, range(15))
    with misbehaving(tmp_path / "two", *faults, seed=7) as client:
        halves += outcomes(client, range(15, 40))
    with misbehaving(tmp_path / "three", *faults, seed=8) as client:
        other = outcomes(client, range(40))
    assert whole[:2] == ["503", "503"]
    assert set(whole) == {"503", "429", "closed", "500", "200"}
    assert halves == whole
    assert other != whole
    assert committed(tmp_path / "one") == whole.count("200") + whole.count("closed")


def test_aimed_faults_leave_the_other_kind_alone(tmp_path: Path) -> None:
    with misbehaving(tmp_path, "create:500=1", "upload:429=1") as client:
        assert (create(client).status_code, upload(client).status_code) == (500, 429)
        assert client.get("/v1/batches").status_code == 200


@pytest.mark.parametrize("fault", ["no-id", "hostile-id"])
def test_a_list_can_lie_about_each_file(tmp_path: Path, fault: str) -> None:
    with misbehaving(tmp_path, f"list:{fault}=first") as client:
        made = [upload(client, key).json() for key in "ab"]
        lied, told = (client.get("/v1/files").json()["data"] for _ in range(2))
    assert told == made[::-1]
    assert [{**file, "id": ""} for file in lied] == [{**file, "id": ""} for file in told]
    assert not {file.get("id") for file in lied} & {file["id"] for file in told}


@pytest.mark.parametrize("fault", ["429", "500", "401", "drop-before", "drop-after-commit", "truncated", "junk"])
def test_a_list_can_fail(tmp_path: Path, fault: str) -> None:
    with misbehaving(tmp_path, f"list:{fault}=first") as client:
        made = upload(client).json()
        with contextlib.suppress(*CLOSED, ValueError):
            assert client.get("/v1/files").json().get("data") is None
        assert client.get("/v1/files").json()["data"] == [made]

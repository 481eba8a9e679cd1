"""The sandbox speaks as each family of providers does; where a vendor's own client is installed, it is the judge."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from batchrunner.sandbox import Dialect, Faults, Ledger, SandboxSettings, Timings, running

START = 1_795_354_841.0
CHAT = "/v1/chat/completions"


@dataclass
class Clock:
    """Time that moves when told to."""

    now: float = START

    def __call__(self) -> float:
        return self.now


@dataclass
class Provider:
    """A sandbox that speaks a dialect, and how to reach it."""

    client: httpx.Client
    clock: Clock
    ledger: Ledger

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def upload(self, *ids: str, path: str = "/v1/files", purpose: str = "batch") -> dict[str, Any]:
        rows = ({"custom_id": one, "body": {"model": "m", "messages": []}} for one in ids)
        content = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
        made = self.client.post(path, data={"purpose": purpose}, files={"file": ("in.jsonl", content)})
        assert made.status_code == 200
        found: dict[str, Any] = made.json()
        return found

    def lines(self, path: str) -> dict[str, dict[str, Any]]:
        return {line["custom_id"]: line for line in map(json.loads, self.client.get(path).text.splitlines())}


@contextmanager
def speaking(folder: Path, dialect: Dialect, *faults: str, **settings: Any) -> Iterator[Provider]:
    clock = Clock()
    known = {"timings": Timings(10, 100, 10, 5), "clock": clock, "faults": Faults.parse(faults), **settings}
    chosen = SandboxSettings(folder / f"{dialect}.db", dialect=dialect, **known)
    headers = {
        "azure": {"api-key": "sandbox"},
        "anthropic": {"x-api-key": "sandbox", "anthropic-version": "2026-10-21"},
    }.get(dialect, {"Authorization": "Bearer sandbox"})
    with (
        running(chosen) as sandbox,
        httpx.Client(base_url=sandbox.base_url, headers=headers, verify=False, timeout=60) as client,
    ):
        yield Provider(client, clock, Ledger(chosen.database))


@pytest.mark.parametrize("dialect", ["azure", "groq"])
def test_the_paths_of_azure_and_groq(tmp_path: Path, dialect: Dialect) -> None:
    with speaking(tmp_path, dialect) as at:
        row = {"custom_id": "a", "method": "POST", "url": CHAT, "body": {}}
        file = at.post("/openai/v1/files", data={"purpose": "batch"}, files={"file": json.dumps(row).encode()}).json()
        made = at.post("/openai/v1/batches", json={"input_file_id": file["id"], "endpoint": CHAT}).json()
        at.clock.now += 120
        batch = at.get(f"/openai/v1/batches/{made['id']}").json()
        assert batch["status"] == "completed"
        assert at.lines(f"/openai/v1/files/{batch['output_file_id']}/content").keys() == {"a"}
        assert at.get("/v1/batches").status_code == 404


def test_azure_takes_a_key_in_its_own_header_and_endpoints_without_a_version(tmp_path: Path) -> None:
    with speaking(tmp_path, "azure") as at:
        assert at.get("/openai/v1/batches", headers={"api-key": "wrong"}).status_code == 401
        assert at.get("/openai/v1/batches", headers={"api-key": "", "Authorization": "Bearer sandbox"}).is_success
        made = at.post("/openai/v1/batches", json={"input_file_id": "file-1", "endpoint": "/chat/completions"}).json()
        at.clock.now += 120
        assert at.get(f"/openai/v1/batches/{made['id']}").json()["request_counts"]["completed"] > 1


def mistral_job(at: Provider, *ids: str, **fields: object) -> dict[str, Any]:
    order = {"input_files": [at.upload(*ids)["id"]], "endpoint": CHAT, "model": "small", **fields}
    made = at.post("/v1/batch/jobs", json=order)
    assert made.status_code == 200
    found: dict[str, Any] = made.json()
    return found


def test_mistral(tmp_path: Path) -> None:
    with speaking(tmp_path, "mistral") as at:
        job = mistral_job(at, "a", "b", "c-sandbox-fail-400", metadata={"k": "v"}, timeout_hours=48)
        assert (job["status"], job["metadata"], job["total_requests"]) == ("QUEUED", {"k": "v"}, 0)
        seen = []
        for at.clock.now in (START + 60, START + 112, START + 120):
            job = at.get(f"/v1/batch/jobs/{job['id']}").json()
            seen.append((job["status"], job["completed_requests"]))
        assert seen == [("RUNNING", 1), ("RUNNING", 3), ("SUCCESS", 3)]
        assert (job["succeeded_requests"], job["failed_requests"], job["completed_at"]) == (2, 1, START + 120)
        done = at.lines(f"/v1/files/{job['output_file']}/content")
        assert {line["response"]["body"]["model"] for line in done.values()} == {"small"}
        assert at.lines(f"/v1/files/{job['error_file']}/content").keys() == {"c-sandbox-fail-400"}


def test_mistral_finds_by_metadata_time_and_status_and_turns_pages(tmp_path: Path) -> None:
    with speaking(tmp_path, "mistral") as at:
        made = []
        for number in range(5):
            made.append(mistral_job(at, "a", metadata={"key": f"k{number % 2}", "n": str(number)})["id"])
            at.clock.now += 100

        def listed(**query: object) -> tuple[list[int], int]:
            page = at.get("/v1/batch/jobs", params=query).json()
            return [made.index(job["id"]) for job in page["data"]], page["total"]

        assert listed() == ([4, 3, 2, 1, 0], 5)
        assert listed(page=1, page_size=2) == ([2, 1], 5)
        assert listed(page=3, page_size=2) == ([], 5)
        assert listed(metadata=json.dumps({"key": "k0"})) == ([4, 2, 0], 3)
        assert listed(key="k1", n="3") == ([3], 1), "as the vendor's client writes it"
        assert listed(key="nothing") == ([], 0)
        assert listed(created_after="2026-11-22T13:43:30Z")[0] == [4, 3, 2]
        assert listed(status=["SUCCESS", "RUNNING"])[0] == [4, 3, 2, 1, 0]
        assert listed(status="QUEUED")[0] == []
        assert at.get("/v1/batch/jobs", params={"metadata": "{oops"}).status_code == 422


def test_mistral_refuses_and_ends_early_in_its_own_words(tmp_path: Path) -> None:
    with speaking(tmp_path, "mistral") as at:
        refused = at.post("/v1/batch/jobs", json={"input_files": [], "endpoint": CHAT})
        assert (refused.status_code, refused.json()["detail"][0]["loc"]) == (422, ["body", "input_files"])
        assert at.get("/v1/batch/jobs/nobody").json()["object"] == "error"
        cancelled = mistral_job(at, "a", "b")
        at.clock.now += 60
        stopped = at.post(f"/v1/batch/jobs/{cancelled['id']}/cancel").json()
        assert stopped["status"] == "CANCELLATION_REQUESTED"
        at.clock.now += 5
        job = at.get(f"/v1/batch/jobs/{cancelled['id']}").json()
        assert (job["status"], job["total_requests"], job["succeeded_requests"]) == ("CANCELLED", 2, 1)
    with speaking(tmp_path / "slow", "mistral", timings=Timings(0, 7200)) as at:
        late = mistral_job(at, "a", "b", timeout_hours=1)
        at.clock.now += 3600
        job = at.get(f"/v1/batch/jobs/{late['id']}").json()
        assert (job["status"], job["completed_requests"]) == ("TIMEOUT_EXCEEDED", 1)


def test_together(tmp_path: Path) -> None:
    with speaking(tmp_path, "together") as at:
        file = at.upload("a", "b-sandbox-fail-500", path="/v1/files/upload", purpose="batch-api")
        assert (file["FileType"], file["purpose"]) == ("jsonl", "batch-api")
        answer = at.post("/v1/batches", json={"input_file_id": file["id"], "endpoint": CHAT})
        assert answer.status_code == 201
        assert answer.json().keys() == {"job", "warning"}
        job = answer.json()["job"]
        assert (job["status"], job["created_at"]) == ("VALIDATING", "2026-11-22T13:40:41Z")
        at.clock.now += 60
        running_now = at.get(f"/v1/batches/{job['id']}").json()
        assert (running_now["status"], running_now["progress"]) == ("IN_PROGRESS", 50.0)
        at.clock.now += 60
        (done,) = at.get("/v1/batches").json()
        assert (done["status"], done["progress"], done["completed_at"]) == ("COMPLETED", 100.0, "2026-11-22T13:42:41Z")
        assert at.lines(f"/v1/files/{done['output_file_id']}/content")["a"]["response"]["status_code"] == 200
        (failed,) = at.lines(f"/v1/files/{done['error_file_id']}/content").values()
        assert failed["error"]["code"] == "server_error"
        assert at.get("/v1/files").json().keys() == {"data"}
        assert isinstance(at.get("/v1/batches/nobody").json()["error"], str)
        other = at.post("/v1/batches", json={"input_file_id": "file-1", "endpoint": CHAT}).json()["job"]
        at.post(f"/v1/batches/{other['id']}/cancel")
        at.clock.now += 10
        assert [job["status"] for job in at.get("/v1/batches").json()] == ["CANCELLED", "COMPLETED"]


MESSAGES = "/v1/messages/batches"


def params(**fields: object) -> dict[str, object]:
    return {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}], **fields}


def message_batch(at: Provider, *ids: str) -> dict[str, Any]:
    made = at.post(MESSAGES, json={"requests": [{"custom_id": one, "params": params()} for one in ids]})
    assert made.status_code == 200
    found: dict[str, Any] = made.json()
    return found


def test_anthropic(tmp_path: Path) -> None:
    with speaking(tmp_path, "anthropic") as at:
        batch = message_batch(at, "a", "b-sandbox-fail-500", "c")
        assert (batch["type"], batch["processing_status"], batch["results_url"]) == (
            "message_batch",
            "in_progress",
            None,
        )
        assert batch["request_counts"] == {"processing": 3, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0}
        at.clock.now += 60
        assert at.get(f"{MESSAGES}/{batch['id']}/results").status_code == 404
        at.clock.now += 60
        batch = at.get(f"{MESSAGES}/{batch['id']}").json()
        assert (batch["processing_status"], batch["ended_at"]) == ("ended", "2026-11-22T13:42:41Z")
        assert batch["request_counts"] == {"processing": 0, "succeeded": 2, "errored": 1, "canceled": 0, "expired": 0}
        results = at.lines(batch["results_url"])
        assert {name: line["result"]["type"] for name, line in results.items()} == {
            "a": "succeeded", "b-sandbox-fail-500": "errored", "c": "succeeded",
        }  # fmt: skip
        assert results["b-sandbox-fail-500"]["result"]["error"]["error"]["type"] == "api_error"
        part = at.get(batch["results_url"], headers={"Range": "bytes=5-"})
        assert part.status_code == 206
        assert at.ledger.files() == [], "nobody uploaded anything"


def test_anthropic_cancels_what_was_not_reached(tmp_path: Path) -> None:
    with speaking(tmp_path, "anthropic") as at:
        early, later = message_batch(at, "a", "b"), message_batch(at, "a", "b")
        assert at.post(f"{MESSAGES}/{early['id']}/cancel").json()["processing_status"] == "canceling"
        at.clock.now += 60
        at.post(f"{MESSAGES}/{later['id']}/cancel")
        at.clock.now += 60
        shown = {batch["id"]: batch["request_counts"] for batch in at.get(MESSAGES).json()["data"]}
        assert (shown[early["id"]]["canceled"], shown[early["id"]]["succeeded"]) == (2, 0)
        assert (shown[later["id"]]["canceled"], shown[later["id"]]["succeeded"]) == (1, 1)
        results = at.lines(f"{MESSAGES}/{early['id']}/results")
        assert [line["result"] for line in results.values()] == [{"type": "canceled"}] * 2


def test_anthropic_turns_pages_in_both_directions(tmp_path: Path) -> None:
    with speaking(tmp_path, "anthropic") as at:
        made = [message_batch(at, "a")["id"] for _ in range(5)][::-1]

        def listed(**query: object) -> tuple[list[str], bool]:
            page = at.get(MESSAGES, params=query).json()
            assert (page["first_id"], page["last_id"]) == (page["data"][0]["id"], page["data"][-1]["id"])
            return [batch["id"] for batch in page["data"]], page["has_more"]

        assert listed(limit=2) == (made[:2], True)
        assert listed(limit=2, after_id=made[1]) == (made[2:4], True)
        assert listed(limit=2, after_id=made[3]) == (made[4:], False)
        assert listed(limit=2, before_id=made[4]) == (made[2:4], True)
        assert listed(limit=2, before_id=made[2]) == (made[:2], False)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"[]", b'{"requests": []}', b'{"requests": [}', b'{"requests": [{"custom_id": "a"',
        b'{"requests": [{"custom_id": "a", "params": {}}, {"custom_id": "a", "params": {}}]}',
        b'{"requests": [{"custom_id": "a.b", "params": {}}]}', b'{"requests": [{"custom_id": "a"}]}',
        b'{"requests": [{"custom_id": "a", "params": {}}]', b'{"requests": [{"custom_id": "a", "params": {}}]}, 1',
        b'{"requests": [1]}', b'{"requests": [{"custom_id": "\xff", "params": {}}]}',
    ],
)  # fmt: skip
def test_anthropic_refuses_what_is_no_batch_and_keeps_nothing(tmp_path: Path, body: bytes) -> None:
    with speaking(tmp_path, "anthropic") as at:
        refused = at.post(MESSAGES, content=body)
        assert refused.status_code == 400
        assert refused.json()["error"]["type"] == "invalid_request_error"
        assert list((tmp_path / "anthropic.db.files").iterdir()) == []
        assert at.ledger.batches() == []


def test_anthropic_wants_its_version_and_its_key(tmp_path: Path) -> None:
    with speaking(tmp_path, "anthropic") as at:
        refused = at.get(MESSAGES, headers={"x-api-key": "wrong"})
        assert (refused.status_code, refused.json()["error"]["type"]) == (401, "authentication_error")
        assert at.get(MESSAGES, headers={"x-api-key": "", "Authorization": "Bearer sandbox"}).status_code == 200
        del at.client.headers["anthropic-version"]
        assert "anthropic-version" in at.get(MESSAGES).json()["error"]["message"]


def test_a_large_create_of_anthropic_is_read_in_pieces(tmp_path: Path) -> None:
    content = "é" * 300_000
    requests = [{"custom_id": f"r{n}", "params": params(system=content if n % 3 else "")} for n in range(40)]
    with speaking(tmp_path, "anthropic") as at:
        body = json.dumps({"requests": requests}, ensure_ascii=False).encode()
        assert len(body) > 10_000_000
        made = at.post(MESSAGES, content=body)
        assert made.json()["request_counts"]["processing"] == 40
        at.clock.now += 120
        results = at.lines(f"{MESSAGES}/{made.json()['id']}/results")
        assert results.keys() == {f"r{n}" for n in range(40)}
        assert len(list((tmp_path / "anthropic.db.files").iterdir())) == 2


@pytest.mark.parametrize(
    ("dialect", "path", "where"),
    [
        ("mistral", "/v1/batch/jobs", lambda body: body["message"]),
        ("together", "/v1/batches", lambda body: body["error"]),
        ("anthropic", MESSAGES, lambda body: body["error"]["message"]),
    ],
)
def test_faults_are_worded_in_the_dialect(tmp_path: Path, dialect: Dialect, path: str, where: Any) -> None:
    with speaking(tmp_path, dialect, "survey:429=first", "survey:ansi=0") as at:
        refused = at.get(path)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert where(refused.json()) == "Rate limit reached for requests."
        assert at.get(path).status_code == 200


@pytest.mark.parametrize("fault", ["hostile-id", "no-id", "foreign-url", "huge=1:1", "gzip=1:1", "ansi", "truncated"])
@pytest.mark.parametrize("dialect", ["mistral", "together", "anthropic"])
def test_lies_are_told_in_every_dialect(tmp_path: Path, dialect: Dialect, fault: str) -> None:
    rule = fault if "=" in fault else f"{fault}=1"
    with speaking(tmp_path, dialect, f"survey:{rule}", f"look:{rule}") as at:
        if dialect == "anthropic":
            path, batch_id = MESSAGES, message_batch(at, "a")["id"]
        elif dialect == "mistral":
            path, batch_id = "/v1/batch/jobs", mistral_job(at, "a")["id"]
        else:
            answer = at.post("/v1/batches", json={"input_file_id": "file-1", "endpoint": CHAT}).json()
            path, batch_id = "/v1/batches", answer["job"]["id"]
        at.clock.now += 120
        for url in (path, f"{path}/{batch_id}"):
            if fault == "truncated":
                with pytest.raises(httpx.RemoteProtocolError):
                    at.get(url)
                continue
            text = at.get(url).text.replace('": "', '":"')
            assert (f'"id":"{batch_id}"' in text) == (fault not in ("hostile-id", "no-id"))
            assert ("127.0.0.1:9/elsewhere" in text) == (fault == "foreign-url")
            assert ("owned" in text) == (fault == "ansi")


def test_what_one_dialect_has_kept_another_goes_on_with(tmp_path: Path) -> None:
    """One database, started again as somebody else: nobody does that, and nothing breaks."""
    with speaking(tmp_path, "mistral") as at:
        mistral_job(at, "a")
    for dialect in ("openai", "together", "anthropic"):
        (tmp_path / "mistral.db").rename(tmp_path / f"{dialect}.db")
        (tmp_path / "mistral.db.files").rename(tmp_path / f"{dialect}.db.files")
        path = MESSAGES if dialect == "anthropic" else "/v1/batches"
        with speaking(tmp_path, dialect) as at:
            assert at.get(path).status_code == 200
        (tmp_path / f"{dialect}.db").rename(tmp_path / "mistral.db")
        (tmp_path / f"{dialect}.db.files").rename(tmp_path / "mistral.db.files")


def test_mistrals_own_types_take_it(tmp_path: Path) -> None:
    client = pytest.importorskip("mistralai.client", reason="Mistral's client is not installed")
    with speaking(tmp_path, "mistral") as at:
        job = mistral_job(at, "a", "b-sandbox-fail-500", metadata={"k": "v"})
        at.clock.now += 120
        vendor = client.Mistral(api_key="sandbox", server_url=str(at.client.base_url))
        found = vendor.batch.jobs.get(job_id=job["id"])
        assert (found.status, found.succeeded_requests) == ("SUCCESS", 1)
        assert vendor.batch.jobs.list(metadata={"k": "v"}).total == 1
        assert vendor.files.list().total == 3


def test_togethers_own_types_take_it(tmp_path: Path) -> None:
    client = pytest.importorskip("together", reason="Together's client is not installed")
    with speaking(tmp_path, "together") as at:
        vendor = client.Together(api_key="sandbox", base_url=str(at.client.base_url))
        made = vendor.batches.create(input_file_id="file-1", endpoint=CHAT)
        at.clock.now += 120
        assert vendor.batches.retrieve(made.job.id).status == "COMPLETED"
        assert [job.id for job in vendor.batches.list()] == [made.job.id]


def test_anthropics_own_types_take_it(tmp_path: Path) -> None:
    client = pytest.importorskip("anthropic", reason="Anthropic's client is not installed")
    with speaking(tmp_path, "anthropic") as at:
        vendor = client.Anthropic(api_key="sandbox", base_url=str(at.client.base_url))
        made = vendor.messages.batches.create(requests=[{"custom_id": "a", "params": params()}])
        at.clock.now += 120
        assert vendor.messages.batches.retrieve(made.id).processing_status == "ended"
        (line,) = vendor.messages.batches.results(made.id)
        assert line.result.message.usage.output_tokens > 0

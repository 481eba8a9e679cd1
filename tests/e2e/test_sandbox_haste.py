"""A sandbox whose batches end while they are being looked at."""

import os
from pathlib import Path

import httpx
import pytest

from batchrunner.sandbox import SandboxSettings, Timings, running

CHAT = "/v1/chat/completions"


class Leaping:
    """Time that goes on by `step` seconds each time that it is read."""

    def __init__(self, step: float) -> None:
        self._now = 1_795_354_841.0
        self._step = step

    def __call__(self) -> float:
        self._now += self._step
        return self._now


@pytest.mark.parametrize("step", [1.0, 2.5, 4.0, 7.0, 15.0, 40.0])
def test_what_has_ended_has_its_results(tmp_path: Path, step: float) -> None:
    settings = SandboxSettings(tmp_path / "s.db", clock=Leaping(step), timings=Timings(10, 20, 5, 5))
    with running(settings) as sandbox, httpx.Client(
        base_url=sandbox.base_url, headers={"Authorization": "Bearer sandbox"}, trust_env=False
    ) as client:  # fmt: skip
        made = client.post("/v1/batches", json={"input_file_id": "file-abc", "endpoint": CHAT}).json()
        for _ in range(60):
            seen = client.get(f"/v1/batches/{made['id']}").json()
            if seen["status"] == "completed":
                break
        assert seen["status"] == "completed"
        assert seen["request_counts"]["completed"] == seen["request_counts"]["total"] > 0
        assert client.get(f"/v1/files/{seen['output_file_id']}/content").status_code == 200


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a file that is never read to its end")
def test_nobody_waits_for_ever_for_lines_to_be_answered(tmp_path: Path) -> None:
    settings = SandboxSettings(tmp_path / "s.db", timings=Timings(0, 0, 0, 0), patience=0)
    headers = {"Authorization": "Bearer sandbox"}
    row = b'{"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {}}'
    with (
        running(settings) as sandbox,
        httpx.Client(base_url=sandbox.base_url, headers=headers, trust_env=False) as client,
    ):
        file = client.post("/v1/files", data={"purpose": "batch"}, files={"file": row}).json()
        slow = tmp_path / "s.db.files" / file["id"]
        slow.unlink()
        os.mkfifo(slow)
        made = client.post("/v1/batches", json={"input_file_id": file["id"], "endpoint": CHAT}).json()
        seen = [client.get(f"/v1/batches/{made['id']}").json(), client.get("/v1/batches").json()["data"][0]]
        assert [(batch["status"], batch["request_counts"]["total"]) for batch in seen] == [("validating", 0)] * 2
        slow.write_bytes(row)
        while (batch := client.get(f"/v1/batches/{made['id']}").json())["status"] != "completed":
            pass
        assert batch["request_counts"] == {"total": 1, "completed": 1, "failed": 0}
        assert client.get(f"/v1/files/{batch['output_file_id']}/content").status_code == 200

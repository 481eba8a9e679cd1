"""A sandbox whose batches end while they are being looked at."""

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

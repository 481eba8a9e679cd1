"""A folder of specs whose provider is a real server, known to us by its project file alone."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openai import OpenAI
from support.cli import KEY, Desk, Ran
from support.killing import Ended, Killer
from support.real_servers import MODEL, RealServer

ENDPOINT = "/v1/chat/completions"
GOES_ON = {3, 75}
MOMENTS = ("after send POST /v1/files", "after send POST /v1/batches", "after recv HTTP/1.1 200")
QUICK = {"base_seconds": 0.01, "cap_seconds": 0.1, "budget": 1000}
QUICK_POLLING = {"base_seconds": 0.1, "cap_seconds": 0.5, "settle_seconds": 1}


def request(custom_id: str, **changes: Any) -> dict[str, Any]:
    """A good request line."""
    body = {"model": MODEL, "messages": [{"role": "user", "content": custom_id}], "max_tokens": 20}
    return {"custom_id": custom_id, "method": "POST", "url": ENDPOINT, "body": {**body, **changes}}


@dataclass
class RealDesk:
    """A desk at a real server; `name` is in the metadata of every batch that it submits."""

    desk: Desk
    server: RealServer
    name: str
    model: str = MODEL

    @classmethod
    def opened(cls, folder: Path, server: RealServer, model: str = MODEL, **facts: Any) -> "RealDesk":
        """A desk in `folder`; `facts` are what the project file says of the provider."""
        folder.mkdir(exist_ok=True)
        desk = Desk(folder, {"REAL_KEY": KEY})
        described = {"dialect": "openai", "base_url": f"{server.origin}/v1", "api_key": {"env": "REAL_KEY"},
                     "retry": QUICK, "polling": QUICK_POLLING, **facts}  # fmt: skip
        opened = cls(desk, server, folder.name, model)
        desk.write("batchrunner.yaml", json.dumps({"project": folder.name, "providers": {"real": described}}))
        opened.write_spec({"name": "rows", "input": "rows.jsonl"})
        opened.write_rows(*(request(f"r{number}", model=model) for number in range(3)))
        return opened

    def write_spec(self, *batches: dict[str, Any]) -> None:
        """The one spec."""
        defaults = {"provider": "real", "endpoint": ENDPOINT, "metadata": {"test": self.name}}
        self.desk.write("s.yaml", json.dumps({"defaults": defaults, "batches": batches}))

    def write_rows(self, *rows: Any, name: str = "rows.jsonl") -> None:
        """An input."""
        self.desk.write(name, "".join(json.dumps(row) + "\n" for row in rows))

    def run(self, *arguments: str) -> Ran:
        """A command."""
        return self.desk.run(*arguments)

    def killed(self, killer: Killer, *arguments: str, label: str) -> Ended:
        """A command, killed at the first step that matches `label`."""
        return killer.run(
            self.desk.folder, *arguments, environment={**self.desk.env, "HOME": str(self.desk.folder)}, label=label
        )

    def apply_until_done(self) -> int:
        """Type `apply` again until it ends with 0; returns how often that was."""
        return self.until_done("apply", "s.yaml")

    def until_done(self, *arguments: str, limit: int = 20) -> int:
        """Type a command again until it ends with 0; returns how often that was."""
        for number in range(1, limit + 1):
            ran = self.run(*arguments)
            if ran.code == 0:
                return number
            assert ran.code in GOES_ON, ran
        raise AssertionError(f"not done after {limit} runs")

    def batches(self) -> list[dict[str, Any]]:
        """What the server has of ours."""
        return self.server.batches_of(self.name)

    def attempts(self, address: str = "s/rows") -> list[dict[str, Any]]:
        """What state has of a batch."""
        runs = self.desk.state()["batches"][address]
        return [attempt for attempts in runs.values() for attempt in attempts]

    def batch_id(self, address: str = "s/rows") -> str:
        """The id of the last attempt."""
        identity: str = self.attempts(address)[-1]["batch_id"]
        return identity

    def upload(self, rows: Sequence[Any]) -> str:
        """The id of a file with `rows`, uploaded past the code under test."""
        with OpenAI(api_key=KEY, base_url=f"{self.server.origin}/v1", max_retries=0) as client:
            content = "".join(json.dumps(row) + "\n" for row in rows).encode()
            return client.files.create(file=("rows.jsonl", content), purpose="batch").id

    def standing(self, *arguments: str) -> dict[str, Any]:
        """What `status` says of the one batch."""
        (standing,) = self.run("status", *arguments, "--json").document["batches"]
        return dict(standing)

    def forget(self) -> None:
        """Lose the state."""
        for path in self.desk.folder.glob("s.state.*"):
            path.unlink()

    def rows(self, name: str = "results.jsonl") -> list[dict[str, Any]]:
        """What was fetched."""
        (path,) = self.desk.folder.rglob(name)
        return [json.loads(line) for line in path.read_text().splitlines()]

    def assert_once(self, address: str = "s/rows") -> None:
        """The server has one batch of ours, and state knows it."""
        assert [batch["id"] for batch in self.batches()] == [self.batch_id(address)]

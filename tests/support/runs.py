"""Specs in a folder, a sandbox to send them to, the command line in between, and what must be true afterwards."""

import asyncio
import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from support.forked import USUAL, fits, forks
from support.scripted_server import Answer, Server, serving

from batchrunner.sandbox import Faults, Ledger, SandboxSettings, running

KEY = "sk-canary-0123456789abcdef"
ENDPOINT = "/v1/chat/completions"
MEMORY = Path("/dev/shm")
RETRY = {"base_seconds": 0.001, "cap_seconds": 0.01, "budget": 10_000}
TIMEOUTS = {"connect_seconds": 5, "create_seconds": 10, "upload_seconds": 10}
PATIENCE = 100
GOES_ON = {3, 75}
"""Exit codes that say: run the same command again."""


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A temporary folder in memory where the system has one: syncs cost nothing, and SIGKILL never loses a page."""
    with TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else None) as folder:
        yield Path(folder)


@dataclass(frozen=True)
class Done:
    """A finished process."""

    code: int
    out: str
    err: str


def checked(code: int, out: str, err: str) -> Done:
    """What holds for every run."""
    assert "Traceback" not in err, err
    return Done(code, out, err)


def present(environment: Mapping[str, str | None]) -> dict[str, str]:
    """An environment without what was taken away."""
    return {name: value for name, value in environment.items() if value is not None}


@dataclass
class Desk:
    """A provider in reach, and a folder for as many projects as a test likes."""

    folder: Path
    origin: str
    ledger: Ledger
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def project(self, specs: Mapping[str, Any] | None = None, *, two_specs: bool = False, **facts: Any) -> "Project":
        """A fresh project with `specs` by name; `facts` override what is known of the provider."""
        name = f"case-{next(self.numbers)}"
        project = Project(self.folder / name, name, self, len(self.ledger.batches()))
        project.write("batchrunner.yaml", _project_file(name, facts))
        for stem, content in (specs or _usual_specs(name, two_specs)).items():
            project.write(f"specs/{stem}.yaml", content)
        for number in range(2):
            project.write(f"specs/data/{number}.jsonl", request_line(f"{name}-{number}"))
        return project

    def content(self, file_id: str) -> str:
        """What the provider has in a file."""
        with closing(HTTPConnection(self.origin.removeprefix("http://"))) as connection:
            connection.request("GET", f"/v1/files/{file_id}/content", headers={"Authorization": f"Bearer {KEY}"})
            return connection.getresponse().read().decode()

    def posts(self) -> int:
        """How many requests the provider was sent, whatever came of them."""
        seen = self.ledger.requests()
        return sum(seen[kind] for kind in ("creates", "uploads", "unauthorized"))


def _key_of(made: Mapping[str, Any]) -> str:
    """The key that a batch was created under: sent as such, or as a tag."""
    return str(made["idempotency_key"] or made["metadata"]["batchrunner_key"])


def _usual_specs(name: str, two_specs: bool) -> dict[str, Any]:
    more = {"weekly": spec(batch("ready", f"file-{name}-weekly"), batch("first", "data/0.jsonl"))} if two_specs else {}
    return {"nightly": three_batches(name), **more}


def _project_file(name: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {"project": name, "providers": {"alphaedge": {"retry": RETRY, "timeouts": TIMEOUTS, **facts}}}


def three_batches(name: str) -> dict[str, Any]:
    """A spec with one file that the provider has already, and two that have to be uploaded."""
    return spec(batch("ready", f"file-{name}"), batch("first", "data/0.jsonl"), batch("second", "data/1.jsonl"))


def spec(*batches: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"defaults": {"endpoint": ENDPOINT}, "batches": list(batches), **more}


def batch(name: str, source: str) -> dict[str, Any]:
    return {"name": name, "input" if source.endswith(".jsonl") else "input_file_id": source}


def request_line(word: str) -> dict[str, Any]:
    return {"custom_id": word, "method": "POST", "url": ENDPOINT, "body": {"model": "m", "messages": []}}


@dataclass
class Project:
    """One repository of specs. `before` is how many batches the provider had when it was made."""

    folder: Path
    name: str
    desk: Desk
    before: int

    def write(self, path: str, content: Any) -> None:
        """Write JSON, which is YAML and JSON Lines as well."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(content) + "\n")

    @property
    def environment(self) -> dict[str, str]:
        """What tells the command line where the provider is and how to be let in."""
        return {"ALPHAEDGE_BASE_URL": self.desk.origin, "ALPHAEDGE_API_KEY": KEY, "CI": ""}

    def whole_environment(self, **changes: str | None) -> dict[str, str]:
        """The environment of a process that works on this project; None takes a variable away."""
        return present({**os.environ, **self.environment, **changes})

    def start(self, *arguments: str, **options: Any) -> "subprocess.Popen[str]":
        """The command line in a process of its own."""
        command = [sys.executable, "-W", "error", "-m", "batchrunner", *arguments]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.whole_environment(**options.pop("env", {})),
            text=True,
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )

    def run(self, *arguments: str, **changes: str | None) -> Done:
        """Run the command line to its end, in a fork of what has imported it; `changes` are to the environment."""
        around = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "BATCHRUNNER_CACHE": "off", **USUAL}
        environment = present({**around, **self.environment, **changes})
        assert fits(arguments, environment)
        folder = str(self.folder)
        done = forks().run(arguments, stdin=b"", folder=folder, environment=environment, patience=PATIENCE)
        return checked(done.returncode, done.stdout.decode(), done.stderr.decode())

    def run_alone(self, *arguments: str, **options: Any) -> Done:
        """Run the command line to its end, in a process of its own that `options` are for."""
        process = self.start(*arguments, **options)
        out, err = process.communicate()
        return checked(process.returncode, out, err)

    def apply_until_done(self, *arguments: str, limit: int = 20, run: Any = None) -> int:
        """Type the same command again until it ends with 0; returns how often that was."""
        for number in range(1, limit + 1):
            done = (run or self.run)("apply", *(arguments or ("specs",)))
            if done.code == 0:
                return number
            assert done.code in GOES_ON, done
        raise AssertionError(f"not done after {limit} runs")

    def run_printed(self, command: str) -> Done:
        """Run a command as a person would who copied it from the screen."""
        assert command.startswith("batchrunner "), command
        return self.run(*shlex.split(command)[1:])

    # What the provider has, and what state says.

    def batches(self) -> list[dict[str, Any]]:
        """The remote batches made since this project began."""
        return self.desk.ledger.batches()[self.before :]

    def attempts(self) -> dict[str, list[dict[str, Any]]]:
        """Every attempt in the snapshots, by address: what people see and git keeps."""
        found: dict[str, list[dict[str, Any]]] = {}
        for path in self.folder.glob("specs/*.state.json"):
            for address, runs in json.loads(path.read_text())["batches"].items():
                found[address] = [attempt for attempts in runs.values() for attempt in attempts]
        return found

    def ids(self) -> dict[str, str]:
        """The batch id of each address that has one."""
        return {address: each[-1]["batch_id"] for address, each in self.attempts().items() if "batch_id" in each[-1]}

    def assert_exactly_once(self, planned: int = 3) -> None:
        """As many remote batches as planned, each with its own key and in state under its id, and nothing else."""
        made = self.batches()
        ids = self.ids()
        assert len(made) == planned, made
        assert {batch["id"] for batch in made} == set(ids.values())
        assert len(ids) == len(set(map(_key_of, made))) == planned
        for attempts in self.attempts().values():
            at_provider = next(batch for batch in made if batch["id"] == attempts[-1]["batch_id"])
            assert attempts[-1]["intent"]["idempotency_key"] == _key_of(at_provider)
            assert attempts[-1]["file_id"] == at_provider["input_file_id"]
        assert not [path for path in self.folder.glob("specs/*.state.journal.jsonl") if path.stat().st_size]
        assert not list(self.folder.glob("specs/.*.tmp"))

    def forget(self) -> None:
        """Remove the project's files."""
        shutil.rmtree(self.folder)


@contextmanager
def at_desk(*faults: str, seed: int = 0, **settings: Any) -> Iterator[Desk]:
    """A desk whose provider has these faults."""
    with quick_folder() as folder:
        database = folder / "sandbox.db"
        chosen = SandboxSettings(database=database, key=KEY, faults=Faults.parse(faults, seed), **settings)
        with running(chosen) as sandbox:
            yield Desk(folder, sandbox.base_url, Ledger(database))


@contextmanager
def scripted_desk(*answers: Answer) -> Iterator[tuple[Desk, Server]]:
    """A desk whose provider gives these answers and keeps nothing but what it heard."""
    with quick_folder() as folder, scripted(*answers) as server:
        yield Desk(folder, server.origin, Ledger(folder / "nothing.db")), server


@contextmanager
def scripted(*answers: Answer) -> Iterator[Server]:
    """A scripted server in a thread of its own."""
    ready: Future[Server] = Future()
    loop = asyncio.new_event_loop()

    async def serve(leaving: asyncio.Event) -> None:
        async with serving(*answers) as server:
            ready.set_result(server)
            await leaving.wait()

    leaving = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(leaving),))
    thread.start()
    try:
        yield ready.result()
    finally:
        loop.call_soon_threadsafe(leaving.set)
        thread.join()
        loop.close()

"""Batch servers that others wrote, installed once into a cache of the tests' own and run on loopback.

`aimock` (npm `@copilotkit/aimock`) mocks the OpenAI API, files and batches included. `ogx` (PyPI `ogx`) is a server of
that API; the model behind its batches is an aimock. What cannot be installed here is `Unavailable`, with the reason.
"""

import fcntl
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

OGX = "ogx==1.5.0"
AIMOCK = "@copilotkit/aimock@1.43.0"
OGX_PYTHONS = ("3.12", "3.13")
MODEL = "gpt-4o-mini"
OGX_MODEL = f"openai/{MODEL}"
INSTALL_SECONDS = 600
START_SECONDS = 120
FIXTURES = {"fixtures": [{"match": {"userMessage": ""}, "response": {"content": "an answer"}}]}


class Unavailable(Exception):
    """A server that cannot be had on this machine, and why."""


@dataclass(frozen=True)
class RealServer:
    """A running server. `key` is what it lets in."""

    origin: str
    key: str

    def ask(self, path: str, method: str = "GET", body: object = None) -> Any:
        """The JSON that it answers with, asked past the code under test."""
        with closing(HTTPConnection(self.origin.removeprefix("http://"), timeout=30)) as connection:
            headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            return json.loads(connection.getresponse().read() or b"null")

    def batches(self) -> list[dict[str, Any]]:
        """All batches that it has, newest first."""
        found: list[dict[str, Any]] = []
        after = ""
        while True:
            page = self.ask(f"/v1/batches?limit=100{after}")
            found += page["data"]
            if not page["has_more"]:
                return found
            after = f"&after={page['data'][-1]['id']}"

    def batches_of(self, project: str) -> list[dict[str, Any]]:
        """The batches whose metadata says that they belong to a test."""
        return [batch for batch in self.batches() if (batch.get("metadata") or {}).get("test") == project]


@contextmanager
def aimock(*options: str, key: str) -> Iterator[RealServer]:
    """An aimock that lets in `key` only; `options` are its own."""
    command = _installed_aimock()
    with tempfile.TemporaryDirectory() as folder:
        fixtures = Path(folder, "fixtures.json")
        fixtures.write_text(json.dumps(FIXTURES))
        port = _free_port()
        arguments = [command, "--port", str(port), "--fixtures", str(fixtures), "--log-level", "warn", *options]
        with _started(arguments, port, Path(folder), {"AIMOCK_API_KEYS": key}):
            yield RealServer(f"http://127.0.0.1:{port}", key)


@contextmanager
def ogx(*, key: str) -> Iterator[RealServer]:
    """An OGX with an aimock as its model."""
    command = _installed_ogx()
    with tempfile.TemporaryDirectory() as folder, aimock(key=key) as model:
        port = _free_port()
        config = Path(folder, "ogx.yaml")
        config.write_text(json.dumps(_ogx_config(folder, port, model)))
        arguments = [command, "run", str(config), "--port", str(port), "--insecure"]
        with _started(arguments, port, Path(folder), {"OTEL_SDK_DISABLED": "true"}):
            yield RealServer(f"http://127.0.0.1:{port}", key)


def _ogx_config(folder: str, port: int, model: RealServer) -> dict[str, Any]:
    """A server of files, batches and one model, all that it keeps in `folder`."""

    def table(name: str, backend: str = "sql_default") -> dict[str, Any]:
        return {"table_name": name, "backend": backend}

    def database(kind: str) -> dict[str, Any]:
        return {"type": f"{kind}_sqlite", "db_path": f"{folder}/{kind}.db"}

    return {
        "version": 2,
        "distro_name": "batches",
        "apis": ["batches", "files", "inference"],
        "providers": {
            "inference": [_of("openai", "remote::openai", api_key=model.key, base_url=f"{model.origin}/v1")],
            "files": [_of("files", "inline::localfs", storage_dir=f"{folder}/files", metadata_store=table("files"))],
            "batches": [_of("reference", "inline::reference", sqlstore=table("batches"))],
        },
        "storage": {
            "backends": {"kv_default": database("kv"), "sql_default": database("sql")},
            "stores": {
                "metadata": {"namespace": "registry", "backend": "kv_default"},
                "inference": {**table("inference"), "max_write_queue_size": 1000, "num_writers": 1},
                "conversations": table("conversations"),
                "prompts": table("prompts"),
                "connectors": table("connectors"),
            },
        },
        "registered_resources": {
            "models": [
                {"metadata": {}, "model_id": MODEL, "provider_id": "openai", "provider_model_id": MODEL,
                 "model_type": "llm"}
            ]
        },
        "server": {"port": port, "host": "127.0.0.1"},
    }  # fmt: skip


def _of(name: str, kind: str, **config: Any) -> dict[str, Any]:
    return {"provider_id": name, "provider_type": kind, "config": config}


# Installing


def _installed_aimock() -> str:
    if not shutil.which("node"):
        raise Unavailable("aimock needs Node.js, and there is no `node` on PATH")
    command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", ".", AIMOCK]
    return _installed(AIMOCK, [command], "node_modules/.bin/llmock")


def _installed_ogx() -> str:
    python = _python_for_ogx()
    commands = [[python, "-m", "venv", "."], ["bin/python", "-m", "pip", "install", "--quiet", OGX]]
    return _installed(OGX, commands, "bin/ogx")


def _python_for_ogx() -> str:
    """A Python that OGX runs on: on PATH, or one of pyenv's."""
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    for version in OGX_PYTHONS:
        on_path = shutil.which(f"python{version}")
        for python in filter(None, [*map(str, sorted(versions.glob(f"{version}.*/bin/python"))), on_path]):
            if _ran([python, "-c", "import venv"]):
                return python
    raise Unavailable(f"OGX needs Python {' or '.join(OGX_PYTHONS)}, and there is none on PATH or under pyenv")


def _ran(command: Sequence[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _installed(package: str, commands: Sequence[Sequence[str]], program: str) -> str:
    """The path of `program`, once `commands` have been run in the package's folder; that happens once on a machine."""
    folder = _cache() / package.replace("/", "+")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder / ".installed"
        for command in () if done.exists() else commands:
            _install(package, command, folder)
        done.touch()
    return str(folder / program)


def _install(package: str, command: Sequence[str], folder: Path) -> None:
    try:
        ran = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{package} cannot be installed here: {error}") from None
    if ran.returncode:
        last = (ran.stderr.strip() or ran.stdout.strip() or "no reason given").splitlines()[-1]
        raise Unavailable(f"{package} cannot be installed here: {last[:300]}")


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "batchrunner-tests")


# Running


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def _started(arguments: Sequence[str], port: int, folder: Path, env: Mapping[str, str]) -> Iterator[None]:
    """A server as a process, from when it accepts connections until the block is left."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", **env}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(arguments, stdout=log, stderr=log, cwd=folder, env=environment)
        try:
            _wait_for(port, process, folder / "server.log")
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"no server on port {port}: {log.read_text(errors='replace')[-2000:]}") from None
            time.sleep(0.1)

"""The command line as its users meet it: a process with arguments, streams and an environment, in a folder of specs.

    desk.write("s.yaml", SPEC)
    ran = desk.run("apply", "s.yaml")
    assert (ran.code, ran.err) == (0, "")

`run` forks (`support.forked`) where a fork is what the installed script would be; `run_script` and `started` start it.
Every run is held to what must hold for all: no traceback, no key anywhere, one document or event stream with `--json`
that is what its published schema says, and nothing on stdout but that.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.forked import fits, forks
from support.schemas import check_document, check_stream

from batchrunner.plans import FORMAT_VERSION as PLAN_VERSION
from batchrunner.sandbox import Faults, Ledger, SandboxSettings, Timings, running

SCRIPT = str(Path(sys.executable).with_name("batchrunner"))
KEY = "sk-canary-cafe0123456789abcdef"
UPDATE = os.environ.get("BATCHRUNNER_UPDATE_GOLDENS") == "1"
PATIENCE = 60
USUAL = Timings()

SPEC = """\
run: {once_per: day}
defaults: {endpoint: /v1/embeddings}
batches:
  - {name: ready, input_file_id: file-abc}
  - {name: rows, input: data/rows.jsonl}
"""
PROJECT = """\
providers:
  alphaedge: {retry: {base_seconds: 0.001, cap_seconds: 0.01}, polling: {cap_seconds: 0.5, base_seconds: 0.1}}
"""


def request_lines(*custom_ids: str, endpoint: str = "/v1/embeddings") -> str:
    """A good input with a line for each id."""
    body = {"model": "m", "input": "words"}
    lines = [{"custom_id": each, "method": "POST", "url": endpoint, "body": body} for each in custom_ids]
    return "".join(json.dumps(line) + "\n" for line in lines)


@dataclass(frozen=True)
class Ran:
    """A finished process: exit code, what it wrote, and the document or events it wrote if `--json` asked for them."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """Stdout as the one JSON document it has to be; of an event stream the last line, which says how it ended."""
        document: dict[str, Any] = self.events[-1] if self.is_stream else json.loads(self.out)
        return document

    @property
    def is_stream(self) -> bool:
        """Whether stdout is an event stream."""
        return self.out.startswith('{"event":')

    @property
    def events(self) -> list[dict[str, Any]]:
        """Stdout as an event stream."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def error(self) -> dict[str, str]:
        """What the document says went wrong."""
        error: dict[str, str] = self.document["error"]
        return error


@dataclass
class Desk:
    """A folder of specs to work in. `env` is added to an environment that holds nothing of ours."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    database: Path | None = None

    @property
    def ledger(self) -> Ledger:
        """What the provider was sent, the built-in one that `--sandbox` starts where there is no other."""
        return Ledger(self.database or self.folder / ".batchrunner" / "sandbox.sqlite3")

    @property
    def posts(self) -> int:
        """How many requests reached the provider, whatever came of them."""
        return sum(self.ledger.requests().values())

    def write(self, name: str, content: str | bytes) -> Path:
        """Make a file, and the folders it lies in."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def read(self, name: str) -> str:
        """The text of a file."""
        return (self.folder / name).read_text()

    def state(self, name: str = "s.state.json") -> dict[str, Any]:
        """A state file's content."""
        document: dict[str, Any] = json.loads(self.read(name))
        return document

    def environment(self, env: Mapping[str, str] | None = None) -> dict[str, str]:
        """The whole environment of a process."""
        known = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8", "TMPDIR": str(self.folder)}
        return {**known, "PYTHONWARNINGS": "error", "BATCHRUNNER_CACHE": "off", **self.env, **(env or {})}

    def run(self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None, cwd: str = ".") -> Ran:
        """Run the command line to its end, and check what must hold for all of them."""
        environment = self.environment(env)
        if not fits(arguments, environment):
            return self.run_script([SCRIPT, *arguments], stdin=stdin, env=env, cwd=cwd)
        folder = str(self.folder / cwd)
        done = forks().run(arguments, stdin=stdin, folder=folder, environment=environment, patience=PATIENCE)
        return self.checked(done)

    def run_script(
        self, command: Sequence[str], *, stdin: bytes = b"", env: Mapping[str, str] | None = None, cwd: str = "."
    ) -> Ran:
        """Run any command to its end, held to the same."""
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            cwd=self.folder / cwd,
            env=self.environment(env),
            timeout=PATIENCE,
            check=False,
        )
        return self.checked(done)

    def checked(self, done: subprocess.CompletedProcess[bytes]) -> Ran:
        """What a process wrote, held to what holds for every run."""
        ran = Ran(done.returncode, done.stdout.decode(), done.stderr.decode())
        self.check(ran, done.args)
        return ran

    def check(self, ran: Ran, command: Sequence[str] = ()) -> None:
        """What holds for every run."""
        assert "Traceback" not in ran.out + ran.err, ran
        assert KEY not in ran.out + ran.err, ran
        self.check_files()
        if "--json" in command and ran.code != 141:
            assert ran.document["format_version"] in ("1.0", PLAN_VERSION), ran
            assert ran.document["command"], ran
            check_stream(ran.events) if ran.is_stream else check_document(ran.document)

    def check_files(self) -> None:
        """No file holds the key, but for those that a test gave it to."""
        for path in self.folder.rglob("*"):
            if path.is_file() and path.suffix != ".key":
                assert KEY.encode() not in path.read_bytes(), path

    @contextmanager
    def started(self, *arguments: str, env: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
        """Start the command line; it is killed where the test leaves it running."""
        process = subprocess.Popen(
            [SCRIPT, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env=self.environment(env),
        )
        with process:
            try:
                yield process
            finally:
                process.kill()


def empty_desk(parent: Path) -> Desk:
    """One in a new folder, beside which there is room for what is not to be in it."""
    folder = parent / "work"
    folder.mkdir()
    return Desk(folder)


def filled(desk: Desk) -> Desk:
    """`desk` with one small spec, its input, and a project file that retries quickly."""
    desk.write("s.yaml", SPEC)
    desk.write("data/rows.jsonl", request_lines("one", "two"))
    desk.write("batchrunner.yaml", PROJECT)
    return desk


@contextmanager
def provided(desk: Desk, *faults: str, honour_keys: bool = True, timings: Timings = USUAL) -> Iterator[Desk]:
    """`desk` with a provider in reach that takes the canary key, and misbehaves as told."""
    database = desk.folder.with_name(f"{desk.folder.name}-provider.sqlite3")
    settings = SandboxSettings(database, key=KEY, faults=Faults.parse(faults), honour_keys=honour_keys, timings=timings)
    with running(settings) as provider:
        desk.database = database
        desk.env |= {"ALPHAEDGE_BASE_URL": provider.base_url, "ALPHAEDGE_API_KEY": KEY}
        yield desk


_UNSTEADY = (
    (re.compile(r"batch-[0-9a-f]{24}"), "batch-…"),
    (re.compile(r"file-[0-9a-f]{24}"), "file-…"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:PORT"),
    (re.compile(r"^\d\d:\d\d:\d\d ", re.MULTILINE), "HH:MM:SS "),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)"), "TIME"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"), "TIME"),
    (re.compile(r"\d{8}T\d{6}Z(-\d+)?"), "TIME"),  # counted where two are of one second
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "UUID"),
    (re.compile(r"pid \d+ on \S+,"), "pid PID on HOST,"),
)


def steady(text: str, folder: Path) -> str:
    """`text` with what differs from run to run replaced by words."""
    text = text.replace(str(folder), "FOLDER")
    for pattern, word in _UNSTEADY:
        text = pattern.sub(word, text)
    return text


def check_golden(golden: Path, text: str) -> None:
    """`text` is what was reviewed. BATCHRUNNER_UPDATE_GOLDENS=1 writes it; read the difference before committing."""
    if UPDATE:
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")

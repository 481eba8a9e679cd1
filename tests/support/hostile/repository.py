"""What a hostile pull request brings along, as data, and how it is laid out on a disk.

In texts and link targets `@OUTSIDE@` is a folder beside the repository, `@HOME@` the home of the job, and `@ROOT@` the
repository itself.
"""

import json
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

MARK = "pwned"
"""In every text that is injected: nobody else says it, so that where it is found outside of code it got out."""
FIELDS = "endpoint: /v1/embeddings, input_file_id: file-1"
GOOD = f"batches: [{{name: good, {FIELDS}}}]\n"


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    to: str


@dataclass(frozen=True)
class Pipe:
    """A FIFO that nobody writes to."""


@dataclass(frozen=True)
class Listening:
    """A Unix socket that nobody listens at."""


@dataclass(frozen=True)
class Folder:
    """An empty folder."""


@dataclass(frozen=True)
class Sparse:
    """A file of zeros that takes no room."""

    size: int


Content = str | bytes | Link | Pipe | Listening | Folder | Sparse | Callable[[], str | bytes]


@dataclass(frozen=True)
class Hostile:
    """A repository that somebody proposes. `paths` are what the job gives to `validate` and `plan`.

    `shown` is a saved plan among the files that the job shows instead. `environment` is added to that of the job.
    """

    family: str
    name: str
    files: Mapping[str, Content]
    paths: tuple[str, ...] = ("specs",)
    flags: tuple[str, ...] = ()
    shown: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.family}/{self.name}"


def lay_out(files: Mapping[str, Content], root: Path, words: Mapping[str, str]) -> None:
    """Make `files` beneath `root`; a name may be any that a file system takes."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _make(path, content() if callable(content) else content, words)


def _make(path: Path, content: Content, words: Mapping[str, str]) -> None:
    match content:
        case Link(to):
            path.symlink_to(_worded(to, words))
        case Pipe():
            os.mkfifo(path)
        case Listening():
            _bind(path)
        case Folder():
            path.mkdir(exist_ok=True)
        case Sparse(size):
            with path.open("wb") as file:
                file.truncate(size)
        case str():
            path.write_bytes(_worded(content, words).encode("utf-8", "surrogatepass"))
        case bytes():
            path.write_bytes(content)


def _bind(path: Path) -> None:
    """A socket at `path`, whose name the system caps at 108 bytes: bound from its folder."""
    before = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(before)


def _worded(text: str, words: Mapping[str, str]) -> str:
    for word, meaning in words.items():
        text = text.replace(word, meaning)
    return text


def quoted(text: str) -> str:
    """`text` as YAML, in ASCII alone; what looks like a reference is none."""
    return json.dumps(text.replace("${", "$${"))


def line(custom_id: str, model: str = "m", **more: object) -> str:
    """A request line."""
    body = {"model": model, "input": "x"}
    return json.dumps({"custom_id": custom_id, "method": "POST", "url": "/v1/embeddings", "body": body, **more}) + "\n"


def batch(**fields: str) -> str:
    """A spec of one batch, of fields written in YAML."""
    known = {"name": "a", "endpoint": "/v1/embeddings", **fields}
    return "batches:\n  - " + "\n    ".join(f"{key}: {value}" for key, value in known.items()) + "\n"

"""Request lines, files of them, and scans of those, with blocks so small that a few lines fill many."""

import io
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from batchrunner.facts import Limits
from batchrunner.inputs import Scan, scan_lines
from batchrunner.inputs import blocks as blocks_module
from batchrunner.linerules import LineRules
from batchrunner.manifest import LocalFile
from batchrunner.ports import TokenCounter
from batchrunner.sharder import Sharding

ENDPOINT = "/v1/chat/completions"
EMBEDDINGS = "/v1/embeddings"


def request(custom_id: str = "a", **changes: Any) -> bytes:
    """A request line without its end."""
    document = {"custom_id": custom_id, "method": "POST", "url": ENDPOINT, "body": {"model": "m"}}
    return json.dumps({**document, **changes}).encode()


def chat(custom_id: str, text: str = "Hello", **body: Any) -> bytes:
    """A usual request line."""
    return request(custom_id, body={"model": "m", "messages": [{"role": "user", "content": text}], **body})


def embedding(custom_id: str, value: Any, **body: Any) -> bytes:
    """A request line for embeddings."""
    return request(custom_id, url=EMBEDDINGS, body={"model": "m", "input": value, **body})


def lines(*each: bytes) -> bytes:
    """A file of these."""
    return b"".join(line + b"\n" for line in each)


@contextmanager
def stream_of(data: bytes) -> Iterator[io.BufferedRandom]:
    """A real file, as inputs are, without a name to clean up."""
    with tempfile.TemporaryFile() as stream:
        stream.write(data)
        stream.seek(0)
        yield stream  # type: ignore[misc]


def scanned(
    data: bytes,
    *,
    sharding: Sharding | None = None,
    block: int = 1 << 20,
    counter: TokenCounter | None = None,
    endpoint: str = ENDPOINT,
    **rules: Any,
) -> Scan:
    """A scan of a file with `data`, read `block` bytes at a time, without limits unless these are given."""
    with (
        stream_of(data) as stream,
        mock.patch.object(blocks_module, "BLOCK", block),
        mock.patch.object(blocks_module, "_FIRST", min(block, 1 << 16)),
    ):
        return scan_lines(
            stream,
            path="data/x.jsonl",
            shown="specs/data/x.jsonl",
            rules=LineRules(endpoint, **rules),
            sharding=sharding or Sharding.of(Limits(), shard=None),
            counter=counter,
        )


def codes(scan: Scan) -> list[tuple[str, int]]:
    """The problems found, by code and line."""
    return [(each.code, each.line) for each in scan.diagnostics]


def notes(scan: Scan) -> list[tuple[str, str]]:
    """The notices, by code and place."""
    return [(each.code, each.where) for each in scan.notices]


def whole(scan: Scan) -> LocalFile:
    """The only part."""
    (part,) = scan.parts
    return part.file

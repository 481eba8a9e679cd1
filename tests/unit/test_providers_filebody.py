"""A file on its way: whole and unchanged, or cut short."""

import asyncio
import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.inputs import open_content
from batchrunner.manifest import LocalFile, Part
from batchrunner.providers._filebody import PIECE_BYTES, FileBody, InputProblem
from batchrunner.providers._multipart import framing

FRAME = framing("br1-x.jsonl", {"purpose": "batch"})
SIZES = [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES]


def planned(content: bytes, **more: Any) -> LocalFile:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return LocalFile(path="data/in.jsonl", sha256=digest, size=len(content), requests=1, **more)


def known_twice(content: bytes, **more: Any) -> LocalFile:
    """With the digest that is cheaper to prove too."""
    return planned(content, blake3=f"blake3:{blake3(content).hexdigest()}", **more)


either = pytest.mark.parametrize("known", [planned, known_twice], ids=["sha256", "blake3"])


def collect(body: FileBody, during: Callable[[int], None] = lambda sent: None) -> bytes:
    sent = bytearray()

    async def run() -> None:
        async for piece in body:
            assert len(piece) <= PIECE_BYTES
            sent.extend(piece)
            during(len(sent))

    try:
        asyncio.run(run())
    except InputProblem:
        assert body.problem is not None
    return bytes(sent)


@either
@pytest.mark.parametrize("size", SIZES)
def test_an_unchanged_file_arrives_in_its_frame(size, known):
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    progress: list[int] = []
    body = FileBody(io.BytesIO(content), known(content), FRAME, progress.append)
    assert collect(body) == FRAME.head + content + FRAME.tail
    assert body.length == len(FRAME.head) + size + len(FRAME.tail)
    assert body.is_verified
    assert progress == sorted(progress)
    assert not size or progress[-1] == size


@either
@given(st.binary(min_size=1, max_size=100), st.binary(max_size=100))
def test_any_other_content_never_arrives_whole(known, content, other):
    body = FileBody(io.BytesIO(other), known(content), FRAME, lambda sent: None)
    sent = collect(body)
    assert body.is_verified == (content == other)
    if content != other:
        assert body.problem.code == "input-changed"
        assert "data/in.jsonl" in body.problem.words
        assert FRAME.tail not in sent
        assert len(sent) < body.length


@either
@pytest.mark.parametrize("size", SIZES[1:])
def test_a_changed_last_byte_keeps_the_last_piece_back(size, known):
    body = FileBody(io.BytesIO(b"x" * (size - 1) + b"y"), known(b"x" * size), FRAME, lambda sent: None)
    assert b"y" not in collect(body)[len(FRAME.head) :]


def test_a_file_that_grew_while_it_was_read_is_refused():
    class Growing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            piece = super().read(size)
            if not piece and size:
                return b"z"
            return piece

    body = FileBody(Growing(b"abc"), planned(b"abc"), FRAME, lambda sent: None)
    collect(body)
    assert body.problem.words.endswith("it is longer than it was when it was planned")


def test_a_disk_that_fails_is_said():
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    body = FileBody(Failing(), planned(b"abc"), FRAME, lambda sent: None)
    collect(body)
    assert (body.problem.code, body.problem.words) == ("input-unreadable", "data/in.jsonl: Input/output error")


# Real files, whole and in shards, changed while they are sent.

WHOLE = b"".join(b"%07d\n" % number for number in range(5 * PIECE_BYTES // 8))
START, SIZE = PIECE_BYTES, 3 * PIECE_BYTES
PART = Part(number=2, start=START, before=0, whole_sha256=planned(WHOLE).sha256, whole_size=len(WHOLE))
SOURCES = [
    planned(WHOLE),
    known_twice(WHOLE),
    planned(WHOLE[START : START + SIZE], part=PART),
    known_twice(WHOLE[START : START + SIZE], part=PART),
]
each_source = pytest.mark.parametrize("source", SOURCES, ids=["whole", "whole, fast", "shard", "shard, fast"])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    file = tmp_path / "data/in.jsonl"
    file.write_bytes(WHOLE)
    return file


def send(path: Path, source: LocalFile, change: Callable[[], object] = lambda: None) -> tuple[FileBody, bytes]:
    """Send what is at `path`; `change` it once, when something of it has left."""
    body = FileBody(open_content(str(path.parents[1]), source), source, FRAME, lambda sent: None)
    is_changed = False

    def during(sent: int) -> None:
        nonlocal is_changed
        if not is_changed and sent > len(FRAME.head):
            is_changed = True
            change()

    sent = collect(body, during)
    body.close()
    assert is_changed
    return body, sent


@each_source
def test_a_file_is_sent_as_it_was_planned(path, source):
    body, sent = send(path, source)
    start = source.part.start if source.part else 0
    assert sent == FRAME.head + WHOLE[start : start + source.size] + FRAME.tail
    assert body.is_verified


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more\n")


def shrink_a_little(path: Path) -> None:
    os.truncate(path, len(WHOLE) - 1)


def shrink_to_the_middle(path: Path) -> None:
    os.truncate(path, START + SIZE // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def rewrite_in_place(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(START + SIZE - 1)
        file.write(b"!")


CHANGES = [grow, shrink_a_little, shrink_to_the_middle, empty, rewrite_in_place]


@each_source
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_file_that_changes_while_it_is_sent_never_arrives_whole(path, source, change):
    body, sent = send(path, source, lambda: change(path))
    assert body.problem is not None
    assert body.problem.code == "input-changed"
    assert body.problem.words.startswith("data/in.jsonl")
    assert not body.is_verified
    # The last piece was kept back, not only the frame's end.
    assert len(sent) < len(FRAME.head) + source.size


@each_source
@pytest.mark.parametrize("gone", ["deleted", "replaced", "linked"])
def test_what_is_done_to_its_name_changes_nothing_of_an_open_file(path, source, gone):
    def change() -> None:
        path.unlink()
        if gone == "replaced":
            path.write_bytes(b"other\n")
        elif gone == "linked":
            path.symlink_to("/etc/passwd")

    body, sent = send(path, source, change)
    assert body.is_verified
    assert sent.endswith(FRAME.tail)

"""A file on its way: whole and unchanged, or cut short."""

import asyncio
import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.manifest import LocalFile
from batchrunner.providers._filebody import PIECE_BYTES, FileBody, InputProblem
from batchrunner.providers._multipart import framing

FRAME = framing("br1-x", {"purpose": "batch"})
SIZES = [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES]


def planned(content: bytes) -> LocalFile:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return LocalFile(path="data/in.jsonl", sha256=digest, size=len(content), requests=1)


def collect(body: FileBody) -> bytes:
    sent = bytearray()

    async def run() -> None:
        async for piece in body:
            assert len(piece) <= PIECE_BYTES
            sent.extend(piece)

    try:
        asyncio.run(run())
    except InputProblem:
        assert body.problem is not None
    return bytes(sent)


@pytest.mark.parametrize("size", SIZES)
def test_an_unchanged_file_arrives_in_its_frame(size):
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    progress: list[int] = []
    body = FileBody(io.BytesIO(content), planned(content), FRAME, progress.append)
    assert collect(body) == FRAME.head + content + FRAME.tail
    assert body.length == len(FRAME.head) + size + len(FRAME.tail)
    assert body.is_verified
    assert progress == sorted(progress)
    assert not size or progress[-1] == size


@given(st.binary(min_size=1, max_size=100), st.binary(max_size=100))
def test_any_other_content_never_arrives_whole(content, other):
    body = FileBody(io.BytesIO(other), planned(content), FRAME, lambda sent: None)
    sent = collect(body)
    assert body.is_verified == (content == other)
    if content != other:
        assert body.problem.code == "input-changed"
        assert "data/in.jsonl" in body.problem.words
        assert FRAME.tail not in sent
        assert len(sent) < body.length


@pytest.mark.parametrize("size", SIZES[1:])
def test_a_changed_last_byte_keeps_the_last_piece_back(size):
    body = FileBody(io.BytesIO(b"x" * (size - 1) + b"y"), planned(b"x" * size), FRAME, lambda sent: None)
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

"""The bytes that a source stands for, on a real disk."""

import hashlib
import os
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.inputs import InputRefused, digest_input, open_content, scan_lines
from batchrunner.linerules import LineRules
from batchrunner.manifest import LocalFile, Part
from batchrunner.sharder import Sharding

ENDPOINT = "/v1/embeddings"
LINE = b'{"custom_id":"%d","method":"POST","url":"/v1/embeddings","body":{"model":"m","input":"x"}}\n'


def source(size: int, start: int | None = None, whole: int = 0) -> LocalFile:
    part = None if start is None else Part(number=2, start=start, before=3, whole_sha256="sha256:0", whole_size=whole)
    return LocalFile(path="data/in.jsonl", sha256="sha256:0", size=size, requests=1, part=part)


def written(root: Path, content: bytes) -> Path:
    path = root / "data/in.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


def read(root: Path, wanted: LocalFile) -> bytes:
    with open_content(str(root), wanted) as stream:
        return b"".join(iter(lambda: stream.read(1 << 20), b""))


def test_a_whole_file(tmp_path: Path) -> None:
    written(tmp_path, b"abc\ndef\n")
    assert read(tmp_path, source(8)) == b"abc\ndef\n"


@given(data=st.binary(max_size=64), cut=st.tuples(st.integers(0, 64), st.integers(0, 64)), step=st.integers(1, 70))
def test_a_shard_is_its_slice_however_it_is_read(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, cut: tuple[int, int], step: int
) -> None:
    root = tmp_path_factory.getbasetemp()
    written(root, data)
    start, end = sorted(min(each, len(data)) for each in cut)
    wanted = source(end - start, start, len(data))
    assert read(root, wanted) == data[start:end]
    with open_content(str(root), wanted) as stream:
        room = memoryview(bytearray(step))
        pieces = iter(lambda: bytes(room[: stream.readinto(room)]), b"")  # type: ignore[attr-defined]
        assert b"".join(pieces) == data[start:end]


def test_shards_have_a_digest_each(tmp_path: Path) -> None:
    written(tmp_path, b"abc\ndef\n")
    with open_content(str(tmp_path), source(4, 4, 8)) as stream:
        shard = digest_input(stream)
    written(tmp_path, b"def\n")
    with open_content(str(tmp_path), source(4)) as stream:
        assert digest_input(stream) == shard


@pytest.mark.parametrize("wanted", [source(8), source(4, 0, 8), source(4, 4, 8)], ids=["whole", "first", "last"])
@pytest.mark.parametrize(("content", "how"), [(b"abc\ndef\nghi\n", "longer"), (b"abc\n", "shorter"), (b"", "shorter")])
def test_another_size_is_another_content(tmp_path: Path, wanted: LocalFile, content: bytes, how: str) -> None:
    written(tmp_path, content)
    with pytest.raises(InputRefused, match=f"^data/in.jsonl is {how} than it was when it was planned$") as refused:
        open_content(str(tmp_path), wanted)
    assert refused.value.code == "input-changed"


@pytest.mark.parametrize("changed", [b"ghi\n", None], ids=["grown", "shrunk"])
def test_a_file_whose_size_changes_while_a_shard_is_read(tmp_path: Path, changed: bytes | None) -> None:
    path = written(tmp_path, b"abc\ndef\n")
    with open_content(str(tmp_path), source(4, 0, 8)) as stream:
        assert stream.read(4) == b"abc\n"
        if changed is None:
            os.truncate(path, 5)
        else:
            with path.open("ab") as file:
                file.write(changed)
        with pytest.raises(InputRefused) as refused:
            stream.read(1)
    assert refused.value.code == "input-changed"


def test_a_shard_of_a_file_that_ends_in_it_is_shorter(tmp_path: Path) -> None:
    path = written(tmp_path, b"abc\ndef\n")
    with open_content(str(tmp_path), source(4, 4, 8)) as stream:
        os.truncate(path, 6)
        assert stream.read(4) == b"de"
        assert stream.read(4) == b""


@pytest.mark.parametrize("wanted", [source(8), source(4, 4, 8)], ids=["whole", "shard"])
def test_only_plain_files_beneath_the_root(tmp_path: Path, wanted: LocalFile) -> None:
    path = written(tmp_path, b"abc\ndef\n")
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputRefused) as refused:
        open_content(str(tmp_path), wanted)
    assert refused.value.code == "input-is-a-link"
    path.unlink()
    with pytest.raises(InputRefused) as refused:
        open_content(str(tmp_path), wanted)
    assert refused.value.code == "input-not-found"


@pytest.mark.parametrize("most", [None, 1, 7], ids=["whole", "a shard a line", "shards"])
def test_what_a_scan_found_is_what_is_opened(tmp_path: Path, most: int | None) -> None:
    """Both digests of each part are those of its bytes, and the parts together are the file."""
    path = written(tmp_path, b"".join(LINE % number for number in range(20)))
    rules, sharding = LineRules(endpoint=ENDPOINT), Sharding(max_requests=most)
    with path.open("rb") as stream:
        scan = scan_lines(stream, path="data/in.jsonl", shown="in.jsonl", rules=rules, sharding=sharding)
    assert scan.diagnostics == ()
    contents = [(part.file, read(tmp_path, part.file)) for part in scan.parts]
    assert b"".join(content for _, content in contents) == path.read_bytes()
    for file, content in contents:
        assert file.sha256 == f"sha256:{hashlib.sha256(content).hexdigest()}"
        assert file.blake3 == f"blake3:{blake3(content).hexdigest()}"

"""Inputs on a real disk: what may be opened, and what one pass over a file finds."""

import hashlib
import io
import json
import os
import socket
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchrunner.facts import Limits
from batchrunner.inputs import (
    InputRefused,
    Scan,
    digest_input,
    open_beneath,
    path_meant,
    relative_to_root,
    scan_lines,
)
from batchrunner.inputs.ids import SeenIds
from batchrunner.inputs.scan import LISTED
from batchrunner.jsonl import LineRules
from batchrunner.manifest import LocalFile
from batchrunner.sharder import Sharding

ENDPOINT = "/v1/chat/completions"
LIMITS = Limits()


def request(custom_id: str = "a", **changes: Any) -> bytes:
    document = {"custom_id": custom_id, "method": "POST", "url": ENDPOINT, "body": {"model": "m"}}
    return json.dumps({**document, **changes}).encode()


def lines(*each: bytes) -> bytes:
    return b"".join(line + b"\n" for line in each)


@contextmanager
def stream_of(data: bytes) -> Iterator[BinaryIO]:
    """A real file, as inputs are, without a name to clean up."""
    with tempfile.TemporaryFile() as stream:
        stream.write(data)
        stream.seek(0)
        yield stream


def scanned(data: bytes, limits: Limits = LIMITS) -> Scan:
    with stream_of(data) as stream:
        return scan_lines(
            stream,
            path="data/x.jsonl",
            shown="specs/data/x.jsonl",
            rules=LineRules(ENDPOINT, max_line_bytes=limits.max_line_bytes),
            sharding=Sharding.of(limits, False),
        )


def file(scan: Scan) -> LocalFile:
    (part,) = scan.parts
    return part.file


def found(data: bytes, limits: Limits = LIMITS) -> list[tuple[str, int]]:
    return [(each.code, each.line) for each in scanned(data, limits).diagnostics]


# What a good file is.


def test_a_good_file() -> None:
    data = lines(request("a"), request("b", body={"model": "z"}), request("c"))
    scan = scanned(data)
    assert (scan.diagnostics, scan.unlisted) == ((), 0)
    assert (file(scan).path, file(scan).size, file(scan).requests) == ("data/x.jsonl", len(data), 3)
    assert file(scan).models == ("m", "z")
    assert file(scan).sha256 == f"sha256:{hashlib.sha256(data).hexdigest()}"


def test_the_last_line_needs_no_end() -> None:
    scan = scanned(lines(request("a")) + request("b"))
    assert (scan.diagnostics, file(scan).requests) == ((), 2)


def test_models_are_kept_up_to_a_number() -> None:
    data = lines(*(request(str(n), body={"model": f"m{n:03}"}) for n in range(50)))
    assert file(scanned(data)).models == tuple(f"m{n:03}" for n in range(MODELS_KEPT))


# What is wrong with a file.


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", [("empty-file", 0)]),
        (b"\n", [("blank-line", 1)]),
        (lines(request("a"), b"", request("b")), [("blank-line", 2)]),
        (lines(request("a"), b"  "), [("blank-line", 2)]),
        (lines(request("a")) + b"\n", [("blank-line", 2)]),
        (b"\xef\xbb\xbf" + lines(request("a"), request("b")), [("byte-order-mark", 1)]),
        (lines(request("a"), b"\xef\xbb\xbf" + request("b")), [("invalid-json-line", 2)]),
        (lines(request("a") + b"\r", request("b") + b"\r", request("c") + b"\r"), [("crlf", 1)]),
        (
            lines(request("a"), b"\xef\xbb\xbf" + request("a"), request("a")),
            [("invalid-json-line", 2), ("duplicate-custom-id", 3)],
        ),
        (lines(request("a"), request("b") + b"\r"), [("crlf", 2)]),
        (lines(b"\r"), [("crlf", 1), ("blank-line", 1)]),
        (lines(request("a"), b"{}"), [("missing-required-parameter", 2)]),
        (lines(b"[]", request("a"), b"nonsense"), [("not-an-object", 1), ("invalid-json-line", 3)]),
        (lines(request("a", method="GET")), [("bad-method", 1)]),
        (lines(request("a", url="/v1/x")), [("url-mismatch", 1)]),
        (lines(request("a", body={"model": "m", "stream": True})), [("streaming-unsupported", 1)]),
        (lines(request("a", body={})), [("missing-required-parameter", 1)]),
        (lines(request("")), [("bad-custom-id", 1)]),
        (lines(b"\xff"), [("not-utf-8", 1)]),
        (lines(request("a"), request("b"), request("a")), [("duplicate-custom-id", 3)]),
        (lines(*[request("a")] * 3), [("duplicate-custom-id", 2), ("duplicate-custom-id", 3)]),
        (b"\xef\xbb\xbf" + lines(request("a"), request("a")), [("byte-order-mark", 1), ("duplicate-custom-id", 2)]),
        (lines(request("é"), request("é").replace(b"\\u00e9", "é".encode())), [("duplicate-custom-id", 2)]),
        (lines(request("a"), request("A"), request("a ")), []),
    ],
)
def test_problems_and_their_lines(data: bytes, expected: list[tuple[str, int]]) -> None:
    assert found(data) == expected


def test_a_problem_says_where_in_the_users_words() -> None:
    (told,) = scanned(lines(request("a"), request("a"))).diagnostics
    assert told.where == "specs/data/x.jsonl:2:1"
    assert told.message == "`custom_id` 'a' was already used on line 1"
    (told,) = scanned(b"").diagnostics
    assert told.where == "specs/data/x.jsonl"


def test_a_line_that_is_refused_does_not_use_up_its_id() -> None:
    assert found(lines(request("a", url="/v1/x"), request("a"))) == [("url-mismatch", 1)]


def test_the_first_twenty_are_shown_and_the_rest_counted() -> None:
    scan = scanned(lines(*[b"{}"] * 70))
    assert (len(scan.diagnostics), scan.unlisted, file(scan).requests) == (LISTED, 50, 70)


@pytest.mark.parametrize("end", [b"\n", b""])
def test_lines_up_to_the_limit_are_read(end: bytes) -> None:
    longest = len(request("a"))
    limits = Limits(max_line_bytes=longest)
    assert found(request("a") + end, limits) == []
    assert found(request("a") + b" " + end, limits) == [("line-too-long", 1)]


@pytest.mark.parametrize("rest", [b"", request("b") + b" " * 200 + request("a"), request("a"), b" " * 300])
def test_a_long_line_is_one_line(rest: bytes) -> None:
    limits = Limits(max_line_bytes=len(request("a")) + 1)
    # Both what fits into the limit and what lies behind it look like lines of their own.
    long_line = request("a") + b" " * 3 + rest
    data = lines(request("a"), long_line, request("c"), request("a"))
    scan = scanned(data, limits)
    assert [(d.code, d.line) for d in scan.diagnostics] == [("line-too-long", 2), ("duplicate-custom-id", 4)]
    assert (file(scan).requests, file(scan).size) == (4, len(data))
    assert file(scan).sha256 == f"sha256:{hashlib.sha256(data).hexdigest()}"


def test_what_a_batch_may_hold() -> None:
    data = lines(request("a"), request("b"), request("c"))
    assert found(data, Limits(max_requests=3, max_bytes=len(data))) == []
    limits = Limits(max_requests=2, max_bytes=len(data) - 1)
    assert found(data, limits) == [("too-many-tasks", 0), ("too-many-bytes", 0)]
    assert "3 requests; the provider takes 2" in scanned(data, limits).diagnostics[0].message


class Disturbed(io.FileIO):
    """A file that somebody writes to while its second line is being read."""

    def __init__(self, path: Path, disturb: Callable[[Path], object]) -> None:
        super().__init__(path, "r")
        self.path = path
        self.disturb = disturb
        self.reads = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        if self.reads == 2:
            self.disturb(self.path)
        return super().readline(size)


def grow(path: Path) -> None:
    with path.open("ab") as other:
        other.write(lines(request("c")))


def rewrite(path: Path) -> None:
    path.write_bytes(lines(request("x"), request("y")))
    os.utime(path, ns=(1, 1))


@pytest.mark.parametrize("disturb", [grow, rewrite, lambda path: os.truncate(path, 10), lambda path: path.read_bytes()])
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, disturb: Callable[[Path], object]) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(lines(request("a"), request("b")))
    data = path.read_bytes()
    with Disturbed(path, disturb) as stream:
        scan = scan_input(stream, path="x", shown="x", endpoint=ENDPOINT, limits=LIMITS)  # type: ignore[arg-type]
    changed = path.read_bytes() != data
    assert ("input-changed" in {each.code for each in scan.diagnostics}) == changed


# Any file at all.

fragments = st.sampled_from(
    [
        request("a"), request("b"), request("c"), request("a", body={"model": "m2"}), request("d", method="PUT"),
        request("e", body={"model": "m", "stream": True}), b"", b" ", b"{", b"[]", b"\xef\xbb\xbf", b"\xff", b"\r",
        b"\n", b"\n", b"\n", b'{"custom_id":"a"', b"x" * 150, b" " * 90,
    ]
)  # fmt: skip


def naive(data: bytes, longest: int) -> tuple[int, Counter[str]]:
    """The rules once more, the slow way: whole file in memory, `json.loads`, a dictionary of ids."""
    codes: Counter[str] = Counter()
    ids: set[str] = set()
    rows = data.split(b"\n")
    if rows[-1] == b"":
        rows.pop()
    short = [row for row in rows if len(row) <= longest]
    for number, row in enumerate(rows, 1):
        if len(row) > longest:
            codes["line-too-long"] += 1
            continue
        if number == 1 and row.startswith(b"\xef\xbb\xbf"):
            codes["byte-order-mark"] += 1
            row = row[3:]
        code, custom_id = naive_line(row)
        if code:
            codes[code] += 1
        elif custom_id in ids:
            codes["duplicate-custom-id"] += 1
        ids.add(custom_id)
    ids.discard("")
    codes["crlf"] = int(any(row.endswith(b"\r") for row in short))
    codes["empty-file"] = int(not rows)
    return len(rows), +codes


def naive_line(row: bytes) -> tuple[str, str]:
    if not row.strip():
        return "blank-line", ""
    try:
        document = json.loads(row.decode())
    except UnicodeDecodeError:
        return "not-utf-8", ""
    except ValueError:
        return "invalid-json-line", ""
    if not isinstance(document, dict):
        return "not-an-object", ""
    if not {"custom_id", "method", "url", "body"} <= set(document):
        return "missing-required-parameter", ""
    if document["method"] != "POST":
        return "bad-method", ""
    if document["body"].get("stream"):
        return "streaming-unsupported", ""
    return "", document["custom_id"]


@settings(max_examples=300)
@given(st.lists(fragments, max_size=14).map(b"".join))
def test_a_pass_finds_what_a_naive_reading_finds(data: bytes) -> None:
    scan = scanned(data, Limits(max_line_bytes=120))
    count, codes = naive(data, 120)
    assert Counter(each.code for each in scan.diagnostics) == codes
    assert (file(scan).requests, file(scan).size) == (count, len(data))
    assert file(scan).sha256 == f"sha256:{hashlib.sha256(data).hexdigest()}"


@given(st.binary(max_size=200))
def test_any_bytes_have_their_digest(data: bytes) -> None:
    with stream_of(data) as stream:
        assert digest_input(stream) == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert file(scanned(data)).sha256 == f"sha256:{hashlib.sha256(data).hexdigest()}"


@given(st.lists(st.text(max_size=2)), st.sampled_from([hash, len, lambda text: -1, lambda text: 2**63 - 1]))
def test_ids_whose_hashes_collide_are_told_apart(ids: list[str], hashed: Callable[[str], int]) -> None:
    seen = SeenIds(hashed)
    for custom_id in ids:
        seen.add(custom_id)
    numbered = list(enumerate(ids, 1))
    expected = [(n, ids.index(each) + 1, each) for n, each in numbered if each in ids[: n - 1]]
    assert list(seen.repeated(lambda: numbered)) == expected


def test_without_a_suspicion_nothing_is_read_again() -> None:
    seen = SeenIds()
    for number in range(1000):
        seen.add(str(number))
    assert list(seen.repeated(lambda: pytest.fail("read again"))) == []


# What may be opened.


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "specs" / "data").mkdir(parents=True)
    (root / "specs" / "data" / "x.jsonl").write_bytes(b"x")
    (root / ".hidden").mkdir()
    (root / ".hidden" / "x.jsonl").write_bytes(b"hidden")
    (root / "specs" / ".env").write_bytes(b"KEY=1")
    (tmp_path / "outside.jsonl").write_bytes(b"outside")
    (root / "link.jsonl").symlink_to("specs/data/x.jsonl")
    (root / "out.jsonl").symlink_to(tmp_path / "outside.jsonl")
    (root / "up").symlink_to(tmp_path)
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "fifo")
    return root


def opened(root: Path, path: str, folder: str = "specs") -> bytes:
    relative = relative_to_root(str(root), str(root / folder), path)
    with open_beneath(str(root), relative) as stream:
        return stream.read()


@pytest.mark.parametrize(
    "path", ["data/x.jsonl", "./data//x.jsonl", "../specs/data/x.jsonl", "nowhere/../data/x.jsonl"]
)
def test_files_beneath_the_root_are_read(root: Path, path: str) -> None:
    assert opened(root, path) == b"x"


def test_an_absolute_path_beneath_the_root_is_read(root: Path) -> None:
    assert opened(root, str(root / "specs" / "data" / "x.jsonl")) == b"x"


def test_the_root_itself_may_be_reached_by_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(root)
    assert opened(tmp_path / "alias", "data/x.jsonl") == b"x"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("../../outside.jsonl", "input-outside-root"),
        ("../../root/../outside.jsonl", "input-outside-root"),
        ("../..", "input-outside-root"),
        ("/etc/passwd", "input-outside-root"),
        ("/", "input-outside-root"),
        ("../.hidden/x.jsonl", "input-hidden"),
        (".env", "input-hidden"),
        ("...", "input-hidden"),
        ("../link.jsonl", "input-is-a-link"),
        ("../out.jsonl", "input-is-a-link"),
        ("../up/outside.jsonl", "input-is-a-link"),
        ("../up/root/specs/data/x.jsonl", "input-is-a-link"),
        ("../loop", "input-is-a-link"),
        ("../fifo", "input-not-a-file"),
        ("data", "input-not-a-file"),
        ("data/", "input-not-a-file"),
        ("..", "input-outside-root"),
        ("nowhere.jsonl", "input-not-found"),
        ("nowhere/x.jsonl", "input-not-found"),
        ("data/x.jsonl/y", "input-unreadable"),
        ("x" * 300, "input-unreadable"),
        ("data/x\0.jsonl", "input-not-found"),
        ("\0", "input-not-found"),
        ("\ud800", "input-not-found"),
    ],
)
def test_hostile_paths(root: Path, path: str, code: str) -> None:
    with pytest.raises(InputRefused) as caught:
        opened(root, path)
    assert caught.value.code == code
    assert caught.value.message


@pytest.mark.parametrize(
    "relative",
    ["../outside.jsonl", "specs/../../outside.jsonl", "/etc/passwd", ".hidden/x.jsonl", "specs/.env", "", ".", "a//b"],
)
def test_a_path_from_a_plan_or_a_state_is_trusted_no_more_than_one_from_a_spec(root: Path, relative: str) -> None:
    with pytest.raises(InputRefused) as caught:
        open_beneath(str(root), relative)
    assert caught.value.code == "input-outside-root"


STARTS = "a path starts at the folder of its spec: write "


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("data\\x.jsonl", "write `/` between folders"),
        ("..\\specs\\data\\x.jsonl", "write `/` between folders"),
        ("specs/data/x.jsonl", f"{STARTS}`data/x.jsonl`"),
        ("rows.jsonl", f"{STARTS}`../work/rows.jsonl`"),
        ("data/xx.jsonl", "did you mean `data/x.jsonl`?"),
        ("./data/../data/y.jsonl", "did you mean `./data/../data/x.jsonl`?"),
        ("data/{0}x.jsonl", "did you mean `data/x.jsonl`?"),
        ("../specs/rows.jsonl", ""),
        ("env", ""),
        ("dat", ""),
        ("../link.json", ""),
        ("../outside.json", ""),
        ("outside.jsonl", ""),
        ("link.jsonl", ""),
        ("nowhere/x.jsonl", ""),
        ("far/from/all", ""),
        ("data/x\0.jsonl", "did you mean `data/x.jsonl`?"),
        ("nowhere\0/x.jsonl", ""),
        ("\ud800", ""),
    ],
)
def test_what_was_meant_is_named_if_it_may_be_an_input(
    root: Path, path: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "work").mkdir()
    (root / "work" / "rows.jsonl").write_bytes(b"x")
    monkeypatch.chdir(root / "work")
    assert path_meant(str(root), str(root / "specs"), path) == hint


def test_what_lies_beside_the_root_is_not_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root.parent)
    assert path_meant(str(root), str(root / "specs"), "outside.jsonl") == ""


def test_a_name_that_no_spec_can_hold_is_not_named(root: Path) -> None:
    (root / "specs" / "data" / "x.jsonl").rename(root / "specs" / "data" / "x\x1b.jsonl")
    assert path_meant(str(root), str(root / "specs"), "data/x.jsonl") == ""


def test_devices_and_sockets_are_no_inputs(root: Path) -> None:
    with pytest.raises(InputRefused) as caught:
        open_beneath("/dev", "null")
    assert caught.value.code == "input-not-a-file"
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(root)  # a socket's path is short or not at all
        try:
            listener.bind("socket")
        finally:
            os.chdir(here)
        with pytest.raises(InputRefused):
            open_beneath(str(root), "socket")


def test_a_root_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(InputRefused) as caught:
        open_beneath(str(tmp_path / "gone"), "x")
    assert "gone" in caught.value.message


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_may_not_be_read(root: Path) -> None:
    (root / "specs" / "data" / "x.jsonl").chmod(0)
    with pytest.raises(InputRefused) as caught:
        opened(root, "data/x.jsonl")
    assert caught.value.code == "input-unreadable"


def test_no_descriptor_is_left_open(root: Path) -> None:
    before = len(os.listdir("/dev/fd"))
    for path in ("../fifo", "data", "../link.jsonl", "nowhere/x", "data/x.jsonl/y"):
        with pytest.raises(InputRefused):
            opened(root, path)
    assert opened(root, "data/x.jsonl") == b"x"
    assert len(os.listdir("/dev/fd")) == before

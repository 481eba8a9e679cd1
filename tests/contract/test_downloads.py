"""Downloads over real sockets: whole or cut, resumed or begun anew, and what the disk says to it."""

import asyncio
import fcntl
import gzip
import hashlib
import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.scripted_server import Answer, Seen, Server, drip, hang_up, raw, reply, reset, say_nothing, serving
from support.sending import FAST, KEY, World, facts, opened

from batchrunner.events import Downloading, Retrying
from batchrunner.facts import Limits, Paths, Timeouts
from batchrunner.jobs import Deferred, Denied, Download, Downloaded, Look, NotFound, Outcome, Rejected
from batchrunner.jobs import Seen as Looked
from batchrunner.records import replace
from batchrunner.remote import ResultFile

LINES = b"".join(b'{"custom_id":"%d","response":{"status_code":200,"body":{}}}\n' % number for number in range(1000))
BATCH = b'{"id":"batch_1","status":"in_progress"}'


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def job(target: Path, address: str = "nightly/b") -> Download:
    file = ResultFile(kind="output", file_id="file-out")
    return Download(address=address, provider="alphaedge", batch_id="batch_1", file=file, target=str(target))


def fetched(target: Path, *answers: Answer, world: World | None = None, **changes: object) -> tuple[Outcome, Server]:
    async def scenario() -> tuple[Outcome, Server]:
        async with serving(*answers) as server, opened(facts(server.origin, **changes), world or World()) as provider:
            return await provider.follow(job(target)), server

    return asyncio.run(scenario())


def is_whole(outcome: Outcome, target: Path, content: bytes = LINES) -> bool:
    return outcome == Downloaded(size=len(content), sha256=digest(content)) and target.read_bytes() == content


def ranges(server: Server) -> list[str]:
    return [seen.headers.get("range", "") for seen in server.seen]


def part(start: int, *, content: bytes = LINES, cut: int | None = None, total: str = "", headers: str = "") -> Answer:
    """The rest of `content` from `start`, or only `cut` bytes of that before the connection ends."""
    rest = content[start:]
    status = "206 Partial Content" if start else "200 OK"
    span = f"Content-Range: bytes {start}-{len(content) - 1}/{total or len(content)}\r\n" if start else ""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(rest)}\r\n{span}{headers}\r\n"
    return raw(head.encode() + rest[:cut])


def honest(content: bytes, *, most: int | None = None, etag: str = "") -> Answer:
    """A server of files that honours ranges, and hangs up after `most` bytes."""

    async def answer(seen: Seen, writer: asyncio.StreamWriter) -> None:
        start = int(seen.headers.get("range", "bytes=0-")[6:-1])
        headers = f"ETag: {etag}\r\n" if etag else ""
        if start >= len(content) and start:
            writer.write(
                f"HTTP/1.1 416 No\r\nContent-Range: bytes */{len(content)}\r\nContent-Length: 0\r\n\r\n".encode()
            )
        else:
            await part(start, content=content, cut=most, headers=headers)(seen, writer)

    return answer


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "output.jsonl.part"


# Whole


def test_a_download_is_the_documented_call(target: Path) -> None:
    world = World()
    outcome, server = fetched(target, reply(200, LINES), world=world)
    assert is_whole(outcome, target)
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("GET", "/v1/files/file-out/content")
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert seen.headers["accept-encoding"] == "identity"
    assert "range" not in seen.headers
    assert world.events[-1] == Downloading(address="nightly/b", received=len(LINES), size=len(LINES))


def test_nothing_is_a_whole_file_too(target: Path) -> None:
    outcome, _ = fetched(target, reply(200))
    assert is_whole(outcome, target, b"")


CHUNKED = b"".join(b"%x\r\n%b\r\n" % (len(line), line) for line in LINES.splitlines(keepends=True)) + b"0\r\n\r\n"
FRAMED = {
    "chunked": raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED),
    "to the end of the connection": raw(b"HTTP/1.1 200 OK\r\n\r\n" + LINES),
    "an encoding that is none": reply(200, LINES, {"Content-Encoding": "identity"}),
}


@pytest.mark.parametrize("answer", FRAMED.values(), ids=FRAMED.keys())
def test_every_framing_of_a_whole_body(answer: Answer, target: Path) -> None:
    assert is_whole(fetched(target, answer)[0], target)


# In pieces


def test_what_is_here_already_is_kept(target: Path) -> None:
    target.write_bytes(LINES[:5000])
    outcome, server = fetched(target, honest(LINES))
    assert is_whole(outcome, target)
    assert ranges(server) == ["bytes=5000-"]


def test_a_file_that_is_whole_already_is_done(target: Path) -> None:
    target.write_bytes(LINES)
    outcome, server = fetched(target, honest(LINES))
    assert is_whole(outcome, target)
    assert ranges(server) == [f"bytes={len(LINES)}-"]


def test_a_body_that_is_cut_short_is_gone_on_with(target: Path) -> None:
    outcome, server = fetched(target, part(0, cut=1000), part(1000, cut=2000), part(3000))
    assert is_whole(outcome, target)
    assert ranges(server) == ["", "bytes=1000-", "bytes=3000-"]


def test_it_goes_on_for_as_long_as_something_comes(target: Path) -> None:
    """Many more cuts than there are attempts, and than the retry budget has tokens."""
    content = LINES * 400
    outcome, server = fetched(target, honest(content, most=400_000), retry=replace(FAST, budget=20))
    assert is_whole(outcome, target, content)
    assert len(server.seen) > 60


def test_it_does_not_go_on_for_ever_by_single_bytes(target: Path) -> None:
    outcome, server = fetched(target, honest(LINES, most=1))
    assert outcome == Deferred(code="connection-lost", words=outcome.words)
    assert len(server.seen) == FAST.attempts
    assert target.read_bytes() == LINES[: FAST.attempts]


def test_a_range_that_is_not_honoured_begins_anew(target: Path) -> None:
    target.write_bytes(b"other" * 1000)
    outcome, server = fetched(target, reply(200, LINES))
    assert is_whole(outcome, target)
    assert len(server.seen) == 1


MISTAKEN: dict[str, Answer] = {
    "another beginning": part(4999),
    "no Content-Range": raw(b"HTTP/1.1 206 P\r\nContent-Length: 3\r\n\r\nabc"),
    "several parts": reply(206, b"--x\r\n", {"Content-Type": "multipart/byteranges; boundary=x"}),
    "a Content-Range of something else": reply(206, b"abc", {"Content-Range": "lines 5000-/9"}),
    "fewer bytes than are here": reply(416, b"", {"Content-Range": "bytes */10"}),
    "more bytes than are here, beyond which there is nothing": reply(416, b"", {"Content-Range": "bytes */9999"}),
    "nothing said": reply(416),
}


@pytest.mark.parametrize("answer", MISTAKEN.values(), ids=MISTAKEN.keys())
def test_another_part_than_was_asked_for_begins_anew(answer: Answer, target: Path) -> None:
    target.write_bytes(LINES[:5000])
    outcome, server = fetched(target, answer, honest(LINES))
    assert is_whole(outcome, target)
    assert ranges(server) == ["bytes=5000-", ""]


def test_a_part_where_all_was_asked_for_is_not_taken(target: Path) -> None:
    outcome, _ = fetched(target, part(10), honest(LINES))
    assert is_whole(outcome, target)


def test_a_part_of_the_rest_is_gone_on_with(target: Path) -> None:
    target.write_bytes(LINES[:100])
    some = reply(206, LINES[100:200], {"Content-Range": f"bytes 100-199/{len(LINES)}"})
    outcome, server = fetched(target, some, honest(LINES))
    assert is_whole(outcome, target)
    assert ranges(server) == ["bytes=100-", "bytes=200-"]


def test_a_file_that_became_another_begins_anew(target: Path) -> None:
    longer = LINES + LINES
    outcome, server = fetched(target, part(0, cut=1000), part(1000, content=longer), honest(longer))
    assert is_whole(outcome, target, longer)
    assert ranges(server) == ["", "bytes=1000-", ""]


def test_the_rest_is_asked_for_of_the_same_file(target: Path) -> None:
    outcome, server = fetched(target, part(0, cut=1000, headers='ETag: "v1"\r\n'), reply(200, LINES * 2))
    assert is_whole(outcome, target, LINES * 2)
    assert [seen.headers.get("if-range") for seen in server.seen] == [None, '"v1"']


@pytest.mark.parametrize("etag", ['W/"v1"', 'v1"\x01', '"' + "x" * 300 + '"'])
def test_an_etag_that_proves_nothing_is_not_sent_back(etag: str, target: Path) -> None:
    _, server = fetched(target, part(0, cut=1000, headers=f"ETag: {etag}\r\n"), honest(LINES))
    assert all("if-range" not in seen.headers for seen in server.seen)


def test_what_a_power_loss_left_is_dropped(target: Path) -> None:
    target.write_bytes(LINES[:3000] + bytes(2000) + LINES[5000:6000])
    outcome, server = fetched(target, honest(LINES))
    assert is_whole(outcome, target)
    assert ranges(server) == ["bytes=3000-"]


@settings(deadline=None, max_examples=30)
@given(here=st.integers(0, 3000), cuts=st.lists(st.integers(1, 2000), min_size=1, max_size=4), honours=st.booleans())
def test_however_it_is_cut_the_file_is_the_same(
    here: int, cuts: list[int], honours: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    target = tmp_path_factory.mktemp("cut") / "x.part"
    target.write_bytes(LINES[:here])
    left = iter(cuts)

    async def answer(seen: Seen, writer: asyncio.StreamWriter) -> None:
        start = int(seen.headers.get("range", "bytes=0-")[6:-1]) if honours else 0
        await part(start, cut=next(left, None))(seen, writer)

    assert is_whole(fetched(target, answer, retry=FAST.__class__(attempts=6, base_seconds=0, cap_seconds=0))[0], target)


@pytest.mark.parametrize("honours", [True, False], ids=["ranges", "no ranges"])
def test_half_of_a_file_that_is_said_to_be_all_is_not_believed(honours: bool, target: Path) -> None:
    outcome, server = fetched(target, reply(200, LINES[:1003]), honest(LINES) if honours else reply(200, LINES))
    assert is_whole(outcome, target)
    assert ranges(server) == ["", "bytes=1003-"]


@pytest.mark.parametrize("end", [reply(416, b"", {"Content-Range": "bytes */1003"}), reply(200, LINES[:1003])])
def test_what_is_said_to_be_all_twice_is_believed(end: Answer, target: Path) -> None:
    outcome, server = fetched(target, reply(200, LINES[:1003]), end)
    assert is_whole(outcome, target, LINES[:1003])
    assert len(server.seen) == 2


@pytest.mark.parametrize("content", [LINES.rstrip(), LINES + b"\n\n", b"\n", b"\xef\xbb\xbf" + LINES, b" {}"])
def test_other_ways_to_end_are_whole_too(content: bytes, target: Path) -> None:
    outcome, server = fetched(target, reply(200, content))
    assert is_whole(outcome, target, content)
    assert len(server.seen) == 1


# What fails


FAILING: dict[str, Answer] = {
    **{str(status): reply(status, b"oops") for status in (204, 408, 429, 500, 502, 503)},
    "hang up": hang_up(),
    "reset": reset(),
    "not HTTP": raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "a chunk that is none": raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"),
    "a flood of headers": raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000),
    "a page": reply(200, b"<html>Welcome to the captive portal</html>"),
    "words": reply(200, b"OK", {"Content-Type": "text/plain"}),
    "a list": reply(200, b"[1,2]"),
    "a huge refusal": reply(500, b"x" * 2_000_000),
}


@pytest.mark.parametrize("answer", FAILING.values(), ids=FAILING.keys())
def test_what_may_heal_is_asked_again_and_then_later(answer: Answer, target: Path) -> None:
    target.write_bytes(LINES[:100])
    assert is_whole(fetched(target, answer, honest(LINES))[0], target)
    target.write_bytes(LINES[:100])
    outcome, server = fetched(target, answer)
    assert isinstance(outcome, Deferred)
    assert len(server.seen) == FAST.attempts
    assert target.read_bytes() == LINES[:100]


REFUSED: dict[str, tuple[Answer, type[Outcome], str]] = {
    "404": (reply(404, b'{"error":{"message":"no such file"}}'), NotFound, "not-found"),
    "410": (reply(410), NotFound, "gone"),
    "401": (reply(401), Denied, "unauthorized"),
    "403": (reply(403), Denied, "forbidden"),
    "400": (reply(400), Rejected, "bad-request"),
    "gzip": (reply(200, gzip.compress(LINES), {"Content-Encoding": "gzip"}), Rejected, "encoded-reply"),
    "a bomb": (
        reply(200, gzip.compress(bytes(50_000_000)) * 60, {"Content-Encoding": "gzip"}),
        Rejected,
        "encoded-reply",
    ),
}


@pytest.mark.parametrize(("answer", "kind", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_a_refusal_is_not_asked_again(answer: Answer, kind: type, code: str, target: Path) -> None:
    target.write_bytes(LINES[:100])
    outcome, server = fetched(target, answer)
    assert (type(outcome), outcome.code, len(server.seen)) == (kind, code, 1)
    assert target.read_bytes() == LINES[:100]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int, target: Path) -> None:
    async def scenario() -> tuple[Outcome, Server]:
        async with serving(reply(200, LINES)) as other:
            there = {"Location": f"{other.origin}/x"}
            async with serving(reply(status, b"", there)) as server, opened(facts(server.origin), World()) as provider:
                return await provider.follow(job(target)), other

    outcome, other = asyncio.run(scenario())
    assert isinstance(outcome, Deferred)
    assert (outcome.code, other.seen) == ("redirected", [])
    assert "redirect" in outcome.words


def test_a_provider_that_offers_none(target: Path) -> None:
    outcome, server = fetched(target, hang_up(), paths=Paths(file_content=None))
    assert (type(outcome), outcome.code, server.seen) == (Rejected, "not-offered", [])
    assert not target.exists()


# Silence, and being stopped


def slow(content: bytes, every: float, pieces: int) -> Answer:
    async def answer(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content))
        step = -(-len(content) // pieces)
        for start in range(0, len(content), step):
            writer.write(content[start : start + step])
            await asyncio.sleep(every)

    return answer


def test_only_silence_ends_a_download_however_long_it_takes(target: Path) -> None:
    timeouts = Timeouts(download_idle_seconds=0.5, look_seconds=0.1, create_seconds=0.1)
    assert is_whole(fetched(target, slow(LINES, 0.05, 20), timeouts=timeouts)[0], target)


def test_silence_is_not_waited_for(target: Path) -> None:
    timeouts = Timeouts(download_idle_seconds=0.1)
    half = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(LINES) + LINES[:1000]

    async def stall(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(half)
        await asyncio.Event().wait()

    outcome, server = fetched(target, say_nothing(), stall, honest(LINES), timeouts=timeouts)
    assert is_whole(outcome, target)
    assert ranges(server) == ["", "", "bytes=1000-"]


@pytest.mark.parametrize("every", [0.01, 3600.0])
def test_a_stop_does_not_wait_for_the_rest(every: float, target: Path) -> None:
    """Whether bytes keep coming or none does."""
    world = World()

    async def scenario() -> Outcome:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + LINES
        async with serving(drip(head, every)) as server, opened(facts(server.origin), world) as provider:
            asking = asyncio.create_task(provider.follow(job(target)))
            await server.heard(1)
            world.is_stopping = True
            return await asking

    outcome = asyncio.run(scenario())
    assert isinstance(outcome, Deferred)
    assert LINES.startswith(target.read_bytes()[: len(LINES)])


def test_downloads_leave_room_for_looks(tmp_path: Path) -> None:
    async def scenario() -> Outcome:
        release = asyncio.Event()

        async def answer(seen: Seen, writer: asyncio.StreamWriter) -> None:
            if seen.path.endswith("/content"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n")
                await release.wait()
                writer.write(b"\n")
            else:
                await reply(200, BATCH)(seen, writer)

        async with serving(answer) as server:
            described = facts(server.origin, limits=Limits(max_in_flight=4))
            async with opened(described, World()) as provider:
                downloads = [
                    asyncio.create_task(provider.follow(job(tmp_path / f"{number}.part"))) for number in range(20)
                ]
                await server.heard(2)
                look = Look(address="nightly/b", provider="alphaedge", batch_id="batch_1")
                seen = [await provider.follow(look) for _ in range(10)]
                assert sum(each.path.endswith("/content") for each in server.seen) == 2
                release.set()
                done = await asyncio.gather(*downloads)
                assert all(isinstance(each, Downloaded) for each in done)
                return seen[-1]

    assert isinstance(asyncio.run(scenario()), Looked)


# The disk


def test_a_place_that_is_none(tmp_path: Path) -> None:
    outcome, server = fetched(tmp_path / "none" / "x.part", reply(200, LINES))
    assert (type(outcome), outcome.code, server.seen) == (Rejected, "output-not-written", [])


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def _folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("make", [_fifo, _link, _folder])
def test_nothing_but_a_file_is_written_to(make: Callable[[Path], None], target: Path) -> None:
    make(target)
    outcome, server = fetched(target, reply(200, LINES))
    assert (type(outcome), outcome.code, server.seen) == (Rejected, "output-not-written", [])


@pytest.mark.parametrize("content", [LINES, LINES * 100], ids=["at the end", "on the way"])
def test_a_full_disk(content: bytes, target: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        outcome, server = fetched(target, reply(200, content))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert (type(outcome), outcome.code, len(server.seen)) == (Rejected, "disk-full", 1)
    assert target.read_bytes() == content[:20_000]
    assert is_whole(fetched(target, honest(content))[0], target, content)


def test_one_process_writes_a_file(target: Path) -> None:
    with target.open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        outcome, server = fetched(target, reply(200, LINES))
    assert (type(outcome), outcome.code, server.seen) == (Deferred, "output-in-use", [])


def test_memory_does_not_grow_with_the_file(target: Path) -> None:
    """A quarter of a gigabyte, whose server is faster than the disk."""
    piece = b'{"x":"%s"}\n' % (b"x" * 1_000_000)

    async def answer(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(piece) * 256))
        for _ in range(256):
            writer.write(piece)
            await writer.drain()

    world = World()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome, _ = fetched(target, answer, world=world)
    assert isinstance(outcome, Downloaded)
    assert outcome.size == len(piece) * 256
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024
    received = [event.received for event in world.events if isinstance(event, Downloading)]
    assert received == sorted(received)
    assert not [event for event in world.events if isinstance(event, Retrying)]

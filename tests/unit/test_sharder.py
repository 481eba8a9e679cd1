"""Where inputs are cut: every shard within its limits, nothing lost between them, and always at the same places."""

import hashlib
from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.lines import EMBEDDINGS, chat, codes, embedding, lines, request, scanned, whole

from batchrunner import sharder
from batchrunner.facts import Limits
from batchrunner.manifest import Part
from batchrunner.sharder import Sharding
from batchrunner.spec import Shard

TEN = lines(*(chat(f"id-{number}") for number in range(10)))
LINE = len(chat("id-0")) + 1


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


# What is asked for.


@pytest.mark.parametrize(
    ("shard", "expected"),
    [
        (None, Sharding(100, 1000, 50, 7)),
        (False, Sharding(100, 1000, 50, 7, is_allowed=False)),
        (Shard(max_requests=10, max_bytes=2000), Sharding(10, 1000, 50, 7, is_numbered=True)),
        (Shard(max_tokens=9), Sharding(100, 1000, 9, 7, is_numbered=True)),
    ],
)
def test_the_smaller_of_what_a_spec_and_a_provider_say(shard: Shard | None, expected: Sharding) -> None:
    limits = Limits(max_requests=100, max_bytes=1000, max_tokens=50, max_embedding_inputs=7)
    assert Sharding.of(limits, shard) == expected


def test_without_any_limit_nothing_is_cut() -> None:
    assert Sharding.of(Limits(), None) == Sharding()
    assert whole(scanned(TEN)).part is None


# Where it is cut.


@pytest.mark.parametrize("block", [1 << 20, 300, 10])
@pytest.mark.parametrize(
    ("sharding", "requests"),
    [
        (Sharding(max_requests=10), [10]),
        (Sharding(max_requests=4), [4, 4, 2]),
        (Sharding(max_requests=5), [5, 5]),
        (Sharding(max_bytes=len(TEN)), [10]),
        (Sharding(max_bytes=len(TEN) - 1), [9, 1]),
        (Sharding(max_bytes=LINE), [1] * 10),
        (Sharding(max_tokens=-(-LINE // 4) * 3), [3, 3, 3, 1]),
        (Sharding(max_requests=6, max_bytes=LINE * 4), [4, 4, 2]),
    ],
)
def test_a_shard_takes_what_it_has_room_for(sharding: Sharding, requests: list[int], block: int) -> None:
    scan = scanned(TEN, sharding=sharding, block=block)
    assert (codes(scan), [part.file.requests for part in scan.parts]) == ([], requests)


def test_embedding_inputs_are_counted_where_they_are_limited() -> None:
    data = lines(*(embedding(str(number), ["text"] * number) for number in range(1, 5)), embedding("e", "one"))
    scan = scanned(data, sharding=Sharding(max_embedding_inputs=5), endpoint=EMBEDDINGS)
    assert (codes(scan), [part.file.requests for part in scan.parts]) == ([], [2, 1, 2])
    assert len(scanned(data, sharding=Sharding(max_embedding_inputs=11), endpoint=EMBEDDINGS).parts) == 1
    assert len(scanned(data, sharding=Sharding(max_embedding_inputs=3)).parts) == 1, "another endpoint counts none"


def test_numbered_shards_are_numbered_even_if_there_is_one() -> None:
    (part,) = scanned(TEN, sharding=Sharding(is_numbered=True)).parts
    assert part.file.part == Part(number=1, start=0, before=0, whole_sha256=digest(TEN), whole_size=len(TEN))
    assert part.file.sha256 == part.file.whole == digest(TEN)


def test_a_shard_says_where_it_lies() -> None:
    _, second, _ = scanned(TEN, sharding=Sharding(max_requests=4)).parts
    assert second.file.part == Part(number=2, start=LINE * 4, before=4, whole_sha256=digest(TEN), whole_size=len(TEN))
    assert (second.file.size, second.file.sha256) == (LINE * 4, digest(TEN[LINE * 4 : LINE * 8]))


@pytest.mark.parametrize("block", [1 << 20, 100])
def test_blank_lines_at_the_end_are_never_a_shard(block: int) -> None:
    scan = scanned(TEN + b"\n\n", sharding=Sharding(max_requests=5), block=block)
    assert [(part.file.requests, part.file.size) for part in scan.parts] == [(5, LINE * 5), (5, LINE * 5 + 2)]
    scan = scanned(TEN + b"\n\n", sharding=Sharding(max_bytes=LINE * 5 + 1), block=block)
    assert codes(scan) == [("too-many-bytes", 0)]
    assert scan.diagnostics[0].hint == "delete the blank lines"


@pytest.mark.parametrize("block", [1 << 20, 100])
@pytest.mark.parametrize(
    ("sharding", "words"),
    [
        (Sharding(max_bytes=LINE + 50), "bytes; a batch takes"),
        (Sharding(max_tokens=LINE // 2), "tokens; a batch takes"),
    ],
)
def test_a_request_that_no_shard_has_room_for(sharding: Sharding, words: str, block: int) -> None:
    data = lines(chat("a"), chat("b", "x" * 999), chat("c"))
    scan = scanned(data, sharding=sharding, block=block)
    assert codes(scan) == [("request-too-large", 2)]
    assert words in scan.diagnostics[0].message


def test_too_many_shards_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batchrunner.inputs.ledger.MAX_SHARDS", 5)
    assert codes(scanned(TEN, sharding=Sharding(max_requests=2))) == []
    assert codes(scanned(TEN, sharding=Sharding(max_requests=1))) == [("too-many-shards", 0)]
    assert sharder.MAX_SHARDS == 10_000


def test_demands_are_those_of_each_shard() -> None:
    data = lines(chat("a", max_tokens=1), chat("b", model="x"), chat("c", max_tokens=2), chat("d", max_tokens=4))
    first, second = scanned(data, sharding=Sharding(max_requests=2)).parts
    assert [(each.model, each.requests, each.output_tokens) for each in first.demands] == [("m", 1, 1), ("x", 1, None)]
    assert [(each.model, each.requests, each.output_tokens) for each in second.demands] == [("m", 2, 6)]
    assert (first.file.models, second.file.models) == (("m", "x"), ("m",))
    for part in (first, second):
        assert sum(each.size for each in part.demands) == part.file.size


# Any lines, any limits.

limits = st.none() | st.integers(1, 12)
requests = st.integers(0, 30).flatmap(
    lambda count: st.lists(st.integers(0, 40), min_size=count, max_size=count).map(
        lambda sizes: [embedding(f"id-{n}", ["x" * size] * (size % 4)) for n, size in enumerate(sizes)]
    )
)


@settings(max_examples=300)
@given(
    requests.filter(bool),
    st.builds(
        Sharding,
        max_requests=limits,
        max_bytes=st.none() | st.integers(200, 900),
        max_tokens=st.none() | st.integers(50, 300),
        max_embedding_inputs=st.none() | st.integers(3, 9),
        is_numbered=st.booleans(),
    ),
    st.sampled_from([1, 100, 700, 1 << 20]),
    st.sampled_from([b"", b"\n"]),
)
def test_shards_are_the_input_in_order_and_each_within_its_limits(
    each: list[bytes], sharding: Sharding, block: int, end: bytes
) -> None:
    data = b"\n".join(each) + end
    scan = scanned(data, sharding=sharding, block=block, endpoint=EMBEDDINGS)
    if any(code == "request-too-large" for code, _ in codes(scan)):
        return
    assert codes(scan) == []
    files = [part.file for part in scan.parts]
    starts = [0, *accumulate(file.size for file in files)]
    pieces = [data[start:stop] for start, stop in pairwise(starts)]
    assert b"".join(pieces) == data
    assert [file.sha256 for file in files] == [digest(piece) for piece in pieces]
    assert {file.whole for file in files} == {digest(data)}
    for file, piece in zip(files, pieces, strict=True):
        rows = piece.splitlines(keepends=True)
        assert len(rows) == file.requests > 0
        assert file.requests <= (sharding.max_requests or file.requests)
        assert file.size <= (sharding.max_bytes or file.size)
        assert sum(-(-len(row) // 4) for row in rows) <= (sharding.max_tokens or 10**9)
        assert sum(row.count(b'"x') + row.count(b'""') for row in rows) <= (sharding.max_embedding_inputs or 10**9)
    if len(files) > 1 or sharding.is_numbered:
        places = [(file.part.number, file.part.start, file.part.before) for file in files if file.part]
        before = [0, *accumulate(file.requests for file in files)]
        assert places == [(n + 1, starts[n], before[n]) for n in range(len(files))]
    assert scanned(data, sharding=sharding, block=1 << 16, endpoint=EMBEDDINGS) == scan
    planned = Sharding(planned=tuple(file.requests for file in files), is_numbered=sharding.is_numbered)
    assert scanned(data, sharding=planned, block=block, endpoint=EMBEDDINGS) == scan


def test_requests_keep_their_ids_and_order() -> None:
    data = lines(*(request(f"id-{number}") for number in range(100)))
    scan = scanned(data, sharding=Sharding(max_requests=7))
    starts = [part.file.part.start for part in scan.parts if part.file.part]
    assert [data[start:].split(b'"')[3] for start in starts] == [f"id-{n}".encode() for n in range(0, 100, 7)]

"""The journal: what a crash leaves is dropped, what no crash leaves is refused."""

import json
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchrunner.errors import StateError
from batchrunner.records import Raw
from batchrunner.state import State
from batchrunner.stores import FileStore
from batchrunner.testing import example_entry

SIZES = (1, 3, 1, 2, 1)
many_examples = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def address(number: int) -> str:
    return f"nightly/batch-{number}"


def written(directory: Path, *sizes: int) -> FileStore:
    """A state of one frame for each size, with that many entries, numbered through."""
    store = FileStore(directory / "nightly.state.json")
    number = iter(range(sum(sizes)))
    with store.lock(0, print):
        for size in sizes:
            store.append([example_entry(address(next(number))) for _ in range(size)])
    return store


def journal_of(store: FileStore) -> Path:
    return Path(store.url).with_name("nightly.state.journal.jsonl")


def first_frames(count: int) -> set[str]:
    return {address(number) for number in range(sum(SIZES[:count]))}


def assert_code(code: str, store: FileStore) -> StateError:
    with pytest.raises(StateError) as caught:
        store.load()
    assert caught.value.code == code
    return caught.value


def loaded(store: FileStore) -> set[str] | str:
    try:
        return set(store.load().batches)
    except StateError as error:
        return error.code


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return journal_of(written(tmp_path_factory.mktemp("whole"), *SIZES)).read_bytes()


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "nightly.state.json")


def test_a_line_is_a_checksum_and_a_chained_frame(journal: bytes, store: FileStore) -> None:
    frames = []
    for line in journal.splitlines():
        check, _, text = line.partition(b" ")
        assert check == b"%08x" % crc32(text)
        frames.append((check.decode(), json.loads(text)))
    checks, texts = [check for check, _ in frames], [text for _, text in frames]
    assert [frame["serial"] for frame in texts] == [1, 2, 3, 4, 5]
    assert [frame["prev"] for frame in texts[1:]] == checks[:-1]
    assert texts[0]["prev"] == f"{crc32((texts[0]['lineage'] + ':0').encode()):08x}"
    assert [("lineage" in frame, "format_version" in frame) for frame in texts] == [(True, True)] + [(False, False)] * 4


@many_examples
@given(data=st.data())
def test_any_prefix_is_a_prefix_of_history(data: st.DataObject, journal: bytes, store: FileStore) -> None:
    cut = data.draw(st.integers(0, len(journal)))
    journal_of(store).write_bytes(journal[:cut])
    whole = journal[:cut].count(b"\n")
    assert store.load().serial == whole
    assert set(store.load().batches) == first_frames(whole)
    assert len(journal_of(store).read_bytes()) == cut, "a reader must not repair"
    with store.lock(0, print):
        assert set(store.load().batches) == first_frames(whole)
        store.append([example_entry("nightly/after")])
    assert set(store.load().batches) == first_frames(whole) | {"nightly/after"}


@many_examples
@given(data=st.data())
def test_a_tail_of_zeros_or_a_frame_with_a_hole_is_dropped(
    data: st.DataObject, journal: bytes, store: FileStore
) -> None:
    last = journal.rindex(b"\n", 0, len(journal) - 1) + 1
    size = len(journal) - last
    start = data.draw(st.integers(0, size - 1))
    length = data.draw(st.integers(1, size - start))
    tail = bytearray(journal[last:])
    tail[start : start + length] = bytes(length)
    journal_of(store).write_bytes(journal[:last] + tail)
    assert set(store.load().batches) == first_frames(4)


@many_examples
@given(data=st.data())
def test_a_flipped_bit_before_the_last_frame_is_refused(data: st.DataObject, journal: bytes, store: FileStore) -> None:
    last = journal.rindex(b"\n", 0, len(journal) - 1) + 1
    position, bit = data.draw(st.integers(0, last - 1)), data.draw(st.integers(0, 7))
    broken = bytearray(journal)
    broken[position] ^= 1 << bit
    journal_of(store).write_bytes(broken)
    error = assert_code("corrupt-journal", store)
    line = journal.count(b"\n", 0, position) + 1
    offset = journal.rfind(b"\n", 0, position) + 1
    assert error.where == f"{journal_of(store)}:{line}"
    assert f"at byte {offset}" in error.why
    assert error.hint.startswith("batchrunner state repair --state ")
    with store.lock(0, print), pytest.raises(StateError, match="damaged"):
        store.load()
    assert journal_of(store).read_bytes() == broken, "a refused journal must not be touched"


@many_examples
@given(data=st.data())
def test_a_flipped_bit_in_the_last_frame_is_a_prefix_or_refused(
    data: st.DataObject, journal: bytes, store: FileStore
) -> None:
    last = journal.rindex(b"\n", 0, len(journal) - 1) + 1
    broken = bytearray(journal)
    broken[data.draw(st.integers(last, len(journal) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    journal_of(store).write_bytes(broken)
    assert loaded(store) in (first_frames(4), "corrupt-journal")


@many_examples
@given(junk=st.binary(max_size=200))
def test_any_bytes_are_a_state_or_an_error(junk: bytes, journal: bytes, store: FileStore) -> None:
    journal_of(store).write_bytes(junk)
    assert loaded(store) in (set(), "corrupt-journal")


@pytest.mark.parametrize(
    ("order", "line"),
    [((0, 2, 3, 4), 2), ((0, 1, 1, 2), 3), ((0, 2, 1, 3), 2), ((0, 1, 2, 4), 4), ((0, 1, 2, 3, 4, 4), 6)],
)
def test_good_lines_in_a_wrong_order_are_refused(
    order: tuple[int, ...], line: int, journal: bytes, store: FileStore
) -> None:
    lines = journal.splitlines(keepends=True)
    journal_of(store).write_bytes(b"".join(lines[index] for index in order))
    assert assert_code("corrupt-journal", store).where.endswith(f":{line}")


def test_a_journal_without_its_beginning_is_refused(journal: bytes, store: FileStore) -> None:
    journal_of(store).write_bytes(b"".join(journal.splitlines(keepends=True)[1:]))
    assert "beginning" in assert_code("corrupt-journal", store).why


def test_a_line_spliced_in_from_another_journal_is_refused(journal: bytes, store: FileStore, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = journal_of(written(tmp_path / "other", *SIZES)).read_bytes().splitlines(keepends=True)
    lines = journal.splitlines(keepends=True)
    journal_of(store).write_bytes(b"".join([*lines[:2], other[2]]))
    assert "does not follow" in assert_code("corrupt-journal", store).why


def test_the_journal_of_another_state_is_refused(tmp_path: Path, journal: bytes) -> None:
    store = written(tmp_path, 1)
    with store.lock(0, print):
        store.fold()
    journal_of(store).write_bytes(journal)
    assert_code("foreign-journal", store)
    with store.lock(0, print), pytest.raises(StateError, match="another state"):
        store.append([example_entry()])


def test_a_journal_whose_snapshot_is_gone_is_refused(tmp_path: Path) -> None:
    store = written(tmp_path, 2, 1)
    with store.lock(0, print):
        store.fold()
        store.append([example_entry("nightly/later")])
    Path(store.url).unlink()
    error = assert_code("missing-revisions", store)
    assert "nightly.state.json" in error.hint


def test_frames_the_snapshot_already_holds_are_skipped_and_then_removed(tmp_path: Path) -> None:
    store = written(tmp_path, *SIZES)
    frames = journal_of(store).read_bytes()
    with store.lock(0, print):
        store.fold()
    journal_of(store).write_bytes(frames)
    assert store.load().serial == len(SIZES)
    with store.lock(0, print):
        store.append([example_entry("nightly/next")])
    assert store.load().serial == len(SIZES) + 1
    assert journal_of(store).read_bytes().count(b"\n") == 1
    assert set(store.load().batches) == first_frames(5) | {"nightly/next"}


def test_skipped_frames_must_still_be_sound(tmp_path: Path) -> None:
    store = written(tmp_path, *SIZES)
    frames = journal_of(store).read_bytes()
    with store.lock(0, print):
        store.fold()
    journal_of(store).write_bytes(frames.replace(b"batch-1", b"batch-9", 1))
    assert_code("corrupt-journal", store)


def test_the_lineage_survives_from_the_first_frame_on(tmp_path: Path) -> None:
    store = written(tmp_path, 1)
    lineage = store.load().lineage
    assert FileStore(Path(store.url)).load().lineage == lineage
    with store.lock(0, print):
        store.fold()
        store.append([example_entry("nightly/more")])
    assert FileStore(Path(store.url)).load().lineage == lineage


def test_replies_with_line_ends_stay_on_one_line(store: FileStore) -> None:
    spaced = b'{\n  "id": "batch-1",\r\n\t"x": [1.0, "a b"]\n}'
    with store.lock(0, print):
        store.append([example_entry(reply=spaced)])
        store.append([example_entry("nightly/two")])
    assert journal_of(store).read_bytes().count(b"\n") == 2
    assert reply_of(store.load()) == Raw(b'{"id":"batch-1","x":[1.0,"a b"]}')


@pytest.mark.parametrize(
    "reply", [b"", b"{", b'{"a":\xff}', b'"\xff"', b"1 2", b"nul", b"[" * 200_000 + b"]" * 200_000]
)
def test_what_could_not_be_read_back_is_not_written(reply: bytes, store: FileStore) -> None:
    with store.lock(0, print):
        store.append([example_entry("nightly/first")])
        with pytest.raises(StateError) as caught:
            store.append([example_entry(reply=reply)])
        assert caught.value.code == "unstorable-record"
        store.append([example_entry("nightly/second")])
    assert set(store.load().batches) == {"nightly/first", "nightly/second"}


def test_a_lone_surrogate_is_not_written(store: FileStore) -> None:
    with store.lock(0, print), pytest.raises(StateError) as caught:
        store.append([example_entry("nightly/\udcff")])
    assert caught.value.code == "unstorable-record"


def reply_of(state: State) -> Raw:
    attempt = state.latest("nightly/summaries", "day:2026-11-22")
    assert attempt is not None
    return attempt.reply

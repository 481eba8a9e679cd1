"""Ids that come twice, in a memory that does not grow: on a real disk, and without one."""

import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.inputs import ids as module
from batchrunner.inputs.ids import Repeated, SeenIds

ALL = 10**9


def repeated(ids: Sequence[str], hashed: Callable[[str], int] = hash, *, held: int = 1000) -> list[Repeated]:
    """What is found in a file of `ids`, which come in a few at a time."""
    seen = SeenIds(hashed, held=held)
    for start in range(0, len(ids), 3):
        seen.add(ids[start : start + 3])
    try:
        return list(seen.repeated(lambda: enumerate(ids, 1), ALL))
    finally:
        seen.close()


def naive(ids: Sequence[str]) -> list[Repeated]:
    return [Repeated(n, ids.index(each) + 1, each) for n, each in enumerate(ids, 1) if each in ids[: n - 1]]


@given(
    st.lists(st.text(max_size=2)),
    st.sampled_from([hash, len, lambda text: -1, lambda text: 2**63 - 1]),
    st.sampled_from([1, 4, 1000]),
)
def test_ids_whose_hashes_collide_are_told_apart(ids: list[str], hashed: Callable[[str], int], held: int) -> None:
    assert repeated(ids, hashed, held=held) == naive(ids)


def test_without_a_suspicion_nothing_is_read_again() -> None:
    with closing(SeenIds(held=100)) as seen:
        seen.add([str(number) for number in range(1000)])
        assert list(seen.repeated(lambda: pytest.fail("read again"), ALL)) == []


@given(st.lists(st.text(max_size=1)), st.sampled_from([1, 4, 1000]), st.integers(0, 5))
def test_what_is_not_told_is_counted(ids: list[str], held: int, most: int) -> None:
    with closing(SeenIds(held=held)) as seen:
        seen.add(ids)
        again = (lambda: enumerate(ids, 1)) if most else (lambda: pytest.fail("read again"))
        assert list(seen.repeated(again, most)) == naive(ids)[:most]
        assert seen.surplus == len(naive(ids)[most:])


def test_what_is_over_goes_to_a_file_without_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ids = [str(number) for number in range(5000)] + ["17", "4999"]
    assert repeated(ids, held=64) == [(5001, 18, "17"), (5002, 5000, "4999")]
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("count", [8191, 8192, 9999, 10_001, 16_384, 20_003])
def test_however_many_are_left_at_the_end(count: int) -> None:
    ids = [str(number) for number in range(count)] + ["17"]
    assert repeated(ids, held=10_000) == [(count + 1, 18, "17")]


def test_without_a_disk_memory_has_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    ids = [str(number) for number in range(500)] + ["17"]
    assert repeated(ids, held=64) == [(501, 18, "17")]


def test_a_disk_that_is_full_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    room = iter([True] * 100)
    real = os.pwrite

    def pwrite(descriptor: int, data: memoryview, offset: int) -> int:
        if next(room, False):
            return real(descriptor, data[:3], offset)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", pwrite)
    ids = [str(number) for number in range(500)] + ["17", "499"]
    assert repeated(ids, held=16) == [(501, 18, "17"), (502, 500, "499")]


def test_of_very_many_repeated_ids_the_rest_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SUSPECTS", 10)
    ids = [str(number) for number in range(100)] * 3
    seen = SeenIds()
    seen.add(ids)
    found = list(seen.repeated(lambda: enumerate(ids, 1), ALL))
    assert len(found) == 20
    assert len(found) + seen.surplus == 200
    assert {each.line - each.first for each in found} == {100, 200}

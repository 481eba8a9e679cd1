"""The table of conformance cases is complete: each has a test, and each that does not apply says why."""

import re
from pathlib import Path

import pytest

from batchrunner.catalog import built_in
from batchrunner.testing import CASES

PROVEN = {
    name
    for path in Path(__file__).parent.glob("test_conformance_*.py")
    for name in re.findall(r'^@case\("([CLF]\d+)"', path.read_text(), re.MULTILINE)
}


def test_there_are_all_of_them() -> None:
    names = [f"{letter}{number}" for letter, last in (("C", 21), ("L", 14), ("F", 8)) for number in range(1, last + 1)]
    assert [case.name for case in CASES] == names
    assert len(names) == 43


def test_each_has_a_test() -> None:
    assert {case.name for case in CASES} == PROVEN


@pytest.mark.parametrize("name", built_in())
def test_few_do_not_apply(name: str) -> None:
    absent = {case.name: why for case in CASES if (why := case.absent(built_in()[name]))}
    assert all(absent.values())
    assert len(absent) < len(CASES) / 3, absent

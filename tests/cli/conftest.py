"""Folders to run the command line in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cli import Desk, empty_desk, filled, provided


@pytest.fixture
def empty(tmp_path: Path) -> Desk:
    """A folder with nothing in it."""
    return empty_desk(tmp_path)


@pytest.fixture
def desk(empty: Desk) -> Desk:
    """A folder with a spec of two batches, and no provider but the built-in sandbox."""
    return filled(empty)


@pytest.fixture
def shop(desk: Desk) -> Iterator[Desk]:
    """The same with a provider in reach, and its key."""
    with provided(desk):
        yield desk

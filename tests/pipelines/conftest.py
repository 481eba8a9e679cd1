"""Folders that pipelines are run in, and a GitHub that they talk to."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cli import Desk, empty_desk
from support.github import GitHub, github


@pytest.fixture
def empty(tmp_path: Path) -> Desk:
    """A folder with nothing in it."""
    return empty_desk(tmp_path)


@pytest.fixture
def hub() -> Iterator[GitHub]:
    """A repository on GitHub with one pull request, #7."""
    with github() as service:
        yield service

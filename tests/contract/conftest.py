"""What contract tests share."""

from collections.abc import Iterator

import pytest
from support.killing import Killer, killing


@pytest.fixture(scope="session")
def killer() -> Iterator[Killer]:
    """A process that runs commands and kills them at any step."""
    with killing() as killer:
        yield killer

"""Servers that nobody here wrote, for the tests that need them."""

from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest
from support.cli import KEY
from support.killing import Killer, killing
from support.real_servers import RealServer, Unavailable, aimock, ogx


@pytest.fixture(scope="session")
def real_ogx(request: pytest.FixtureRequest) -> Iterator[RealServer]:
    """An OGX for all tests of a process: it takes ten seconds to start."""
    yield from _running(request, ogx(key=KEY))


@pytest.fixture(scope="session")
def real_aimock(request: pytest.FixtureRequest) -> Iterator[RealServer]:
    """An aimock that behaves."""
    yield from _running(request, aimock(key=KEY))


@pytest.fixture
def chaotic_aimock(request: pytest.FixtureRequest) -> Iterator[RealServer]:
    """An aimock of the test's own, with the options that the test is parametrised with."""
    yield from _running(request, aimock(*request.param, key=KEY))


@pytest.fixture(scope="session")
def killer() -> Iterator[Killer]:
    """A process that runs commands and kills them at any step."""
    with killing() as killer:
        yield killer


def _running(request: pytest.FixtureRequest, server: AbstractContextManager[RealServer]) -> Iterator[RealServer]:
    if not request.config.getoption("--real-servers"):
        pytest.skip("starts servers that others wrote: --real-servers")
    try:
        running = server.__enter__()
    except Unavailable as reason:
        pytest.skip(str(reason))
    try:
        yield running
    finally:
        server.__exit__(None, None, None)

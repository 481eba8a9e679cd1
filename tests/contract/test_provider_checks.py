"""The public checks of providers, on every built-in dialect at a sandbox that speaks it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.dialects import DIALECTS, facts_at, sandbox_speaking, subject_of

from batchrunner.testing import PROVIDER_CHECKS, ProviderUnderTest


@pytest.fixture(params=DIALECTS)
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ProviderUnderTest]:
    with sandbox_speaking(request.param, tmp_path) as sandbox:
        yield subject_of(facts_at(request.param, sandbox.base_url))


@pytest.mark.parametrize("check", PROVIDER_CHECKS, ids=lambda check: check.__name__)
def test_every_dialect_passes(subject: ProviderUnderTest, check: Callable[[ProviderUnderTest], None]) -> None:
    check(subject)

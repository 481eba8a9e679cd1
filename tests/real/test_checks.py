"""The public checks of providers, at servers that nobody here wrote."""

from collections.abc import Callable

import pytest
from support.cli import KEY
from support.dialects import subject_of
from support.real_servers import OGX_MODEL, RealServer

from batchrunner.extensions import inherited
from batchrunner.facts import ProviderFacts
from batchrunner.records import replace
from batchrunner.testing import PROVIDER_CHECKS, ProviderUnderTest

pytestmark = pytest.mark.timeout(900)
each_check = pytest.mark.parametrize("check", PROVIDER_CHECKS, ids=lambda check: check.__name__)
Check = Callable[[ProviderUnderTest], None]


def compatible(server: RealServer, **changes: object) -> ProviderFacts:
    """What a project file says of a server of which only the dialect is known."""
    known = inherited("openai")
    assert known is not None
    return replace(known, origin=server.origin, **changes)


@each_check
def test_ogx_passes(real_ogx: RealServer, check: Check) -> None:
    check(subject_of(compatible(real_ogx, idempotency="body"), key=KEY, model=OGX_MODEL))


@each_check
def test_aimock_passes(real_aimock: RealServer, check: Check) -> None:
    check(subject_of(compatible(real_aimock), key=KEY))

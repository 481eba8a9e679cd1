"""How long a key may be relied on, and what is known of the built-in providers."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.catalog import built_in, sandbox_facts
from batchrunner.facts import Timeouts, key_is_alive
from batchrunner.records import replace

NOW = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)
DAY = 86_400.0
ALPHAEDGE = built_in()["alphaedge"]


def alive(*, after: float, ttl: float = DAY, server: float | None = None, create_seconds: float = 60.0) -> bool:
    facts = replace(ALPHAEDGE, key_ttl_seconds=int(ttl), timeouts=Timeouts(create_seconds=create_seconds))
    server_time = None if server is None else NOW + timedelta(seconds=server)
    return key_is_alive(facts, NOW, NOW + timedelta(seconds=after), server_time)


def test_a_key_lives_until_a_resend_could_outlast_it() -> None:
    last = DAY - 60 - 60
    assert alive(after=last)
    assert not alive(after=last + 0.001)
    assert not alive(after=last, create_seconds=60.001)


def test_the_later_clock_counts() -> None:
    assert not alive(after=0, server=DAY)
    assert not alive(after=DAY, server=0)
    assert alive(after=0, server=-DAY)


def test_a_clock_well_before_the_first_send_proves_nothing() -> None:
    assert alive(after=-1)
    assert not alive(after=-60.001)
    assert not alive(after=-DAY, server=1)


def test_a_key_that_is_not_kept_is_dead_at_once() -> None:
    assert not alive(after=0, ttl=0)


@given(st.floats(0, 2 * DAY), st.floats(0, DAY), st.floats(0, 2 * DAY))
def test_a_dead_key_stays_dead(after: float, more: float, server: float) -> None:
    if not alive(after=after, server=server):
        assert not alive(after=after + more, server=server)


@pytest.mark.parametrize("zone", ["+00:00", "+01:00", "-08:00"])
def test_times_are_compared_across_zones(zone: str) -> None:
    sent = NOW.astimezone(datetime.fromisoformat(f"2026-01-01T00:00:00{zone}").tzinfo)
    assert key_is_alive(ALPHAEDGE, sent, NOW)


def test_alphaedge_is_as_its_documentation_says() -> None:
    """Create Batch Job: POST https://api.alphaedge-ai.com/v1/batch with a bearer key."""
    assert (ALPHAEDGE.origin, ALPHAEDGE.paths.create_batch) == ("https://api.alphaedge-ai.com", "/v1/batch")
    assert ALPHAEDGE.api_key.env == "ALPHAEDGE_API_KEY"
    assert ALPHAEDGE.idempotency == "header"


def test_the_sandbox_asks_for_nobodys_key() -> None:
    assert sandbox_facts().api_key.env != ALPHAEDGE.api_key.env


@pytest.mark.parametrize("far", [datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)])
def test_no_clock_is_too_far_off(far: datetime) -> None:
    for ttl in (0, 86_400, 10**18):
        facts = replace(ALPHAEDGE, key_ttl_seconds=ttl)
        key_is_alive(facts, NOW, far)
        key_is_alive(facts, far, NOW)
        key_is_alive(facts, far, far, far)
    assert not key_is_alive(ALPHAEDGE, NOW, NOW, datetime.max.replace(tzinfo=UTC))

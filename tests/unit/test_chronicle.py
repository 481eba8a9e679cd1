"""What an attempt was submitted as, told by its key."""

import pytest
from support.builders import DAY, attempt, intent

from batchrunner.chronicle import was_submitted_as
from batchrunner.digest import idempotency_key
from batchrunner.state import Entry


@pytest.mark.timeout(10)
@pytest.mark.parametrize("number", [3, 10**12])
def test_no_state_makes_it_count_for_hours(number: int) -> None:
    key = idempotency_key("acme", "old", "old/a#2", DAY, 3)
    entry = Entry(address="new/b#2", run_key=DAY, attempt=attempt(number=number, intent=intent(key=key)))
    assert was_submitted_as("old/a", entry, "acme")
    assert not was_submitted_as("old/c", entry, "acme")

"""How much may be made of little files, and that no more is."""

import pytest

from batchrunner.inputs import Allowance, InputRefused
from batchrunner.inputs.allowance import AGAIN, MADE, PLANNED, ROW, TIMES
from batchrunner.sharder import MAX_SHARDS


@pytest.mark.parametrize(("is_table", "times"), [(True, TIMES), (False, AGAIN)])
def test_a_file_is_worth_what_it_holds_and_once(is_table: bool, times: int) -> None:
    allowance = Allowance()
    assert not allowance.admit("a", 1_000, is_table=is_table)
    assert allowance.admit("a", 1_000, is_table=is_table)
    allowance.make(MADE + 1_000 * times - 2 * ROW, rows=2)
    assert not allowance.is_spent
    with pytest.raises(InputRefused) as refused:
        allowance.make(1)
    assert (refused.value.code, allowance.is_spent) == ("renders-too-much", True)


def test_what_is_allowed_expressly_counts_alone() -> None:
    allowance = Allowance(2_000_000)
    allowance.admit("a", 1 << 40, is_table=True)
    allowance.make(2_000_000)
    with pytest.raises(InputRefused, match="more than 2 MB"):
        allowance.make(1)


def test_shards_are_counted_over_all_inputs() -> None:
    allowance = Allowance()
    allowance.plan(MAX_SHARDS, 0)
    allowance.plan(2, 0)
    with pytest.raises(InputRefused) as refused:
        allowance.plan(2, 0)
    assert (refused.value.code, allowance.is_spent) == ("too-many-shards", True)


def test_a_plan_has_the_template_of_each_shard() -> None:
    allowance = Allowance()
    allowance.plan(4, PLANNED // 4)
    with pytest.raises(InputRefused) as refused:
        allowance.plan(1, 1)
    assert (refused.value.code, allowance.is_spent) == ("plan-too-large", True)

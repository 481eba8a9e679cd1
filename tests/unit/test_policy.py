"""What a project's policy refuses: only what is newly paid for, all of it together, and what cannot be known."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders import attempt, desired, intent, plan_of, state_of

from batchrunner.address import shard
from batchrunner.manifest import LocalFile, ProviderFile, Source
from batchrunner.plans import Blocked, Change, Refusal, Replace, Resume, Submit, Unchanged
from batchrunner.policy import refusals, refused
from batchrunner.pricing import Estimate
from batchrunner.project import Policy


def local(requests: int = 10, models: tuple[str, ...] = ("m",)) -> LocalFile:
    return LocalFile(path="a.jsonl", sha256="sha256:1", size=100, requests=requests, models=models)


def costs(low: float | None, high: float | None, **changes: Any) -> Estimate:
    known = {"input_tokens": 10, "output_tokens": 10, "counted_by": "bytes/4"}
    return Estimate(**{**known, "cost_low": low, "cost_high": high, **changes})


def submit(address: str = "n/a", source: Source | None = None, **changes: Any) -> Submit:
    known = {
        "run_key": "r", "reason": "new", "attempt": 1, "idempotency_key": "k", "fingerprint": "f", "provider": "p",
        "origin": "o", "endpoint": "/v1/e", "completion_window": "24h", "source": source or local(),
    }  # fmt: skip
    return Submit(address=address, **{**known, **changes})


def broken(policy: Policy, *changes: Change) -> list[str]:
    return [refusal.rule for refusal in refusals(changes, policy)]


STRICT = Policy(
    max_cost_usd=1.0, max_requests=5, allowed_models=("other",), allowed_endpoints=("/v1/x",), required_metadata=("k",)
)


def test_without_rules_nothing_is_refused() -> None:
    assert broken(Policy(), submit(source=ProviderFile(file_id="f"))) == []


def test_every_rule_is_told_and_those_of_the_whole_plan_first() -> None:
    assert broken(STRICT, submit(estimate=costs(1.0, 2.0))) == [
        "max_cost_usd",
        "max_requests",
        "allowed_models",
        "allowed_endpoints",
        "required_metadata",
    ]


def test_what_is_owed_or_not_sent_breaks_no_rule() -> None:
    owed = plan_of([desired()], state_of(attempt("in-doubt"))).changes
    assert [type(change) for change in owed] == [Resume]
    resting = [
        Unchanged(address="n/b", run_key="r", reason="already-submitted", batch_id="b", submitted_at=""),
        Blocked(address="n/c", run_key="r", reason="in-doubt-held", hint="x"),
    ]
    assert broken(STRICT, *owed, *resting) == []


def test_a_replacement_is_paid_for_again() -> None:
    base = submit(estimate=costs(1.0, 2.0))
    again = Replace(**{name: getattr(base, name) for name in base.__struct_fields__}, replaces="b")
    assert broken(Policy(max_cost_usd=1.5), again) == ["max_cost_usd"]


# Cost.


@pytest.mark.parametrize(("limit", "rules"), [(2.0, []), (1.99, ["max_cost_usd"])])
def test_the_high_ends_of_all_submissions_together_are_what_the_limit_is_for(limit: float, rules: list[str]) -> None:
    changes = [submit(f"n/{i}", estimate=costs(0.0, 0.5)) for i in range(4)]
    assert broken(Policy(max_cost_usd=limit), *changes) == rules


def test_sums_of_floats_are_not_taken_to_the_last_bit() -> None:
    changes = [submit(f"n/{i}", estimate=costs(0.1, 0.1)) for i in range(3)]
    assert 0.1 + 0.1 + 0.1 > 0.3
    assert broken(Policy(max_cost_usd=0.3), *changes) == []


@pytest.mark.parametrize(
    ("estimate", "why"),
    [
        (None, "already at the provider cannot be priced"),
        (costs(None, None, unpriced=("gpt-99",)), "`gpt-99` has no known price: set `prices`"),
        (costs(0.5, None, unpriced=("gpt-99",)), "`gpt-99` has no known price: set `prices`"),
        (costs(0.5, None, output_tokens=None), "Output has no limit: set one in every request"),
    ],
)
def test_a_cost_that_is_not_known_is_over_any_limit(estimate: Estimate | None, why: str) -> None:
    change = submit("n/a", estimate=estimate)
    [refusal] = refusals([change], Policy(max_cost_usd=100.0))
    assert refusal.rule == "max_cost_usd"
    for said in ("what n/a may cost is not known", "$100.00", why, "`allow_unknown`"):
        assert said in refusal.message
    assert broken(Policy(max_cost_usd=100.0, allow_unknown=True), change) == []


def test_a_price_list_that_is_missing_is_what_is_told_of_unknown_prices() -> None:
    change = submit("n/a", estimate=costs(None, None, unpriced=("gpt-4o-mini",)))
    [refusal] = refusals([change], Policy(max_cost_usd=100.0), has_price_list=False)
    words = "what n/a may cost is not known; the limit is $100.00. No price list is installed: pip install "
    assert refusal.message.startswith(f"{words}'batchrunner[cost]', or set `prices` of the provider")
    assert "no known price" not in refusal.message


def test_what_to_do_about_a_cost_fits_what_is_submitted() -> None:
    policy = Policy(max_cost_usd=1.0)
    [refusal] = refusals([submit(estimate=costs(1.0, 2.0))], policy)
    assert "Submit a smaller input, set a smaller `max_tokens`" in refusal.message
    assert "--target" not in refusal.message
    for address in ("n/b", shard("n/a", 2)):
        [refusal] = refusals([submit(shard("n/a", 1), estimate=costs(1.0, 2.0)), submit(address)], policy)
        assert "as with --target" in refusal.message


def test_what_is_known_counts_even_where_the_rest_may_be_unknown() -> None:
    lenient = Policy(max_cost_usd=1.0, allow_unknown=True)
    [refusal] = refusals([submit("n/a", estimate=costs(0.1, 1.5)), submit("n/b")], lenient)
    assert refusal.message.startswith("the plan may cost $1.50 and more; the limit is $1.00. ")


def test_an_amount_over_a_limit_is_seen_to_be() -> None:
    [refusal] = refusals([submit(estimate=costs(0.0, 1.000002))], Policy(max_cost_usd=1.0))
    assert "$1.01; the limit is $1.00" in refusal.message
    [refusal] = refusals([submit(estimate=costs(0.0, 0.0004))], Policy(max_cost_usd=0.0001))
    assert "$0.01; the limit is $0.0001." in refusal.message


# Requests.


@pytest.mark.parametrize(("limit", "rules"), [(20, []), (19, ["max_requests"])])
def test_the_requests_of_all_submissions_together_are_counted(limit: int, rules: list[str]) -> None:
    assert broken(Policy(max_requests=limit), submit("n/a"), submit("n/b")) == rules


def test_the_requests_of_a_file_at_the_provider_are_not_known() -> None:
    there = submit("n/b", ProviderFile(file_id="f"))
    [refusal] = refusals([submit(), there], Policy(max_requests=100))
    assert "how many requests n/b would submit is not known; the limit is 100" in refusal.message
    assert broken(Policy(max_requests=100, allow_unknown=True), submit(), there) == []
    assert broken(Policy(max_requests=5, allow_unknown=True), submit(), there) == ["max_requests"]


# Models.


@pytest.mark.parametrize(
    ("pattern", "model", "fits"),
    [
        ("gpt-4o", "gpt-4o", True),
        ("gpt-4o", "gpt-4o-mini", False),
        ("gpt-4o", "xgpt-4o", False),
        ("gpt-4o*", "gpt-4o-mini", True),
        ("gpt-*-mini", "gpt-5-mini", True),
        ("gpt-*-mini", "gpt-5-mini-2", False),
        ("*", "anything\nat all", True),
        ("gpt-4.1", "gpt-4x1", False),
        ("gpt-?", "gpt-5", False),
        ("[a-z]", "b", False),
        ("gpt-4o", "GPT-4o", False),
        ("gpt-4o", "gpt-4o\n", False),
    ],
)
def test_a_star_stands_for_any_text_and_nothing_else_is_special(pattern: str, model: str, fits: bool) -> None:
    change = submit(source=local(models=(model,)))
    assert (broken(Policy(allowed_models=(pattern,)), change) == []) is fits


def test_no_model_is_allowed_by_an_empty_list() -> None:
    [refusal] = refusals([submit()], Policy(allowed_models=()))
    assert refusal.message.startswith("n/a asks for `m`; allowed: none. ")


def test_strange_models_are_named_and_many_are_counted() -> None:
    models = ("good", *(f"bad{i}" for i in range(5)))
    [refusal] = refusals([submit(source=local(models=models))], Policy(allowed_models=("good",)))
    assert refusal == Refusal(
        rule="allowed_models",
        message="n/a asks for `bad0`, `bad1`, `bad2` and 2 more; allowed: `good`. Ask for a model that is allowed.",
        address="n/a",
    )


@pytest.mark.parametrize("source", [ProviderFile(file_id="f"), local(models=()), local(models=("", "good"))])
def test_models_that_are_not_all_known_are_not_allowed(source: Source) -> None:
    strict, lenient = Policy(allowed_models=("*",)), Policy(allowed_models=("*",), allow_unknown=True)
    assert broken(strict, submit(source=source)) == ["allowed_models"]
    assert broken(lenient, submit(source=source)) == []


def test_a_model_that_is_refused_is_refused_whatever_else_is_unknown() -> None:
    lenient = Policy(allowed_models=("good",), allow_unknown=True)
    assert broken(lenient, submit(source=local(models=("", "bad")))) == ["allowed_models"]


# Metadata, shards, words.


def test_metadata_must_have_every_key() -> None:
    policy = Policy(required_metadata=("team", "owner"))
    assert broken(policy, submit(metadata={"team": "a", "owner": ""})) == []
    [refusal] = refusals([submit(metadata={"team": "a"})], policy)
    assert "n/a has no metadata `owner`; required: `team`, `owner`" in refusal.message


def test_shards_of_one_batch_are_told_once() -> None:
    shards = [submit(shard("n/a", i)) for i in range(1, 101)]
    assert [(r.rule, r.address) for r in refusals(shards, Policy(allowed_models=("x",), required_metadata=("k",)))] == [
        ("allowed_models", "n/a"),
        ("required_metadata", "n/a"),
    ]
    assert broken(Policy(max_requests=999), *shards) == ["max_requests"]


def test_the_error_names_each_rule_once_and_where_it_is() -> None:
    changes = [submit(f"n/{i}") for i in range(9)]
    error = refused(refusals(changes, Policy(allowed_models=(), max_requests=1)), "batchrunner.yaml")
    assert (error.code, int(error.exit_code), error.where) == ("policy-refused", 1, "batchrunner.yaml")
    assert error.message == "the plan breaks the project's policy: max_requests, allowed_models"
    assert error.why.endswith("And 7 more.")


AMOUNTS = st.none() | st.floats(0, 1000)


@given(st.lists(st.tuples(AMOUNTS, AMOUNTS), max_size=6), st.floats(0, 1000))
def test_less_is_never_refused_where_more_is_not(pairs: list[tuple[float | None, float | None]], limit: float) -> None:
    changes = [
        submit(f"n/{i}", estimate=costs(low, None if low is None or high is None else low + high))
        for i, (low, high) in enumerate(pairs)
    ]
    if not broken(Policy(max_cost_usd=limit), *changes):
        assert not broken(Policy(max_cost_usd=limit), *changes[:-1])


def test_an_intent_keeps_what_its_plan_estimated() -> None:
    estimate = costs(0.1, 0.2)
    stored = attempt("in-doubt", intent=intent(estimate=estimate))
    [resumed] = plan_of([desired()], state_of(stored)).changes
    assert isinstance(resumed, Resume)
    assert resumed.estimate == estimate

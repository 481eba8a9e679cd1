"""Prices and tokens come from installed data alone; the price of a batch is taken only where one is listed."""

import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from genai_prices.data import providers
from hypothesis import given, settings
from hypothesis import strategies as st
from support.builders import facts

from batchrunner.estimating import Estimator, token_counter
from batchrunner.estimating.prices import PriceList
from batchrunner.facts import ProviderFacts
from batchrunner.pricing import Demand, Estimate, Price

NOW = datetime(2026, 11, 22, tzinfo=UTC)
MILLION = 1_000_000


def demand(model: str, **changes: Any) -> Demand:
    known = {"requests": 1000, "size": 4 * MILLION, "input_tokens": MILLION, "output_tokens": MILLION}
    return Demand(model=model, **{**known, **changes})


def estimated(model: str, known: ProviderFacts | None = None, **changes: Any) -> Estimate:
    return Estimator(NOW).estimate([demand(model, **changes)], known or facts())


def listed(provider: str, model: str) -> Any:
    """A model as genai-prices has it."""
    [found] = [each for each in providers if each.id == provider]
    return next(each for each in found.models if each.id == model)


# Prices.


def test_a_listed_batch_price_is_taken() -> None:
    found = estimated("gpt-4o-mini")
    prices = listed("openai", "gpt-4o-mini").get_prices(NOW, {"processing": "batch"})
    assert found.basis == "batch"
    assert found.cost_low == pytest.approx(float(prices.input_mtok))
    assert found.cost_high == pytest.approx(float(prices.input_mtok + prices.output_mtok))
    assert found.price_lists[0].startswith("openai (genai-prices ")


def test_a_model_without_a_batch_price_costs_what_live_calls_do_at_most() -> None:
    full = estimated("grok-4")
    assert full.basis == "full"
    cheaper = estimated("grok-4", facts(discount=0.5))
    assert cheaper.basis == "discount"
    assert (full.cost_low or 0) / 2 == cheaper.cost_low
    assert (full.cost_high or 0) / 2 == cheaper.cost_high


def test_a_discount_is_not_taken_off_a_batch_price() -> None:
    assert estimated("gpt-4o-mini", facts(discount=0.5)) == estimated("gpt-4o-mini")


def test_the_batch_price_of_one_provider_is_not_that_of_another_who_offers_its_models() -> None:
    assert estimated("gpt-4o-mini", facts(price_list="azure")).basis == "full"
    assert estimated("gpt-4o-mini", facts(price_list="azure")).price_lists[0].startswith("azure ")


def test_a_model_whose_name_does_not_tell_its_maker_is_found_where_it_is_listed_once() -> None:
    found = estimated("text-embedding-3-small", output_tokens=0)
    assert found.price_lists[0].startswith("openai ")
    assert found.cost_low == found.cost_high == pytest.approx(0.02)


@pytest.mark.parametrize("model", ["m", "", "gpt-99", "x" * 10_000, "text-embedding-3-small\n", "../../etc/passwd"])
def test_a_model_that_is_not_listed_has_no_price(model: str) -> None:
    found = estimated(model)
    assert (found.cost_low, found.cost_high, found.unpriced, found.basis) == (None, None, (model,), "")


def test_a_list_that_nobody_keeps_prices_nothing() -> None:
    assert estimated("gpt-4o-mini", facts(price_list="nobody")).unpriced == ("gpt-4o-mini",)


def test_the_projects_price_wins_and_needs_no_list() -> None:
    known = facts(prices={"gpt-4o-mini": {"input": 1.0, "output": 2.0}, "house": {"input": 3.0}})
    assert estimated("gpt-4o-mini", known).cost_high == 3.0
    assert estimated("house", known).cost_high == 3.0
    assert estimated("house", known).basis == "project"
    assert estimated("house", known).price_lists == ()


def test_prices_that_depend_on_length_take_that_of_the_mean_request() -> None:
    short = estimated("gemini-2.5-pro", requests=1000)
    long = estimated("gemini-2.5-pro", requests=1)
    assert short.basis == long.basis == "batch"
    assert (long.cost_low or 0) > (short.cost_low or 0)


@settings(max_examples=300)
@given(st.text(max_size=40) | st.sampled_from(["gpt-", "claude-", "gemini-", "ft:", "litellm/", "azure/gpt-4o"]))
def test_no_name_is_a_crash_or_a_price_below_nothing(model: str) -> None:
    price = PriceList(NOW).price(demand(model), None, None)
    assert price is None or (price.input >= 0 and (price.output is None or price.output >= 0))


def test_every_listed_model_has_a_price_that_says_what_it_is() -> None:
    prices = PriceList(NOW)
    found: dict[str, Price | None] = {
        f"{provider.id}/{model.id}": prices.price(demand(model.id), provider.id, 0.5)
        for provider in providers
        for model in provider.models
    }
    bases = {price.basis for price in found.values() if price is not None}
    assert bases == {"batch", "discount"}
    assert sum(price is not None and price.basis == "batch" for price in found.values()) > 50


PROGRAM = """
import sys
opened = []
sys.addaudithook(lambda event, arguments: opened.append(event) if event.startswith("socket.") else None)
{before}
from datetime import UTC, datetime
from batchrunner.estimating import Estimator, token_counter
from batchrunner.catalog import built_in
from batchrunner.facts import ModelPrice
from batchrunner.pricing import Demand
from batchrunner.records import replace
facts = built_in()["alphaedge"]
known = replace(facts, prices={{"gpt-4o-mini": ModelPrice(input=1.0, output=2.0)}})
demand = Demand(model="gpt-4o-mini", requests=1, size=4, input_tokens=1000000, output_tokens=1)
estimator = Estimator(datetime.now(UTC))
{body}
import threading
assert threading.active_count() == 1
assert not opened, opened
"""


def ran(body: str, before: str = "") -> str:
    program = PROGRAM.format(body=body, before=before)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_looking_up_prices_and_counting_opens_no_socket_and_starts_no_thread() -> None:
    body = "print(estimator.estimate([demand], facts).basis, token_counter().count('hello world', 'gpt-4o'))"
    assert ran(body) == "batch 2"


def test_a_price_of_the_project_loads_no_price_list() -> None:
    body = "print(estimator.estimate([demand], known).cost_low, 'genai_prices' in sys.modules, 'rs_bpe' in sys.modules)"
    assert ran(body) == "1.0 False False"


def test_without_the_extras_costs_are_unknown_with_a_word_how_to_get_them() -> None:
    gone = """
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"genai_prices", "rs_bpe"}:
            raise ModuleNotFoundError(name=name)
sys.meta_path.insert(0, Missing())
"""
    body = """
estimate = estimator.estimate([demand, demand], facts)
print(estimate.cost_low, estimate.unpriced, estimate.input_tokens)
print(estimator.estimate([demand], known).cost_low)
print([notice.message for notice in estimator.notices])
"""
    lines = ran(body, gone).splitlines()
    assert lines[0] == "None ('gpt-4o-mini',) 2000000"
    assert lines[1] == "1.0"
    assert lines[2].count("pip install 'batchrunner[cost]'") == 1


# Tokens.


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        ("gpt-4o", "o200k_base"),
        ("gpt-4o-mini-2024-07-18", "o200k_base"),
        ("chatgpt-4o-latest", "o200k_base"),
        ("gpt-4.1-nano", "o200k_base"),
        ("gpt-5", "o200k_base"),
        ("gpt-5.1-codex", "o200k_base"),
        ("o1", "o200k_base"),
        ("o3-mini", "o200k_base"),
        ("gpt-oss-120b", "o200k_base"),
        ("ft:gpt-4o-mini:acme::x", "o200k_base"),
        ("gpt-4", "cl100k_base"),
        ("gpt-4-turbo", "cl100k_base"),
        ("ft:gpt-3.5-turbo:acme", "cl100k_base"),
        ("gpt-3.5-turbo", "cl100k_base"),
        ("text-embedding-3-small", "cl100k_base"),
        ("text-embedding-ada-002", "cl100k_base"),
        ("text-embedding-4", ""),
        ("claude-sonnet-4-5", ""),
        ("gpt-4x", ""),
        ("o12", ""),
        ("my-gpt-4o", ""),
        ("", ""),
    ],
)
def test_a_model_is_counted_with_its_public_encoding(model: str, encoding: str) -> None:
    counter = token_counter()
    assert counter is not None
    assert counter.name(model) == encoding


# As OpenAI's tiktoken counts them.
@pytest.mark.parametrize(
    ("text", "o200k", "cl100k"),
    [
        ("", 0, 0),
        ("hello world", 2, 2),
        ("Les élèves étaient très fatigués.", 8, 10),
        ("日本語の文章です。", 6, 8),
        ("def f(x):\n    return x + 1\n", 11, 11),
    ],
)
def test_tokens_are_those_of_the_encoding(text: str, o200k: int, cl100k: int) -> None:
    counter = token_counter()
    assert counter is not None
    assert (counter.count(text, "gpt-4o"), counter.count(text, "gpt-4")) == (o200k, cl100k)


@given(st.text(st.characters(), max_size=200))
def test_any_text_can_be_counted(text: str) -> None:
    counter = token_counter()
    assert counter is not None
    assert 0 <= counter.count(text, "gpt-4o") <= len(text.encode("utf-8", "replace"))


def test_half_a_surrogate_pair_is_counted() -> None:
    counter = token_counter()
    assert counter is not None
    assert counter.count("a \ud83d b", "gpt-4o") > 2
    assert counter.count("<|endoftext|>", "gpt-4o") > 1

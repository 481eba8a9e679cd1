"""Addresses and the patterns that name them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.address import (
    MATRIX_VALUE,
    NAME,
    address,
    concerns,
    declaration_of,
    is_address,
    matches,
    natural,
    shard,
    spec_of,
)

names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,10}", fullmatch=True)
values = st.text(alphabet="aéÎ日7-_./:|'\" ", min_size=1, max_size=12).map(lambda text: text.strip() or "x")
matrices = st.dictionaries(names, values, min_size=1, max_size=3)


def test_matrix_members_are_named_by_value_in_key_order() -> None:
    assert address("nightly", "tickets") == "nightly/tickets"
    assert address("nightly", "tickets", {}) == "nightly/tickets"
    assert address("nightly", "tickets", {"lang": "en", "batch": "2"}) == "nightly/tickets[batch=2,lang=en]"


@given(values)
def test_values_of_these_tests_are_values(value: str) -> None:
    assert MATRIX_VALUE.match(value)


@given(names, names, st.none() | matrices)
def test_an_address_tells_its_spec_and_declaration(spec: str, batch: str, matrix: dict[str, str] | None) -> None:
    whole = address(spec, batch, matrix)
    assert spec_of(whole) == spec
    assert declaration_of(whole) == f"{spec}/{batch}"
    assert declaration_of(f"{whole}#2") == f"{spec}/{batch}"


@given(names, names, matrices, matrices)
def test_different_members_have_different_addresses(
    spec: str, batch: str, one: dict[str, str], other: dict[str, str]
) -> None:
    assert (address(spec, batch, one) == address(spec, batch, other)) == (one == other)


@given(names, names, st.none() | matrices)
def test_an_address_names_itself_with_and_without_its_spec(
    spec: str, batch: str, matrix: dict[str, str] | None
) -> None:
    whole = address(spec, batch, matrix)
    assert matches(whole, whole)
    assert matches(whole.removeprefix(f"{spec}/"), whole)
    assert matches(f"{spec}/*", whole)
    assert matches(batch, whole)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("nightly/tickets", True),  # all members of a declaration
        ("tickets", True),
        ("tick*", True),
        ("ticket?", True),
        ("*", True),
        ("*/tickets[lang=*]", True),
        ("tickets[lang=en]", True),
        ("tickets[lang=e]", False),
        ("tickets[lang=[ef]n]", False),  # `[` is never a character class
        ("ticket", False),
        ("weekly/tickets", False),
        ("nightly", False),
        ("", False),
        ("ticke[t]s", False),
        ("nightly.tickets", False),
    ],
)
def test_patterns(pattern: str, expected: bool) -> None:
    assert matches(pattern, "nightly/tickets[lang=en]") is expected


@pytest.mark.parametrize(
    ("pattern", "address", "expected"),
    [
        ("tickets", "nightly/tickets#2", True),  # all shards
        ("tickets[lang=en]", "nightly/tickets[lang=en]#2", True),
        ("tickets#2", "nightly/tickets#2", True),
        ("nightly/tickets#2", "nightly/tickets#2", True),
        ("tickets#2", "nightly/tickets#12", False),
        ("tickets#2", "nightly/tickets", False),
        ("tickets#*", "nightly/tickets#12", True),
        ("tickets#1?", "nightly/tickets#12", True),
        ("tick*", "nightly/tickets#12", True),
        ("tick*2", "nightly/tickets#12", False),
        ("tickets?2", "nightly/tickets#2", False),
    ],
)
def test_patterns_over_shards(pattern: str, address: str, expected: bool) -> None:
    assert matches(pattern, address) is expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [("tickets", True), ("tickets#7", True), ("*#7", True), ("tickets#*", True), ("ticket#7", False), ("#7", False)],
)
def test_what_may_concern_a_batch_is_known_before_its_shards_are(pattern: str, expected: bool) -> None:
    assert concerns(pattern, "nightly/tickets") is expected


@given(names, names, st.none() | matrices, st.integers(1, 99))
def test_a_pattern_that_names_a_shard_concerns_its_batch(
    spec: str, batch: str, matrix: dict[str, str] | None, number: int
) -> None:
    whole = address(spec, batch, matrix)
    for pattern in (whole, shard(whole, number), f"{batch}#*", f"{spec}/*", f"*#{number}"):
        if matches(pattern, shard(whole, number)):
            assert concerns(pattern, whole)


def test_shards_are_counted_from_one_and_sorted_as_numbers() -> None:
    numbers = [100, 9, 11, 1, 10, 2]
    assert sorted((shard("s/x", n) for n in numbers), key=natural) == [shard("s/x", n) for n in sorted(numbers)]
    assert is_address("s/x#1")
    assert not any(map(is_address, ("s/x#", "s/x#0", "s/x#01", "s/x#1#1", "s/x#a", "s/x#1[k=v]")))


def test_a_slash_in_a_matrix_value_is_not_a_spec() -> None:
    assert matches("tickets[model=org/llama]", "nightly/tickets[model=org/llama]")
    assert matches("nightly/tickets[model=org/*]", "nightly/tickets[model=org/llama]")


@given(names, names, st.none() | matrices)
def test_what_a_spec_declares_is_an_address(spec: str, batch: str, matrix: dict[str, str] | None) -> None:
    assert is_address(address(spec, batch, matrix))


@pytest.mark.parametrize(
    "text",
    ["", "s", "s/", "/a", "s/Bad Name", "S/a", "s/a/b", "s/a[", "s/a[]", "s/a[k]", "s/a[k=]", "s/a[k=v", "s/a[K=v]",
     "s/a[k=v]x", "s/a[k=1,k=2]", "s/a[l=1,k=2]", "s/a[k=v]]", "s/*", "s/a\n"],
)  # fmt: skip
def test_what_no_spec_can_declare_is_none(text: str) -> None:
    assert not is_address(text)


def test_numbers_in_addresses_are_sorted_as_numbers() -> None:
    numbers = [100, 9, 11, 1, 10, 2]
    assert sorted((f"s/x[i={n}]" for n in numbers), key=natural) == [f"s/x[i={n}]" for n in sorted(numbers)]


@pytest.mark.parametrize("name", ["", "A", "-a", ".a", "a/b", "a b", "a\n", "é", "a" * 64])
def test_names_that_are_none(name: str) -> None:
    assert not NAME.match(name)


@pytest.mark.parametrize(
    "value", ["", " a", "a ", "a,b", "a=b", "a]", "[", "a#1", "a*", "a?", "a\n", "\u00a0a", "x" * 65]
)
def test_matrix_values_that_would_be_ambiguous(value: str) -> None:
    assert not MATRIX_VALUE.match(value)


@pytest.mark.parametrize("value", ["en", "Île de France", "gpt-4o-mini", "org/llama:8b", "x" * 64, "a"])
def test_matrix_values(value: str) -> None:
    assert MATRIX_VALUE.match(value)

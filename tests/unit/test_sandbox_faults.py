"""Fault specifications: what they mean, what is refused, and that a seed decides everything."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.errors import ExitCode, UsageError
from batchrunner.sandbox import Faults
from batchrunner.sandbox.faults import FAULT_TYPES, Kind


def names(faults: Faults, kind: Kind, requests: int) -> list[str]:
    picked = (faults.pick(kind, n, n) for n in range(1, requests + 1))
    return [fault.name if fault else "" for fault in picked]


def test_no_faults_is_a_server_that_behaves() -> None:
    assert names(Faults(), "create", 50) == [""] * 50
    assert Faults().delay("create", 1, 1) == 0


def test_first_hits_exactly_the_first() -> None:
    assert names(Faults.parse(["500-after-commit=first"]), "create", 4) == ["500-after-commit", "", "", ""]
    assert names(Faults.parse(["429=first:3"]), "create", 4) == ["429", "429", "429", ""]


def test_an_aimed_first_counts_its_own_kind_and_another_counts_both() -> None:
    aimed, either = Faults.parse(["create:500=first"]), Faults.parse(["500=first"])
    first_create_after_an_upload: tuple[Kind, int, int] = ("create", 1, 2)
    assert aimed.pick(*first_create_after_an_upload) is not None
    assert aimed.pick("upload", 1, 1) is None
    assert either.pick(*first_create_after_an_upload) is None
    assert either.pick("upload", 1, 1) is not None


def test_the_argument_follows_the_probability_or_the_count() -> None:
    def argument(text: str) -> str:
        fault = Faults.parse([text]).pick("create", 1, 1)
        assert fault
        return fault.argument

    assert argument("429=1:7") == "7"
    assert argument("429=first:2:7") == "7"
    assert argument("redirect=1:http://127.0.0.1:8080/x") == "http://127.0.0.1:8080/x"
    assert argument("redirect=first:http://127.0.0.1:8080/x") == "http://127.0.0.1:8080/x"
    assert argument("429=1") == "1"


def test_faults_of_a_reply_to_a_create_never_hit_an_upload() -> None:
    assert names(Faults.parse(["foreign=1"]), "upload", 3) == [""] * 3
    assert names(Faults.parse(["foreign=1"]), "create", 3) == ["foreign"] * 3


def test_slow_goes_together_with_other_faults() -> None:
    faults = Faults.parse(["slow=1:0.25", "upload:slow=first:1:2", "500=1"])
    assert names(faults, "create", 2) == ["500", "500"]
    assert faults.delay("create", 1, 1) == 0.25
    assert faults.delay("upload", 1, 2) == 2.25


@given(st.integers(), st.floats(0, 1), st.floats(0, 1))
def test_each_fault_keeps_the_share_it_was_given(seed: int, one: float, other: float) -> None:
    low, high = sorted((one, other))
    faults = Faults.parse([f"500={low}", f"create:junk={high - low}"], seed)
    drawn = names(faults, "create", 400)
    assert abs(drawn.count("500") / 400 - low) < 0.15
    assert abs(drawn.count("junk") / 400 - (high - low)) < 0.15


@given(st.integers(), st.integers(1, 10_000))
def test_a_seed_decides_everything(seed: int, nth: int) -> None:
    texts = ["429=0.2", "drop-after-commit=0.3", "slow=0.5:3"]
    one, other = Faults.parse(texts, seed), Faults.parse(texts, seed)
    assert one.pick("create", nth, nth) == other.pick("create", nth, nth)
    assert one.delay("upload", nth, nth) == other.delay("upload", nth, nth)


def test_another_seed_is_another_sequence() -> None:
    assert names(Faults.parse(["500=0.5"], 1), "create", 64) != names(Faults.parse(["500=0.5"], 2), "create", 64)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("drop-after=0.1", "did you mean `drop-after-commit`?"),
        ("create:stal=0.1", "did you mean `stall`?"),
        ("=0.1", "429=0.2"),
        ("😀=1", "429=0.2"),
    ],
)
def test_an_unknown_fault_lists_the_known_ones_and_suggests_the_nearest(text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        Faults.parse([text])
    assert caught.value.code == "unknown-fault"
    assert caught.value.exit_code == ExitCode.USAGE
    assert all(name in caught.value.why for name in FAULT_TYPES)
    assert says in caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "429",
        "429=",
        "429=often",
        "429=1.5",
        "429=-0.1",
        "429=nan",
        "429=inf",
        "429=0.1:soon",
        "429=0.1:-1",
        "429=first:2:soon",
        "delete:429=0.1",
        "junk=0.1:7",
        "redirect=0.1",
        "redirect=0.1:not a url",
        "redirect=0.1:http://x/\r\nSet-Cookie: a",
        "upload:foreign=0.1",
        "list:foreign=0.1",
        "list:late-commit=0.1",
    ],
)
def test_what_cannot_be_understood_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        Faults.parse([text])
    assert caught.value.code == "bad-fault"
    assert text in caught.value.message
    assert caught.value.why
    assert caught.value.hint


def test_looking_for_files_is_hit_only_where_it_is_aimed_at() -> None:
    broad, aimed = Faults.parse(["500=1", "slow=1"]), Faults.parse(["list:500=first", "list:slow=1:2"])
    assert broad.pick("list", 1, 0) is None
    assert broad.delay("list", 1, 0) == 0
    assert [bool(aimed.pick("list", nth, 9)) for nth in (1, 2)] == [True, False]
    assert aimed.pick("create", 1, 1) is aimed.pick("upload", 1, 1) is None
    assert aimed.delay("list", 7, 0) == 2


def test_probabilities_of_one_kind_of_request_may_not_exceed_one() -> None:
    with pytest.raises(UsageError, match=r"uploads add up to a probability of 1\.2"):
        Faults.parse(["500=0.6", "upload:junk=0.6"])
    Faults.parse(["create:500=0.6", "upload:junk=0.6", "slow=1"])


@given(
    st.text() | st.lists(st.sampled_from([*FAULT_TYPES, "create", ":", "=", "first", "0.5", "1e999", "9", "http://"]))
)
def test_any_text_is_faults_or_a_usage_error(text: str | list[str]) -> None:
    with contextlib.suppress(UsageError):
        faults = Faults.parse(["".join(text)])
        assert len(faults.rules) == 1
        faults.pick("create", 1, 1)
        faults.delay("upload", 1, 1)

"""Which shards go out where others of the same batch did: the same run never pays for one request twice by itself."""

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.builders import (
    DAY,
    ENDPOINT,
    LINEAGE,
    NOW,
    around,
    attempt,
    cut,
    desired,
    facts,
    intent,
    local,
    remote,
    shards,
    table,
)

from batchrunner.desired import Desired
from batchrunner.digest import idempotency_key
from batchrunner.errors import Refused
from batchrunner.manifest import LocalFile
from batchrunner.planner import plan_changes
from batchrunner.plans import Blocked, Change, Replace, Resume, Submit, action_of
from batchrunner.records import replace
from batchrunner.state import Attempt, Entry, State, Status, moved

A = "nightly/a"


def held(*known: tuple[Desired, Status] | Desired) -> State:
    """A state with attempts in the order given: submitted where no status is, and deferred once uploaded."""
    state = State(LINEAGE, serial=1)
    for each in known:
        wanted, status = each if isinstance(each, tuple) else (each, "submitted")
        number = len(state.batches.get(wanted.address, {}).get(wanted.run_key, [])) + 1
        key = idempotency_key("acme", "nightly", wanted.address, wanted.run_key, number)
        more = {"submitted": {"batch_id": f"batch-{wanted.address}-{number}"}, "deferred": {"request": "{}"}}
        found = attempt(status, wanted, number=number, intent=intent(wanted, key=key), **more.get(status, {}))
        state.record([Entry(address=wanted.address, run_key=wanted.run_key, attempt=found)])
    return state


def changes(wanted: Iterable[Desired], state: State, **choices: Any) -> tuple[Change, ...]:
    return plan_changes("nightly", "specs/n.yaml", wanted, state, around(**choices))


def verdicts(wanted: Iterable[Desired], state: State, **choices: Any) -> list[str]:
    return [f"{action_of(each)} {each.address.removeprefix('nightly/')}" for each in changes(wanted, state, **choices)]


def first_blocked(wanted: Iterable[Desired], state: State, **choices: Any) -> Blocked:
    return next(each for each in changes(wanted, state, **choices) if isinstance(each, Blocked))


# What goes out.


def test_each_shard_is_a_batch_with_a_key_of_its_own() -> None:
    wanted = shards("abcde", 2)
    found = changes(wanted, State(LINEAGE))
    assert [(each.address, action_of(each)) for each in found] == [
        ("nightly/a#1", "submit"),
        ("nightly/a#2", "submit"),
        ("nightly/a#3", "submit"),
    ]
    assert len({each.idempotency_key for each in found if isinstance(each, Submit)}) == 3
    assert changes(wanted, State(LINEAGE)) == found, "the same where the state was lost"


def test_an_apply_that_stopped_between_shards_is_carried_on() -> None:
    one, two, three = shards("abcde", 2)
    assert verdicts([one, two, three], held(one)) == ["unchanged a#1", "submit a#2", "submit a#3"]
    assert verdicts([one, two, three], held(one, (two, "in-doubt"))) == ["resume a#2", "unchanged a#1", "submit a#3"]
    assert verdicts([one, two, three], held(one, (two, "rejected"))) == ["unchanged a#1", "submit a#2", "submit a#3"]
    assert verdicts([one, two, three], held(one, two, three)) == ["unchanged a#1", "unchanged a#2", "unchanged a#3"]


@pytest.mark.parametrize("run_key", [DAY, "content"])
def test_content_that_is_cut_otherwise_is_not_paid_for_again(run_key: str) -> None:
    whole = desired(source=local("abcde"), run_key=run_key)
    twos, threes = shards("abcde", 2, run_key=run_key), shards("abcde", 3, run_key=run_key)
    assert len({each.run_key for each in [whole, *twos, *threes]}) == 1
    for before, after in [([whole], twos), (twos, threes), (threes, twos), (threes, [whole])]:
        for paid in range(1, len(before) + 1):
            assert {each.split()[0] for each in verdicts(after, held(*before[:paid]))} == {"blocked"}
    explained = first_blocked(threes, held(*twos))
    assert (explained.reason, explained.batch_id) == ("changed-since-submitted", "batch-nightly/a#1-1")


def test_new_content_is_another_run_where_runs_are_keyed_by_content() -> None:
    old, new = shards("abcde", 2, run_key="content"), shards("abcdX", 2, run_key="content")
    assert verdicts(new, held(*old)) == ["submit a#1", "submit a#2", "submit a#3"]


def test_an_input_that_outgrew_the_limit_within_a_day() -> None:
    grown = shards("abcde", 3)
    found = changes(grown, held(desired(source=local("abc"))))
    assert [(each.reason, getattr(each, "explanation", "")) for each in found] == [
        ("changed-since-submitted", "was nightly/a before, from other content"),
        ("changed-since-submitted", "was nightly/a before, from other content"),
    ]


def test_an_input_that_grew_within_a_day() -> None:
    before, after = shards("abc", 2), shards("abcde", 2)
    assert verdicts(after, held(*before)) == ["unchanged a#1", "blocked a#2", "blocked a#3"]
    assert first_blocked(after[2:], held(*before)).explanation.startswith("was nightly/a#1 … #2 before")


def test_an_input_that_shrank_within_a_day() -> None:
    before = shards("abcde", 2)
    assert verdicts(shards("abcd", 2), held(*before)) == ["unchanged a#1", "unchanged a#2"]
    assert verdicts(shards("abc", 2), held(*before)) == ["unchanged a#1", "blocked a#2"]
    # Only one of three was paid for, and the last is no longer there: the rest may go.
    assert verdicts(shards("abcd", 2), held(before[0])) == ["unchanged a#1", "submit a#2"]


def test_lines_in_another_order_are_other_shards() -> None:
    assert verdicts(shards("cdab", 2), held(shards("abcd", 2)[0])) == ["blocked a#1", "blocked a#2"]


def test_shards_that_were_never_accepted_stand_in_nobodys_way() -> None:
    before, after = shards("abcde", 2), shards("abcde", 3)
    stopped = held((before[0], "rejected"), (before[1], "intended"))
    assert verdicts(after, stopped) == ["submit a#1", "submit a#2"]


def test_what_is_owed_is_carried_on_and_nothing_goes_beside_it() -> None:
    before, after = shards("abcde", 2), shards("abcde", 3)
    for status in ("uploaded", "in-doubt"):
        stopped = held((before[2], status))  # type: ignore[arg-type]
        assert verdicts(after, stopped) == ["resume a#3", "blocked a#1", "blocked a#2"]
        assert first_blocked(after, stopped).explanation == "was begun as nightly/a#3 before, cut otherwise"
    assert verdicts(after, held((before[0], "in-doubt"))) == ["resume a#1", "blocked a#2"]


def test_what_never_left_gives_way_to_what_was_submitted_as_other_shards() -> None:
    twos, threes = shards("abcde", 2), shards("abcde", 3)
    for status in ("intended", "deferred"):
        stopped = held((twos[1], status), desired(source=local("abcde")))  # type: ignore[arg-type]
        assert verdicts(twos, stopped) == ["blocked a#1", "blocked a#2", "blocked a#3"]
        beside = held(twos[0], (twos[1], status))  # type: ignore[arg-type]
        assert verdicts(twos, beside) == ["resume a#2", "unchanged a#1", "submit a#3"]
    # Of yesterday's shards the spec says nothing any more; they are still cut from one whole, or not.
    old_twos, old_threes = (shards("abcde", at, run_key="day:2026-11-21") for at in (2, 3))
    assert verdicts(threes, held(old_twos[0], (old_twos[1], "deferred")))[0] == "resume a#2"
    assert verdicts(threes, held(old_threes[0], (old_twos[1], "deferred"))) == ["submit a#1", "submit a#2"]


def test_of_two_that_never_left_the_wanted_one_goes() -> None:
    """Both are owed only where a provider was away meanwhile; neither was accepted, so one of them is enough."""
    whole, twos = desired(source=local("abcd")), shards("abcd", 2)
    both = held((whole, "deferred"), (twos[0], "deferred"))
    assert verdicts(twos, both) == ["resume a#1", "submit a#2"]
    assert verdicts([whole], both) == ["resume a"]
    assert verdicts(shards("abcd", 1), both) == ["submit a#1", "submit a#2", "submit a#3", "submit a#4"]


def test_a_held_shard_stands_in_the_way_too() -> None:
    unkeyed = {"p": facts(idempotency="none")}
    before, after = shards("abcde", 2), shards("abcde", 3)
    assert verdicts(after, held((before[0], "in-doubt")), providers=unkeyed) == ["blocked a#1", "blocked a#2"]
    assert verdicts(before, held((before[0], "in-doubt")), providers=unkeyed) == [
        "blocked a#1",
        "submit a#2",
        "submit a#3",
    ]


def test_one_shard_in_the_place_of_the_whole() -> None:
    """The same bytes, and another address: state mv says so, or --replace pays again."""
    wanted = shards("abc", 5)
    assert verdicts(wanted, held(desired(source=local("abc")))) == ["blocked a#1"]


def test_a_file_at_the_provider_in_the_place_of_shards() -> None:
    assert verdicts([desired(source=remote())], held(*shards("abc", 2))) == ["blocked a"]


def test_other_batches_and_other_runs_are_other_families() -> None:
    other = [*shards("abcde", 3, "nightly/ab"), *shards("abcde", 3, "nightly/a[lang=en]")]
    yesterday = shards("abcde", 3, run_key="day:2026-11-21")
    wanted = shards("abcde", 2)
    found = verdicts(wanted, held(*other, *yesterday), targets=("a",))
    assert [each for each in found if not each.startswith("orphan")] == ["submit a#1", "submit a#2", "submit a#3"]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (shards("abcde", 3), "cut otherwise"),
        (shards("abcdef", 3), "from other content"),
        (shards("abcde", 3, endpoint="/v1/embeddings"), "with another endpoint"),
        (shards("abcde", 3, provider="q"), "with another provider"),
        (shards("abcde", 3, completion_window="1h"), "with another completion window"),
    ],
)
def test_the_difference_is_explained(wanted: list[Desired], words: str) -> None:
    paid = held(*shards("abcde", 2)[1:])
    found = first_blocked(wanted, paid, providers={"p": facts(), "q": facts()})
    assert (found.address, found.explanation) == ("nightly/a#1", f"was nightly/a#2 … #3 before, {words}")


@pytest.mark.parametrize(
    ("after", "endpoint", "words"),
    [
        (table("uvwxyz"), ENDPOINT, "from other rows of data/t.csv"),
        (table("uvwxyz", "${row.title}"), ENDPOINT, "with another template"),
        (table("uvwxyz", url="/v1/embeddings"), "/v1/embeddings", "with another endpoint"),
        (table("uvwxyz", path="data/u.csv"), ENDPOINT, "from other content"),
    ],
)
def test_of_the_shards_of_a_table_the_template_is_told_from_the_rows(
    after: LocalFile, endpoint: str, words: str
) -> None:
    def of(source: LocalFile, content: str, **changes: Any) -> list[Desired]:
        parts = cut(content, 2, source.path)
        return [
            desired(f"{A}#{number}", replace(part, template=source.template), **changes)
            for number, part in enumerate(parts, 1)
        ]

    found = first_blocked(of(after, "uvwxyz", endpoint=endpoint), held(*of(table("abcde"), "abcde")[1:]))
    assert found.explanation == f"was nightly/a#2 … #3 before, {words}"


def test_many_shards_are_named_briefly() -> None:
    ones, others = shards("abcdefghijklmnop", 1), shards("ABCDEFGHIJKLMNOP", 1)
    paid = [desired(source=local("x")), *(ones[number] for number in (0, 1, 2, 4, 6, 8, 10, 12))]
    explained = first_blocked(others[15:], held(*paid)).explanation
    assert "was nightly/a, nightly/a#1 … #3, nightly/a#5, nightly/a#7, … before," in explained


# What --replace names.


def replacements(wanted: Iterable[Desired], state: State, *named: str) -> list[tuple[str, str, int, str]]:
    return [
        (each.address, action_of(each), each.attempt, each.replaces if isinstance(each, Replace) else "")
        for each in changes(wanted, state, replace=frozenset(named))
        if isinstance(each, Submit)
    ]


def test_a_batch_is_replaced_with_all_its_shards() -> None:
    before, after = shards("abcde", 2), shards("abcde", 3)
    assert replacements(after, held(*before), A) == [
        ("nightly/a#1", "replace", 2, "batch-nightly/a#1-1"),
        ("nightly/a#2", "replace", 2, "batch-nightly/a#2-1"),
    ]
    assert replacements(before, held(*after), A) == [
        ("nightly/a#1", "replace", 2, "batch-nightly/a#1-1"),
        ("nightly/a#2", "replace", 2, "batch-nightly/a#2-1"),
        ("nightly/a#3", "replace", 1, "batch-nightly/a#1-1"),
    ]
    assert replacements([desired(source=local("abcde"))], held(*after), A) == [(A, "replace", 1, "batch-nightly/a#1-1")]


def test_one_shard_is_replaced_alone() -> None:
    wanted = shards("abcde", 2)
    assert replacements(wanted, held(*wanted), "nightly/a#2") == [("nightly/a#2", "replace", 2, "batch-nightly/a#2-1")]
    grown = shards("abcdefg", 2)
    assert verdicts(grown, held(*wanted), replace=frozenset({"nightly/a#3"})) == [
        "unchanged a#1",
        "unchanged a#2",
        "replace a#3",
        "blocked a#4",
    ]


def test_a_replacement_that_stopped_between_shards_goes_on_with_the_rest() -> None:
    before, after = shards("abcde", 2), shards("abcde", 3)
    state = held(*before, after[0])
    assert verdicts(after, state) == ["unchanged a#1", "blocked a#2"]
    blocked = first_blocked(after, state)
    assert blocked.hint == "batchrunner apply specs/n.yaml --replace 'nightly/a#2'"
    assert replacements(after, state, "nightly/a#2") == [("nightly/a#2", "replace", 2, "batch-nightly/a#2-1")]


def test_the_hint_names_the_batch_where_all_its_shards_wait_and_a_shard_where_it_does_alone() -> None:
    before, after = shards("abcde", 2), shards("abcde", 3)
    every = [each for each in changes(after, held(*before)) if isinstance(each, Blocked)]
    assert [each.replacing for each in every] == [A, A]
    assert {each.hint for each in every} == {"batchrunner apply specs/n.yaml --replace nightly/a"}
    (one,) = (each for each in changes(after, held(*before), targets=("a#2",)) if isinstance(each, Blocked))
    assert (one.replacing, one.hint) == ("", "batchrunner apply specs/n.yaml --replace 'nightly/a#2'")


@pytest.mark.parametrize("named", [A, "nightly/a#1"])
def test_a_replacement_waits_for_the_shards_that_are_unresolved(named: str) -> None:
    before, after = shards("abcde", 2), shards("abcde", 3)
    with pytest.raises(Refused) as caught:
        changes(after, held(before[0], (before[2], "in-doubt")), replace=frozenset({named}))
    assert caught.value.code == "replace-unresolved"
    assert caught.value.message.startswith("nightly/a#3")


def test_a_replacement_beside_an_unresolved_shard_of_the_same_cut() -> None:
    wanted = shards("abcde", 2)
    state = held(*wanted[:2], (wanted[2], "in-doubt"))
    assert verdicts(wanted, state, replace=frozenset({"nightly/a#2"})) == [
        "resume a#3",
        "unchanged a#1",
        "replace a#2",
    ]


def test_replacing_shards_that_were_never_submitted_is_a_submission() -> None:
    assert [each[1] for each in replacements(shards("abc", 2), State(LINEAGE), A)] == ["submit", "submit"]


# Targets and orphans.


def test_a_target_is_one_shard_and_its_siblings_count_all_the_same() -> None:
    before, after = shards("abcde", 2), shards("abcde", 3)
    assert verdicts(before, held(before[0]), targets=("a#2",)) == ["submit a#2"]
    assert verdicts(after, held(before[0]), targets=("a#2",)) == ["blocked a#2"]
    assert verdicts(after, held((before[2], "in-doubt")), targets=("a#2",)) == ["blocked a#2"]
    assert verdicts(before, State(LINEAGE), targets=("a",)) == ["submit a#1", "submit a#2", "submit a#3"]


def test_shards_of_what_is_declared_are_no_orphans() -> None:
    paid = held(*shards("abcde", 2))
    assert {each.split()[0] for each in verdicts(shards("abc", 3), paid)} == {"blocked"}
    assert verdicts([desired(source=local("x"), run_key="day:2026-11-23")], paid) == ["submit a"]
    assert verdicts([], held(*shards("abcdefghijk", 1))) == [f"orphan a#{number}" for number in range(1, 12)]


# All of it.

CONTENTS = ("abcd", "abcdef", "abXdef", "abc", "badc")
TEXTS = {local(text[i:j]).sha256: text[i:j] for text in CONTENTS for i in range(len(text)) for j in range(i + 1, 9)}
FIELDS: dict[str, dict[str, Any]] = {
    "submitted": {"request": "{}", "sent_at": NOW.isoformat(), "batch_id": "batch"},
    "in-doubt": {"request": "{}", "sent_at": NOW.isoformat()},
    "rejected": {"request": "{}", "sent_at": ""},
    "deferred": {"request": "{}", "sent_at": ""},
    "intended": {},
}


@st.composite
def partitions(draw: st.DrawFn) -> list[Desired]:
    content, at = draw(st.sampled_from(CONTENTS)), draw(st.sampled_from([0, 0, 1, 2, 3, 9]))
    return shards(content, at) if at else [desired(source=local(content))]


@dataclass
class Run:
    """One day of applies, each of which gets as far as it is told; `decided` are the actions that keys come from."""

    state: State = field(default_factory=lambda: State(LINEAGE))
    decided: dict[str, str] = field(default_factory=dict)

    def apply(self, wanted: list[Desired], named: str, endings: list[str]) -> None:
        for change, ending in zip(self.plan(wanted, named), endings, strict=False):
            if isinstance(change, Resume):
                latest = self.state.latest(change.address, DAY)
                assert latest
                self.end(change.address, latest, ending)
            elif isinstance(change, Submit) and ending != "not-begun":
                self.assert_key_is_free(change)
                self.decided[change.idempotency_key] = action_of(change)
                stored = intent(key=change.idempotency_key, **change.as_fields())
                self.end(change.address, attempt("intended", intent=stored, number=change.attempt), ending)

    def plan(self, wanted: list[Desired], named: str) -> Iterable[Change]:
        with suppress(Refused):
            return changes(wanted, self.state, replace=frozenset(filter(None, [named])), now=NOW)
        return changes(wanted, self.state)

    def end(self, address: str, begun: Attempt, ending: str) -> None:
        if ending != "not-begun":
            found = moved(begun, ending, NOW.isoformat(), **FIELDS[ending])  # type: ignore[arg-type]
            self.state.record([Entry(address=address, run_key=DAY, attempt=found)])

    def assert_key_is_free(self, change: Submit) -> None:
        for entry in self.state.entries():
            if entry.attempt.intent.idempotency_key == change.idempotency_key:
                assert not entry.attempt.sent_at, "a provider may know this key from something else"

    def paid(self) -> Iterable[tuple[str, str]]:
        """Each request that was paid for, and the action that decided it."""
        for entry in self.state.entries():
            if entry.attempt.status == "submitted" and isinstance(entry.attempt.intent.source, LocalFile):
                for request in TEXTS[entry.attempt.intent.source.sha256]:
                    yield request, self.decided[entry.attempt.intent.idempotency_key]


ENDINGS = ("submitted", "submitted", "in-doubt", "rejected", "deferred", "intended", "not-begun")
rounds = st.lists(
    st.tuples(
        partitions(),
        st.sampled_from(["", "", "", A, f"{A}#1", f"{A}#2"]),
        st.lists(st.sampled_from(ENDINGS), min_size=7, max_size=7),
    ),
    min_size=2,
    max_size=7,
)


@settings(max_examples=500)
@given(rounds)
def test_no_request_is_paid_for_twice_in_a_run_unless_a_replacement_says_so(
    rounds: list[tuple[list[Desired], str, list[str]]],
) -> None:
    run = Run()
    for wanted, named, endings in rounds:
        run.apply(wanted, named, endings)
        plain = Counter(request for request, action in run.paid() if action == "submit")
        assert not plain or max(plain.values()) == 1
    wanted = rounds[-1][0]
    for _ in range(2):
        run.apply(wanted, "", ["submitted"] * 20)
    assert not [each for each in run.plan(wanted, "") if isinstance(each, Submit | Resume)]
    run.apply(wanted, A, ["submitted"] * 20)
    assert {action_of(each) for each in run.plan(wanted, "")} == {"unchanged"}

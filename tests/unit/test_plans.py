"""A plan as a sealed value: the same after any journey, and never the same after any change."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders import DAY, attempt, desired, facts, local, plan_of, remote, state_of

from batchrunner.errors import StateError
from batchrunner.plans import (
    FORMAT,
    FORMAT_VERSION,
    SYMBOLS,
    Blocked,
    Move,
    Plan,
    Resume,
    Submit,
    digest_of_plan,
    sealed,
)
from batchrunner.records import decode, encode, pretty, replace
from batchrunner.state import State

PLANNED = plan_of(
    [
        desired("nightly/made", remote("file-3")),
        desired("nightly/new", local(), metadata={"b": "2", "a": "é \u202e"}),
        desired("nightly/known"),
        desired("nightly/changed", remote("file-2")),
        desired("nightly/again"),
    ],
    replace=frozenset({"nightly/again"}),
    imports={("nightly/made", DAY): "batch-9"},
    state=State(
        "some-lineage",
        9,
        {
            "nightly/known": {"day:2026-11-22": [attempt()]},
            "nightly/changed": {"day:2026-11-22": [attempt()]},
            "nightly/again": {"day:2026-11-22": [attempt()]},
            "nightly/open": {"day:2026-11-21": [attempt("uploaded")]},
            "nightly/gone": {"day:2026-11-21": [attempt()]},
        },
    ),
)
MOVE = Move(address="nightly/known", reason="declared-in-moved", previous="nightly/before")
EVERYTHING = sealed(replace(PLANNED, changes=(MOVE, *PLANNED.changes)))


def test_a_plan_holds_one_of_each() -> None:
    assert EVERYTHING.counts == dict.fromkeys(SYMBOLS, 1)
    assert [type(change).__name__ for change in EVERYTHING.sendable] == ["Resume", "Submit", "Replace"]
    assert [change.address for change in EVERYTHING.blocked] == ["nightly/changed"]
    assert [(change.address, change.batch_id) for change in EVERYTHING.imports] == [("nightly/made", "batch-9")]
    done = [type(change).__name__ for change in EVERYTHING.settling]
    assert done == ["Move", "Resume", "Import", "Submit", "Replace"]


@pytest.mark.parametrize("written", [encode, pretty, lambda plan: json.dumps(json.loads(encode(plan)), indent=7)])
def test_the_id_survives_any_way_of_writing_it(written: Any) -> None:
    text = written(EVERYTHING)
    again = decode(text if isinstance(text, bytes) else text.encode(), Plan, what="the plan")
    assert again == EVERYTHING
    assert digest_of_plan(again) == again.plan_id


def test_a_written_plan_says_what_it_is() -> None:
    for plan in (EVERYTHING, plan_of([])):
        document = json.loads(pretty(plan))
        assert (document["format"], document["format_version"]) == (FORMAT, FORMAT_VERSION)
        assert document["plan_id"].startswith("sha256:")
        assert document["changes"] == [] or {"action", "address", "reason"} <= set(document["changes"][0])


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if inner is None:
        return [path]
    return [leaf for key, each in inner for leaf in leaves(each, (*path, key))]


LEAVES = leaves(json.loads(encode(EVERYTHING)))


@pytest.mark.parametrize("path", LEAVES, ids=lambda path: ".".join(map(str, path)))
def test_a_change_to_any_value_is_seen(path: tuple[Any, ...]) -> None:
    document = json.loads(encode(EVERYTHING))
    holder = document
    for key in path[:-1]:
        holder = holder[key]
    old = holder[path[-1]]
    holder[path[-1]] = old + 1 if isinstance(old, int) else f"{old}x"
    try:
        changed = decode(json.dumps(document).encode(), Plan, what="the plan")
    except StateError:
        return
    assert digest_of_plan(changed) != changed.plan_id


@given(st.data())
def test_a_change_to_any_byte_is_seen(data: st.DataObject) -> None:
    text = bytearray(pretty(EVERYTHING))
    at = data.draw(st.integers(0, len(text) - 1))
    text[at] = data.draw(st.integers(0, 255))
    try:
        changed = decode(bytes(text), Plan, what="the plan")
    except StateError:
        return
    assert changed == EVERYTHING or digest_of_plan(changed) != changed.plan_id


@pytest.mark.parametrize("order", [list, reversed])
def test_the_order_of_metadata_does_not_matter(order: Any) -> None:
    words = [("a", "1"), ("b", "2"), ("c", "3")]
    assert plan_of([desired(metadata=dict(order(words)))]) == plan_of([desired(metadata=dict(words))])


def test_sealing_twice_changes_nothing() -> None:
    assert sealed(sealed(EVERYTHING)) == EVERYTHING
    assert sealed(replace(EVERYTHING, project="other")).plan_id != EVERYTHING.plan_id


def test_unknown_fields_are_refused() -> None:
    document = {**json.loads(encode(EVERYTHING)), "surprise": 1}
    with pytest.raises(StateError) as caught:
        decode(json.dumps(document).encode(), Plan, what="the plan x.json")
    assert caught.value.code == "unreadable-record"
    assert "x.json" in caught.value.message


def test_no_secret_and_no_row_is_in_a_plan() -> None:
    plan = plan_of([desired("nightly/a", local("a secret row"))], providers={"p": facts()})
    assert b"secret" not in encode(plan)
    assert b"SOME_KEY" not in encode(plan)


def test_a_resumption_says_where_its_intent_may_be_sent() -> None:
    (resume,) = plan_of([], state_of(attempt("in-doubt"))).changes
    assert isinstance(resume, Resume)
    assert resume.origin == facts().origin
    assert not isinstance(resume, Submit | Blocked)

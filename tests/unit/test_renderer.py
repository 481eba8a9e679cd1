"""Rows rendered to request lines: what a value becomes, and what cannot become anything."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.manifest import Template
from batchrunner.renderer import MISSING, BadRow, Renderer
from batchrunner.templates import BadTemplate, FieldProblem

URL = "/v1/chat/completions"

finite = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.text() | st.integers() | finite | st.booleans()
values = st.recursive(
    scalars, lambda inner: st.lists(inner | st.none()) | st.dictionaries(st.text(), inner | st.none()), max_leaves=10
)


def renderer(body: Any, custom_id: str = "x") -> Renderer:
    return Renderer(Template(custom_id=custom_id, url=URL, body=body))


def body_of(body: Any, *row: Any) -> Any:
    line = renderer(body).line(row)
    assert line.endswith("\n")
    assert line.count("\n") == 1
    return json.loads(line)["body"]


def code_of(body: Any, value: Any, custom_id: str = "x") -> str:
    with pytest.raises(BadRow) as caught:
        renderer(body, custom_id).line([value])
    (problem,) = caught.value.problems
    assert problem.column == "v"
    assert problem.message.startswith("column `v` ")
    return problem.code


# Lines.


def test_a_line_is_compact_and_its_body_sorted() -> None:
    body = {"z": [True, None, 1.5, {"b": "${row.text}", "a": "né ${row.lang}: ${row.text}"}], "model": "m"}
    rendered = renderer(body, "t-${row.id}")
    assert rendered.columns == ("id", "lang", "text")
    assert rendered.line(["7", "fr", 'a "b"\n']) == (
        '{"custom_id":"t-7","method":"POST","url":"/v1/chat/completions",'
        '"body":{"model":"m","z":[true,null,1.5,{"a":"né fr: a \\"b\\"\\n","b":"a \\"b\\"\\n"}]}}\n'
    )


def test_the_order_in_which_a_template_is_written_changes_nothing() -> None:
    one = renderer({"a": {"x": 1, "y": "${row.v}"}, "b": 2})
    other = renderer({"b": 2, "a": {"y": "${row.v}", "x": 1}})
    assert one.line(["v"]) == other.line(["v"])


def test_a_template_may_use_no_row() -> None:
    assert json.loads(renderer({"model": "m"}).line([])) == {
        "custom_id": "x",
        "method": "POST",
        "url": URL,
        "body": {"model": "m"},
    }


def test_an_escaped_reference_is_text() -> None:
    assert body_of({"v": "$${row.v} costs $5", "w": "$${", "x": "$${row.v}${row.v}"}, 1) == {
        "v": "${row.v} costs $5",
        "w": "${",
        "x": "${row.v}1",
    }


def test_what_is_put_in_is_not_looked_at_again() -> None:
    assert body_of({"v": "a ${row.v}", "w": "${row.v}"}, "${row.w} $${ %s {0}") == {
        "v": "a ${row.w} $${ %s {0}",
        "w": "${row.w} $${ %s {0}",
    }


def test_keys_are_texts_of_their_own() -> None:
    assert body_of({'a"b\n': {"é": "${row.v}"}}, 1) == {'a"b\n': {"é": 1}}


# Values.


@given(values)
def test_a_value_that_stands_alone_keeps_its_type(value: Any) -> None:
    found = body_of({"v": "${row.v}"}, value)["v"]
    assert found == value
    assert repr(found) == repr(json.loads(json.dumps(value, sort_keys=True)))


@given(st.text(), st.text(), st.text())
def test_texts_come_through_a_longer_text(before: str, value: str, after: str) -> None:
    written = before.replace("$", "") + "|${row.v}|" + after.replace("$", "")
    assert body_of({"v": written}, value)["v"] == written.replace("${row.v}", value, 1)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (-(10**30), "-1" + "0" * 30),
        (1.0, "1.0"),
        (1e300, "1e+300"),
        (True, "true"),
        (False, "false"),
        ("", ""),
    ],
)
def test_in_a_longer_text_a_scalar_is_put_in_as_text(value: Any, text: str) -> None:
    assert body_of({"v": "<${row.v}>"}, value)["v"] == f"<{text}>"


def test_keys_of_values_are_sorted_at_all_levels() -> None:
    line = renderer({"v": "${row.v}"}).line([{"b": [{"z": 1, "y": None}], "a": 1}])
    assert line.endswith('"body":{"v":{"a":1,"b":[{"y":null,"z":1}]}}}\n')


def test_long_integers_are_exact() -> None:
    huge = 12345678901234567890123456789012345678901234567890
    assert body_of({"v": "${row.v}", "w": ["${row.w}"]}, huge, [huge]) == {"v": huge, "w": [[huge]]}


@pytest.mark.parametrize(("value", "text"), [("a b", "a b"), (17, "17"), (10**25, "1" + "0" * 25), (1.5, "1.5")])
def test_a_custom_id_is_text(value: Any, text: str) -> None:
    assert json.loads(renderer({}, "${row.v}").line([value]))["custom_id"] == text


# What cannot be used.


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "null-value"),
        (MISSING, "missing-value"),
        (float("nan"), "not-finite"),
        (float("inf"), "not-finite"),
        pytest.param(10**5000, "number-too-large", id="huge"),
        (Decimal(1), "wrong-type"),
        (b"bytes", "wrong-type"),
    ],
)
@pytest.mark.parametrize("text", ["${row.v}", "a ${row.v}"])
def test_a_value_that_cannot_be_used(text: str, value: Any, code: str) -> None:
    assert code_of({"v": text}, value) == code
    assert code_of({}, value, custom_id=text) == code


@pytest.mark.parametrize(
    ("value", "code"),
    [
        pytest.param([float("nan")], "not-finite", id="nan"),
        pytest.param({"a": [10**5000]}, "number-too-large", id="huge"),
    ],
)
def test_a_value_that_cannot_be_used_inside_of_another(value: Any, code: str) -> None:
    assert code_of({"v": "${row.v}"}, value) == code


def test_a_value_that_is_nested_too_deeply() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    assert code_of({"v": "${row.v}"}, value) == "too-deep"


@pytest.mark.parametrize("value", [[], {}, [1], {"a": 1}])
def test_a_list_or_an_object_has_no_place_in_a_longer_text(value: Any) -> None:
    assert code_of({"v": "a ${row.v}"}, value) == "not-a-scalar"
    assert code_of({}, value, custom_id="a-${row.v}") == "not-a-scalar"


@pytest.mark.parametrize("value", [True, False, [], {}])
def test_a_custom_id_is_no_truth_and_no_list(value: Any) -> None:
    assert code_of({}, value, custom_id="${row.v}") == "bad-custom-id"


def test_all_that_is_wrong_with_a_row_is_told_once() -> None:
    rendered = renderer({"a": "${row.a}", "b": ["${row.b} and ${row.b}", "${row.c}"]}, "${row.id}")
    with pytest.raises(BadRow) as caught:
        rendered.line([None, "fine", None, float("nan")])
    assert [(each.column, each.code) for each in caught.value.problems] == [
        ("id", "null-value"),
        ("b", "null-value"),
        ("c", "not-finite"),
    ]


def test_all_that_is_wrong_with_a_template_is_told() -> None:
    with pytest.raises(BadTemplate) as caught:
        renderer({"a": ["${row.}", "${vars.x}"], "b": {"c": float("nan")}}, "${nope")
    assert [(each.field, each.code) for each in caught.value.problems] == [
        (("input", "custom_id"), "malformed-reference"),
        (("input", "body", "a", 0), "malformed-reference"),
        (("input", "body", "a", 1), "unknown-reference"),
        (("input", "body", "b", "c"), "not-json"),
    ]
    assert all(isinstance(each, FieldProblem) and each.message for each in caught.value.problems)

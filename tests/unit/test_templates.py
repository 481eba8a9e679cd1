"""Texts of a template: what the spec knows is put in, what a row knows is left, and nothing put in is a reference."""

from collections.abc import Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batchrunner.references import LONGEST, BadReferences, Column, Scope, as_text
from batchrunner.spec import Scalar
from batchrunner.templates import compiled, templated

SCOPE = Scope(
    vars={
        "model": "gpt-4o-mini",
        "n": 5,
        "on": True,
        "ratio": 0.5,
        "nested": "${row.id}",
        "dollar": "$",
        "open": "{x}",
    },
    run={"date": "2026-11-22"},
    matrix={"lang": "en"},
)


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ("plain", "plain"),
        ("$ {", "$ {"),
        ("${row.id}", "${row.id}"),
        ("${row.Ticket Text}", "${row.Ticket Text}"),
        ("${row.text.de}", "${row.text.de}"),
        ("${row.prix (€)}", "${row.prix (€)}"),
        ("${vars.n}", 5),
        ("${vars.on}", True),
        ("${vars.ratio}", 0.5),
        ("${vars.model}", "gpt-4o-mini"),
        ("${matrix.lang}-${row.id}", "en-${row.id}"),
        ("${row.id}/${run.date}/${row.id}", "${row.id}/2026-11-22/${row.id}"),
        ("$${row.id}", "$${row.id}"),
        ("$$${row.id}", "$$${row.id}"),
        ("$${", "$${"),
        ("${vars.nested}", "$${row.id}"),
        ("a ${vars.nested} ${row.id}", "a $${row.id} ${row.id}"),
        ("${vars.dollar}{row.id}", "$${row.id}"),
        ("${vars.dollar}${vars.open}", "$${x}"),
        ("${vars.dollar}", "$"),
        ("${vars.dollar} ${row.id}", "$ ${row.id}"),
    ],
)
def test_only_references_to_the_row_are_left(text: str, template: Scalar) -> None:
    made = templated(text, SCOPE)
    assert made == template
    assert type(made) is type(template)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("${row}", "unknown-reference", "`row.NAME`"),
        ("${id}", "unknown-reference", "`row.NAME`"),
        ("${row.}", "malformed-reference", "without spaces"),
        ("${row. id}", "malformed-reference", ""),
        ("${row.id }", "malformed-reference", ""),
        ("${ row.id}", "malformed-reference", ""),
        ("${row.a\nb}", "malformed-reference", ""),
        ("${row.id", "malformed-reference", ""),
        ("${row.${row.id}}", "malformed-reference", ""),
        ("${{row.id}}", "malformed-reference", ""),
        ("${vars.modle} ${row.id}", "unknown-reference", "${vars.model}"),
        ("${env.HOME}", "env-not-allowed", "policy.allow_env"),
        ("${vars.dollar}${row.price}", "bad-value", "`${row.price}`"),
    ],
)
def test_what_stands_for_nothing_says_why(text: str, code: str, said: str) -> None:
    with pytest.raises(BadReferences) as raised:
        templated(f"{text}.", SCOPE)
    problem = raised.value.problems[0]
    assert problem.code == code
    assert said in f"{problem.message} {problem.hint}"


def test_a_text_that_would_be_too_long_is_not_made() -> None:
    scope = Scope(vars={"half": "h" * (LONGEST // 2)})
    assert (
        templated("${vars.half}${row.a}${vars.half}", scope)
        == f"{'h' * (LONGEST // 2)}${{row.a}}{'h' * (LONGEST // 2)}"
    )
    for text in ("${vars.half}${row.a}${vars.half}x", "${row.a}" * (LONGEST // 4)):
        with pytest.raises(BadReferences) as raised:
            templated(text, scope)
        assert [problem.code for problem in raised.value.problems] == ["too-long"]


def rendered(template: str, row: Mapping[str, str]) -> str:
    return "".join(row[piece.name] if isinstance(piece, Column) else piece for piece in compiled(template))


TRICKY = st.text(alphabet="${}arow.id \n", max_size=12)
TOKENS = st.lists(
    st.sampled_from(["${row.id}", "${row.a b}", "${vars.v}", "${vars.w}", "$${", "$", "{", "}"]) | TRICKY, max_size=8
).map("".join)


@given(TOKENS, TRICKY | st.integers() | st.booleans(), TRICKY, TRICKY, TRICKY)
@example("${vars.v}${vars.w}${row.id}", "$", "{row.id}", "x", "y")
@example("${vars.v}{row.id}", "$", "", "x", "y")
def test_putting_in_what_is_known_and_then_the_row_is_putting_in_all_at_once(
    text: str, v: Scalar, w: str, first: str, second: str
) -> None:
    scope, row = Scope(vars={"v": v, "w": w}), {"id": first, "a b": second}
    try:
        template = templated(text, scope)
    except BadReferences:
        return  # malformed, or a `$` that no template can write
    if isinstance(template, str):
        assert rendered(template, row) == at_once(
            text, {"vars.v": as_text(v), "vars.w": w, "row.id": first, "row.a b": second}
        )
    else:
        assert (text, template) == ("${vars.v}", v)


def at_once(text: str, values: Mapping[str, str]) -> str:
    """What the rules of references say, from left to right, without looking back."""
    made = ""
    while text:
        if text.startswith("$${"):
            made, text = made + "${", text[3:]
        elif text.startswith("${"):
            name, _, text = text[2:].partition("}")
            made += values[name]
        else:
            made, text = made + text[0], text[1:]
    return made


@given(st.text())
def test_no_value_becomes_a_reference(value: str) -> None:
    template = templated("${vars.v}", Scope(vars={"v": value}))
    assert isinstance(template, str)
    assert "".join(map(str, compiled(template))) == value
    assert not any(isinstance(piece, Column) for piece in compiled(template))

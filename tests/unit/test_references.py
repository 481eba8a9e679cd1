"""References: one pass, typed where they stand alone, an error with a way out where they stand for nothing."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.references import LONGEST, BadReferences, Scope, as_text, refers, substitute, unescaped
from batchrunner.spec import Scalar

SCOPE = Scope(
    vars={
        "model": "gpt-4o-mini",
        "n": 50000,
        "ratio": 0.5,
        "on": True,
        "off": False,
        "empty": "",
        "nested": "${vars.n}",
    },
    run={"date": "2026-11-22", "key": "day:2026-11-22"},
    matrix={"lang": "en", "top.k": 3},
    batch={"name": "nightly"},
    allow_env=("DATASET", "UNSET", "CONTROL", "NESTED"),
    environment={"DATASET": "tickets", "HOME": "/root", "CONTROL": "\x1b[2J", "NESTED": "${env.HOME}"},
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("", ""),
        ("$vars.n", "$vars.n"),
        ("${vars.model}", "gpt-4o-mini"),
        ("${vars.n}", 50000),
        ("${vars.ratio}", 0.5),
        ("${vars.on}", True),
        ("${vars.off}", False),
        ("${vars.empty}", ""),
        ("${run.date}", "2026-11-22"),
        ("${run.key}", "day:2026-11-22"),
        ("${matrix.lang}", "en"),
        ("${matrix.top.k}", 3),
        ("${batch.name}", "nightly"),
        ("${env.DATASET}", "tickets"),
        ("data/${run.date}/${env.DATASET}-${matrix.lang}.jsonl", "data/2026-11-22/tickets-en.jsonl"),
        ("${vars.n}${vars.empty}", "50000"),
        (" ${vars.n}", " 50000"),
        ("${vars.n}${vars.on}${vars.ratio}", "50000true0.5"),
        ("$${vars.n}", "${vars.n}"),
        ("$$${vars.n}", "$${vars.n}"),
        ("$${", "${"),
        ("a $${b} ${vars.n}", "a ${b} 50000"),
        ("${vars.nested}", "${vars.n}"),
        ("x${vars.nested}", "x${vars.n}"),
        ("${env.NESTED}", "${env.HOME}"),
    ],
)
def test_references_stand_for_their_values(text: str, value: Scalar) -> None:
    result = substitute(text, SCOPE)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("${vars.modle}", "unknown-reference", "${vars.model}"),
        ("${model}", "unknown-reference", "${vars.model}"),
        ("${secrets.KEY}", "unknown-reference", "available are"),
        ("${run.year}", "unknown-reference", "run.date"),
        ("${matrix.size}", "unknown-reference", "matrix.lang"),
        ("${env}", "unknown-reference", "env.DATASET"),
        ("${env.HOME}", "env-not-allowed", "policy.allow_env"),
        ("${env.API_KEY}", "env-secret", "another name"),
        ("${env.UNSET}", "env-unset", "UNSET"),
        ("${env.CONTROL}", "bad-character", "CONTROL"),
        ("${row.id}", "reference-unavailable", "`input.body`"),
        ("${row.Ticket Text}", "reference-unavailable", "`input.body`"),
        ("${", "malformed-reference", "$${"),
        ("${}", "malformed-reference", ""),
        ("${vars.}", "malformed-reference", ""),
        ("${.n}", "malformed-reference", ""),
        ("${a b}", "malformed-reference", ""),
        ("${ vars.n }", "malformed-reference", "without spaces"),
        ("${vars.n:-5}", "malformed-reference", ""),
        ("${vars.n", "malformed-reference", ""),
        ("${vars.${vars.n}}", "malformed-reference", ""),
        ("${{ vars.n }}", "malformed-reference", ""),
    ],
)
def test_references_that_stand_for_nothing_say_why(text: str, code: str, said: str) -> None:
    with pytest.raises(BadReferences) as raised:
        substitute(f"x{text}", SCOPE)
    problem = raised.value.problems[0]
    assert problem.code == code
    assert said in f"{problem.message} {problem.hint}"


def test_every_bad_reference_of_a_text_is_told() -> None:
    with pytest.raises(BadReferences) as raised:
        substitute("${vars.a} ${b c} ${vars.n} ${env.HOME}", SCOPE)
    codes = [problem.code for problem in raised.value.problems]
    assert codes == ["unknown-reference", "malformed-reference", "env-not-allowed"]


def test_a_variable_that_is_not_allowed_is_not_even_looked_at() -> None:
    class Forbidden(dict[str, str]):
        def get(self, *_: object) -> str:
            raise AssertionError("the environment was read")

    with pytest.raises(BadReferences, match="may not read"):
        substitute("${env.HOME}", Scope(environment=Forbidden()))


def test_the_run_key_is_unknown_under_content() -> None:
    with pytest.raises(BadReferences) as raised:
        substitute("${run.key}", Scope(run={"date": "2026-11-22"}))
    assert raised.value.problems[0].code == "reference-unavailable"


@given(st.text(), st.text())
def test_what_is_put_in_is_not_looked_at_again(before: str, value: str) -> None:
    plain = before.replace("${", "").removesuffix("$")
    assert substitute(plain + "${vars.v}.", Scope(vars={"v": value})) == plain + value + "."


@given(st.text(alphabet="${}ab.vars ", max_size=40))
def test_a_text_resolves_refers_badly_or_stays_itself(text: str) -> None:
    if refers(text):
        with suppress(BadReferences):
            substitute(text, Scope(vars={"a": "b"}))
    else:
        assert substitute(text, Scope()) == unescaped(text)


@given(st.text())
def test_escaping_brings_any_text_through(text: str) -> None:
    escaped = text.replace("${", "$${")
    assert substitute(escaped, Scope()) == text


def test_values_become_text() -> None:
    assert [as_text(value) for value in (True, False, 1, 1.0, "x")] == ["true", "false", "1", "1.0", "x"]


@pytest.mark.parametrize("text", ["${vars.half}${vars.half}x", "${vars.half}" * 100_000, "$${" * (LONGEST // 2)])
def test_a_text_that_would_be_too_long_is_not_made(text: str) -> None:
    scope = Scope(vars={"half": "h" * (LONGEST // 2)})
    assert substitute("${vars.half}${vars.half}", scope) == "h" * LONGEST
    with pytest.raises(BadReferences) as caught:
        substitute(text, scope)
    assert [problem.code for problem in caught.value.problems] == ["too-long"]

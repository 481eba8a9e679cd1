"""Answers in JSON that is not strict, as servers write it: they were paid for, and are not to be asked again."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.catalog import ALPHAEDGE
from batchrunner.providers import result_reader
from batchrunner.records import replace
from batchrunner.remote import Usage
from batchrunner.results.tables import body_of
from batchrunner.rows import ResultLine

DIALECTS = ["alphaedge", "openai", "mistral", "together", "anthropic"]
LOOSE = [r'{"content":"cut \ud83d","usage":%s}', r'{"lp":NaN,"usage":%s}', r'{"lp":[-Infinity,Infinity],"usage":%s}']
USAGE = '{"prompt_tokens":7,"completion_tokens":2}'


def read(line: str, dialect: str = "openai") -> ResultLine | None:
    return result_reader(replace(ALPHAEDGE, dialect=dialect))(line.encode())


def of(dialect: str, body: str, custom_id: str = '"a"') -> str:
    if dialect == "anthropic":
        return f'{{"custom_id":{custom_id},"result":{{"type":"succeeded","message":{body}}}}}'
    return f'{{"custom_id":{custom_id},"response":{{"status_code":200,"body":{body}}},"error":null}}'


@pytest.mark.parametrize("body", LOOSE)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_answer_in_loose_json_is_an_answer(dialect: str, body: str) -> None:
    line = of(dialect, body % USAGE)
    assert read(line, dialect) == ResultLine("a", "ok", 200, "", "", Usage(input_tokens=7, output_tokens=2))
    assert json.dumps(json.loads(body_of(line.encode()) or "")) == json.dumps(json.loads(body % USAGE))


def test_a_body_that_is_a_text_with_half_a_character_is_one() -> None:
    line = of("openai", r'"{\"a\":1} \ud83d"')
    assert read(line) == ResultLine("a", "ok", 200)
    assert body_of(line.encode()) == '{"a":1} ?'


@pytest.mark.parametrize("where", ["code", "message"])
def test_words_of_an_error_can_be_written_whatever_was_said(where: str) -> None:
    found = read(f'{{"custom_id":"a","response":null,"error":{{"{where}":"x\\ud800"}}}}')
    assert found is not None
    assert (found.outcome, found.code + found.message) == ("error", "x?")


@pytest.mark.parametrize("custom_id", [r'"\ud800"', "1", "null", "NaN"])
def test_an_id_that_is_no_text_is_no_row(custom_id: str) -> None:
    assert read(of("openai", '{"lp":NaN}', custom_id)) is None


@given(depth=st.integers(1, 3000), dialect=st.sampled_from(DIALECTS), opener=st.sampled_from(["[", '{"a":']))
def test_any_depth_is_read_or_not_and_never_an_exception(depth: int, dialect: str, opener: str) -> None:
    deep = opener * depth + "1" + ("]" if opener == "[" else "}") * depth
    for line in (of(dialect, deep), f'{{"custom_id":"a","error":{{"code":{deep}}}}}'):
        found: Any = read(line, dialect)
        assert found is None or found.custom_id == "a"
        body_of(line.encode())

"""Records: strict in, stable out."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.errors import ExitCode, StateError
from batchrunner.records import Raw, Record, compact, decode, decoder, encode, field, plain, pretty, replace


class Inner(Record):
    name: str = ""


class Sample(Record):
    text: str
    number: int = 0
    pairs: dict[str, str] = field(default_factory=dict)
    inner: tuple[Inner, ...] = ()
    raw: Raw = Raw(b"null")


samples = st.builds(
    Sample,
    text=st.text(),
    number=st.integers(-(2**63), 2**63 - 1),
    pairs=st.dictionaries(st.text(), st.text(), max_size=3),
    inner=st.lists(st.builds(Inner, name=st.text()), max_size=2).map(tuple),
)


@given(samples)
def test_a_record_comes_back_as_it_was(sample: Sample) -> None:
    for written in (encode(sample), pretty(sample)):
        assert decode(written, Sample, what="it") == sample
    assert decoder(Sample).decode(encode(sample)) == sample
    assert plain(sample) == json.loads(encode(sample))


@given(st.dictionaries(st.text(), st.text()))
def test_equal_records_are_equal_bytes(pairs: dict[str, str]) -> None:
    turned = dict(reversed(pairs.items()))
    assert encode(Sample(text="", pairs=turned)) == encode(Sample(text="", pairs=pairs))


def test_defaults_are_not_written() -> None:
    assert encode(Sample(text="x")) == b'{"text":"x"}'


def test_pretty_is_for_people_and_diffs() -> None:
    assert pretty(Sample(text="x", number=1, pairs={"b": "1", "a": "2"})) == (
        b'{\n  "number": 1,\n  "pairs": {\n    "a": "2",\n    "b": "1"\n  },\n  "text": "x"\n}\n'
    )


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "truncated"),
        (b"{", "truncated"),
        (b"[]", "array"),
        (b"{}", "`text`"),
        (b'{"text": 1}', "`$.text`"),
        (b'{"text": "x", "number": "1"}', "`$.number`"),
        (b'{"text": "x", "other": 1}', "`other`"),
        (b'{"text": "x", "inner": [{"name": 3}]}', "`$.inner[0].name`"),
        (b'{"text": "\xff"}', ""),
        (b"[" * 100_000, ""),
        (b'{"text": "x"} x', "trailing"),
    ],
)
def test_what_is_no_record_is_refused_with_where(data: bytes, why: str) -> None:
    with pytest.raises(StateError) as caught:
        decode(data, Sample, what="the plan plan.json")
    assert (caught.value.code, caught.value.exit_code) == ("unreadable-record", ExitCode.CONFLICT)
    assert "plan.json" in caught.value.message
    assert why in caught.value.why


@given(st.binary(max_size=60))
def test_any_bytes_are_a_record_or_refused(data: bytes) -> None:
    try:
        decode(data, Sample, what="it")
    except StateError:
        return
    assert "text" in json.loads(data)


def test_records_are_frozen() -> None:
    sample = Sample(text="x")
    with pytest.raises(AttributeError):
        sample.text = "y"  # type: ignore[misc]
    assert replace(sample, text="y") == Sample(text="y")
    assert sample.text == "x"


def test_fields_have_names() -> None:
    with pytest.raises(TypeError):
        Sample("x")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("document", "kept"),
    [
        (b'{ "b" : 1.0 ,\n "a" : [ 1e3 , 12345678901234567890123 ] }', b'{"b":1.0,"a":[1e3,12345678901234567890123]}'),
        (b'"\\u00e9  x"', b'"\\u00e9  x"'),
        (b'{"a":1,"a":2}', b'{"a":1,"a":2}'),
    ],
)  # fmt: skip
def test_a_providers_document_is_kept_token_by_token(document: bytes, kept: bytes) -> None:
    assert bytes(compact(document)) == kept


def test_raw_values_compare_by_their_bytes() -> None:
    stored: Any = decode(encode(Sample(text="", raw=Raw(b'{"id":"x"}'))), Sample, what="it")
    assert bytes(stored.raw) == b'{"id":"x"}'

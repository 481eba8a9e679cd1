"""The quick rules of a spec's fields and the models that explain them accept the same values."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from batchrunner import spec
from batchrunner.documents import BatchFields, DeclaredBatch, RunFields, Shard, SpecHead, Table, TableFields
from batchrunner.records import MALFORMED, Record, converted
from batchrunner.spec import BatchDeclaration, BatchDefaults, Head, Recurrence

PAIRS = [
    (BatchDefaults, BatchFields),
    (BatchDeclaration, DeclaredBatch),
    (Head, SpecHead),
    (Recurrence, RunFields),
    (spec.TableDefaults, TableFields),
    (spec.Table, Table),
    (spec.Shard, Shard),
]

EDGES = [
    "", "a", "a\n", "é", "A", "-a", "a" * 63, "a" * 64, "/v1/x", "/", "/v1/x\n", "/" + "a" * 255, "/" + "a" * 256,
    "24h", "0h", "9999d", "10000d", "24h\n",
    "file-a.b_c", "f" * 128, "f" * 129, "d/é x.jsonl", "d\x00", "d\x7f", "d\x85",
    "p" * 4096, "p" * 4097, "😀" * 4096, "😀" * 4097, "content", "day", "UTC",
    "t.csv", "d/é*.parquet", ".csv", "t.CSV", "t.csv\n", "t.jsonl ", "t\x00.tsv",
    "p" * 4092 + ".csv", "p" * 4093 + ".csv",
]  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(EDGES) | st.text()
LABELS = st.dictionaries(st.sampled_from(["", "k", "k" * 64, "k" * 65]) | st.text(max_size=3), SCALARS, max_size=20)
TEXT_LABELS = st.dictionaries(
    st.text(min_size=1, max_size=3), st.sampled_from(["", "v" * 512, "v" * 513]), min_size=14, max_size=18
)
TABLE = {"rows": "t.csv", "custom_id": "${row.id}", "body": {"model": "m", "messages": [{"content": "${row.t}"}]}}
LIMITS = ["max_requests", "max_bytes", "max_tokens"]
TABLES = st.dictionaries(st.sampled_from([*TABLE, "other"]), SCALARS | LABELS, max_size=3).map(
    lambda said: {**TABLE, **said}
) | st.dictionaries(st.sampled_from([*TABLE]), st.sampled_from([*TABLE.values()]))
SHARDS = st.dictionaries(st.sampled_from([*LIMITS, "other"]), SCALARS | st.sampled_from([0, 1, 1.0, True]), max_size=3)
VALUES = SCALARS | LABELS | TEXT_LABELS | TABLES | SHARDS | st.lists(SCALARS, max_size=2) | st.just({"once_per": "day"})
RIGHT = {"name": "a", "endpoint": "/v1/x", "input_file_id": "f", "metadata": {"k": "v"}, "run": {}, **TABLE}


@pytest.mark.parametrize(("quick", "model"), PAIRS)
@given(data=st.data())
def test_both_accept_the_same(quick: type[Record], model: type[BaseModel], data: st.DataObject) -> None:
    known = [*quick.__struct_fields__, "unknown"]
    said = data.draw(st.dictionaries(st.sampled_from(known), VALUES, max_size=3))
    agree(quick, model, {**{key: RIGHT[key] for key in known if key in RIGHT}, **said})


@given(value=st.sampled_from(EDGES) | st.text())
@example(value="a" * 5000)
def test_each_text_of_a_batch_by_itself(value: str) -> None:
    for field in ("name", "provider", "endpoint", "completion_window", "input_file_id", "input"):
        agree(BatchDeclaration, DeclaredBatch, {"name": "a", "endpoint": "/v1/x", field: value})
    for field in ("rows", "custom_id"):
        agree(spec.Table, Table, {**TABLE, field: value})


@given(table=TABLES, shard=SHARDS | SCALARS)
@example(table=TABLE, shard=False)
@example(table=TABLE, shard={"max_requests": 1})
@example(table=TABLE, shard={"max_requests": 1, "max_bytes": None})
@example(table=TABLE, shard={"max_requests": None})
def test_tables_and_shards_of_a_batch(table: Any, shard: Any) -> None:
    for quick, model in ((BatchDefaults, BatchFields), (BatchDeclaration, DeclaredBatch)):
        known = {"endpoint": "/v1/x", **({"name": "a"} if quick is BatchDeclaration else {})}
        agree(quick, model, {**known, "input": table, "shard": shard})


@pytest.mark.parametrize("shard", [False, {"max_requests": 1}])
def test_what_is_right_is_accepted(shard: Any) -> None:
    fields = {"name": "a", "endpoint": "/v1/x", "input": TABLE, "shard": shard}
    assert shown(converted(fields, BatchDeclaration))["input"] == TABLE
    agree(BatchDeclaration, DeclaredBatch, fields)


def agree(quick: type[Record], model: type[BaseModel], fields: dict[str, Any]) -> None:
    try:
        right: dict[str, Any] | None = model.model_validate(fields).model_dump()
    except ValidationError:
        right = None
    try:
        value = converted(fields, quick)
    except MALFORMED:
        assert right is None
    else:
        assert right is not None
        assert {**right, **shown(value)} == right


def shown(value: Any) -> Any:
    if isinstance(value, Record):
        return {name: shown(getattr(value, name)) for name in value.__struct_fields__}
    return value

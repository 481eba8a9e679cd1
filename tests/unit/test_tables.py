"""Tables: what is read of CSV, TSV, JSONL and Parquet, what is wrong with them and where, and what they become."""

import csv
import hashlib
import io
import json
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from support.corpora import naughty_strings

from batchrunner.errors import Refused
from batchrunner.inputs import InputRefused, Scan, open_content
from batchrunner.inputs.tables import RenderedRows, format_of, scan_table
from batchrunner.inputs.tables.parquet import ParquetReader
from batchrunner.inputs.tables.places import Places
from batchrunner.inputs.tables.problems import LISTED, RowProblem
from batchrunner.linerules import LineRules
from batchrunner.manifest import LocalFile, Template
from batchrunner.references import FORBIDDEN, BadReferences
from batchrunner.sharder import Sharding
from batchrunner.templates import BadTemplate, compiled

URL = "/v1/chat/completions"
RULES = LineRules(endpoint=URL)
NASTY = [
    "",
    '"',
    '""',
    ",",
    "\r",
    "\r\n",
    "\n\n",
    "\t",
    "\ufeff",
    "\u2028",
    "\x1b[31m",
    "\u202e",
    "${row.id}",
    "%s",
    "\\",
    "=1+1",
]
FORMATS = ("csv", "tsv", "jsonl", "parquet")


def template(custom_id: str = "${row.id}", **body: Any) -> Template:
    return Template(custom_id=custom_id, url=URL, body={"model": "m", **body})


def written(format: str, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    """A table as others write it."""
    if format == "jsonl":
        return b"".join(json.dumps(dict(zip(names, row, strict=True))).encode() + b"\n" for row in rows)
    if format == "parquet":
        columns = [pyarrow.array(column) for column in zip(*rows, strict=True)]
        return parquet_of(pyarrow.table(columns, names=list(names)))
    text = io.StringIO(newline="")
    csv.writer(text, "excel-tab" if format == "tsv" else "excel").writerows([names, *rows])
    return text.getvalue().encode()


def parquet_of(table: pyarrow.Table, **options: Any) -> bytes:
    stream = io.BytesIO()
    parquet.write_table(table, stream, **options)
    return stream.getvalue()


def rendered(data: bytes, format: str, wanted: Template, **part: int) -> bytes:
    return RenderedRows(io.BytesIO(data), format, wanted, **part).read()


def documents(data: bytes, format: str, wanted: Template) -> list[Any]:
    return [json.loads(line) for line in rendered(data, format, wanted).splitlines()]


def scanned(data: bytes, format: str = "csv", wanted: Template | None = None, **limits: Any) -> Scan:
    return scan_table(
        io.BytesIO(data),
        path=f"data/x.{format}",
        shown=f"specs/data/x.{format}",
        format=format,
        template=wanted or template(input="${row.text}"),
        rules=RULES,
        sharding=Sharding(**limits),
    )


def found(data: bytes, format: str = "csv", wanted: Template | None = None) -> list[tuple[str, int]]:
    return [(each.code, each.line) for each in scanned(data, format, wanted).diagnostics]


def unfit(data: bytes, format: str, wanted: Template) -> list[tuple[tuple[str | int, ...], str, str]]:
    with pytest.raises(BadTemplate) as caught:
        scanned(data, format, wanted)
    return [(each.field, each.code, each.hint) for each in caught.value.problems]


# Rows that are rendered and then checked.


def can_be_named(name: str) -> bool:
    try:
        return not FORBIDDEN.search(name) and len(compiled(f"${{row.{name}}}")) == 1
    except BadReferences:
        return False


names = st.lists(st.text(min_size=1, max_size=8).filter(can_be_named), min_size=1, max_size=4, unique=True)
texts = st.text(max_size=30).map(lambda text: text.replace("\0", "")) | st.sampled_from(NASTY)
values = st.recursive(
    texts | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner | st.none(), max_size=3),
    max_leaves=5,
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[str, list[str], list[list[Any]]]:
    """A format, names of columns, and rows that begin with an id."""
    format = draw(st.sampled_from(FORMATS))
    columns = [name for name in draw(names) if name != "id"]
    cells = values if format == "jsonl" else texts
    bodies = draw(st.lists(st.tuples(*[cells] * len(columns)), min_size=1, max_size=6))
    return format, ["id", *columns], [[f"{number}", *body] for number, body in enumerate(bodies)]


@settings(deadline=None)
@given(tables())
def test_valid_rows_are_valid_requests(table: tuple[str, list[str], list[list[Any]]]) -> None:
    format, columns, rows = table
    wanted = template("${row.id}", values=[f"${{row.{name}}}" for name in columns])
    data = written(format, columns, rows)
    scan = scanned(data, format, wanted)
    assert scan.diagnostics == ()
    assert scan.requests == len(rows)
    lines = rendered(data, format, wanted)
    assert [json.loads(line)["body"]["values"] for line in lines.split(b"\n")[:-1]] == rows
    (part,) = scan.parts
    assert (part.file.sha256, part.file.size) == (f"sha256:{hashlib.sha256(lines).hexdigest()}", len(lines))
    assert part.file.template == wanted


@pytest.mark.parametrize("format", FORMATS)
def test_naughty_strings_come_through(format: str) -> None:
    strings = [*naughty_strings(), *NASTY]
    rows = [(str(number), text) for number, text in enumerate(strings)]
    data = written(format, ["id", "text"], rows)
    wanted = template("x-${row.id}-${row.text}", input="${row.text}", longer="<${row.text}>")
    read = documents(data, format, wanted)
    assert [each["body"]["input"] for each in read] == strings
    assert [each["body"]["longer"] for each in read] == [f"<{text}>" for text in strings]
    assert [each["custom_id"] for each in read] == [f"x-{number}-{text}" for number, text in rows]
    assert scanned(data, format, wanted).diagnostics == ()


@settings(deadline=None)
@given(tables(), st.integers(1, 3))
def test_shards_are_rendered_again_from_the_table(table: tuple[str, list[str], list[list[Any]]], most: int) -> None:
    format, columns, rows = table
    wanted = template("${row.id}", values=[f"${{row.{name}}}" for name in columns])
    data = written(format, columns, rows)
    scan = scanned(data, format, wanted, max_requests=most, is_numbered=True)
    pieces = []
    for part in scan.parts:
        assert part.file.part is not None
        piece = rendered(data, format, wanted, before=part.file.part.before, requests=part.file.requests)
        assert part.file.sha256 == f"sha256:{hashlib.sha256(piece).hexdigest()}"
        pieces.append(piece)
    assert b"".join(pieces) == rendered(data, format, wanted)


@pytest.mark.parametrize("format", FORMATS)
def test_rows_are_read_again_from_their_start_in_pieces_of_any_size(format: str) -> None:
    data = written(format, ["id", "text"], [(str(number), "words " * 100) for number in range(500)])
    stream = RenderedRows(io.BytesIO(data), format, template(input="${row.text}"))
    whole = stream.read()
    assert whole.count(b"\n") == 500
    assert stream.read(10) == b""
    stream.seek(0)
    assert b"".join(iter(lambda: stream.read(977), b"")) == whole
    stream.seek(0)
    assert io.BufferedReader(stream, 64).read() == whole


def test_a_name_says_how_a_table_is_written() -> None:
    assert [format_of(f"data/x.y.{ending}") for ending in ("csv", "TSV", "jsonl", "parquet")] == list(FORMATS)


# What is told of a good table.


@pytest.mark.parametrize("format", FORMATS)
def test_a_notice_counts_rows_and_columns(format: str) -> None:
    data = written(
        format, ["id", "text", "a\u202eb", "more", "rest"], [(str(number), "t", "", "", "") for number in range(1204)]
    )
    (notice,) = scanned(data, format).notices
    assert (notice.code, notice.where) == ("table", f"specs/data/x.{format}")
    assert notice.message == r"1,204 rows, 5 columns (id, text, a\u202eb, …)"


def test_a_notice_of_a_small_table() -> None:
    (notice,) = scanned(b"text\na\n", wanted=template("a", input="${row.text}")).notices
    assert notice.message == "1 row, 1 column (text)"
    (notice,) = scanned(b"id,text,more,most\n1,a,b,c\n").notices
    assert notice.message == "1 row, 4 columns (id, text, more, most)"


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("text", ["{text}", "{{ text }}", "$row.text", "$${row.text}"])
def test_a_template_that_uses_no_column_is_noticed(format: str, text: str) -> None:
    data = written(format, ["id", "text"], [("1", "a"), ("2", "b")])
    _, notice = scanned(data, format, template(input=text)).notices
    assert (notice.code, notice.where, notice.is_warning) == ("no-column-used", f"specs/data/x.{format}", True)
    words = "no column of the table is used in `body`: every request is the same. A column is `${row.NAME}`."
    assert notice.message == words
    assert len(scanned(data, format, template(input=[{"text": f"{text} ${{row.text}}"}])).notices) == 1


def test_what_to_do_about_ids_is_told_of_the_template() -> None:
    (told,) = scanned(b"id,text\n1,a\n1,b\n", wanted=template("x-${row.id}", input="${row.text}")).diagnostics
    assert told.code == "duplicate-custom-id"
    hint = "`custom_id` is `x-${row.id}` in the template: use a column that has another value in each row"
    assert told.hint == hint


# CSV.


@pytest.mark.parametrize(
    ("data", "read"),
    [
        (b"id,text\n1,a\n2,b\n", [["1", "a"], ["2", "b"]]),
        (b"id,text\r\n1,a\r\n2,b", [["1", "a"], ["2", "b"]]),
        (b"\xef\xbb\xbfid,text\n1,a", [["1", "a"]]),
        (b'\xef\xbb\xbf"id",text\n1,a', [["1", "a"]]),
        (b"id,text\n\n1,\n\r\n\n", [["1", ""]]),
        (b'id,text\n"1","a\r\n""b"", c"\n', [["1", 'a\r\n"b", c']]),
        (b"text,,id,\n1,2,3,4\n", [["3", "1"]]),
        (b"id,text\n01, 1.50 \n", [["01", " 1.50 "]]),
        ("id,text\n1,né\u2028e\u0085\n".encode(), [["1", "né\u2028e\u0085"]]),
    ],
)
def test_what_is_read_of_csv(data: bytes, read: list[list[str]]) -> None:
    wanted = template(row=["${row.id}", "${row.text}"])
    assert [each["body"]["row"] for each in documents(data, "csv", wanted)] == read
    assert scanned(data, "csv", wanted).diagnostics == ()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", [("header-missing", 0)]),
        (b"\n\n", [("header-missing", 0)]),
        (b"\xff\xfei\0d\0", [("not-utf-8", 1)]),
        (b"id,text,id\n", [("duplicate-column", 1)]),
        (b'"id,text\n1,a\n', [("unterminated-quote", 1)]),
        (b"id,text\r1,a\r", [("bad-line-end", 1)]),
        (b"id,text\n", [("empty-file", 0)]),
        (b"id,text\n1\n2,b,c\n3,d\n", [("wrong-cell-count", 2), ("wrong-cell-count", 3)]),
        (b'id,text\n1,"a\nb"\n2\n', [("wrong-cell-count", 4)]),
        (b"id,text\n1,\xff\n2,b\n3,\xe9\n", [("not-utf-8", 2), ("not-utf-8", 4)]),
        (b'id,text\n1,"a\n\xff\nb"\n2,b\n', [("not-utf-8", 2)]),
        (b"id,text\n1,a\0\n2,b\n", [("nul-character", 2)]),
        (b'id,text\n1,"a\n2,b\n', [("unterminated-quote", 2)]),
        (b'id,text\n1,a\n2,"b" c\n3,d,e\n', [("bad-quoting", 3), ("wrong-cell-count", 4)]),
        (b"id,text\n1,a\rb\n2,b\n3\n", [("bad-line-end", 2), ("wrong-cell-count", 4)]),
        (b'id,text\n1,a\n2,"b\nc"\n\n1,d\n', [("duplicate-custom-id", 6)]),
        (b'id,text\n"",a\n2,b\n', [("bad-custom-id", 2)]),
    ],
)
def test_what_is_wrong_with_csv(data: bytes, expected: list[tuple[str, int]]) -> None:
    assert found(data) == expected


def test_a_line_that_is_too_long_for_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batchrunner.inputs.tables.delimited.LONGEST", 64)
    assert found(b"id,text\n1," + b"a" * 70 + b"\n2," + b"b" * 61 + b"\n3,c\n4\n") == [
        ("line-too-long", 2),
        ("wrong-cell-count", 5),
    ]
    (told,) = scanned(b"id,text\n1," + b"a" * 70).diagnostics
    assert told.hint == "is a line end missing, or a quote?"


def test_cells_may_be_long_and_an_endless_one_is_not_kept() -> None:
    assert scanned(b"id,text\n1," + b"a" * 1_000_000 + b"\n").diagnostics == ()
    endless = b'id,text\n1,a\n2,"' + (b"b" * 1023 + b"\n") * (17 << 10)
    assert found(endless) == [("cell-too-long", 3)]


def test_a_row_of_many_long_cells_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batchrunner.inputs.tables.delimited.LONGEST", 64)
    cells = ",".join('"' + "x\n" * 20 + '"' for _ in range(5))
    assert found(f"id,text,a,b,c,d,e\n1,t,,,,,\n2,t,{cells}\n".encode()) == [("row-too-long", 3)]
    rows = "".join(f'{number},"x\ny",,,,,\n' for number in range(50))
    assert found(f"id,text,a,b,c,d,e\n{rows}".encode()) == []


def test_tsv_is_csv_with_tabs() -> None:
    read = documents(b'id\ttext\n1\ta, "b"\n2\t"c\td"\n', "tsv", template(input="${row.text}"))
    assert [each["body"]["input"] for each in read] == ['a, "b"', "c\td"]


# JSONL.


def test_values_of_jsonl_keep_their_types() -> None:
    rows = [
        {"id": number, "v": value} for number, value in enumerate([1, 10**40, -0.5, True, "t", [1, None], {"b": 1}])
    ]
    data = b"\xef\xbb\xbf" + b"\r\n\n".join(json.dumps(row).encode() for row in rows)
    read = documents(data, "jsonl", template(v="${row.v}"))
    assert [repr(each["body"]["v"]) for each in read] == [repr(row["v"]) for row in rows]
    assert [each["custom_id"] for each in read] == [str(row["id"]) for row in rows]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{", "invalid-json-line"),
        (b'{"id":1,"text":NaN}', "invalid-json-line"),
        (b'{"id":1,"text":1e999}', "invalid-json-line"),
        (b'{"id":1,"text":"\\ud800"}', "invalid-json-line"),
        (b'{"id":1,"text":"\xff"}', "not-utf-8"),
        (b'{"id":1,"text":"a\0"}', "invalid-json-line"),
        (b'{"id":1,"text":' + b"9" * 5000 + b"}", "invalid-json-line"),
        (b'{"id":1,"text":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too-deep"),
        (b'[{"id":1}]', "not-an-object"),
        (b"null", "not-an-object"),
        (b'{"id":1,"text":"a","text":"b"}', "duplicate-key"),
        (b'{"id":1,"text":"a","other":[{"x":1,"y":2, "\\u0078":3}]}', "duplicate-key"),
        (b'{"id":1,"text" :"a","text":"b"}', "duplicate-key"),
        (b'{"id":1,"text":"\\u0022\\u0022","text":"b"}', "duplicate-key"),
        (b'{"id":1}', "missing-value"),
        (b'{"id":1,"text":null}', "null-value"),
        (b'{"id":null,"text":""}', "null-value"),
        (b'{"id":[1],"text":""}', "bad-custom-id"),
        (b'{"id":true,"text":""}', "bad-custom-id"),
        (b'{"id":0,"text":""}', "duplicate-custom-id"),
    ],
)
def test_what_is_wrong_with_jsonl(line: bytes, code: str) -> None:
    data = b'{"id":0,"text":""}\n\n' + line + b'\n{"id":2,"text":""}\n'
    assert found(data, "jsonl") == [(code, 3)]


def test_rows_of_any_depth_are_read_or_refused() -> None:
    for depth in range(700, 1000):
        row = b'{"id":1,"text":"" , "x" :"\\u0022","y":' + b"[" * depth + b"]" * depth + b"}\n"
        assert found(row, "jsonl") in ([], [("too-deep", 1)])


def test_keys_that_only_look_repeated_are_fine() -> None:
    data = json.dumps({"id": "é", "text": '":":":', "more": [{"id": 1}, {"id" + '"': 2}]}).encode()
    assert found(data, "jsonl") == []
    assert found(b'{"id" :1, "text" : "x"}', "jsonl") == []


def test_keys_that_no_template_names_are_not_kept() -> None:
    data = b"".join(b'{"id":%d,"text":"","k%d%b":1}\n' % (number, number, b"x" * 2000) for number in range(3))
    scan = scanned(data, "jsonl")
    assert (scan.diagnostics, scan.notices[0].message) == ((), "3 rows, 2 columns (id, text)")


def test_a_line_of_jsonl_that_is_too_long_for_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batchrunner.inputs.tables.objects.LONGEST", 64)
    long = b'{"id":2,"text":"' + b"a" * 200 + b'"}'
    assert found(b'{"id":1,"text":""}\n' + long + b'\n{"id":3}\n', "jsonl") == [
        ("line-too-long", 2),
        ("missing-value", 3),
    ]
    (told,) = scanned(long, "jsonl").diagnostics
    assert told.hint == "a table has one object a line"


# Parquet.


def test_values_of_parquet_keep_their_types() -> None:
    table = pyarrow.table(
        {
            "id": pyarrow.array([1, 2], pyarrow.uint64()),
            "int": pyarrow.array([2**63 - 1, -(2**63)]),
            "float": [0.1, -1e300],
            "half": pyarrow.array([1.5, 0.0], pyarrow.float16()),
            "bool": [True, False],
            "text": ["né", ""],
            "list": [[1, None], []],
            "struct": [{"b": "x", "a": [{"c": 1}]}, {"b": None, "a": []}],
            "day": [date(2026, 11, 22), date(1, 1, 1)],
            "time": pyarrow.array([1_795_314_600_000, -500], pyarrow.timestamp("ms")),
            "utc": pyarrow.array([0, 1], pyarrow.timestamp("ns", "Europe/Paris")),
            "decimal": [Decimal("1.10"), Decimal("-12345678901234567890.00")],
            "times": pyarrow.array([[0], [None]], pyarrow.list_(pyarrow.timestamp("s"))),
            "inside": [{"at": date(2026, 11, 22), "of": Decimal("0.5")}, {"at": None, "of": None}],
            "category": pyarrow.array(["x", "y"]).dictionary_encode(),
            "a.b": [1, 2],
        }
    )
    columns = [name for name in table.column_names if name != "id"]
    wanted = template(**{name: f"${{row.{name}}}" for name in columns})
    one, two = (
        {name: each["body"][name] for name in columns} for each in documents(parquet_of(table), "parquet", wanted)
    )
    assert one == {
        "int": 2**63 - 1,
        "float": 0.1,
        "half": 1.5,
        "bool": True,
        "text": "né",
        "list": [1, None],
        "struct": {"b": "x", "a": [{"c": 1}]},
        "day": "2026-11-22",
        "time": "2026-11-22T02:30:00",
        "utc": "1970-01-01T00:00:00+00:00",
        "decimal": "1.10",
        "times": ["1970-01-01T00:00:00"],
        "inside": {"at": "2026-11-22", "of": "0.5"},
        "category": "x",
        "a.b": 1,
    }
    assert two["time"] == "1969-12-31T23:59:59.5"
    assert two["utc"] == "1970-01-01T00:00:00.000000001+00:00"
    assert (two["day"], two["decimal"]) == ("0001-01-01", "-12345678901234567890.00")
    assert (two["times"], two["inside"]) == ([None], {"at": None, "of": None})


def test_values_of_parquet_within_longer_texts_are_what_they_are_alone() -> None:
    values = {
        "amount": pyarrow.array([Decimal("1.10"), Decimal("-12345678901234567890.00")]),
        "large": pyarrow.array([Decimal("0.50"), Decimal("7.00")], pyarrow.decimal256(40, 2)),
        "sorted": pyarrow.array([Decimal("2.5"), Decimal("0.1")]).dictionary_encode(),
        "day": pyarrow.array([date(2026, 11, 22), date(1, 1, 1)]),
    }
    texts = {f"in_{name}": f"[${{row.{name}}}]" for name in values}
    wanted = template("${row.amount}", **{name: f"${{row.{name}}}" for name in values}, **texts)
    for each in documents(parquet_of(pyarrow.table(values)), "parquet", wanted):
        body = each["body"]
        assert {name: body[f"in_{name}"] for name in values} == {name: f"[{body[name]}]" for name in values}
        assert each["custom_id"] == body["amount"]


def test_a_page_that_makes_much_of_little_is_not_read() -> None:
    large = pyarrow.table({"id": [1], "text": ["x" * 17_000_000]})
    (diagnostic,) = scanned(parquet_of(large, compression="zstd"), "parquet").diagnostics
    assert (diagnostic.code, diagnostic.line) == ("page-too-large", 0)
    assert diagnostic.message.endswith("stands for 17,000,004 bytes, which are read at once")
    assert ParquetReader(io.BytesIO(parquet_of(large, compression="none")), [].append)._rows_at_once(0, ["text"]) == 1
    nulls = pyarrow.ListArray.from_arrays([0, 3_000_000], pyarrow.nulls(3_000_000, pyarrow.int64()))
    (diagnostic,) = scanned(parquet_of(pyarrow.table({"id": [1], "text": nulls})), "parquet").diagnostics
    assert diagnostic.code == "page-too-large"


def test_a_row_of_many_long_values_is_not_read() -> None:
    names = [f"text_{number}" for number in range(4)]
    data = parquet_of(pyarrow.table({"id": [1], **{name: ["x" * 15_000_000] for name in names}}))
    wanted = template("${row.id}", **{name: f"${{row.{name}}}" for name in names})
    (diagnostic,) = scanned(data, "parquet", wanted).diagnostics
    assert (diagnostic.code, "60,000," in diagnostic.message) == ("page-too-large", True)
    few = template("${row.id}", text_1="${row.text_1}")
    assert not scanned(data, "parquet", few).diagnostics


@pytest.mark.parametrize("options", [{}, {"use_dictionary": False}, {"data_page_version": "2.0"}])
def test_long_values_are_read_few_at_a_time(options: dict[str, Any]) -> None:
    texts = [f"{number % 3}" * 1_000_000 for number in range(12)]
    table = pyarrow.table({"id": range(12), "text": texts})
    data = parquet_of(table, compression="none", row_group_size=8, write_statistics=["text"], **options)
    problems: list[RowProblem] = []
    reader = ParquetReader(io.BytesIO(data), problems.append)
    assert reader._rows_at_once(0, ["text"]) == reader._rows_at_once(1, ["id", "text"]) < 20
    assert reader._rows_at_once(0, ["id"]) == 512
    assert [text for _, (text,) in reader.rows(["text"], 5)] == texts[5:]


def test_what_is_wrong_with_rows_of_parquet() -> None:
    data = written("parquet", ["id", "text"], [(1, "a"), (2, None), (1, "c"), (None, "d")])
    assert [(each.code, each.line, each.message) for each in scanned(data, "parquet").diagnostics] == [
        ("null-value", 0, "row 2: column `text` is null"),
        ("duplicate-custom-id", 0, "row 3: `custom_id` '1' was already used on row 1"),
        ("null-value", 0, "row 4: column `id` is null"),
    ]


def test_values_of_parquet_that_no_text_can_hold() -> None:
    days = pyarrow.array([0, 10**9, 1], pyarrow.int32()).cast(pyarrow.date32())
    data = parquet_of(pyarrow.table({"id": [1, 2, 3], "text": days}))
    (diagnostic,) = scanned(data, "parquet").diagnostics
    assert diagnostic.code == "unreadable-value"
    assert diagnostic.message.startswith("row 2: ")
    nan = parquet_of(pyarrow.table({"id": [1, 2], "text": [[0.0], [float("nan")]]}))
    assert [each.code for each in scanned(nan, "parquet").diagnostics] == ["not-finite"]


def test_columns_of_parquet_that_cannot_be_used() -> None:
    table = pyarrow.table(
        {
            "id": [1],
            "bytes": [b"x"],
            "map": pyarrow.array([[("a", 1)]], pyarrow.map_(pyarrow.string(), pyarrow.int8())),
            "list": [[1]],
        }
    )
    wanted = template("${row.id}-${row.list}", b="${row.bytes}", m=["${row.map}"], t="x ${row.list}")
    assert [(field[1:], code) for field, code, _ in unfit(parquet_of(table), "parquet", wanted)] == [
        (("custom_id",), "not-a-scalar"),
        (("body", "b"), "unreadable-column"),
        (("body", "m", 0), "unreadable-column"),
        (("body", "t"), "not-a-scalar"),
    ]
    assert scanned(parquet_of(table), "parquet", template(v="${row.list}")).diagnostics == ()


@pytest.mark.parametrize("data", [b"", b"PAR1", b"id,text\n1,a\n" * 10, b"PAR1" + b"\0" * 100 + b"PAR1"])
def test_what_is_no_parquet(data: bytes) -> None:
    assert found(data, "parquet") == [("unreadable-table", 0)]


def test_names_of_columns_in_parquet_that_are_not_text() -> None:
    data = parquet_of(pyarrow.table({"id": ["1"], "zzzz": ["t"]}), store_schema=False)
    (problem,) = scanned(data.replace(b"zzzz", b"zz\xff\x1b"), "parquet").diagnostics
    assert problem.code == "unreadable-table"


@pytest.mark.parametrize("is_nested", [False, True])
def test_time_zones_in_parquet_that_are_not_text(is_nested: bool) -> None:
    kind = pyarrow.timestamp("us", tz="Europe/Paris")
    times = pyarrow.array([[0]], pyarrow.list_(kind)) if is_nested else pyarrow.array([0], kind)
    data = parquet_of(pyarrow.table({"id": ["1"], "at": times}))
    schema = parquet.read_metadata(io.BytesIO(data)).metadata[b"ARROW:schema"]
    broken = b64encode(b64decode(schema).replace(b"Europe/Paris", b"Europe/\xffaris"))
    (problem,) = scanned(data.replace(schema, broken), "parquet").diagnostics
    assert problem.code == "unreadable-table"


def test_parquet_that_is_damaged_inside() -> None:
    data = bytearray(written("parquet", ["id", "text"], [(number, f"text {number}") for number in range(1000)]))
    data[100:400] = b"\xff" * 300
    codes = {each.code for each in scanned(bytes(data), "parquet").diagnostics}
    assert codes <= {"unreadable-table", "unreadable-value"}
    assert codes


def test_rows_of_parquet_are_counted_over_row_groups() -> None:
    table = pyarrow.table({"id": list(range(5000))})
    data = parquet_of(table, row_group_size=700)
    for before in (0, 1, 699, 700, 4999, 5000, 9000):
        lines = rendered(data, "parquet", template(), before=before, requests=3).splitlines()
        assert [json.loads(line)["custom_id"] for line in lines] == [
            str(n) for n in range(before, min(before + 3, 5000))
        ]


def test_without_pyarrow_the_command_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(Refused) as caught:
        scanned(b"PAR1", "parquet")
    assert (caught.value.code, caught.value.hint) == ("parquet-not-installed", 'pip install "batchrunner[parquet]"')


def test_other_tables_do_not_load_pyarrow() -> None:
    code = "import sys, batchrunner.inputs.tables; print('pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "False\n"


# Templates that do not fit.


@pytest.mark.parametrize(
    ("header", "hint"),
    [
        ("id,Text,lang", "did you mean `${row.Text}`? it has `id`, `Text`, `lang`"),
        ("id,texts", "did you mean `${row.texts}`? it has `id`, `texts`"),
        ("id, text", "it has ` text`, with spaces around it: take them away"),
        ("id,te{xt", "rename `te{xt`: no reference can have such a name; it has `id`, `te{xt`"),
        ("id,te\u202ext", "rename `te\u202ext`: no reference can have such a name; it has `id`, `te\u202ext`"),
        ("id,lang", "it has `id`, `lang`"),
    ],
)
def test_a_column_that_is_not_there(header: str, hint: str) -> None:
    wanted = template(input="${row.text}", more=["${row.text} ${row.text}"])
    assert unfit(f"{header}\n".encode(), "csv", wanted) == [
        (("input", "body", "input"), "unknown-column", hint),
        (("input", "body", "more", 0), "unknown-column", hint),
    ]


def test_cells_that_are_separated_by_something_else() -> None:
    (hint,) = {hint for _, _, hint in unfit(b"id;text\n1;a\n", "csv", template(input="${row.text}"))}
    assert hint == "it has one column, `id;text`: separate its cells by commas"
    (hint,) = {hint for _, _, hint in unfit(b",\n1,a\n", "csv", template())}
    assert hint == "no column of it has a name"


def test_a_key_that_no_row_of_jsonl_has_is_a_column_that_is_not_there() -> None:
    data = b'{"id":1,"text":"a"}\n' * 3
    wanted = template(input="${row.txt}")
    hint = "did you mean `${row.text}`? it has `id`, `text`"
    assert unfit(data, "jsonl", wanted) == [(("input", "body", "input"), "unknown-column", hint)]
    assert found(data + b'{"id":4,"txt":"b"}\n', "jsonl", wanted) == [("missing-value", line) for line in (1, 2, 3)]


def test_a_hundred_thousand_columns() -> None:
    names = [f"c{number}" for number in range(100_000)]
    data = written("csv", ["id", "text", *names], [["1", "t"] + ["x"] * len(names)])
    assert found(data) == []
    assert found(b"c7," + data) == [("duplicate-column", 1)]
    assert unfit(data, "csv", template(input="${row.txt}"))[0][2].startswith("did you mean `${row.text}`?")


# Many problems.


def test_one_bad_row_among_many_does_not_hide_another() -> None:
    rows = [{"id": number, "text": "t"} for number in range(3000)]
    rows[1000]["text"] = None  # type: ignore[assignment]
    rows[2500]["id"] = 1
    data = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    assert found(data, "jsonl") == [("null-value", 1001), ("duplicate-custom-id", 2501)]


def test_a_small_row_that_stands_for_a_huge_line() -> None:
    data = b"id,text\n1," + b"x" * (1 << 20) + b"\n2,y\n"
    (problem,) = scanned(data, wanted=template(input=["${row.text}"] * 100, more="${row.text} " * 100)).diagnostics
    assert (problem.code, problem.line) == ("line-too-long", 2)


def test_many_problems_are_counted() -> None:
    data = b"id,text\n" + b"1\n" * 100 + b"2,b\n" * 100
    scan = scanned(data)
    assert [each.line for each in scan.diagnostics] == list(range(2, 2 + LISTED))
    assert scan.unlisted == 199 - LISTED


def test_what_the_template_says_wrong_is_told_once() -> None:
    data = b"id,text\n" + b"".join(b"%d,b\n" % number for number in range(100))
    scan = scanned(data, wanted=template(stream=True))
    (diagnostic,) = scan.diagnostics
    assert (diagnostic.code, diagnostic.line, scan.unlisted) == ("streaming-unsupported", 0, 0)
    assert diagnostic.message.endswith(", in every row")


@given(st.lists(st.integers(1, 3) | st.integers(250, 70_000), min_size=1).map(lambda steps: steps * 200))
def test_places_of_lines(steps: list[int]) -> None:
    places, at, expected = Places(), 0, []
    for step in steps:
        at += step
        places.add(at)
        expected.append(at)
    assert len(places) == len(steps)
    lines = [line for line in (1, 2, 1022, 1023, 1024, 1025, 2048, len(steps)) if line <= len(steps)]
    assert [places.of(line) for line in lines] == [expected[line - 1] for line in lines]


# Tables on disk, as they are sent.


def test_content_is_rendered_from_the_table(tmp_path: Path) -> None:
    data = written("csv", ["id", "text"], [(str(number), "t") for number in range(10)])
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.csv").write_bytes(data)
    wanted = template(input="${row.text}")
    for part in scanned(data, wanted=wanted, max_requests=4).parts:
        with open_content(str(tmp_path), part.file) as content:
            assert hashlib.sha256(content.read()).hexdigest() == part.file.sha256.removeprefix("sha256:")


@pytest.mark.parametrize(
    "changed", [b"id,texts\n1,a\n", b"", b"id,text\n1,a\n2,b\n", b"id,text\n1,a\n2,b", b"\xff\n"], ids=ascii
)
def test_content_of_a_table_that_changed_is_refused(tmp_path: Path, changed: bytes) -> None:
    (source,) = (part.file for part in scanned(b"id,text\n1,a\n").parts)
    path = tmp_path / "data" / "x.csv"
    path.parent.mkdir()
    path.write_bytes(changed)
    with pytest.raises(InputRefused) as caught, open_content(str(tmp_path), source) as content:
        content.read()
    assert caught.value.code == "input-changed"


def test_sources_know_their_template() -> None:
    (part,) = scanned(b"id,text\n1,a\n").parts
    assert isinstance(part.file, LocalFile)
    assert part.file.template == template(input="${row.text}")
    assert part.file.part is None

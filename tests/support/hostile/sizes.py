"""Little that becomes much: matrices, patterns, tables, templates, lines and names without end."""

import json
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from typing import Any

from support.hostile.repository import FIELDS, GOOD, Content, Folder, Hostile, batch, line

TABLE = "{rows: ../data/t.csv, custom_id: 'c-${row.id}', body: {model: m, input: '${row.b}'}}"
LINES = "../data/in.jsonl"


def _matrix(keys: int, values: int) -> str:
    listed = "[" + ", ".join(f"v{n}" for n in range(values)) + "]"
    return "{" + ", ".join(f"k{n}: {listed}" for n in range(keys)) + "}"


def _batches(number: int, fields: str = FIELDS) -> str:
    return "batches:\n" + "".join(f"  - {{name: b{n}, {fields}}}\n" for n in range(number))


def _labels(number: int, value: str) -> str:
    return "{" + ", ".join(f"k{n}: {value}" for n in range(number)) + "}"


MATRICES = {
    "wide": lambda: batch(input_file_id="f", matrix=_matrix(1, 100_000)),
    "deep": lambda: batch(input_file_id="f", matrix=_matrix(40, 40)),
    "just-too-many": lambda: batch(input_file_id="f", matrix=_matrix(1, 257)),
    "many-keys": lambda: batch(input_file_id="f", matrix=_matrix(5_000, 1)),
    "of-the-cap-often": lambda: _batches(400, f"{FIELDS}, matrix: {_matrix(8, 2)}"),
    "excludes": lambda: batch(
        input_file_id="f", matrix=_matrix(4, 4), exclude="[" + ", ".join(["{k0: v0}"] * 20_000) + "]"
    ),
    "long-values": lambda: batch(input_file_id="f", matrix="{v: [" + ", ".join(f"{n:064}" for n in range(256)) + "]}"),
    "of-lists": lambda: batch(input_file_id="f", matrix="{v: [[[[pwned]]], {a: b}]}"),
    "empty": lambda: batch(input_file_id="f", matrix="{v: []}"),
}
BATCHES = {
    "two-thousand": lambda: _batches(2_000),
    "named-alike": lambda: "batches:\n" + f"  - {{name: b, {FIELDS}}}\n" * 20_000,
    "ten-thousand": lambda: _batches(10_000),
    "by-an-alias": lambda: "x-a: &a\n  input_file_id: f\n  endpoint: /v1/embeddings\n  name: b\nbatches: ["
    + ", ".join(["*a"] * 40_000) + "]\n",
    "wrong-ones": lambda: _batches(20_000, "pwned: 1"),
    "labels": lambda: _batches(300, f"{FIELDS}, metadata: {_labels(16, 'v' * 500)}"),
    "too-many-labels": lambda: batch(input_file_id="f", metadata=_labels(90_000, "v")),
    "defaults": lambda: f"defaults: {{metadata: {_labels(9_000, 'v')}}}\n" + _batches(2_000),
    "variables": lambda: "vars:\n" + "".join(f"  v{n}: {'x' * 40}\n" for n in range(60_000)) + GOOD,
}  # fmt: skip
EXPANDING = {
    "template": "x" * 200_000,
    "template-of-references": "${row.b}" * 20_000,
    "template-of-variables": "${vars.v}" * 3_000,
}
MANY_COLUMNS = "".join(f"${{row.c{n}}}" for n in range(60_000))
TABLES = {
    "one-line": lambda: "id,b\n1," + "x" * 8_000_000,
    "one-name": lambda: "x" * 3_000_000 + "\n1\n",
    "many-columns": lambda: ",".join(f"c{n}" for n in range(200_000)) + "\n",
    "columns-alike": lambda: "id," * 100_000 + "b\n1\n",
    "commas": lambda: "id,b\n" + "," * 3_000_000 + "\n",
    "quotes": lambda: "id,b\n" + '"' * 2_000_001,
    "quote-open": lambda: 'id,b\n1,"' + "pwned\n" * 600_000,
    "line-ends": lambda: "id,b\n" + "\n" * 3_000_000,
    "carriage-returns": lambda: "id,b\r" + "1,pwned\r" * 100_000,
    "nuls": lambda: b"id,b\n" + b"\0" * 2_000_000,
    "wrong-rows": lambda: "id,b\n" + "1\n" * 200_000,
    "ids-alike": lambda: "id,b\n" + "1,pwned\n" * 100_000,
    "formulas": lambda: "id,b\n=cmd|'/c pwned'!A1,@pwned\n",
    "not-utf-8": lambda: b"id,b\n1,\xff\xfepwned\n",
    "header-alone": lambda: "id,b\n",
    "nothing": lambda: "",
}
RECORDS = {
    "deep": lambda: '{"id":1,"b":' + "[" * 100_000 + "]" * 100_000 + "}\n",
    "number": lambda: '{"id":1,"b":' + "9" * 1_000_000 + "}\n",
    "exponent": lambda: '{"id":1,"b":1e999999999}\n',
    "keys": lambda: "{" + ",".join(f'"k{n}":1' for n in range(100_000)) + "}\n",
    "keys-alike": lambda: "{" + ",".join('"b":1' for _ in range(100_000)) + "}\n",
    "no-object": lambda: "[1]\n" * 100_000,
    "long": lambda: json.dumps({"id": 1, "b": "x" * 8_000_000}) + "\n",
    "half-pair": lambda: '{"id":1,"b":"\\ud83d"}\n',
    "nan": lambda: '{"id":NaN,"b":Infinity}\n',
}
PARQUET = {
    "nothing": b"",
    "word": b"PAR1",
    "words": b"PAR1" + b"\xff\xff\xff\x7f" + b"PAR1",
    "rubbish": b"PAR1" + bytes(range(256)) * 200 + b"\x10\0\0\0PAR1",
    "encrypted": b"PARE" + b"\0" * 64 + b"\x20\0\0\0PARE",
    "length-beyond": b"PAR1" + b"\0" * 64 + b"\xff\xff\xff\xff" + b"PAR1",
    "thrift-bomb": b"PAR1" + b"\x19\xfc\xff\xff\xff\xff\x0f" * 50 + b"\x5e\x01\0\0PAR1",
}
INPUTS = {
    "deep": lambda: line("a", body={"model": "m", "input": "x"})[:-2] + ',"z":' + "[" * 300_000 + "]" * 300_000 + "}\n",
    "one-line": lambda: line("a" * 8_000_000),
    "no-line-end": lambda: "{" * 8_000_000,
    "same-ids": lambda: line("a") * 60_000,
    "wrong-lines": lambda: "pwned\n" * 300_000,
    "blank-lines": lambda: "\n" * 4_000_000,
    "numbers": lambda: '{"custom_id":' + "9" * 2_000_000 + "}\n",
    "models": lambda: "".join(line(f"c{n}", f"pwned-{n}") for n in range(20_000)),
    "keys-alike": lambda: '{"custom_id":"a","custom_id":"b",' + '"a":1,' * 200_000 + '"b":1}\n',
    "nuls": lambda: b"\0" * 4_000_000,
    "controls": lambda: "".join(f'{{"custom_id":"{chr(n)}pwned"}}\n' for n in range(1, 32)),
}


def matrices() -> Iterator[Hostile]:
    """Declarations that multiply."""
    for family, made in (("matrices", MATRICES), ("batches", BATCHES)):
        for name, text in made.items():
            yield Hostile(family, name, {"specs/s.yaml": text})
    specs: dict[str, Content] = {f"specs/s{n}.yaml": GOOD for n in range(1_000)}
    yield Hostile("batches", "thousand-specs", specs)
    same = {f"specs/s{n}.yaml": f"name: same\n{GOOD}" for n in range(300)}
    yield Hostile("batches", "specs-named-alike", same)


def patterns() -> Iterator[Hostile]:
    """Patterns that match much, and names that take long to match."""
    many: dict[str, Content] = {f"data/{n}.jsonl": line("a") for n in range(1_500)}
    deep: dict[str, Content] = {"/".join(["data", *["d"] * 90, "in.jsonl"]): line("a")}
    wide: dict[str, Content] = {f"data/{n}/{m}": Folder() for n in range(40) for m in range(40)}
    slow: dict[str, Content] = {"data/" + "a" * 200: line("a")}
    for name, pattern, files in (
        ("folders-of-folders", "../data/" + "**/" * 30 + "*", many),
        ("most-folders", "../" + "**/" * 1_300 + "*", wide),
        ("stars", "../data/" + "*a" * 100 + "b", slow),
        ("questions", "../data/" + "?" * 200, slow),
        ("deep", "../data/**/*.jsonl", deep),
        ("many", "../data/*.jsonl", many),
        ("nothing", "../data/*.none", many),
        ("everything", "../**", many),
    ):
        yield Hostile("patterns", name, {"specs/s.yaml": batch(input=f'"{pattern}"'), **files})
    yield Hostile("patterns", "of-specs", {"specs/a/b/s.yaml": GOOD}, paths=("**/**/**/**/**/**/*.yaml",))


def tables() -> Iterator[Hostile]:
    """Tables and what is made of their rows."""
    for name, text in TABLES.items():
        yield Hostile("tables", f"csv-{name}", {"specs/s.yaml": batch(input=TABLE), "data/t.csv": text})
    for name, records in RECORDS.items():
        spec = batch(input=TABLE.replace(".csv", ".jsonl"))
        yield Hostile("tables", f"jsonl-{name}", {"specs/s.yaml": spec, "data/t.jsonl": records})
    for name, data in PARQUET.items():
        spec = batch(input=TABLE.replace(".csv", ".parquet"))
        yield Hostile("tables", f"parquet-{name}", {"specs/s.yaml": spec, "data/t.parquet": data})
    rows = "id,b\n" + "".join(f"{n},{'x' * 1_000}\n" for n in range(40))
    for name, text in EXPANDING.items():
        body = TABLE.replace("${row.b}", text)
        spec = f"vars: {{v: {'y' * 1_000}}}\n" + batch(input=body)
        yield Hostile("tables", name, {"specs/s.yaml": spec, "data/t.csv": rows})
    columns = batch(input=TABLE.replace("${row.b}", MANY_COLUMNS))
    wide = "id," + ",".join(f"c{n}" for n in range(60_000)) + "\n1" + ",x" * 60_000 + "\n"
    yield Hostile("tables", "template-of-columns", {"specs/s.yaml": columns, "data/t.csv": wide})
    yield Hostile("tables", "template-of-no-columns", {"specs/s.yaml": columns, "data/t.csv": rows})


def _table(body: str, **fields: str) -> str:
    return batch(input=TABLE.replace("model: m, input: '${row.b}'", body), **fields)


def _rows(number: int) -> str:
    return "id,b\n" + "".join(f"{n},x\n" for n in range(number))


VALUES = "{k0: [" + ", ".join(f"v{n}" for n in range(256)) + "]}"
ONE_EACH = "{max_requests: 1}"
V = "v" * 100_000
PRODUCTS: dict[str, tuple[Callable[[], str], int]] = {
    "template-by-rows": (lambda: _table(f"model: m, input: {'x' * 1_000_000}"), 16_000),
    "template-by-short-rows": (lambda: _table(f"model: m, input: {'x' * 10_000}"), 100_000),
    "template-by-shards": (lambda: _table(f"model: m, input: {'x' * 10_000}", shard=ONE_EACH), 9_000),
    "template-by-matrix": (lambda: _table(f"model: '${{matrix.k0}}', input: {'x' * 1_000_000}", matrix=VALUES), 1),
    "rows-by-matrix": (lambda: _table(f"model: '${{matrix.k0}}', input: {'x' * 1_000}", matrix=VALUES), 2_000),
    "values-by-matrix": (
        lambda: _table("model: '${matrix.k0}', input: [" + "1," * 190_000 + "1]", matrix=VALUES), 1
    ),
    "template-of-aliases": (
        lambda: f"x-t: &t {'x' * 1_000_000}\n" + _table("model: m, input: [" + "*t , " * 100 + "x]"), 1
    ),
    "template-of-a-variable": (
        lambda: f"vars: {{v: {V}}}\n" + _table("model: m, input: [" + "'${vars.v}', " * 300 + "x]"), 100
    ),
    "template-of-wide-copies": (
        lambda: f"vars: {{v: {'😀' * 10_000}}}\n" + _table("model: m, input: [" + "'a${vars.v}', " * 1_500 + "x]"), 1
    ),
}  # fmt: skip


def products() -> Iterator[Hostile]:
    """Small files whose product is huge."""
    for name, (text, rows) in PRODUCTS.items():
        yield Hostile("tables", name, {"specs/s.yaml": text, "data/t.csv": _rows(rows)})
    copies = f"vars: {{v: {V}}}\n" + _table("model: m, input: [" + "'a${vars.v}', " * 150 + "x]")
    specs: dict[str, Content] = {f"specs/s{n}.yaml": copies for n in range(30)}
    yield Hostile("tables", "templates-of-copies", {**specs, "data/t.csv": _rows(1)})
    lines = "".join(line(f"c{n}") for n in range(9_900))
    every = batch(input=LINES, shard=ONE_EACH, matrix=VALUES)
    yield Hostile("inputs", "shards-by-matrix", {"specs/s.yaml": every, "data/in.jsonl": lines})
    sizes = "batches:\n" + "".join(
        f"  - {{name: b{n}, endpoint: /v1/embeddings, input: {LINES}, shard: {{max_requests: {n + 1_000}}}}}\n"
        for n in range(500)
    )
    yield Hostile("inputs", "shards-of-all-sizes", {"specs/s.yaml": sizes, "data/in.jsonl": lines})
    yield from _patterns_by_names()
    yield from _parquet_by_pages()


def _of_patterns(patterns: Iterable[str]) -> str:
    return "batches:\n" + "".join(
        f'  - {{name: b{n}, endpoint: /v1/embeddings, input: "{pattern}"}}\n' for n, pattern in enumerate(patterns)
    )


def _patterns_by_names() -> Iterator[Hostile]:
    folders: dict[str, Content] = {f"data/{n}/in.jsonl": line("a") for n in range(500)}
    files: dict[str, Content] = {f"data/{n}.jsonl": line("a") for n in range(2_000)}
    unfit: dict[str, Content] = {f"data/={n}.jsonl": line("a") for n in range(2_000)}
    for name, patterns, beside in (
        ("of-nothing-by-folders", [f"../data/**/*{n}.none" for n in range(1_000)], folders),
        ("of-stars-by-folders", ["../data/" + "**/*/" * n + "*.none" for n in range(300)], folders),
        ("by-files", ["../**/*.jsonl"] * 2_000, files),
        ("by-unfit-files", ["../**/*" + "*" * n for n in range(2_000)], unfit),
    ):
        yield Hostile("patterns", name, {"specs/s.yaml": _of_patterns(patterns), **beside})
    specs: dict[str, Content] = {f"specs/s{n}.yaml": _of_patterns([f"../**/*{n}.none"] * 20) for n in range(300)}
    yield Hostile("patterns", "of-nothing-by-specs", {**specs, **folders})


def _parquet(*values: object, **options: Any) -> bytes:
    # Loaded only where it is made: the corpus is looked through by every test of it.
    import pyarrow
    from pyarrow import parquet

    made = BytesIO()
    parquet.write_table(
        pyarrow.table({"id": [*map(str, range(len(values)))], "b": values}), made, compression="zstd", **options
    )
    return made.getvalue()


LARGE_PAGES: dict[str, Callable[[], bytes]] = {
    "cell": lambda: _parquet("x" * 100_000_000),
    "cells-of-a-page": lambda: _parquet(*("x" * 100_000 + str(n) for n in range(1_000)), use_dictionary=False),
    "cells-alike": lambda: _parquet(*["x" * 900_000] * 1_000),
    "pages": lambda: _parquet(*["x" * 4_000_000] * 100, use_dictionary=False, write_batch_size=1),
    "list": lambda: _parquet([1] * 20_000_000),
}


def _parquet_by_pages() -> Iterator[Hostile]:
    spec = batch(input=TABLE.replace(".csv", ".parquet").replace("'${row.b}'", '"${row.b}"'))
    for name, made in LARGE_PAGES.items():
        yield Hostile("tables", f"parquet-{name}-large", {"specs/s.yaml": spec, "data/t.parquet": made})


def inputs() -> Iterator[Hostile]:
    """Request lines that exhaust a reader."""
    for name, text in INPUTS.items():
        yield Hostile("inputs", name, {"specs/s.yaml": batch(input=LINES), "data/in.jsonl": text})

"""Specs as values: defaults, references, matrix, names, variables, runs."""

import hashlib
import json
import os
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.errors import InvalidFiles, UsageError
from batchrunner.loader import Finding, diagnostics_at, load_project, load_specs
from batchrunner.loader.merging import merged
from batchrunner.spec import Shard, Spec, Table

NOW = datetime(2026, 11, 22, 2, 31, tzinfo=UTC)
BATCH = "{name: nightly, input_file_id: file-abc123, endpoint: /v1/chat/completions}"


def load(text: str | bytes, **given: Any) -> Spec:
    """The spec in `text`, read from standard input."""
    data = text.encode() if isinstance(text, str) else text
    (spec,) = load_files(["-"], stdin=lambda: data, **given)
    return spec


def load_files(paths: list[str], **given: Any) -> tuple[Spec, ...]:
    around: dict[str, Any] = {
        "project": load_project(None, Path("/nonexistent")), "environment": {}, "variables": {}, "now": NOW,
        "run_key": None, "stdin": bytes,
    }  # fmt: skip
    return load_specs(paths, **around | given)


def codes(text: str | bytes, **given: Any) -> list[str]:
    with pytest.raises(InvalidFiles) as raised:
        load(text, **given)
    return [diagnostic.code for diagnostic in raised.value.diagnostics]


def fields(spec: Spec, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(getattr(batch.declaration, name) for name in names) for batch in spec.batches]


def test_the_smallest_spec() -> None:
    text = "batches:\n  - name: nightly\n    input_file_id: file-abc123\n    endpoint: /v1/chat/completions\n"
    spec = load(text)
    (batch,) = spec.batches
    assert (spec.name, spec.path, spec.folder, spec.text) == ("stdin", "-", ".", text.encode())
    assert spec.sha256 == "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    assert (spec.run.once_per, spec.run.timezone, spec.run.key, spec.run.day) == (
        "content",
        "UTC",
        "",
        date(2026, 11, 22),
    )
    assert (batch.address, batch.pointer) == ("stdin/nightly", ("batches", 0))
    assert {name: getattr(batch.declaration, name) for name in batch.declaration.__struct_fields__} == {
        "provider": "alphaedge", "endpoint": "/v1/chat/completions", "completion_window": "24h",
        "input_file_id": "file-abc123", "input": None, "shard": None, "metadata": {}, "name": "nightly",
    }  # fmt: skip


def test_a_spec_is_named_after_its_file_unless_it_says_otherwise(tmp_path: Path) -> None:
    for file, text in {"nightly.yaml": "", "weekly.v2.yml": "", "Any Name.yaml": "name: said\n"}.items():
        (tmp_path / file).write_text(f"{text}batches: [{BATCH}]\n")
    specs = load_files([str(path) for path in sorted(tmp_path.iterdir())])
    assert [(spec.name, spec.folder) for spec in specs] == [
        ("said", str(tmp_path)), ("nightly", str(tmp_path)), ("weekly.v2", str(tmp_path)),
    ]  # fmt: skip


def test_defaults_lie_under_every_batch() -> None:
    spec = load("""
        x-ignored: {anything: [1, ~]}
        defaults:
          endpoint: /v1/embeddings
          input: shared.jsonl
          metadata: {team: support, stage: prod}
        batches:
          - name: a
          - {name: b, endpoint: /v1/completions, metadata: {stage: test, own: x}}
          - {name: c, input_file_id: file-1}
          - {name: d, input: ~, input_file_id: file-1}
        """)
    assert fields(spec, "endpoint", "input", "input_file_id") == [
        ("/v1/embeddings", "shared.jsonl", None),
        ("/v1/completions", "shared.jsonl", None),
        ("/v1/embeddings", None, "file-1"),
        ("/v1/embeddings", None, "file-1"),
    ]
    assert [batch.declaration.metadata for batch in spec.batches[:2]] == [
        {"team": "support", "stage": "prod"}, {"team": "support", "stage": "test", "own": "x"},
    ]  # fmt: skip


TABLE = """
    vars: {model: gpt-4o-mini, most: 200, odd: '${row.id}'}
    batches:
      - name: tickets
        endpoint: /v1/chat/completions
        input:
          rows: data/${run.date}/tickets.csv
          custom_id: ${matrix.lang}-${row.id}
          body:
            model: ${vars.model}
            max_tokens: ${vars.most}
            n: ${row.n}
            stop: ["$${", "${vars.odd}"]
            messages:
              - {role: user, content: "Summarise in ${matrix.lang}: ${row.text}"}
        matrix: {lang: [en, fr]}
    """.replace("'${row.id}'", "'$${row.id}'")


def test_a_table_is_a_path_and_a_template_in_which_only_the_row_is_left() -> None:
    english, french = (batch.declaration for batch in load(TABLE).batches)
    assert english.input == Table(
        rows="data/2026-11-22/tickets.csv",
        custom_id="en-${row.id}",
        body={
            "model": "gpt-4o-mini",
            "max_tokens": 200,
            "n": "${row.n}",
            "stop": ["$${", "$${row.id}"],
            "messages": [{"role": "user", "content": "Summarise in en: ${row.text}"}],
        },
    )
    assert english.input_path == french.input_path == "data/2026-11-22/tickets.csv"
    assert isinstance(french.input, Table)
    assert french.input.body["messages"][0]["content"] == "Summarise in fr: ${row.text}"
    assert french.input.body["stop"] == english.input.body["stop"]


def test_a_table_of_a_batch_and_of_the_defaults_are_merged_and_a_path_displaces_either() -> None:
    spec = load("""
        defaults:
          endpoint: /v1/chat/completions
          input: {rows: shared.csv, custom_id: "${row.id}", body: {model: m, stop: [a], format: {type: text}}}
          shard: {max_requests: 10}
        batches:
          - name: shared
          - {name: own, input: {rows: own.jsonl, body: {model: n, stop: [b, c], format: {strict: true}}}}
          - {name: lines, input: lines.jsonl, shard: {max_bytes: 20}}
          - {name: remote, input_file_id: file-1}
          - {name: whole, shard: false}
          - {name: as-it-comes, shard: ~}
        """)
    shared, own, lines, remote, whole, default = (batch.declaration for batch in spec.batches)
    body = {"model": "m", "stop": ["a"], "format": {"type": "text"}}
    assert shared.input == whole.input == Table(rows="shared.csv", custom_id="${row.id}", body=body)
    merged = {"model": "n", "stop": ["b", "c"], "format": {"type": "text", "strict": True}}
    assert own.input == Table(rows="own.jsonl", custom_id="${row.id}", body=merged)
    assert (lines.input, remote.input, remote.input_file_id) == ("lines.jsonl", None, "file-1")
    assert [each.shard for each in (shared, lines, remote, whole, default)] == [
        Shard(max_requests=10), Shard(max_requests=10, max_bytes=20), None, False, None,
    ]  # fmt: skip


def test_a_default_path_is_displaced_by_a_table() -> None:
    spec = load("""
        defaults: {endpoint: /v1/embeddings, input: lines.jsonl}
        batches:
          - {name: a, input: {rows: t.parquet, custom_id: "${row.id}", body: {model: m, input: "${row.text}"}}}
        """)
    assert spec.batches[0].declaration.input_path == "t.parquet"


@pytest.mark.parametrize("value", ["50000", "'${vars.n}'", "'${matrix.n}'"])
def test_the_limits_of_a_shard_may_be_references(value: str) -> None:
    text = "vars: {n: 50000}\nbatches: [{name: a, endpoint: /v1/embeddings, input: x.jsonl, matrix: {n: [50000]},"
    spec = load(f"{text} shard: {{max_requests: {value}}}}}]")
    assert fields(spec, "shard") == [(Shard(max_requests=50_000),)]


def test_a_body_without_references_is_shared_by_all_members_of_a_matrix() -> None:
    spec = load("""
        batches:
          - name: a
            endpoint: /v1/embeddings
            input: {rows: "${matrix.n}.csv", custom_id: "${row.id}", body: {fixed: [{a: 1}, 2], m: "${matrix.n}"}}
            matrix: {n: [1, 2]}
        """)
    bodies = [batch.declaration.input.body for batch in spec.batches if isinstance(batch.declaration.input, Table)]
    assert [body["m"] for body in bodies] == [1, 2]
    assert bodies[0]["fixed"] is bodies[1]["fixed"]


def test_rows_are_for_templates_even_where_an_alias_brings_them_elsewhere() -> None:
    text = """
        batches:
          - name: a
            endpoint: /v1/embeddings
            input: {rows: "${matrix.n}.csv", custom_id: "${row.id}", body: {metadata: &shared {id: "${row.id}"}}}
            metadata: *shared
            matrix: {n: [1, 2]}
        """
    assert codes(text) == ["reference-unavailable"]


def test_references_are_resolved_for_each_batch() -> None:
    spec = load(
        """
        run: {once_per: day, timezone: Europe/Paris}
        vars: {window: 12h, escaped: 'a $${b}'}
        defaults: {metadata: {batch: '${batch.name}', run: '${run.key}', note: '${vars.escaped}'}}
        batches:
          - name: tickets
            endpoint: ${vars.endpoint}
            completion_window: ${vars.window}
            input: data/${run.date}/${batch.name}-${matrix.lang}.jsonl
            matrix: {lang: [en, fr]}
        """.replace("vars: {", "vars: {endpoint: /v1/embeddings, ")
    )
    assert [batch.address for batch in spec.batches] == ["stdin/tickets[lang=en]", "stdin/tickets[lang=fr]"]
    assert [batch.pointer for batch in spec.batches] == [("batches", 0)] * 2
    assert fields(spec, "input", "completion_window") == [
        ("data/2026-11-22/tickets-en.jsonl", "12h"), ("data/2026-11-22/tickets-fr.jsonl", "12h"),
    ]  # fmt: skip
    metadata = {"batch": "tickets", "run": "day:2026-11-22", "note": "a ${b}"}
    assert spec.batches[0].declaration.metadata == metadata


def test_a_matrix_is_a_product_in_document_order_less_what_is_excluded() -> None:
    spec = load("""
        batches:
          - name: a
            endpoint: /v1/embeddings
            input: x.jsonl
            matrix: {size: [2, 1], lang: [fr, en], on: [true]}
            exclude: [{size: '1', lang: en}]
        """)
    assert [batch.address for batch in spec.batches] == [
        "stdin/a[lang=fr,on=true,size=2]", "stdin/a[lang=en,on=true,size=2]", "stdin/a[lang=fr,on=true,size=1]",
    ]  # fmt: skip


def test_a_matrix_may_hold_256_and_no_more() -> None:
    text = f"batches: [{{name: a, endpoint: /v1/embeddings, input: x, matrix: {{n: {list(range(256))}}}}}]"
    assert len(load(text).batches) == 256
    assert codes(text.replace("[0,", "[-1, 0,")) == ["matrix-too-large"]


@pytest.mark.parametrize(
    ("variables", "model"),
    [
        ({}, "mini"),
        ({"model": "big"}, "big"),
        ({"model": ""}, ""),
        ({"model": "NO"}, "NO"),
        ({"model": "${vars.n}"}, "${vars.n}"),
    ],
)
def test_variables_of_the_command_line_take_the_place_of_declared_ones(
    variables: Mapping[str, str], model: str
) -> None:
    text = f"vars: {{model: mini, n: 1}}\nbatches: [{BATCH[:-1]}, metadata: {{m: '${{vars.model}}'}}}}]"
    assert load(text, variables=variables).batches[0].declaration.metadata == {"m": model}


@pytest.mark.parametrize(
    ("variables", "code", "said"),
    [
        ({"modle": "x"}, "unknown-variable", "did you mean `model`?"),
        ({"x": "y"}, "unknown-variable", "`model`"),
        ({"model": "~"}, "bad-variable", "null"),
        ({"model": ".inf"}, "bad-variable", "infinities"),
        ({"model": "a\x1b[2J"}, "bad-variable", "control"),
    ],
)
def test_variables_of_the_command_line_that_cannot_be_meant(variables: Mapping[str, str], code: str, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        load(f"vars: {{model: mini}}\nbatches: [{BATCH}]", variables=variables)
    assert raised.value.code == code
    assert said in f"{raised.value.message} {raised.value.why} {raised.value.hint}"


def test_a_variable_is_typed_like_a_plain_scalar() -> None:
    text = "vars: {n: 1}\nbatches: [{name: a, endpoint: /v1/embeddings, input: x, metadata: {n: '${vars.n}'}}]"
    assert codes(text, variables={"n": "017"}) == ["wrong-type"]
    assert load(text, variables={"n": "22:22"}).batches[0].declaration.metadata == {"n": "22:22"}


def test_a_variable_of_one_spec_is_enough(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"vars: {{only: x}}\nbatches: [{BATCH}]\n")
    (tmp_path / "b.yaml").write_text(f"batches: [{BATCH}]\n")
    assert len(load_files([str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")], variables={"only": "y"})) == 2


@pytest.mark.parametrize(
    ("run", "run_key", "key"),
    [
        ("{once_per: day, timezone: Asia/Tokyo}", None, "day:2026-11-22"),
        ("{once_per: day}", "2026-11-20", "day:2026-11-20"),
        ("{once_per: week}", "fix", "manual:fix"),
        ("{}", "manual:2026-11-20", "manual:2026-11-20"),
    ],
)
def test_the_run_is_what_the_clock_or_the_word_means(run: str, run_key: str | None, key: str) -> None:
    assert load(f"run: {run}\nbatches: [{BATCH}]", run_key=run_key).run.key == key


def test_a_word_that_no_run_can_have_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no day"):
        load(f"run: {{once_per: day}}\nbatches: [{BATCH}]", run_key="2026-02-30")


def test_the_environment_is_read_only_for_allowed_names(tmp_path: Path) -> None:
    (tmp_path / "batchrunner.yaml").write_text("policy: {allow_env: [DATASET]}\n")
    text = "batches: [{name: a, endpoint: /v1/embeddings, input: 'data/${env.DATASET}.jsonl'}]"
    project = load_project(None, tmp_path)
    spec = load(text, project=project, environment={"DATASET": "tickets"})
    assert fields(spec, "input") == [("data/tickets.jsonl",)]
    assert codes(text, environment={"DATASET": "tickets"}) == ["env-not-allowed"]
    assert codes(text.replace("DATASET", "HOME"), project=project, environment={"HOME": "/root"}) == ["env-not-allowed"]


def test_a_reference_that_makes_a_value_invalid_is_refused_where_it_is() -> None:
    text = "vars: {e: https://evil.example}\nbatches: [{name: a, endpoint: '${vars.e}', input_file_id: f}]"
    assert codes(text) == ["bad-value"]


def test_a_small_file_cannot_stand_for_a_huge_one() -> None:
    variables = f"vars: {{long: {'x' * 3000}}}\n"
    one = f"batches:\n  - {{name: a, endpoint: /v1/embeddings, input: '{'${vars.long}' * 1000}'}}\n"
    assert codes(variables + one) == ["too-long"]
    axes = ", ".join(f"{key}: [{', '.join(map(str, range(16)))}]" for key in "ab")
    fields = f"endpoint: /v1/embeddings, input: '${{matrix.a}}${{matrix.b}}${{vars.long}}', matrix: {{{axes}}}"
    many = "batches:\n" + "".join(f"  - {{name: n{number}, {fields}}}\n" for number in range(60))
    with pytest.raises(InvalidFiles) as raised:
        load(variables + many)
    (found,) = raised.value.diagnostics
    assert (found.code, "33,554,432" in found.message, found.line) == ("too-long", True, 46)
    assert len(load(variables + "".join(many.splitlines(keepends=True)[:41])).batches) == 40 * 256


WIDE = ", ".join(f"k{number}: 1" for number in range(400))
MEMBERS = ", ".join(map(str, range(256)))


@pytest.mark.parametrize(
    ("defaults", "batch", "most"),
    [
        (f"input: {{rows: a.csv, custom_id: x, body: {{{WIDE}}}}}", "input: {body: {k0: 2}}", 325),
        (
            "provider: alphaedge",
            f"input: {{rows: a.csv, custom_id: x, body: {{{WIDE}, n: '${{matrix.n}}'}}}}, matrix: {{n: [{MEMBERS}]}}",
            1,
        ),
    ],
    ids=["defaults", "matrix"],
)
def test_a_small_file_cannot_stand_for_huge_tables(
    defaults: str, batch: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("batchrunner.loader.resolving.MOST", 1 << 20)

    def text(count: int) -> str:
        batches = "".join(f"  - {{name: n{number}, {batch}}}\n" for number in range(count))
        return f"defaults: {{endpoint: /v1/embeddings, {defaults}}}\nbatches:\n{batches}"

    assert load(text(most)).batches
    with pytest.raises(InvalidFiles) as raised:
        load(text(most + 1))
    assert [(found.code, found.line) for found in raised.value.diagnostics] == [("too-long", most + 3)]


def test_everything_wrong_in_every_file_is_told_in_order(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("nme: x\nbatches: [{name: A}]\n")
    (tmp_path / "b.yaml").write_bytes(b"\xff")
    (tmp_path / "c.yaml").write_text("a: 1\na: 2\n")
    paths = [str(tmp_path / name) for name in ("c.yaml", "b.yaml", "a.yaml", "gone.yaml")]
    with pytest.raises(InvalidFiles) as raised:
        load_files(paths)
    told = [(Path(d.path).name, d.line, d.code) for d in raised.value.diagnostics]
    assert told == [
        ("c.yaml", 0, "missing-key"), ("c.yaml", 1, "unknown-key"), ("c.yaml", 2, "duplicate-key"),
        ("b.yaml", 1, "not-utf8"),
        ("a.yaml", 1, "unknown-key"), ("a.yaml", 2, "missing-key"), ("a.yaml", 2, "input-missing"),
        ("a.yaml", 2, "bad-name"),
        ("gone.yaml", 0, "unreadable-file"),
    ]  # fmt: skip


def test_at_most_200_problems_are_listed_and_the_rest_counted() -> None:
    text = "batches:\n" + "".join(f"  - {{name: b{i}, endpont: x}}\n" for i in range(120))
    with pytest.raises(InvalidFiles) as raised:
        load(text)
    assert (len(raised.value.diagnostics), raised.value.unlisted) == (200, 160)


def test_a_later_problem_points_into_the_batch_or_its_defaults() -> None:
    spec = load("""defaults: {endpoint: /v1/embeddings, input: shared.jsonl}
batches:
  - name: a
  - name: b
    input: own.jsonl
""")
    first, second = (batch.pointer for batch in spec.batches)
    nowhere, shared, metadata, own = diagnostics_at(
        spec,
        [
            Finding("input-missing", "there is no such file", (*second, "input"), "make one"),
            Finding("c", "m", (*first, "metadata")),
            Finding("c", "m", (*first, "input")),
            Finding("c", "m", ("nowhere", 5)),
        ],
    )
    assert (own.path, own.line, own.column, own.width, own.hint) == ("-", 5, 12, 9, "make one")
    assert own.source == "    input: own.jsonl"
    assert (nowhere.where, shared.where, metadata.where) == ("-:1:1", "-:1:45", "-:3:5")


def test_a_problem_in_an_aliased_part_points_to_where_it_is_written() -> None:
    with pytest.raises(InvalidFiles) as raised:
        load(f"x-labels: &labels\n  count: 5\nbatches: [{BATCH[:-1]}, metadata: *labels}}]\n")
    assert [(d.where, d.code) for d in raised.value.diagnostics] == [("-:2:10", "wrong-type")]


def test_a_pipe_that_nobody_writes_to_does_not_hold_the_command(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(InvalidFiles, match=r"pipe\.yaml: this is not a regular file"):
        load_files([str(tmp_path / "pipe.yaml")])


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_invalid_files(data: bytes) -> None:
    only_invalid_files(data)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["a", "/v1/embeddings", "${vars.a}", "${", "${matrix.a}", "$${x}", "file-1", "24h", "alphaedge",
                       "t.csv", "${row.id}", "x${row.id}${vars.b}"]),
    lambda below: st.lists(below, max_size=3)
    | st.dictionaries(st.sampled_from(["name", "matrix", "input", "a", "metadata", "${x}", "rows", "custom_id", "body",
                                       "max_requests", "shard"]), below, max_size=3),
    max_leaves=8,
)  # fmt: skip
KEYS = ["version", "name", "description", "run", "vars", "defaults", "batches", "x-a", "other"]
FIELDS = ["name", "provider", "endpoint", "completion_window", "input", "input_file_id", "metadata", "matrix",
          "exclude", "shard", "other"]  # fmt: skip
DOCUMENTS = st.dictionaries(st.sampled_from(KEYS), VALUES) | st.fixed_dictionaries(
    {"batches": st.lists(st.dictionaries(st.sampled_from(FIELDS), VALUES), max_size=3)},
    optional={"vars": st.dictionaries(st.sampled_from(["a", "b"]), VALUES), "defaults": VALUES, "run": VALUES},
)


@given(DOCUMENTS)
def test_no_document_raises_anything_but_invalid_files(document: Any) -> None:
    only_invalid_files(json.dumps(document).encode())


def only_invalid_files(data: bytes) -> None:
    diagnostics: tuple[Any, ...] = ()
    try:
        load(data)
    except InvalidFiles as error:
        diagnostics = error.diagnostics
        assert diagnostics
    assert all(d.code and d.message and d.line >= 0 for d in diagnostics)


MAPPINGS = st.recursive(
    st.dictionaries(st.sampled_from("abc"), st.integers() | st.lists(st.integers(), max_size=2), max_size=3),
    lambda below: st.dictionaries(st.sampled_from("abc"), below | st.integers(), max_size=3),
    max_leaves=6,
)


@given(MAPPINGS, MAPPINGS)
def test_merging_keeps_what_only_one_side_says_and_prefers_the_upper(
    below: dict[str, Any], above: dict[str, Any]
) -> None:
    result = merged(below, above)
    assert result.keys() == below.keys() | above.keys()
    for key in result:
        if key not in below or not (isinstance(below[key], dict) and isinstance(above.get(key), dict)):
            assert result[key] == above.get(key, below.get(key))
        else:
            assert result[key] == merged(below[key], above[key])


@given(MAPPINGS)
def test_merging_with_nothing_or_itself_changes_nothing(value: dict[str, Any]) -> None:
    assert merged({}, value) == merged(value, {}) == merged(value, value) == value


@given(MAPPINGS, MAPPINGS)
def test_merging_twice_is_merging_once_and_changes_neither(below: dict[str, Any], above: dict[str, Any]) -> None:
    before = (repr(below), repr(above))
    once = merged(below, above)
    assert merged(once, above) == once
    assert (repr(below), repr(above)) == before

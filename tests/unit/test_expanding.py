"""Batches whose input is a pattern: one for each file, each with an address of its own."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchrunner.address import is_address, matches, members_of, natural, with_member
from batchrunner.errors import InvalidFiles
from batchrunner.loader import load_project, load_specs
from batchrunner.spec import Batch, BatchDeclaration, Spec, Table
from batchrunner.wiring.expanding import Expander, Expansion, has_patterns

HEAD = "defaults: {endpoint: /v1/embeddings}\nbatches:\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "batchrunner.yaml").write_text("{}\n")
    (tmp_path / "data").mkdir()
    for name in ("c-1.jsonl", "c-2.jsonl", "c-10.jsonl", "en-1.csv", "fr-1.csv"):
        (tmp_path / "data" / name).touch()
    return tmp_path


def loaded(folder: Path, batches: str) -> Spec:
    path = folder / "s.yaml"
    path.write_text(HEAD + batches)
    (spec,) = load_specs(
        [str(path)],
        project=load_project(None, folder),
        environment={},
        variables={},
        now=datetime(2026, 11, 22, tzinfo=UTC),
        run_key=None,
        stdin=bytes,
    )
    return spec


def expansion_of(spec: Spec, *targets: str) -> Expansion:
    return Expander(spec.folder, targets).expanded(spec.folder, spec.batches)


def expanded(folder: Path, batches: str, *targets: str) -> list[tuple[str, str]]:
    expansion = expansion_of(loaded(folder, batches), *targets)
    assert not expansion.refusals.findings
    return [(batch.address, batch.declaration.input_path) for batch in expansion.batches]


def found(folder: Path, batches: str, *targets: str) -> list[tuple[str, tuple[str | int, ...]]]:
    findings = expansion_of(loaded(folder, batches), *targets).refusals.findings
    return [(finding.code, finding.pointer) for finding in findings]


def test_a_batch_for_each_file(folder: Path) -> None:
    assert expanded(folder, "  - {name: a, input: data/c-*.jsonl}\n  - {name: b, input: data/c-1.jsonl}\n") == [
        ("s/a[file=c-1.jsonl]", "data/c-1.jsonl"),
        ("s/a[file=c-2.jsonl]", "data/c-2.jsonl"),
        ("s/a[file=c-10.jsonl]", "data/c-10.jsonl"),
        ("s/b", "data/c-1.jsonl"),
    ]


def test_the_file_is_one_more_member_of_a_matrix(folder: Path) -> None:
    table = "{rows: 'data/${matrix.lang}-*.csv', custom_id: a, body: {model: m}}"
    matrix = f"  - {{name: a, input: {table}, matrix: {{lang: [en, fr], a: [1]}}}}\n"
    assert expanded(folder, matrix) == [
        ("s/a[a=1,file=en-1.csv,lang=en]", "data/en-1.csv"),
        ("s/a[a=1,file=fr-1.csv,lang=fr]", "data/fr-1.csv"),
    ]


def test_tables_of_a_pattern_keep_their_template(folder: Path) -> None:
    spec = loaded(folder, "  - {name: a, input: {rows: data/*.csv, custom_id: '${row.id}', body: {model: m}}}\n")
    expansion = expansion_of(spec)
    assert not expansion.refusals.findings
    tables = [batch.declaration.input for batch in expansion.batches]
    assert tables == [
        Table(rows=f"data/{lang}-1.csv", custom_id="${row.id}", body={"model": "m"}) for lang in ("en", "fr")
    ]


def test_what_has_no_pattern_is_left_as_it_is(folder: Path) -> None:
    spec = loaded(folder, "  - {name: a, input: 'data/[c]{1}!.jsonl'}\n  - {name: b, input_file_id: f}\n")
    assert not has_patterns(spec.batches)
    assert expansion_of(spec).batches == spec.batches


@pytest.mark.parametrize(
    ("target", "addresses"),
    [
        ("a", ["s/a[file=en-1.csv]", "s/a[file=fr-1.csv]", "s/b"]),
        ("s/a[file=en-1.csv]", ["s/a[file=en-1.csv]", "s/a[file=fr-1.csv]", "s/b"]),
        ("a[file=en-1.csv]#2", ["s/a[file=en-1.csv]", "s/a[file=fr-1.csv]", "s/b"]),
        ("a[file=*]", ["s/a[file=en-1.csv]", "s/a[file=fr-1.csv]", "s/b"]),
        ("*[file=en-*]", ["s/a[file=en-1.csv]", "s/a[file=fr-1.csv]", "s/b[file=c-1.jsonl]"]),
        ("b", ["s/a", "s/b[file=c-1.jsonl]"]),
    ],
)
def test_only_what_may_be_meant_is_expanded(folder: Path, target: str, addresses: list[str]) -> None:
    batches = (
        "  - {name: a, input: {rows: data/*.csv, custom_id: a, body: {model: m}}}\n  - {name: b, input: data/c-1.j*}\n"
    )
    assert [address for address, _ in expanded(folder, batches, target)] == addresses
    assert any(matches(target.partition("#")[0], address) for address in addresses)


def test_what_is_wrong_points_at_the_spec(folder: Path) -> None:
    (folder / "data" / "a=b.jsonl").touch()
    batches = (
        "  - {name: a, input: data/*.txt}\n"
        "  - {name: b, input: {rows: nowhere/*.csv, custom_id: a, body: {model: m}}}\n"
        "  - {name: c, input: data/*.jsonl, matrix: {file: [x, y]}}\n"
        "  - {name: d, input: data/a*}\n"
        "  - {name: e, input: '*/../../*'}\n"
    )
    assert found(folder, batches) == [
        ("no-file-matches", ("batches", 0, "input")),
        ("input-not-found", ("batches", 1, "input", "rows")),
        ("file-key-taken", ("batches", 2, "matrix", "file")),
        ("file-key-taken", ("batches", 2, "matrix", "file")),
        ("bad-file-name", ("batches", 3, "input")),
        ("bad-pattern", ("batches", 4, "input")),
    ]
    assert found(folder, batches, "d") == [("bad-file-name", ("batches", 3, "input"))]


def test_a_matrix_key_may_be_named_file_where_there_is_no_pattern(folder: Path) -> None:
    batches = "  - {name: a, input: 'data/c-${matrix.file}.jsonl', matrix: {file: ['1', '2']}}\n"
    assert [address for address, _ in expanded(folder, batches)] == ["s/a[file=1]", "s/a[file=2]"]


def test_there_is_an_end_to_the_batches_that_patterns_make(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all specs together: those that are too many are not made."""
    monkeypatch.setattr("batchrunner.wiring.expanding.MOST_BATCHES", 5)
    spec = loaded(folder, "".join(f"  - {{name: n{number}, input: data/*.jsonl}}\n" for number in range(3)))
    expansion = expansion_of(spec)
    assert [(each.code, each.pointer) for each in expansion.refusals.findings] == [
        ("too-many-batches", ("batches", 1, "input"))
    ]
    assert len(expansion.batches) == 3
    expander = Expander(spec.folder, ("n0",))
    for code in ([], ["too-many-batches"]):
        findings = expander.expanded(spec.folder, spec.batches).refusals.findings
        assert [each.code for each in findings] == code


def test_wrong_inputs_of_all_specs_are_told_at_once(folder: Path) -> None:
    from batchrunner.wiring import Choices, open_workspace

    (folder / "s.yaml").write_text(HEAD + "  - {name: a, input: data/*.txt}\n  - {name: b, input: nope.jsonl}\n")
    (folder / "t.yaml").write_text(HEAD + "  - {name: a, input: nope.jsonl}\n")
    (folder / "u.yaml").write_text(HEAD + "  - {name: a, input: data/c-*.jsonl}\n")
    with pytest.raises(InvalidFiles) as caught:
        open_workspace([str(folder)], Choices(), stdin=bytes, variables={})
    told = [(Path(each.path).name, each.line, each.code) for each in caught.value.diagnostics]
    assert told == [
        ("s.yaml", 3, "no-file-matches"), ("s.yaml", 4, "input-not-found"), ("t.yaml", 3, "input-not-found"),
    ]  # fmt: skip


# No two batches have one address: that of a file is its path below a folder which all files of a batch share, no value
# holds what parts members from each other, and `file` is no other member.

names = st.text("ab1", min_size=1, max_size=2)
components = st.text("ab1 .é-", min_size=1, max_size=3).map(str.strip).filter(lambda n: n and not n.startswith("."))
trees = st.sets(st.lists(components, min_size=1, max_size=2).map("/".join), min_size=1, max_size=8)
matrices = st.dictionaries(st.sampled_from(["lang", "a", "z"]), st.sampled_from(["en", "fr", "a.jsonl"]), max_size=2)


declarations = st.tuples(names, matrices)


@settings(max_examples=200, deadline=None)
@given(
    trees,
    st.lists(declarations, min_size=1, max_size=4, unique_by=lambda each: (each[0], frozenset(each[1].items()))),
    st.booleans(),
)
def test_no_two_batches_have_one_address(
    tmp_path_factory: pytest.TempPathFactory, tree: set[str], declared: list[tuple[str, dict[str, str]]], deep: bool
) -> None:
    root = tmp_path_factory.mktemp("root")
    for name in tree:
        try:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).touch()
        except OSError:
            continue
    batches = [_batch(name, matrix, "**" if deep else "*") for name, matrix in declared]
    concrete = Expander(str(root), ()).expanded(str(root), batches).batches
    addresses = [batch.address for batch in concrete]
    assert len(set(addresses)) == len(addresses)
    assert all(map(is_address, addresses))
    assert all(members_of(batch.address).get("file") == batch.declaration.input_path for batch in concrete)
    assert addresses == sorted(addresses, key=lambda each: _order(each, [batch.address for batch in batches]))


def _batch(name: str, matrix: dict[str, str], pattern: str) -> Batch:
    whole = f"s/{name}"
    for key in matrix:
        whole = with_member(whole, key, matrix[key])
    return Batch(whole, BatchDeclaration(name=name, endpoint="/v1/x", input=pattern), ("batches", 0))


def _order(address: str, declared: list[str]) -> tuple[int, str, str]:
    """Where an address belongs: with its batch, files in natural order."""
    members = members_of(address)
    file = members.pop("file")
    whole = address.partition("[")[0]
    for key in members:
        whole = with_member(whole, key, members[key])
    return declared.index(whole), natural(file), file

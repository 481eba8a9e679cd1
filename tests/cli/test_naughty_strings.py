"""Strings that break programs, through specs and tables, and back out of plans, logs, states and rendered lines.

Nothing that is for people moves a cursor or turns a line around, what is for programs parses back to the same string,
and where a string is refused a diagnostic says so.
"""

import json
import re
from collections.abc import Iterator, Sequence

import pytest
from support.cli import Desk, Ran
from support.corpora import naughty_strings

from batchrunner.address import MATRIX_VALUE, address
from batchrunner.printable import SPACES
from batchrunner.references import FORBIDDEN, refers

OURS = ["${vars.x}", "$${row.id}", "a $${", "<!-- batchrunner:plan:s.yaml -->", "::error::x", "@team", "```", "|a|b|"]
FIELDS = "endpoint: /v1/embeddings, input_file_id: file-1"
LABELS = 16


@pytest.fixture
def strings() -> list[str]:
    return list(dict.fromkeys([*naughty_strings(), *OURS]))


@pytest.fixture
def sound(strings: list[str]) -> list[str]:
    """Those that a spec may hold."""
    return [text for text in strings if not FORBIDDEN.search(text)]


def quoted(text: str) -> str:
    """`text` in YAML, where references are replaced."""
    return written(text.replace("${", "$${"))


def written(text: str) -> str:
    """`text` in YAML, where they are not."""
    return json.dumps(text, ensure_ascii=False)


def escaped(text: str) -> str:
    """`text` in YAML, in ASCII alone."""
    return "".join(f"\\U{ord(character):08x}" for character in text)


def by(size: int, texts: Sequence[str]) -> Iterator[Sequence[str]]:
    return (texts[start : start + size] for start in range(0, len(texts), size))


def is_harmless(text: str) -> bool:
    return all(character.isprintable() or character == "\n" or character in SPACES for character in text)


def names_a_batch(text: str) -> bool:
    return bool(MATRIX_VALUE.match(text)) and not refers(text)


def plans(desk: Desk, path: str) -> Ran:
    """The plan of `path` as JSON; as text and as Markdown it is harmless too."""
    as_json, *for_people = [desk.run("plan", path, "--format", form) for form in ("json", "text", "markdown")]
    for ran in (as_json, *for_people):
        assert ran.code == 0, ran.err
        assert is_harmless(ran.err)
    assert all(is_harmless(ran.out) for ran in for_people)
    return as_json


def test_metadata_comes_out_as_it_went_in(empty: Desk, sound: list[str]) -> None:
    expected = {}
    lines = ["vars:", *(f"  v{number}: {quoted(text)}" for number, text in enumerate(sound)), "batches:"]
    for number, group in enumerate(by(LABELS, sound)):
        numbered = list(enumerate(group, number * LABELS))
        expected[f"direct{number}"] = expected[f"through-vars{number}"] = {f"k{n}": text for n, text in numbered}
        direct = ", ".join(f"k{n}: {quoted(text)}" for n, text in numbered)
        through = ", ".join(f'k{n}: "${{vars.v{n}}}"' for n, _ in numbered)
        lines.append(f"  - {{name: direct{number}, {FIELDS}, metadata: {{{direct}}}}}")
        lines.append(f"  - {{name: through-vars{number}, {FIELDS}, metadata: {{{through}}}}}")
    keys = [text for text in sound if len(text) <= 64 and "${" not in text]
    for number, group in enumerate(by(LABELS, keys)):
        expected[f"keys{number}"] = dict.fromkeys(group, "")
        labels = ", ".join(f'{written(text)}: ""' for text in group)
        lines.append(f"  - {{name: keys{number}, {FIELDS}, metadata: {{{labels}}}}}")
    empty.write("s.yaml", "\n".join(lines))
    changes = plans(empty, "s.yaml").document["changes"]
    assert {each["address"].removeprefix("s/"): each["metadata"] for each in changes} == expected


def test_descriptions_are_for_people_and_harm_nothing(empty: Desk, sound: list[str]) -> None:
    for number, group in enumerate(by(60, sound)):
        text = "\n".join(group)[:4096]
        empty.write(f"specs/d{number}.yaml", f"description: {written(text)}\nbatches: [{{name: a, {FIELDS}}}]\n")
    assert plans(empty, "specs").document["changes"]


def test_matrix_values_name_batches_in_plans_logs_and_states(empty: Desk, sound: list[str]) -> None:
    values = [text for text in sound if names_a_batch(text)]
    lines = ["defaults: {metadata: {value: '${matrix.value}'}}", "batches:"]
    for number, group in enumerate(by(256, values)):
        listed = ", ".join(map(written, group))
        lines.append(f"  - {{name: m{number}, {FIELDS}, matrix: {{value: [{listed}]}}}}")
    empty.write("s.yaml", "\n".join(lines))
    addresses = {address("s", f"m{n // 256}", {"value": text}): text for n, text in enumerate(values)}

    planned = {each["address"]: each["metadata"]["value"] for each in plans(empty, "s.yaml").document["changes"]}
    assert planned == addresses

    rows = [line for line in empty.run("plan", "s.yaml", "--format", "markdown").out.split("\n") if line[:1] == "|"]
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1

    ran = empty.run("apply", "s.yaml", "--sandbox", "--yes", "-v", "--log-format", "json")
    assert ran.code == 0
    assert is_harmless(ran.out + ran.err)
    logged = [json.loads(line) for line in ran.err.splitlines()]
    assert {line["address"] for line in logged if line["event"] == "submitted"} == addresses.keys()
    batches = empty.state("s.sandbox.state.json")["batches"]
    intents = {at: attempt["intent"] for at, runs in batches.items() for [attempt] in runs.values()}
    assert {at: intent["metadata"]["value"] for at, intent in intents.items()} == addresses

    told = empty.run("apply", "s.yaml", "--sandbox", "--yes", "-v")
    assert is_harmless(told.out + told.err)


def test_what_can_name_no_batch_is_refused_where_it_is(empty: Desk, sound: list[str]) -> None:
    values = [text for text in sound if not names_a_batch(text)]
    for group in by(200, values):
        lines = [
            "batches:",
            f"  - matrix: {{value: [{written(group[0])},",
            *(f"      {written(text)}," for text in group[1:]),
        ]
        empty.write(
            "s.yaml", "\n".join([*lines, "    ]}", "    name: a", *(f"    {each}" for each in FIELDS.split(", "))])
        )
        ran = empty.run("validate", "s.yaml", "--json")
        assert ran.code == 1
        assert [each["line"] for each in ran.document["diagnostics"]] == [2 + number for number in range(len(group))]
        assert is_harmless(empty.run("validate", "s.yaml").err)


def test_what_no_value_may_hold_is_refused_where_it_is(empty: Desk, strings: list[str], sound: list[str]) -> None:
    refused = [text for text in strings if text not in sound]
    assert refused
    lines = [f'x-{number}: "{escaped(text)}"' for number, text in enumerate(refused)]
    empty.write("escaped.yaml", "\n".join([*lines, f"batches: [{{name: a, {FIELDS}}}]"]))
    for number, text in enumerate(refused):
        empty.write(f"raw/{number}.yaml", f"x-a: '{text.replace(chr(39), '')}'".encode("utf-8", "surrogatepass"))
    for path, places in {"escaped.yaml": {f"escaped.yaml:{n}:" for n in range(1, len(refused) + 1)},
                         "raw": {f"raw/{n}.yaml:1:" for n in range(len(refused))}}.items():  # fmt: skip
        ran = empty.run("validate", path)
        assert ran.code == 1
        assert is_harmless(ran.out + ran.err)
        assert {place for place in places if place not in ran.out + ran.err} == set()


def test_rows_and_templates_come_out_as_they_went_in(empty: Desk, strings: list[str], sound: list[str]) -> None:
    rows = [json.dumps({"id": f"n{number}", "text": text}) for number, text in enumerate(strings)]
    empty.write("rows.jsonl", "\n".join(rows))
    body = ", ".join(f"{written('k' + str(n))}: {quoted(text)}" for n, text in enumerate(sound))
    table = 'input: {rows: rows.jsonl, custom_id: "${row.id}", body: {model: m, input: "${row.text}"}}'
    template = f'input: {{rows: one.jsonl, custom_id: "${{row.id}}", body: {{model: m, input: x, all: {{{body}}}}}}}'
    empty.write("one.jsonl", rows[0])
    endpoint = "endpoint: /v1/embeddings"
    empty.write(
        "s.yaml", f"batches:\n  - {{name: rows, {endpoint}, {table}}}\n  - {{name: one, {endpoint}, {template}}}\n"
    )
    rendered = [json.loads(line) for line in empty.run("render", "s.yaml", "s/rows").out.rstrip("\n").split("\n")]
    assert [(line["custom_id"], line["body"]["input"]) for line in rendered] == [
        (f"n{number}", text) for number, text in enumerate(strings)
    ]
    (line,) = empty.run("render", "s.yaml", "s/one").out.rstrip("\n").split("\n")
    assert json.loads(line)["body"]["all"] == {f"k{number}": text for number, text in enumerate(sound)}
    assert plans(empty, "s.yaml").code == 0

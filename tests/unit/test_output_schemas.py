"""The schemas of what is written for programs: published as they are made, well made, and there for every command."""

import importlib
import json
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
from support.cli import UPDATE
from support.schemas import check_stream, faults_of

from batchrunner.commands import COMMANDS
from batchrunner.outputs import STREAM_LINES
from batchrunner.outputschemas import fields_of, names, output_schema, type_words
from batchrunner.streams import STREAMING

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "docs" / "reference" / "schema"
PAGE = ROOT / "docs" / "reference" / "json-fields.md"
HEAD = """\
# JSON fields

Made from the code, as the [schemas](schema) are. What [JSON](json.md) says holds for all of it. `list of X` is an
array, `object of X by name` an object with any keys; each type is listed once, where it is met first.
"""


def text_of(which: str) -> str:
    return json.dumps(output_schema(which), indent=2, ensure_ascii=False) + "\n"


def file_of(which: str) -> Path:
    return PUBLISHED / f"{which.replace(' ', '-')}.schema.json"


@pytest.mark.parametrize("which", names())
def test_the_published_copy_is_the_generated_one(which: str) -> None:
    if UPDATE:
        file_of(which).write_text(text_of(which), encoding="utf-8")
    assert file_of(which).read_text(encoding="utf-8") == text_of(which), "BATCHRUNNER_UPDATE_GOLDENS=1 writes it"


def test_nothing_else_is_published() -> None:
    assert sorted(PUBLISHED.iterdir()) == sorted(map(file_of, names()))


@pytest.mark.parametrize("which", names())
def test_it_is_a_schema_that_explains_itself_and_is_open(which: str) -> None:
    schema = output_schema(which)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert all(part["description"] for part in schema["$defs"].values())
    assert "None" not in json.dumps(schema)
    assert '"additionalProperties": false' not in json.dumps(schema)
    assert not [part for part in enums(schema) if len(part) > 1]
    assert all(part["additionalProperties"] is False for part in output_schema(which, strict=True)["$defs"].values())


def enums(schema: Any) -> list[list[Any]]:
    """Every closed list of words of properties."""
    if isinstance(schema, list):
        return [found for each in schema for found in enums(each)]
    if not isinstance(schema, dict):
        return []
    own = [schema["enum"]] if "enum" in schema else []
    return own + [found for key, each in schema.items() if key != "not" for found in enums(each)]


def commands() -> list[str]:
    """Every command that there is, those of groups by both words."""
    found = []
    for name in COMMANDS:
        command = importlib.import_module(f"batchrunner.commands.{name}").command
        inner = command.commands if isinstance(command, click.Group) else {}
        found += [f"{name} {each}" for each in inner] or [name]
    return found


def test_every_command_has_one() -> None:
    assert set(commands()) - set(names()) == set()
    assert set(names()) - set(commands()) == {"state", "summary", "events"}


def test_every_line_of_the_stream_has_a_word_of_its_own() -> None:
    words = [line.__struct_config__.tag for line in STREAM_LINES]
    assert len(words) == len(set(words))
    assert {"version", "ended", "error"} <= set(words)
    assert all("at" in line.__struct_fields__ for line in STREAM_LINES)


GOOD: dict[str, Any] = {"format_version": "1.0", "command": "state rm", "address": "s/a", "backup": ""}


@pytest.mark.parametrize(
    "bad",
    [{**GOOD, "address": 1}, {**GOOD, "more": 1}, {key: GOOD[key] for key in GOOD if key != "backup"},
     {**GOOD, "format_version": "2.0"}, {**GOOD, "error": {}}],
)  # fmt: skip
def test_what_a_test_checks_with_it_can_fail(bad: dict[str, Any]) -> None:
    assert not list(faults_of("state rm", GOOD))
    assert list(faults_of("state rm", bad))


@pytest.mark.parametrize(
    ("which", "newer"),
    [
        ("events", {"event": "sung", "song": 1}),
        ("events", {"event": "started", "at": "", "total": 1, "more": 2}),
        ("state rm", {**GOOD, "format_version": "1.7", "more": 1}),
    ],
)
def test_what_a_later_minor_version_adds_is_allowed_by_the_published_one(which: str, newer: dict[str, Any]) -> None:
    assert list(jsonschema.Draft202012Validator(output_schema(which)).iter_errors(newer)) == []
    assert list(jsonschema.Draft202012Validator(output_schema(which, strict=True)).iter_errors(newer)) != []


def test_what_is_wrong_is_not_allowed_for_that() -> None:
    wrong = {"event": "started", "at": "", "total": "one"}
    assert list(jsonschema.Draft202012Validator(output_schema("events")).iter_errors(wrong)) != []


def test_a_stream_that_is_cut_off_is_none() -> None:
    version = {"event": "version", "at": "", "format_version": "1.0", "command": "apply", "tool_version": "0"}
    with pytest.raises(AssertionError):
        check_stream([version])
    with pytest.raises(AssertionError):
        check_stream([{**version, "event": "started", "total": 1}])


def tables() -> str:
    """The fields of everything, as the page has them: each definition once, where it is met first."""
    told: list[str] = []
    known: set[str] = set()
    for which in names():
        if which in STREAMING:
            continue
        definitions = [each for each in fields_of(which) if each[0] not in known]
        known |= {name for name, *_ in definitions}
        told += [f"## {which}", "", output_schema(which)["title"] + ".", ""]
        told += [line for name, text, fields in definitions for line in _table(name, text, fields)]
    return "\n".join(told)


def _table(name: str, text: str, fields: list[tuple[str, str, bool]]) -> list[str]:
    rows = [f"| `{key}` | {kind} | {'yes' if is_required else ''} |" for key, kind, is_required in fields]
    return [f"### {name}", "", text, "", "| field | type | always there |", "|---|---|---|", *rows, ""]


def test_the_page_shows_every_field() -> None:
    made = f"{HEAD}\n{tables()}".rstrip() + "\n"
    if UPDATE:
        PAGE.write_text(made, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == made, "BATCHRUNNER_UPDATE_GOLDENS=1 writes it"


def test_types_are_told_in_words() -> None:
    assert type_words({"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}) == (
        "list of integer or null"
    )

"""The published schemas: equal to what the models say, true of the shipped specs, false of what is refused."""

import json
from pathlib import Path
from typing import Any, get_args, get_type_hints

import jsonschema
import pytest

from batchrunner.documents import Dialect, Idempotency, ProviderEntry
from batchrunner.facts import ProviderFacts
from batchrunner.loader import read_yaml
from batchrunner.schemas import Which, schema_text

SPECS = Path(__file__).parents[2] / "specs"


def validator(which: Which) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(schema_text(which)))


def errors(which: Which, text: str) -> list[str]:
    return [error.message for error in validator(which).iter_errors(read_yaml(text.encode()).value)]


@pytest.mark.parametrize("which", get_args(Which))
def test_the_published_copy_is_the_generated_one(which: Which) -> None:
    published = SPECS / "schema" / f"{which}.schema.json"
    assert published.read_text(encoding="utf-8") == schema_text(which), f"batchrunner schema {which} > {published}"


@pytest.mark.parametrize("which", get_args(Which))
def test_it_is_a_schema_and_describes_every_field(which: Which) -> None:
    schema = json.loads(schema_text(which))
    jsonschema.Draft202012Validator.check_schema(schema)
    models = [schema, *schema["$defs"].values()]
    fields = [(name, field) for model in models for name, field in model["properties"].items()]
    assert not [name for name, field in fields if not field.get("description")]
    assert "`None`" not in json.dumps(schema)


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_specs_are_valid(path: Path) -> None:
    assert errors("spec", path.read_text(encoding="utf-8")) == []


BATCH = "{name: a, endpoint: /v1/x, input_file_id: f}"
GOOD: list[tuple[Which, str]] = [
    ("spec", f"batches: [{BATCH}]"),
    ("spec", f"x-anything: [1]\nbatches: [{BATCH}]"),
    ("spec", "defaults: {endpoint: '${vars.e}'}\nbatches: [{name: a, input: 'a-${matrix.x}.jsonl', matrix: {x: [1]}}]"),
    (
        "spec",
        "batches: [{name: a, endpoint: /v1/x, input: a, completion_window: '${vars.w}', metadata: {a: '${vars.m}'}}]",
    ),
    ("spec", "batches: [{name: a, endpoint: /v1/x, input: a, matrix: {x: [1, 2]}, exclude: [{x: 1}]}]"),
    ("project", "{}"),
    ("project", "project: acme\nproviders: {alphaedge: {limits: {max_in_flight: 2}, endpoints: null}}"),
    ("project", "providers: {x: {dialect: openai, base_url: {env: URL}, api_key: {file: /run/key}}}"),
    ("project", "state: {url: 'file:.batchrunner/state'}\npolicy: {allow_env: [A]}"),
]
BAD: list[tuple[Which, str]] = [
    ("spec", "{}"),
    ("spec", "batches: []"),
    ("spec", "batches: [{endpoint: /v1/x}]"),
    ("spec", f"version: 2\nbatches: [{BATCH}]"),
    ("spec", f"run: {{once_per: dayly}}\nbatches: [{BATCH}]"),
    ("spec", f"nme: x\nbatches: [{BATCH}]"),
    ("spec", f"vars: {{'a b': 1}}\nbatches: [{BATCH}]"),
    ("spec", f"vars: {{a: [1]}}\nbatches: [{BATCH}]"),
    ("spec", "batches: [{name: Bad Name, endpoint: /v1/x}]"),
    ("spec", "batches: [{name: '${vars.n}', endpoint: /v1/x}]"),
    ("spec", "batches: [{name: a, endpoint: v1}]"),
    ("spec", "batches: [{name: a, endpoint: /v1/x, input: a, input_file_id: b}]"),
    ("spec", "batches: [{name: a, endpoint: /v1/x, metadata: {a: 1}}]"),
    ("spec", "batches: [{name: a, endpoint: /v1/x, matrix: {x: []}}]"),
    ("project", "providers: {x: {api_key: sk-1}}"),
    ("project", "providers: {x: {url: 'https://x'}}"),
    ("project", "providers: {X: {}}"),
    ("project", "policy: {max_cost_usd: 5}"),
]


@pytest.mark.parametrize(("which", "text"), GOOD)
def test_what_is_right_is_accepted(which: Which, text: str) -> None:
    assert errors(which, text) == []


@pytest.mark.parametrize(("which", "text"), BAD)
def test_what_is_wrong_is_not(which: Which, text: str) -> None:
    assert errors(which, text)


def test_the_project_file_can_say_every_fact_of_a_provider() -> None:
    facts = set(ProviderFacts.__struct_fields__) - {"origin", "origin_env"} | {"base_url"}
    assert set(ProviderEntry.model_fields) == facts


@pytest.mark.parametrize(("field", "choices"), [("dialect", Dialect), ("idempotency", Idempotency)])
def test_the_choices_of_a_provider_are_those_of_its_facts(field: str, choices: Any) -> None:
    assert get_args(get_type_hints(ProviderFacts)[field]) == get_args(choices)

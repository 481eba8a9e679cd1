"""The published schemas: equal to what the models say, true of the shipped specs, false of what is refused."""

import json
from pathlib import Path
from typing import Any, get_args, get_type_hints

import jsonschema
import pytest

from batchrunner import facts, projectdocuments, providerdocuments, spec
from batchrunner.documents import BatchFields, Shard, TableFields
from batchrunner.facts import ProviderFacts
from batchrunner.loader import read_yaml
from batchrunner.project import Policy
from batchrunner.providerdocuments import Auth, CustomIds, Idempotency, ProviderEntry, RequestLines
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
    ("spec", "batches: [{name: a, endpoint: /v1/x, input: 'data/**/chunk-?.jsonl', shard: false}]"),
    ("spec", "batches: [{name: a, endpoint: /v1/x, input: a, shard: {max_requests: 5, max_tokens: '${vars.t}'}}]"),
    ("spec", "batches: [{name: a, endpoint: /v1/x, input: a, shard: '${vars.s}'}]"),
    (
        "spec",
        "defaults: {input: {body: {m: 1}}, shard: {max_bytes: 9}}\n"
        "batches: [{name: a, input: {rows: 'a-${run.date}', custom_id: '${row.id}', body: {x: [{y: '${row.z}'}]}}}]",
    ),
    ("project", "{}"),
    ("project", "project: acme\nproviders: {alphaedge: {limits: {max_in_flight: 2}, endpoints: null}}"),
    ("project", "providers: {x: {dialect: openai, base_url: {env: URL}, api_key: {file: /run/key}}}"),
    ("project", "state: {url: 'file:.batchrunner/state'}\npolicy: {allow_env: [A]}"),
    (
        "project",
        "policy: {max_cost_usd: 0.5, max_requests: 1, allowed_models: ['gpt-*'], allowed_endpoints: [/v1/x],"
        " required_metadata: [team], allow_unknown: true}",
    ),
    ("project", "policy: {allowed_models: [], allowed_endpoints: []}"),
    (
        "project",
        "providers: {x: {custom_ids: word, one_model: true, input_expires_after_seconds: 3600, discount: 0.5,"
        " prices: {m: {input: 1}, 'o/n:1': {input: 0, output: 2.5}}, price_list: openai, paths: {list_files: ~},"
        " limits: {max_tokens: 9, max_embedding_inputs: ~, max_custom_id: 64}}}",
    ),
    (
        "project",
        "providers: {x: {dialect: mistral, auth: x-api-key, headers: {x-version: '2', x-team: a b},"
        " idempotency: list-match, request_lines: bare, statuses: {in queue: validating}, completion_windows: [1h..7d],"
        " paths: {batch: '{batches}/{id}', list_batches: ~, results: '/v2/{id}:results', file: '/v1/files/{id}'},"
        " limits: {max_enqueued_tokens: 9, max_metadata: 0, max_metadata_key: ~},"
        " polling: {base_seconds: 0.5, gone_looks: 1, gone_seconds: 0}, timeouts: {look_seconds: 2}}}",
    ),
    ("project", "providers: {x: {discount: ~, price_list: ~, input_expires_after_seconds: ~}}"),
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
    ("spec", "batches: [{name: a, endpoint: /v1/x, input: {rows: a.xlsx, custom_id: x, body: {a: 1}}}]"),
    ("spec", "batches: [{name: a, endpoint: /v1/x, input: {rows: a.csv, custom_id: 1, body: {a: 1}}}]"),
    ("spec", "batches: [{name: a, endpoint: /v1/x, input: {rows: a.csv, custom_id: x, body: []}}]"),
    ("spec", "batches: [{name: a, endpoint: /v1/x, input: {rows: a.csv, custom_id: x, body: {}}}]"),
    ("spec", "batches: [{name: a, endpoint: /v1/x, input: {rows: a.csv, custom_id: x, body: {a: 1}, url: /v1/x}}]"),
    ("spec", "batches: [{name: a, endpoint: /v1/x, input: a, shard: true}]"),
    ("spec", "batches: [{name: a, endpoint: /v1/x, input: a, shard: {}}]"),
    ("spec", "batches: [{name: a, endpoint: /v1/x, input: a, shard: {max_requests: 0}}]"),
    ("spec", "batches: [{name: a, endpoint: /v1/x, input_file_id: f, shard: {max_requests: 1}}]"),
    ("project", "policy: {max_cost_usd: 0}"),
    ("project", "policy: {max_requests: 1.5}"),
    ("project", "policy: {allowed_models: gpt-4o}"),
    ("project", "policy: {allowed_endpoints: [v1]}"),
    ("project", "policy: {allow_unknown: sometimes}"),
    ("project", "providers: {x: {discount: 1}}"),
    ("project", "providers: {x: {custom_ids: any}}"),
    ("project", "providers: {x: {input_expires_after_seconds: 3599}}"),
    ("project", "providers: {x: {prices: {m: 5}}}"),
    ("project", "providers: {x: {prices: {m: {output: 5}}}}"),
    ("project", "providers: {x: {prices: {m: {input: -1}}}}"),
    ("project", "providers: {x: {paths: {list_file: ~}}}"),
    ("project", "providers: {x: {paths: {create_batch: ~}}}"),
    ("project", "providers: {x: {paths: {batch: 'https://example.com/{id}'}}}"),
    ("project", "providers: {x: {paths: {batch: '/v1/{name}'}}}"),
    ("project", "providers: {x: {paths: {batch: '/v1/{id}?a=b'}}}"),
    ("project", "providers: {x: {headers: {X-Version: a}}}"),
    ("project", "providers: {x: {headers: {x-version: ''}}}"),
    ("project", 'providers: {x: {headers: {x-version: "a\\nb"}}}'),
    ("project", "providers: {x: {auth: basic}}"),
    ("project", "providers: {x: {idempotency: list_match}}"),
    ("project", "providers: {x: {statuses: {DONE: completed}}}"),
    ("project", "providers: {x: {statuses: {done: finished}}}"),
    ("project", "providers: {x: {polling: {base_seconds: 0}}}"),
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


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (providerdocuments.Paths, facts.Paths),
        (providerdocuments.Limits, facts.Limits),
        (providerdocuments.Retry, facts.Retry),
        (providerdocuments.Timeouts, facts.Timeouts),
        (providerdocuments.Polling, facts.Polling),
        (providerdocuments.ModelPrice, facts.ModelPrice),
        (projectdocuments.Policy, Policy),
        (BatchFields, spec.BatchDefaults),
        (TableFields, spec.Table),
        (Shard, spec.Shard),
    ],
)
def test_a_file_can_say_all_that_is_kept(said: Any, kept: Any) -> None:
    assert set(said.model_fields) == set(kept.__struct_fields__)


@pytest.mark.parametrize(
    ("field", "choices"),
    [("idempotency", Idempotency), ("custom_ids", CustomIds), ("auth", Auth), ("request_lines", RequestLines)],
)
def test_the_choices_of_a_provider_are_those_of_its_facts(field: str, choices: Any) -> None:
    assert get_args(get_type_hints(ProviderFacts)[field]) == get_args(choices)

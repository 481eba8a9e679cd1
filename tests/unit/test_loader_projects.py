"""The project file: found, read, laid over what is built in."""

from pathlib import Path

import pytest

from batchrunner.catalog import built_in
from batchrunner.errors import InvalidFiles
from batchrunner.facts import ModelPrice
from batchrunner.loader import load_project
from batchrunner.project import Policy
from batchrunner.records import replace


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "repo" / "specs" / "team"
    folder.mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "repo")
    return tmp_path


def test_without_a_file_the_work_tree_is_the_root(here: Path) -> None:
    (here / "repo" / ".git").write_text("gitdir: elsewhere\n")
    project = load_project(None, Path("specs/team"))
    assert (project.root, project.path, project.name) == (str(here / "repo"), "", "")
    assert project.providers == built_in()
    assert (project.state_url, project.state_env, project.policy.allow_env) == ("", "", ())


def test_without_a_work_tree_the_folder_of_the_spec_is_the_root(here: Path) -> None:
    assert load_project(None, Path("specs")).root == str(here / "repo" / "specs")


def test_the_nearest_file_counts(here: Path) -> None:
    (here / "repo" / "batchrunner.yaml").write_text("project: outer\n")
    (here / "repo" / "specs" / "batchrunner.yaml").write_text("project: inner\n")
    assert load_project(None, Path("specs/team")).name == "inner"
    assert load_project(None, Path()).name == "outer"
    inner = load_project(None, Path("specs"))
    assert (inner.root, inner.path) == (str(here / "repo" / "specs"), "specs/batchrunner.yaml")


def test_in_a_repository_no_file_beside_specs_takes_the_place_of_the_one_around_it(here: Path) -> None:
    (here / "repo" / ".git").mkdir()
    (here / "repo" / "batchrunner.yaml").write_text("policy: {max_cost_usd: 1}\n")
    (here / "repo" / "specs" / "batchrunner.yaml").write_text("project: inner\n")
    with pytest.raises(InvalidFiles) as raised:
        load_project(None, Path("specs/team"))
    (problem,) = raised.value.diagnostics
    assert (problem.code, problem.path) == ("nested-project-file", "specs/batchrunner.yaml")
    assert problem.hint.endswith(": --project batchrunner.yaml")
    assert load_project(None, Path()).policy.max_cost_usd == 1
    assert load_project("specs", Path("specs")).name == "inner"


def test_a_file_outside_of_the_work_tree_has_no_say(here: Path) -> None:
    (here / "batchrunner.yaml").write_text("project: stranger\n")
    assert load_project(None, Path("specs")).name == "stranger"
    (here / "repo" / ".git").mkdir()
    assert load_project(None, Path("specs")).name == ""


def test_a_named_file_or_its_folder_counts_before_any_other(here: Path) -> None:
    (here / "batchrunner.yaml").write_text("project: one\n")
    (here / "other.yaml").write_text("project: two\n")
    assert load_project(str(here), Path()).name == "one"
    assert load_project(str(here / "other.yaml"), Path()).name == "two"
    for missing in ("nope.yaml", "a\0b", "specs"):
        with pytest.raises(InvalidFiles) as raised:
            load_project(missing, Path())
        assert raised.value.diagnostics[0].code == "no-such-file"


def written(text: str) -> None:
    Path("batchrunner.yaml").write_text(text, encoding="utf-8")


def test_an_empty_file_decides_nothing_but_the_root() -> None:
    written("# nothing yet\n")
    assert load_project(None, Path("specs")).providers == built_in()


def test_what_is_said_lies_over_what_is_built_in() -> None:
    written("""
        x-note: ignored
        providers:
          alphaedge:
            api_key: {file: /run/secrets/key}
            limits: {max_in_flight: 2, max_bytes: ~}
            retry: {attempts: 2}
            endpoints: ~
            paths: {upload_file: ~}
            timeouts: {create_seconds: 5}
        """)
    facts, base = load_project(None, Path()).providers["alphaedge"], built_in()["alphaedge"]
    assert (facts.api_key.file, facts.api_key.env) == ("/run/secrets/key", None)
    assert facts.limits == replace(base.limits, max_in_flight=2, max_bytes=None)
    assert facts.retry == replace(base.retry, attempts=2)
    assert facts.timeouts == replace(base.timeouts, create_seconds=5)
    assert (facts.endpoints, facts.paths.upload_file, facts.paths.create_batch) == (None, None, "/v1/batch")
    assert (facts.origin, facts.origin_env, facts.idempotency) == (base.origin, base.origin_env, base.idempotency)


def test_a_project_says_what_is_charged_and_what_is_taken() -> None:
    written("""
        providers:
          alphaedge:
            custom_ids: word
            one_model: true
            input_expires_after_seconds: 2592000
            prices: {gpt-4o-mini: {input: 1, output: 0.3}, "org/model:8b": {input: 0}}
            price_list: openai
            discount: 0.5
            paths: {list_files: ~}
            limits: {max_tokens: 2000000, max_custom_id: 64, max_embedding_inputs: ~}
        """)
    facts, base = load_project(None, Path()).providers["alphaedge"], built_in()["alphaedge"]
    assert (facts.custom_ids, facts.one_model, facts.input_expires_after_seconds) == ("word", True, 2_592_000)
    assert facts.prices == {"gpt-4o-mini": ModelPrice(input=1.0, output=0.3), "org/model:8b": ModelPrice(input=0.0)}
    assert (facts.price_list, facts.discount) == ("openai", 0.5)
    assert facts.paths == replace(base.paths, list_files=None)
    assert facts.limits == replace(base.limits, max_tokens=2_000_000, max_custom_id=64, max_embedding_inputs=None)


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        ("{}", Policy()),
        ("{max_cost_usd: 200, max_requests: 5}", Policy(max_cost_usd=200.0, max_requests=5)),
        ("{max_cost_usd: 0.01, max_requests: ~, allowed_models: ~}", Policy(max_cost_usd=0.01)),
        ("{allowed_models: [], allowed_endpoints: []}", Policy(allowed_models=(), allowed_endpoints=())),
        (
            "{allowed_models: ['gpt-4o*'], allowed_endpoints: [/v1/x], required_metadata: [team], allow_unknown: true}",
            Policy(
                allowed_models=("gpt-4o*",),
                allowed_endpoints=("/v1/x",),
                required_metadata=("team",),
                allow_unknown=True,
            ),
        ),
    ],
)
def test_a_project_says_what_its_specs_may_do(policy: str, kept: Policy) -> None:
    written(f"policy: {policy}")
    assert load_project(None, Path("specs")).policy == kept


@pytest.mark.parametrize(
    ("url", "origin", "variable"),
    [
        ("https://llm.example.com", "https://llm.example.com", None),
        ("https://LLM.example.com:8443/v1/", "https://llm.example.com:8443", None),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", None),
        ("{env: LLM_URL}", "${LLM_URL}", "LLM_URL"),
    ],
)
def test_a_new_provider_has_dialect_url_and_key(url: str, origin: str, variable: str | None) -> None:
    written(
        f"providers: {{in-house: {{dialect: openai, base_url: '{url}', api_key: {{env: KEY}}}}}}".replace(
            "'{", "{"
        ).replace("}'", "}")
    )
    project = load_project(None, Path())
    assert {*project.providers} == {*built_in(), "in-house"}
    facts = project.providers["in-house"]
    assert (facts.dialect, facts.origin, facts.origin_env, facts.api_key.env) == ("openai", origin, variable, "KEY")


@pytest.mark.parametrize("dialect", ["alphaedge", "anthropic", "mistral", "openai", "together"])
def test_a_new_provider_has_the_facts_of_its_dialect_but_not_its_owner(dialect: str) -> None:
    written(f"providers: {{mine: {{dialect: {dialect}, base_url: 'https://x.example.com', api_key: {{env: KEY}}}}}}")
    facts, base = load_project(None, Path()).providers["mine"], built_in()[dialect]
    assert (facts.paths, facts.auth, facts.headers, facts.statuses) == (
        base.paths,
        base.auth,
        base.headers,
        base.statuses,
    )
    assert (facts.idempotency, facts.metadata, facts.request_lines) == (
        base.idempotency,
        base.metadata,
        base.request_lines,
    )
    assert facts.limits.max_requests == base.limits.max_requests
    assert (facts.price_list, facts.discount, facts.api_key.env) == (None, None, "KEY")


def test_a_server_that_speaks_as_openai_is_not_held_to_what_openai_offers() -> None:
    written("providers: {mine: {dialect: openai, base_url: 'https://x.example.com', api_key: {env: KEY}}}")
    facts = load_project(None, Path()).providers["mine"]
    assert (facts.completion_windows, facts.one_model, facts.idempotency) == (None, False, "list-match")


def test_a_project_says_how_a_provider_is_spoken_to() -> None:
    written("""
        providers:
          mine:
            dialect: openai
            base_url: https://x.example.com
            api_key: {env: KEY}
            auth: api-key
            headers: {x-version: "2"}
            statuses: {progress: in_progress}
            request_lines: bare
            idempotency: body
            completion_windows: [1h..7d]
            paths: {create_batch: /batch, batch: "{batches}/{id}", cancel_batch: ~, results: "/r/{id}"}
            polling: {base_seconds: 1, gone_looks: 2}
            timeouts: {look_seconds: 3}
        """)
    facts = load_project(None, Path()).providers["mine"]
    assert (facts.auth, facts.headers, facts.statuses) == ("api-key", {"x-version": "2"}, {"progress": "in_progress"})
    assert (facts.request_lines, facts.idempotency, facts.completion_windows) == ("bare", "body", ("1h..7d",))
    assert (facts.paths.create_batch, facts.paths.cancel_batch, facts.paths.results) == ("/batch", None, "/r/{id}")
    assert (facts.polling.base_seconds, facts.polling.gone_looks, facts.timeouts.look_seconds) == (1.0, 2, 3.0)


@pytest.mark.parametrize("header", ["authorization", "x-api-key", "host", "content-length"])
def test_a_project_sets_no_header_that_is_ours(header: str) -> None:
    written(f"providers: {{alphaedge: {{headers: {{{header}: secret}}}}}}")
    with pytest.raises(InvalidFiles) as caught:
        load_project(None, Path())
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.line) == ("bad-value", 1)
    assert "secret" not in problem.message + problem.hint


def test_the_owners_word_on_where_requests_go_beats_the_variable() -> None:
    written("providers: {alphaedge: {base_url: 'https://proxy.example.com/v1'}}")
    facts = load_project(None, Path()).providers["alphaedge"]
    assert (facts.origin, facts.origin_env) == ("https://proxy.example.com", None)


@pytest.mark.parametrize(
    ("state", "url", "variable"),
    [
        ("'file:.batchrunner/state'", "file:.batchrunner/state", ""),
        (".batchrunner/state", "file:.batchrunner/state", ""),
        ("'file:/var/lib/state'", "file:/var/lib/state", ""),
        ("{env: STATE_URL}", "", "STATE_URL"),
    ],
)
def test_state_is_kept_where_it_says(state: str, url: str, variable: str) -> None:
    written(f"state: {{url: {state}}}\npolicy: {{allow_env: [A, B]}}\n")
    project = load_project(None, Path("specs"))
    assert (project.state_url, project.state_env, project.policy.allow_env) == (url, variable, ("A", "B"))


def test_a_relative_state_is_relative_to_the_file(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written("state: {url: 'file:state'}\n")
    monkeypatch.chdir(here / "repo" / "specs")
    assert load_project(None, Path()).state_url == "file:../state"


@pytest.mark.parametrize("price", ["-0.1", "1000000001", "1.7e308"])
def test_prices_are_such_that_costs_can_be_added_up(price: str) -> None:
    written(f"providers:\n  alphaedge:\n    prices:\n      m: {{input: 1000000000, output: {price}}}\n")
    with pytest.raises(InvalidFiles) as raised:
        load_project(None, Path())
    assert [(each.code, each.line) for each in raised.value.diagnostics] == [("bad-value", 4)]


@pytest.mark.parametrize("seconds", ["-1", "316224001", "100000000000000000000"])
def test_a_key_lives_from_no_time_to_ten_years(seconds: str) -> None:
    written("providers: {alphaedge: {key_ttl_seconds: 316224000}}")
    assert load_project(None, Path()).providers["alphaedge"].key_ttl_seconds == 316_224_000
    written(f"providers:\n  alphaedge:\n    key_ttl_seconds: {seconds}\n")
    with pytest.raises(InvalidFiles) as raised:
        load_project(None, Path())
    found = raised.value.diagnostics
    assert [(each.code, each.line, each.column) for each in found] == [("bad-value", 3, 22)]


@pytest.mark.parametrize("text", [
    "providers: {alphaedge: {api_key: canary}}",
    "providers: {alphaedge: {api_key: [canary]}}",
    "providers: {alphaedge: {api_key: {env: 'canary!'}}}",
    "providers:\n  alphaedge:\n    api_key:\n      value:\n        canary",
    "providers: {alphaedge: {base_url: 'https://canary@example.com'}}",
    "providers: {alphaedge: {base_url: 'https://example.com/?key=canary'}}",
    "providers: {alphaedge: {key: canary}}",
    "state: {url: 'postgresql://me:canary@db'}",
    "providers: {alphaedge: {api_key: canary: canary}}",
    "providers: {alphaedge: {api_key: !secret canary}}",
])  # fmt: skip
def test_no_error_shows_a_secret(text: str) -> None:
    written(text)
    with pytest.raises(InvalidFiles) as raised:
        load_project(None, Path())
    assert raised.value.diagnostics
    assert "canary" not in repr(raised.value.diagnostics)
    assert "canary" not in str(raised.value)

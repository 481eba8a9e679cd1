"""From a table to results at every built-in provider: apply, apply again, wait, fetch, through the command line."""

import json
from pathlib import Path

import pytest
from support.cli import KEY, Desk

from batchrunner.catalog import built_in
from batchrunner.sandbox import Running, SandboxSettings, running

PROVIDERS = [*built_in()]
SPEC = """
run: {{once_per: day}}
batches:
  - name: one
    provider: {provider}
    endpoint: {endpoint}
    completion_window: 24h
    metadata: {{team: support}}
    input:
      rows: rows.csv
      custom_id: r-${{row.id}}
      body: {{model: m, max_tokens: 9, messages: [{{role: user, content: "${{row.text}}"}}]}}
"""


def endpoint(provider: str) -> str:
    return "/v1/messages" if provider == "anthropic" else "/v1/chat/completions"


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def settle(desk: Desk, provider: str, origin: str) -> None:
    desk.write("rows.csv", "id,text\n1,one\n2,two\n3,three\n")
    desk.write("s.yaml", SPEC.format(provider=provider, endpoint=endpoint(provider)))
    polling = "{base_seconds: 0.05, cap_seconds: 0.2}"
    desk.write("batchrunner.yaml", f"providers: {{{provider}: {{base_url: '{origin}', polling: {polling}}}}}\n")
    desk.env[built_in()[provider].api_key.env or ""] = KEY


def speaking(provider: str, folder: Path) -> SandboxSettings:
    return SandboxSettings(folder / "provider.db", key=KEY, dialect=provider)  # type: ignore[arg-type]


def results(desk: Desk) -> dict[str, str]:
    found = [path for path in desk.folder.rglob("results.jsonl") if path.is_file()]
    assert len(found) == 1, found
    lines = [json.loads(line) for line in found[0].read_text().splitlines()]
    return {line["custom_id"]: json.dumps(line) for line in lines}


def test_a_table_becomes_results(desk: Desk, provider: str, tmp_path: Path) -> None:
    with running(speaking(provider, tmp_path)) as sandbox:
        settle(desk, provider, sandbox.base_url)
        ran = desk.run("apply", "s.yaml", "--yes")
        assert ran.code == 0, ran
        again = desk.run("apply", "s.yaml", "--yes")
        assert again.code == 0, again
        assert len(ledger(sandbox)) == 1
        waited = desk.run("wait", "s.yaml")
        assert waited.code == 0, waited
        fetched = desk.run("fetch", "s.yaml", "--json")
        assert fetched.code == 0, fetched
        assert sorted(results(desk)) == ["r-1", "r-2", "r-3"]


def ledger(sandbox: Running) -> list[object]:
    from batchrunner.sandbox import Ledger

    return [*Ledger(sandbox.settings.database).batches()]


def test_the_built_in_sandbox_stands_in_for_any_of_them(desk: Desk, provider: str) -> None:
    settle(desk, provider, "https://x.example.com")
    for command in (("apply", "s.yaml", "--yes"), ("wait", "s.yaml"), ("fetch", "s.yaml")):
        ran = desk.run(*command, "--sandbox")
        assert ran.code == 0, ran
    assert sorted(results(desk)) == ["r-1", "r-2", "r-3"]

"""Planning for each provider that is built in: its own lines, endpoints and windows, and no key needed."""

import json
from pathlib import Path

import pytest
from support.cli import Desk

SPEC = """
run: {{once_per: day}}
defaults: {{provider: {provider}, endpoint: {endpoint}}}
batches:
  - name: table
    input:
      rows: rows.csv
      custom_id: r-${{row.id}}
      body: {{model: m, max_tokens: 9, messages: [{{role: user, content: "${{row.text}}"}}]}}
"""


@pytest.fixture
def rows(desk: Desk) -> Path:
    (desk.folder / "rows.csv").write_text("id,text\n1,one\n2,two\n")
    return desk.folder


def planned(desk: Desk, provider: str, endpoint: str, *flags: str, **env: str) -> dict[str, object]:
    (desk.folder / "s.yaml").write_text(SPEC.format(provider=provider, endpoint=endpoint))
    ran = desk.run("plan", "s.yaml", "--json", *flags, env=env)
    assert ran.code == 0, ran.err + ran.out
    found: dict[str, object] = json.loads(ran.out)
    return found


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("provider", ["alphaedge", "anthropic", "azure", "groq", "mistral", "openai", "together"])
def test_each_built_in_provider_can_be_planned_for(desk: Desk, provider: str) -> None:
    endpoint = "/v1/messages" if provider == "anthropic" else "/v1/chat/completions"
    plan = planned(desk, provider, endpoint)
    assert json.dumps(plan).count('"submit"') >= 1


@pytest.mark.usefixtures("rows")
def test_another_program_s_variable_is_no_concern_of_ours(desk: Desk) -> None:
    planned(desk, "openai", "/v1/chat/completions", AZURE_OPENAI_ENDPOINT="https://x.example.com/some/path")


@pytest.mark.usefixtures("rows")
def test_a_variable_that_is_used_must_be_an_origin(desk: Desk) -> None:
    (desk.folder / "s.yaml").write_text(SPEC.format(provider="azure", endpoint="/chat/completions"))
    ran = desk.run("plan", "s.yaml", env={"AZURE_OPENAI_ENDPOINT": "https://x.example.com/some/path"})
    assert ran.code == 1
    assert "AZURE_OPENAI_ENDPOINT" in ran.err


@pytest.mark.usefixtures("rows")
def test_windows_and_endpoints_that_are_not_offered_are_told(desk: Desk) -> None:
    (desk.folder / "s.yaml").write_text(
        SPEC.format(provider="groq", endpoint="/v1/embeddings") + "    completion_window: 8d\n"
    )
    ran = desk.run("validate", "s.yaml")
    assert ran.code == 1
    assert "unknown-endpoint" in ran.err
    assert "unknown-window" in ran.err
    assert "24h..7d" in ran.err

"""Metadata that is sent: what the provider takes, with room for batchrunner's own, said where it is written."""

import pytest
from support.cli import Desk

SPEC = """defaults: {{provider: {provider}, endpoint: {endpoint}}}
batches:
  - name: one
    input: in.jsonl
    metadata:
      {metadata}
"""
LINE = '{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"m","messages":[]}}\n'
CHAT = "/v1/chat/completions"


def validated(desk: Desk, provider: str, entries: dict[str, str], project: str = "") -> str:
    (desk.folder / "in.jsonl").write_text(LINE)
    (desk.folder / "s.yaml").write_text(
        SPEC.format(provider=provider, endpoint=CHAT, metadata="\n      ".join(f"{k}: {v}" for k, v in entries.items()))
    )
    if project:
        (desk.folder / "batchrunner.yaml").write_text(project)
    ran = desk.run("validate", "s.yaml")
    assert (ran.code == 0) == ("error" not in ran.err), ran.err
    return ran.err


def entries(count: int) -> dict[str, str]:
    return {f"k{number}": "v" for number in range(count)}


@pytest.mark.parametrize(("provider", "most"), [("openai", 11), ("alphaedge", 16), ("mistral", 16)])
def test_as_many_entries_fit_as_are_left(desk: Desk, provider: str, most: int) -> None:
    assert "error" not in validated(desk, provider, entries(most))


def test_one_more_is_refused_where_it_is_written(desk: Desk) -> None:
    told = validated(desk, "openai", entries(12))
    assert "error[too-much-metadata]" in told
    assert "s.yaml:6:7" in told
    assert "leave 11 at most" in told


def test_a_project_can_keep_it_to_itself(desk: Desk) -> None:
    assert "error" not in validated(desk, "openai", entries(12), "providers: {openai: {metadata: kept}}\n")


def test_a_long_key_is_refused_where_it_is_written(desk: Desk) -> None:
    told = validated(desk, "mistral", {"fine": "v", "k" * 33: "v"})
    assert "error[metadata-key-too-long]" in told
    assert "s.yaml:7:7" in told


def test_a_key_of_ours_is_refused_where_it_is_written(desk: Desk) -> None:
    told = validated(desk, "openai", {"batchrunner_key": "mine"})
    assert "error[reserved-metadata]" in told
    assert "s.yaml:6:7" in told


def test_a_provider_without_files_takes_no_file_id(desk: Desk) -> None:
    (desk.folder / "s.yaml").write_text(
        "batches:\n  - {name: a, provider: anthropic, endpoint: /v1/messages, input_file_id: file-1}\n"
    )
    ran = desk.run("validate", "s.yaml")
    assert ran.code == 1
    assert "error[no-files]" in ran.err
    assert "s.yaml:2:" in ran.err

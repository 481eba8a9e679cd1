"""Dialects that other packages bring: found by entry point when their name is said, and not looked for before."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.cli import Desk

from batchrunner.catalog import built_in
from batchrunner.testing import check_dialect

MODULE = '''
from batchrunner.providers import Call, OpenAI, ProviderFacts, SecretReference


class Example(OpenAI):
    facts = ProviderFacts(
        dialect="example",
        origin="https://api.example.com",
        api_key=SecretReference(env="EXAMPLE_API_KEY"),
        idempotency="list-match",
        completion_windows=("48h",),
    )

    def look_call(self, batch_id):
        call = super().look_call(batch_id)
        return call and call._replace(path=f"/v1/jobs/{batch_id}")


class Bare(OpenAI):
    """A dialect that brings no facts."""


def broken(facts):
    raise RuntimeError("no such luck")
'''
ENTRY_POINTS = """[batchrunner.providers]
example = example_batches:Example
bare = example_batches:Bare
broken = example_batches:broken
gone = example_batches_gone:Gone
"""
LINE = '{"custom_id":"a","method":"POST","url":"/v1/embeddings","body":{"model":"m","input":"a"}}\n'


@pytest.fixture
def package(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "packages"
    info = place / "example_batches-1.0.dist-info"
    info.mkdir(parents=True)
    (place / "example_batches.py").write_text(MODULE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: example-batches\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    desk.env["PYTHONPATH"] = str(place)
    monkeypatch.syspath_prepend(str(place))
    monkeypatch.delitem(sys.modules, "example_batches", raising=False)
    return place


def planned(desk: Desk, provider: str, window: str, project: str = "") -> tuple[int, str]:
    (desk.folder / "in.jsonl").write_text(LINE)
    (desk.folder / "s.yaml").write_text(
        f"batches:\n  - {{name: a, provider: {provider}, endpoint: /v1/embeddings, input: in.jsonl,"
        f" completion_window: {window}}}\n"
    )
    if project:
        (desk.folder / "batchrunner.yaml").write_text(project)
    ran = desk.run("plan", "s.yaml")
    return ran.code, ran.err


@pytest.mark.usefixtures("package")
def test_a_spec_can_name_a_provider_that_a_package_brings(desk: Desk) -> None:
    assert planned(desk, "example", "48h") == (0, "")
    code, told = planned(desk, "example", "24h")
    assert code == 1
    assert "error[unknown-window]" in told


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize("dialect", ["example", "bare"])
def test_a_project_can_name_a_dialect_that_a_package_brings(desk: Desk, dialect: str) -> None:
    project = f"providers: {{mine: {{dialect: {dialect}, base_url: 'https://x.example.com', api_key: {{env: K}}}}}}\n"
    assert planned(desk, "mine", "48h", project) == (0, "")


@pytest.mark.usefixtures("package")
def test_a_project_can_say_otherwise_of_a_provider_that_a_package_brings(desk: Desk) -> None:
    assert planned(desk, "example", "24h", "providers: {example: {completion_windows: ~}}\n") == (0, "")


@pytest.mark.usefixtures("package")
def test_a_dialect_that_does_not_load_is_told(desk: Desk) -> None:
    code, told = planned(desk, "gone", "24h")
    assert code == 1
    assert "error[broken-dialect]" in told
    assert "example_batches_gone" in told


def test_a_dialect_that_nobody_brings_is_told_where_it_is_written(desk: Desk) -> None:
    project = "providers:\n  mine: {dialect: mistrl, base_url: 'https://x.example.com', api_key: {env: K}}\n"
    code, told = planned(desk, "mine", "24h", project)
    assert code == 1
    assert "error[unknown-dialect]" in told
    assert "batchrunner.yaml:2:19" in told
    assert "did you mean `mistral`?" in told


@pytest.mark.usefixtures("package")
def test_the_example_of_the_documentation_does_what_every_dialect_must() -> None:
    from example_batches import Example  # type: ignore[import-not-found]

    check_dialect(Example, Example.facts)


def test_packages_are_not_looked_through_for_what_is_built_in(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(LINE)
    takers = [name for name, facts in built_in().items() if "/v1/embeddings" in (facts.endpoints or ())]
    batches = (
        f"  - {{name: {name}, provider: {name}, endpoint: /v1/embeddings, input: in.jsonl}}\n" for name in takers
    )
    (tmp_path / "s.yaml").write_text(f"batches:\n{''.join(batches)}")
    command = [sys.executable, "-X", "importtime", "-m", "batchrunner", "validate", "s.yaml"]
    ran = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path)
    assert "batchrunner.loader" in ran.stderr
    assert "importlib.metadata" not in ran.stderr

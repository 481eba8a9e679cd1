"""The page on providers says what the code works with. BATCHRUNNER_UPDATE_GOLDENS=1 writes it."""

from pathlib import Path

import pytest
from support.cli import check_golden

from batchrunner.catalog import built_in
from batchrunner.loader import load_project
from batchrunner.render.providers import providers_page

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "providers.md"


def test_the_page_is_made_from_the_facts() -> None:
    check_golden(PAGE, providers_page(built_in()))


@pytest.mark.parametrize("name", built_in())
def test_each_provider_has_its_paths_and_limits_on_it(name: str) -> None:
    facts, section = built_in()[name], providers_page(built_in()).partition(f"## {name}\n")[2].partition("\n## ")[0]
    assert f"`POST {facts.paths.create_batch}`" in section
    assert f"`{facts.api_key.env}`" in section
    assert f"{facts.limits.max_requests:,}" in section
    assert facts.idempotency in section


def test_the_page_can_be_read_as_tables() -> None:
    for line in providers_page(built_in()).splitlines():
        assert not line.startswith("|") or line.count("|") in {3, 8}, line


def test_the_example_is_a_project_file(tmp_path: Path) -> None:
    example = PAGE.read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "batchrunner.yaml").write_text(example)
    facts = load_project(str(tmp_path), tmp_path).providers["in-house"]
    assert facts.idempotency == "list-match"
    assert facts.paths.file_content == "/compatible-mode/v1/files/{id}/content"

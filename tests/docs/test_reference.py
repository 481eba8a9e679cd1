"""docs/reference/ is made from the code, or held to it. BATCHRUNNER_UPDATE_GOLDENS=1 writes what is made."""

import re
from pathlib import Path

import pytest
from support.cli import check_golden
from support.reference import PROJECT, SPEC, codes_page, commands, commands_page, options, schema_page

from batchrunner.errors import ExitCode

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
GOOD_TO_KNOW = {"BATCHRUNNER_", "BATCHRUNNER_COMPLETE"}
"""A prefix, and what a completion script sets."""


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("commands.md", commands_page()),
        ("spec.md", schema_page("spec", SPEC)),
        ("project.md", schema_page("project", PROJECT)),
        ("errors.md", codes_page()),
    ],
    ids=["commands", "spec", "project", "errors"],
)
def test_a_page_is_made_from_the_code(name: str, made: str) -> None:
    check_golden(REFERENCE / name, made)


def test_every_command_and_option_is_described() -> None:
    page = commands_page()
    for words, command in commands():
        assert f"\n### {words}\n" in page
        for option in options(command):
            assert f"{option.opts[-1]}`" in page or f"{option.opts[-1]} " in page, (words, option.opts)
            assert option.help, (words, option.opts)


def test_no_schema_is_left_out() -> None:
    for which, introduction in (("spec", SPEC), ("project", PROJECT)):
        page = schema_page(which, introduction)
        linked = set(re.findall(r"\]\(#(\w+)\)", page))
        headed = {name.lower() for name in re.findall(r"^## (\w+)$", page, re.MULTILINE)}
        assert linked == headed, which


def test_every_exit_code_has_its_line() -> None:
    page = (REFERENCE / "exit-codes.md").read_text(encoding="utf-8")
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)} == {int(code) for code in ExitCode}


def test_every_variable_is_described() -> None:
    """Those that the source names are on the page, and those of the page in the source."""
    wanted = (
        r"\b(BATCHRUNNER_[A-Z_]*|NO_COLOR|FORCE_COLOR|GITHUB_OUTPUT|GITHUB_STEP_SUMMARY|GITHUB_WORKSPACE"
        r"|CI_PROJECT_DIR|XDG_CACHE_HOME)\b"
    )
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "batchrunner").rglob("*.py"))
    page = (REFERENCE / "environment.md").read_text(encoding="utf-8")
    assert set(re.findall(wanted, source)) - GOOD_TO_KNOW == set(re.findall(wanted, page))

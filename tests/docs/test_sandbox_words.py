"""The page on automation names every fault, habit and dialect of the sandbox, and the command says what it takes."""

import re
from pathlib import Path

from batchrunner.commands.sandbox import DIALECTS
from batchrunner.sandbox import Faults
from batchrunner.sandbox.dialects import SPEECHES
from batchrunner.sandbox.faults import FAULT_TYPES, KINDS
from batchrunner.sandbox.habits import HABITS

TEXT = (Path(__file__).parents[2] / "docs" / "how-to" / "test-your-automation.md").read_text(encoding="utf-8")
SECTION = TEXT.split("# Test your automation: the sandbox")[1]
PROSE = re.sub("```.*?```", "", SECTION, flags=re.DOTALL)


def quoted(opening: str) -> list[str]:
    """The words of the quotation that begins with `opening`."""
    return next(words.split() for words in re.findall("`([^`]+)`", PROSE) if words.startswith(opening))


def test_every_fault_and_every_aim_is_named() -> None:
    assert sorted(quoted("429 500")) == sorted(FAULT_TYPES)
    assert all(f"`{kind}:`" in SECTION for kind in KINDS)


def test_every_habit_is_named() -> None:
    assert sorted(quoted("404-young")) == sorted(HABITS)


def test_the_faults_that_are_shown_are_faults() -> None:
    shown = re.findall(r"--fault (\S+)", SECTION)
    assert len(Faults.parse(shown).rules) == len(shown) > 1


def test_the_command_offers_every_dialect() -> None:
    assert set(DIALECTS) == set(SPEECHES)

"""Saved plans as people read them: `plan.json` in, `plan.txt` and `plan.md` out.

BATCHRUNNER_UPDATE_GOLDENS=1 writes what the code says now; read the difference before committing it.
"""

import os
import re
from pathlib import Path

import pytest

from batchrunner.plans import Plan
from batchrunner.records import decode
from batchrunner.render.layout import width_of
from batchrunner.render.markdown import plan_markdown
from batchrunner.render.style import COLOUR, PLAIN
from batchrunner.render.text import plan_text

CASES = sorted(path.parent for path in (Path(__file__).parent / "plans").glob("*/plan.json"))
UPDATE = os.environ.get("BATCHRUNNER_UPDATE_GOLDENS") == "1"
SGR = re.compile(r"\x1b\[[0-9;]*m")


def plan_of(case: Path) -> Plan:
    return decode((case / "plan.json").read_bytes(), Plan, what=case.name)


def check(golden: Path, text: str) -> None:
    if UPDATE:
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_text_is_as_reviewed(case: Path) -> None:
    check(case / "plan.txt", plan_text(plan_of(case), PLAIN) + "\n")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_markdown_is_as_reviewed(case: Path) -> None:
    check(case / "plan.md", plan_markdown(plan_of(case)))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_colour_adds_nothing_but_colour(case: Path) -> None:
    plan = plan_of(case)
    coloured = plan_text(plan, COLOUR)
    assert coloured != plan_text(plan, PLAIN)
    assert SGR.sub("", coloured) == plan_text(plan, PLAIN)


@pytest.mark.parametrize("width", [40, 60, 80, 200])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_only_commands_are_wider_than_the_terminal(case: Path, width: int) -> None:
    lines = plan_text(plan_of(case), PLAIN, width).split("\n")
    wide = [line for line in lines if width_of(line) > width]
    # A column more is what it takes to break up a workflow command at the edge.
    assert all(line.startswith(" " * 10) or (": :" in line or "# #[" in line) for line in wide)


def test_there_are_cases() -> None:
    assert len(CASES) >= 8

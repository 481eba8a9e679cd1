"""What GitHub's runner reads as a command is only what we meant as one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.errors import Diagnostic
from batchrunner.plans import Blocked, Notice, Plan, PlannedSpec, Refusal
from batchrunner.render.github import SHOWN, diagnostics_github, escape_data, escape_property, neutral, plan_github

NASTY = st.lists(st.sampled_from([*":# [\n\r\t%,ae\u00a0\ufeff", "::", "##["]), max_size=30).map("".join)


def commands(text: str) -> list[str]:
    """Lines that the runner takes for a command (actions/runner, ActionCommand.cs)."""
    return [
        line for line in re.split(r"[\r\n]", text) if line.strip(" \t\ufeff\u00a0").startswith("::") or "##[" in line
    ]


def unescaped(text: str) -> str:
    """As the runner does it."""
    for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, character)
    return text


@pytest.mark.parametrize(
    "text", ["::error::x", "  ::add-mask::x", "\u00a0::x::", "a\n::error::x", "a ##[error]x", ":::x"]
)
def test_commands_are_broken_up(text: str) -> None:
    assert commands(text)
    assert commands(neutral(text)) == []


@given(NASTY)
def test_nothing_stays_a_command(text: str) -> None:
    assert commands(neutral(text)) == []


def test_what_is_no_command_is_left_alone() -> None:
    assert neutral("nightly::x\n:a ##") == "nightly::x\n:a ##"


def test_a_colour_in_front_does_not_hide_a_command() -> None:
    assert neutral("\x1b[1m::x") == "\x1b[1m: :x"


@given(st.text())
def test_escapes_are_what_the_runner_undoes(text: str) -> None:
    assert unescaped(escape_data(text)) == text
    assert unescaped(escape_property(text)) == text
    assert not set(escape_property(text)) & set("\r\n:,")


def test_an_annotation_points_at_its_place() -> None:
    problem = Diagnostic("unknown-key", "no such key: x", "specs/a,b.yaml", 6, 5, hint="Did you mean `y`?")
    assert diagnostics_github([problem]) == (
        "::error file=specs/a%2Cb.yaml,line=6,col=5,endLine=6,endColumn=6,title=unknown-key::"
        "no such key: x. Did you mean `y`?"
    )


def test_a_whole_file_has_no_line() -> None:
    assert (
        diagnostics_github([Diagnostic("empty-file", "empty", "a.yaml")])
        == "::error file=a.yaml,title=empty-file::empty"
    )


def test_data_cannot_start_a_second_command() -> None:
    text = diagnostics_github([Diagnostic("c", "a\n::add-mask::b", "p\r::x,line=9::y")])
    assert text.count("\n") == 0
    assert text.startswith("::error file=p\\r%3A%3Ax%2Cline=9%3A%3Ay,title=c::")


def test_ten_are_annotated_and_the_rest_counted() -> None:
    lines = diagnostics_github([Diagnostic("c", str(i), "p") for i in range(12)], unlisted=3).split("\n")
    assert len(lines) == 11
    assert lines[-1] == "::error title=batchrunner::5 more problems not annotated; the log lists them"
    assert diagnostics_github([]) == ""


def planned(*, text: str = "words", number: int = 1) -> Plan:
    blocked = Blocked(address=f"nightly/{text}", run_key="r", reason="in-doubt-held", hint=text)
    return Plan(
        created_at="",
        tool_version="",
        specs=(PlannedSpec(name="nightly", path="specs/nightly.yaml", sha256="", run="r", state="s"),),
        changes=(blocked,) * number,
        notices=(Notice(code="crlf", message=text, where="data/a.jsonl:1"),) * number,
        refusals=(Refusal(rule="max_requests", message=text, address="nightly/a"),) * number,
    )


def test_a_plan_is_annotations_of_its_specs() -> None:
    assert plan_github(planned()).split("\n") == [
        "::error file=specs/nightly.yaml,title=policy max_requests::words",
        "::warning file=specs/nightly.yaml,title=in-doubt-held::nightly/words: held in doubt for r: sent, and nobody "
        "knows whether the provider has it. words",
        "::warning title=crlf::data/a.jsonl:1: words",
        "::notice title=batchrunner plan::Plan: nothing to send, 1 blocked.",
    ]


def test_no_more_annotations_of_a_kind_than_are_shown() -> None:
    lines = plan_github(planned(number=99)).split("\n")
    assert [sum(line.startswith(f"::{kind} ") for line in lines) for kind in ("error", "warning", "notice")] == [
        SHOWN,
        SHOWN,
        1,
    ]
    assert "::error title=batchrunner::90 more annotations not shown; the plan's text has them" in lines


@given(st.text(max_size=40))
def test_each_annotation_of_a_plan_is_one_line(text: str) -> None:
    lines = plan_github(planned(text=text)).split("\n")
    assert len(lines) == 4
    assert all(re.match(r"::(error|warning|notice) [^:]*::", line) for line in lines)
    assert all("\r" not in line and "\x1b" not in line for line in lines)

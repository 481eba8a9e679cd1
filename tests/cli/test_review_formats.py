"""What pull requests are shown: annotations where a batch is declared, reports for GitLab, outputs of a step."""

import json
import re
from typing import Any

import pytest
from markdown_it import MarkdownIt
from support.cli import Desk, request_lines

from batchrunner.plans import Plan, sealed
from batchrunner.pricing import Estimate
from batchrunner.records import decode, pretty, replace

SPEC = """\
run: {once_per: day}
defaults:
  endpoint: /v1/embeddings
batches:
  - name: ready
    input_file_id: file-abc
  - name: rows
    input: data/rows.jsonl
"""
POLICY = "policy: {max_requests: 1, allow_unknown: true}\n"


@pytest.fixture
def specs(empty: Desk) -> Desk:
    """A folder with a spec of two batches, laid out as people do."""
    empty.write("specs/s.yaml", SPEC)
    empty.write("specs/data/rows.jsonl", request_lines("one", "two"))
    return empty


def runner(desk: Desk) -> dict[str, str]:
    """What a runner of GitHub Actions exports; both files are empty."""
    return {"GITHUB_OUTPUT": str(desk.write("out.txt", "")), "GITHUB_STEP_SUMMARY": str(desk.write("summary.md", ""))}


def outputs(text: str) -> dict[str, str]:
    """As the runner reads the file (actions/runner, FileCommandManager.cs)."""
    found: dict[str, str] = {}
    lines = iter(text.split("\n")[:-1])
    for line in lines:
        name, delimiter = re.split(r"=|<<", line, maxsplit=1)
        if not line.startswith(f"{name}<<"):
            found[name] = delimiter
            continue
        value = []
        for inner in lines:
            if inner == delimiter:
                break
            value.append(inner)
        else:
            raise AssertionError(f"{name} has no end")
        found[name] = "\n".join(value)
    return found


def test_annotations_are_on_the_line_of_the_batch(specs: Desk) -> None:
    specs.write("batchrunner.yaml", "policy: {allowed_endpoints: [/v1/other]}\n")
    ran = specs.run("plan", "specs", "--format", "github")
    assert ran.code == 1
    errors = [line for line in ran.out.split("\n") if line.startswith("::error ")]
    assert [re.findall(r"file=specs/s\.yaml,line=(\d+),col=5,endLine=(\d+),", each) for each in errors] == [
        [("5", "5")],
        [("7", "7")],
    ]
    shown = specs.run("plan", "specs", "--run-key", "2026-11-20", "--format", "github").out
    assert "::notice title=batchrunner plan::Refused: nothing is sent." in shown


def test_a_shown_plan_has_annotations_of_its_files(specs: Desk) -> None:
    specs.run("apply", "specs/s.yaml", "--sandbox", "--run-key", "2026-11-20")
    specs.write("specs/s.yaml", SPEC.replace("file-abc", "file-xyz"))
    flags = ("specs/s.yaml", "--sandbox", "--run-key", "2026-11-20")
    planned = specs.run("plan", *flags, "--format", "github", "--out", "plan.json")
    place = "file=specs/s.yaml,line=5,col=5,endLine=5,endColumn=16"
    assert planned.out.startswith(f"::warning {place},title=changed-since-submitted::")
    shown = specs.run("show", "plan.json", "--format", "github")
    assert shown.out.startswith("::warning file=specs/s.yaml,title=changed-since-submitted::")
    (issue,) = json.loads(specs.run("plan", *flags, "--format", "gitlab").out)
    assert issue["location"] == {"path": "specs/s.yaml", "lines": {"begin": 5}}
    assert (issue["check_name"], issue["severity"]) == ("changed-since-submitted", "critical")
    assert json.loads(specs.run("show", "plan.json", "--format", "gitlab").out)[0]["location"]["lines"] == {"begin": 1}


def test_gitlabs_reports(specs: Desk) -> None:
    report = specs.run("plan", "specs", "--format", "gitlab-report")
    assert (report.code, report.out) == (0, '{"create": 2, "update": 0, "delete": 0}\n')
    assert specs.run("plan", "specs", "--format", "gitlab").out == "[]\n"
    specs.write("batchrunner.yaml", POLICY)
    ran = specs.run("plan", "specs", "--format", "gitlab")
    (issue,) = json.loads(ran.out)
    assert (ran.code, issue["check_name"], issue["severity"]) == (1, "policy-max_requests", "blocker")
    assert issue["location"]["path"] == "specs/s.yaml"


@pytest.mark.parametrize("top", [".", ".."])
@pytest.mark.parametrize(("form", "variable"), [("github", "GITHUB_WORKSPACE"), ("gitlab", "CI_PROJECT_DIR")])
def test_files_are_named_from_the_top_of_the_checkout(specs: Desk, form: str, variable: str, top: str) -> None:
    env = {variable: str((specs.folder / top).resolve())}
    at = "specs/s.yaml" if top == "." else f"{specs.folder.name}/specs/s.yaml"

    def named(*arguments: str, env: dict[str, str]) -> set[str]:
        out = specs.run(*arguments, "--format", form, cwd="specs", env=env).out
        if form == "gitlab":
            return {each["location"]["path"] for each in json.loads(out)}
        return set(re.findall(r"file=([^,:]+)", out))

    specs.write("batchrunner.yaml", "policy: {allowed_endpoints: [/v1/other]}\n")
    assert named("plan", "s.yaml", env=env) == {at}
    assert named("plan", "s.yaml", env={}) == {"s.yaml"}
    assert named("plan", "s.yaml", env={variable: str(specs.folder / "elsewhere")}) == {"s.yaml"}
    specs.write("specs/s.yaml", SPEC.replace("endpoint:", "endpont:"))
    assert named("plan", "s.yaml", env=env) == named("validate", ".", env=env) == {at}


def test_a_fingerprint_outlives_lines_that_are_put_above(specs: Desk) -> None:
    def issues() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(specs.run("validate", "specs", "--format", "gitlab").out)
        return found

    specs.write("specs/s.yaml", SPEC.replace("input_file_id", "input_fileid"))
    before = issues()
    specs.write("specs/s.yaml", "# one more line\n" + SPEC.replace("input_file_id", "input_fileid"))
    after = issues()
    assert [each["fingerprint"] for each in before] == [each["fingerprint"] for each in after]
    assert len({each["fingerprint"] for each in before}) == len(before) >= 1
    assert after[0]["location"]["lines"]["begin"] == before[0]["location"]["lines"]["begin"] + 1
    assert set(before[0]) == {"description", "check_name", "fingerprint", "severity", "location"}


def test_validate_has_nothing_to_say_to_gitlab(specs: Desk) -> None:
    ran = specs.run("validate", "specs", "--format", "gitlab")
    assert (ran.code, ran.out) == (0, "[]\n")


@pytest.mark.parametrize("form", ["markdown", "github", "gitlab"])
def test_invalid_specs_are_shown_where_the_plan_would_be(specs: Desk, form: str) -> None:
    specs.write("specs/s.yaml", SPEC.replace("endpoint:", "endpont:"))
    ran = specs.run("plan", "specs/", "--format", form)
    assert ran.code == 1
    assert "error[unknown-key]" in ran.err
    if form == "markdown":
        head = "### batchrunner plan: ⛔ specs are invalid · 3 errors in 1 file"
        assert ran.out.startswith(f"<!-- batchrunner:plan:specs/ -->\n{head}\n")
        assert "- `specs/s.yaml:3:3` `unknown-key`: `` unknown key `endpont` ``\n" in ran.out
    elif form == "github":
        assert ran.out.startswith("::error file=specs/s.yaml,line=3,col=3,endLine=3,endColumn=10,title=unknown-key::")
    else:
        assert json.loads(ran.out)[0]["location"] == {"path": "specs/s.yaml", "lines": {"begin": 3}}


@pytest.mark.parametrize("form", ["markdown", "github", "gitlab"])
def test_any_other_reason_is_shown_too(specs: Desk, form: str) -> None:
    ran = specs.run("plan", "specs", "--base", "nope", "--format", form)
    assert ran.code == 1
    assert "no-repository" in ran.out
    assert "error[no-repository]" in ran.err


def test_the_outputs_and_the_summary_of_a_step(specs: Desk) -> None:
    ran = specs.run("plan", "specs", "--format", "github", "--out", "plan.json", env=runner(specs))
    assert ran.code == 0
    found = outputs(specs.read("out.txt"))
    saved = json.loads(specs.read("plan.json"))
    assert found == {
        "has_changes": "true", "to_submit": "2", "to_resume": "0", "to_replace": "0", "blocked": "0", "unchanged": "0",
        "moved": "0", "imported": "0", "refused": "false", "requests": "2", "cost_low_usd": found["cost_low_usd"],
        "cost_high_usd": "", "plan_id": saved["plan_id"], "plan_file": "plan.json",
        "run_keys": saved["specs"][0]["run"],
    }  # fmt: skip
    assert specs.read("summary.md") == specs.run("show", "plan.json", "--format", "markdown").out
    commented = specs.run("plan", "specs", "--format", "markdown", "--out", "plan.json")
    for shown in (commented.out, specs.read("summary.md")):
        assert "saved as `plan.json`: `batchrunner apply` with it" in shown


def test_nothing_is_written_for_other_forms_and_commands(specs: Desk) -> None:
    env = runner(specs)
    specs.run("plan", "specs", "--out", "plan.json", env=env)
    specs.run("plan", "specs", "--json", env=env)
    specs.run("show", "plan.json", "--format", "github", env=env)
    specs.run("validate", "specs", "--format", "github", env=env)
    assert specs.read("out.txt") == specs.read("summary.md") == ""


def test_a_refused_plan_names_no_file(specs: Desk) -> None:
    specs.write("batchrunner.yaml", POLICY)
    ran = specs.run("plan", "specs", "--format", "github", "--out", "plan.json", env=runner(specs))
    found = outputs(specs.read("out.txt"))
    assert (ran.code, found["refused"], found["plan_file"]) == (1, "true", "")
    assert "⛔ refused" in specs.read("summary.md")


def test_invalid_specs_are_in_the_summary(specs: Desk) -> None:
    specs.write("specs/s.yaml", "batches: x\n")
    specs.run("plan", "specs", "--format", "github", env=runner(specs))
    assert "⛔ specs are invalid" in specs.read("summary.md")
    assert specs.read("out.txt") == ""


@pytest.mark.parametrize("word", ["x\nhas_changes=false", "a b", "x<<E", "plan=1", "$(id)", "é"])
def test_no_value_starts_another_output(specs: Desk, word: str) -> None:
    ran = specs.run("plan", "specs", "--format", "github", "--out", f"{word}.json", env=runner(specs))
    assert ran.code == 0, ran
    text = specs.read("out.txt")
    found = outputs(text)
    assert found["plan_file"] == f"{word}.json"
    assert (found["has_changes"], len(found)) == ("true", 15)
    delimiters = re.findall(r"<<(batchrunner_[0-9a-f]{32})$", text, re.MULTILINE)
    assert len(delimiters) == 1


def test_delimiters_are_never_the_same(specs: Desk) -> None:
    env = runner(specs)
    for _ in range(3):
        specs.run("plan", "specs", "--format", "github", "--out", "a b.json", env=env)
    assert len(set(re.findall(r"<<(\w+)$", specs.read("out.txt"), re.MULTILINE))) == 3


@pytest.mark.parametrize("place", ["missing/file", ".", "/dev/full"])
def test_files_that_cannot_be_written_fail_no_plan(specs: Desk, place: str) -> None:
    ran = specs.run("plan", "specs", "--format", "github", env={"GITHUB_OUTPUT": place, "GITHUB_STEP_SUMMARY": place})
    assert ran.code == 0
    assert "warning: GITHUB_OUTPUT cannot be written" in ran.err
    assert "warning: GITHUB_STEP_SUMMARY cannot be written" in ran.err
    assert not (specs.folder / "missing").exists()


def test_a_summary_that_is_full_is_left_as_it_is(specs: Desk) -> None:
    env = runner(specs)
    specs.write("summary.md", "x" * (1 << 20))
    ran = specs.run("plan", "specs", "--format", "markdown", env=env)
    assert ran.code == 0
    assert "not written to GITHUB_STEP_SUMMARY" in ran.err
    assert len(specs.read("summary.md")) == 1 << 20


def test_hostile_words_are_code_in_every_comment(empty: Desk) -> None:
    bad = "](http://e.example) @everyone <img src=x> `` ``` <!-- x --> ::error::"
    word = json.dumps(bad)
    empty.write("specs/s.yaml", f"batches:\n  - name: {word}\n    input: {word}\n    {word}: 1\n")
    ran = empty.run("plan", "specs", "--format", "markdown")
    kinds = [child for token in MarkdownIt("commonmark").parse(ran.out) for child in (token, *(token.children or ()))]
    assert not {"link_open", "image", "html_inline"} & {token.type for token in kinds}
    assert "e.example" not in "".join(token.content for token in kinds if token.type == "text")
    annotated = empty.run("plan", "specs", "--format", "github").out
    assert all(line.startswith("::error file=specs/s.yaml,line=") for line in annotated.split("\n")[:-1])


def test_help_says_what_the_forms_are(empty: Desk) -> None:
    told = " ".join(empty.run("plan", "--help").out.split())
    assert "markdown|github|gitlab|gitlab-report" in told
    assert "GITHUB_OUTPUT" in told


@pytest.mark.parametrize("form", ["text", "json", "markdown", "github", "gitlab", "gitlab-report"])
def test_a_plan_of_a_stranger_is_shown_whatever_it_says(specs: Desk, form: str) -> None:
    """Whoever opens a pull request can write the plan that a job with more rights shows."""
    specs.run("plan", "specs", "--out", "plan.json")
    made = decode((specs.folder / "plan.json").read_bytes(), Plan, what="the plan")
    dear = Estimate(input_tokens=10**30, output_tokens=-1, counted_by="|", cost_low=1.7e308, cost_high=1.7e308)
    changes = tuple(replace(change, estimate=dear) for change in made.sendable)
    specs.write("plan.json", pretty(sealed(replace(made, changes=changes, paths=("--> <b>",)))))
    ran = specs.run("show", "plan.json", "--format", form)
    assert (ran.code, ran.err) == (0, "")
    assert form != "markdown" or ran.out.count("<!--") == 1

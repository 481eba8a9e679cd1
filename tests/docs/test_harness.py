"""What is wrong on a page is found: each of these pages has one thing that is not so."""

from pathlib import Path

import pytest
from support.markdown import Page, anchor
from support.pages import alike, carry_out

F = "```"
SET_UP = "<!-- set-up: specs -->\n\n"
WRONG = {
    "a language that nothing is done with": (f"{F}ruby\nputs 1\n{F}\n", "nothing is done"),
    "no language": (f"{F}\nwords\n{F}\n", "no language"),
    "YAML without a path": (f"{F}yaml\na: 1\n{F}\n", "nothing is done"),
    "a path that leads out": (f"{F}yaml\n# ../a.yaml\na: 1\n{F}\n", "cannot be the file"),
    "a spec that is not valid": (f"{F}yaml\n# specs/a.yaml\nbatches: []\n{F}\n", "error["),
    "a project file that does not load": (
        f"{F}yaml\n# batchrunner.yaml\npolicy: {{max_cost: 1}}\n{F}\n",
        "unknown key",
    ),
    "JSON that is none": (f"<!-- file: a.json -->\n{F}json\n{{a: [\n{F}\n", "a.json"),
    "Python that does not run": (f"{F}python\nimport batchrunner.nothing\n{F}\n", "ended with 1"),
    "Python that is no Python": (f"{F}python\n# a.py\nclass\n{F}\n", "invalid syntax"),
    "another output": (f"{F}console\n$ echo one\ntwo\n{F}\n", "prints:\none"),
    "output that is not shown": (f"{F}console\n$ echo one\n{F}\n", "prints:\none"),
    "output before a command": (f"{F}console\none\n{F}\n", "comes first"),
    "a program that is not there": (f"{F}console\n$ tests\n…\n{F}\n", "ended with 127"),
    "what another command prints": (f"<!-- prints: echo a -->\n{F}text\nb\n{F}\n", "not what it prints:\na"),
    "another file than the one it copies": (
        f"<!-- copy of: LICENSE -->\n{F}text\nb\n{F}\n",
        "not what it prints:\nMIT",
    ),
    "a command that is none": (f"{F}sh\nbatchrunner aply specs\n{F}\n", "Did you mean 'apply'?"),
    "an option that is none": (f"{F}sh\ncd specs && batchrunner plan --ouut F a.yaml\n{F}\n", "No such option"),
    "a choice that is none": (f"{F}sh\nbatchrunner plan --format pdf a.yaml > b\n{F}\n", "'pdf' is not one of"),
    "a program nobody knows": (f"{F}sh\nbatchrunner plan a.yaml | sponge\n{F}\n", "`sponge` is no program"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_found(case: str, tmp_path: Path) -> None:
    text, said = WRONG[case]
    walk = carry_out(Page(tmp_path / "page.md", SET_UP + text), tmp_path)
    assert len(walk.problems) == 1
    assert said in walk.problems[0]
    assert walk.problems[0].startswith(f"page.md:{4 if text.startswith(F) else 5}: ")


RIGHT = f"""\
<!-- set-up: git specs -->

{F}yaml
# specs/a.yaml
batches: [{{name: one, input_file_id: file-abc123, endpoint: /v1/embeddings}}]
{F}

{F}console
$ cd specs && ls a.yaml
a.yaml
$ false
$ echo $? && export WORD=kept
1
$ echo $WORD &&
> git log --format=%s && seq 9
kept
Specs
1
…
4
5
…
$ printf unended
unended
$ sleep 1000 &
{F}

{F}sh
# The nightly run.
export ALPHAEDGE_API_KEY=…
WORD=a batchrunner plan 'a/b[c=d]' -v --help | jq . && batchrunner state list > list.txt
batchrunner apply \\
  specs --yes
{F}
"""


def test_what_is_right_is_right(tmp_path: Path) -> None:
    assert carry_out(Page(tmp_path / "page.md", RIGHT), tmp_path).problems == []


def test_what_was_printed_can_be_written_into_the_page(tmp_path: Path) -> None:
    page = Page(tmp_path / "page.md", f"{SET_UP}{F}console\n$ echo 1\n1\n$ echo 2\n3\n{F}\n\nWords.\n")
    walk = carry_out(page, tmp_path)
    assert page.rewritten(walk.news) == f"{SET_UP}{F}console\n$ echo 1\n1\n$ echo 2\n2\n{F}\n\nWords.\n"


def test_times_may_differ_and_words_may_not() -> None:
    shown = ["10:00:00 submitted  a  batch-0123456789abcdef01234567  (1/2)", "10:00:00 uploaded   b", "Costs $0.30."]
    printed = "23:10:59 uploaded   b\n23:10:59 submitted  a  batch-76543210fedcba9876543210  (2/2)\nCosts $1.25.\n"
    assert alike(printed, shown)
    assert not alike(printed.replace("uploaded", "download"), shown)
    assert not alike(printed + "more\n", shown)
    runs = "week:{} month:{} hour:{} day:{}"
    later = runs.format("2027-W01", "2027-01", "2027-01-04T00", "2027-01-04")
    assert alike(later, [runs.format("2026-W47", "2026-11", "2026-11-22T23", "2026-11-22")])


def test_anchors_are_made_as_forges_make_them() -> None:
    assert anchor("What “once” means: `a-b`, and C") == "what-once-means-a-b-and-c"
    page = Page(Path("p.md"), "# One\n\n## A `b`\n\n## A `b`\n\n[x](#one)\n")
    assert page.anchors() == {"one", "a-b", "a-b-1"}
    assert list(page.links()) == ["#one"]

"""The script that keeps one comment on a pull request, and says later what it showed."""

from pathlib import Path

import pytest
from support.cli import Desk, Ran
from support.github import BOT, REPOSITORY, TOKEN, GitHub

SCRIPT = Path(__file__).parents[2] / "batchrunner/starters/github/batchrunner/pull-request.sh"
MARKER = "<!-- batchrunner:comment:plan -->"
PLAN = "sha256:" + "a1" * 32
HEAD = "c0ffee" + "0" * 34
MERGED = "beef" + "0" * 36
REVIEWED = {"PLAN_ID": PLAN, "RUN_ID": "42", "HEAD_SHA": HEAD}
HOSTILE = "### $(touch pwned) `touch pwned` \"'\\ ${{ github.token }} %0A\n\n::error::no | 💥 \x01\n"


def script(desk: Desk, hub: GitHub, *arguments: str, **env: str) -> Ran:
    ran = desk.run_script(["bash", str(SCRIPT), *arguments], env={"PULL_REQUEST": "7", **hub.environment, **env})
    assert TOKEN not in ran.out + ran.err
    return ran


def comment(desk: Desk, hub: GitHub, body: str, **env: str) -> Ran:
    desk.write("body.md", body)
    return script(desk, hub, "comment", "body.md", **env)


def bodies(hub: GitHub) -> list[str]:
    return [each["body"] for each in hub.comments]


def test_the_first_plan_makes_a_comment_and_the_next_changes_it(empty: Desk, hub: GitHub) -> None:
    hub.say("LGTM", author="carol")
    first = comment(empty, hub, "### first\n")
    assert (first.code, first.out, first.err) == (0, "", "")
    comment(empty, hub, "### second\n")
    assert bodies(hub) == ["LGTM", f"{MARKER}\n### second\n"]


def test_plans_of_other_names_have_comments_of_their_own(empty: Desk, hub: GitHub) -> None:
    for name in ("plan", "weekly", "weekly", "plan"):
        comment(empty, hub, f"### {name}\n", COMMENT_NAME=name)
    assert [body.splitlines()[1] for body in bodies(hub)] == ["### plan", "### weekly"]


def test_ours_is_found_behind_a_hundred_others(empty: Desk, hub: GitHub) -> None:
    for number in range(230):
        hub.say(f"comment {number}", author="carol")
    ours = hub.say(f"{MARKER}\r\n### old\r\n")
    hub.say("last", author="carol")
    comment(empty, hub, "### new\n")
    assert hub.body(ours) == f"{MARKER}\n### new\n"
    assert len(hub.comments) == 232


@pytest.mark.parametrize("author", ["mallory", "github-actions", "GitHub-Actions[bot]", "dependabot[bot]"])
def test_a_marker_that_somebody_else_wrote_is_nobodys(empty: Desk, hub: GitHub, author: str) -> None:
    theirs = hub.say(f"{MARKER}\n### lies\n", author=author)
    comment(empty, hub, "### truth\n")
    assert hub.body(theirs) == f"{MARKER}\n### lies\n"
    assert bodies(hub)[1:] == [f"{MARKER}\n### truth\n"]


def test_a_marker_that_is_quoted_is_not_ours(empty: Desk, hub: GitHub) -> None:
    quoted = hub.say(f"> {MARKER}\n{MARKER}\n")
    comment(empty, hub, "### truth\n")
    assert hub.body(quoted).startswith("> ")
    assert len(hub.comments) == 2


def test_what_is_shown_is_data_all_the_way(empty: Desk, hub: GitHub) -> None:
    ran = comment(empty, hub, HOSTILE)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert bodies(hub) == [f"{MARKER}\n{HOSTILE}"]
    assert not (empty.folder / "pwned").exists()


@pytest.mark.parametrize(("method", "status"), [("GET", 403), ("GET", 404), ("POST", 403), ("POST", 422)])
def test_a_token_that_may_not_is_a_warning(empty: Desk, hub: GitHub, method: str, status: int) -> None:
    hub.refuse = {method: status}
    ran = comment(empty, hub, "### plan\n")
    assert ran.code == 0
    assert ran.out.startswith("::warning title=batchrunner::the plan is not in a comment: ")
    assert f"HTTP {status}" in ran.out
    assert bodies(hub) == []


def test_no_token_no_server_and_no_pull_request_are_warnings(empty: Desk, hub: GitHub) -> None:
    assert "there is no token" in comment(empty, hub, "x", GITHUB_TOKEN="").out
    assert "HTTP 000" in comment(empty, hub, "x", GITHUB_API_URL="http://127.0.0.1:9").out
    looked = comment(empty, hub, "x", PULL_REQUEST="", HEAD_OWNER="o", HEAD_BRANCH="b", HEAD_SHA="f00")
    assert "no open pull request" in looked.out
    assert bodies(hub) == []


def test_what_cannot_be_a_request_is_refused(empty: Desk, hub: GitHub) -> None:
    for env in (
        {"COMMENT_NAME": "a--b"},
        {"COMMENT_NAME": "a b"},
        {"PLAN_ID": "sha256:1"},
        {"PLAN_ID": PLAN, "RUN_ID": "", "HEAD_SHA": ""},
        {"RUN_ID": "1; rm"},
        {"HEAD_SHA": "HEAD"},
        {"GITHUB_TOKEN": 'x"\nurl = "http://127.0.0.1:9'},
    ):
        ran = comment(empty, hub, "x", **env)
        assert (ran.code, ran.out.count("::error ")) == (1, 1), env
    assert hub.requests == []


def test_the_pull_request_of_a_fork_is_found_by_its_newest_commit(empty: Desk, hub: GitHub) -> None:
    label = "mallory:a&b=c#d$(touch pwned)"
    hub.pulls = [
        {"number": 6, "state": "open", "label": label, "head": {"sha": "0" * 40}},
        {"number": 7, "state": "open", "label": label, "head": {"sha": HEAD}},
    ]
    there = {"PULL_REQUEST": "", "HEAD_OWNER": "mallory", "HEAD_BRANCH": "a&b=c#d$(touch pwned)", "HEAD_SHA": HEAD}
    ran = comment(empty, hub, "### plan\n", **there)
    assert (ran.code, ran.out) == (0, "")
    assert bodies(hub) == [f"{MARKER}\n### plan\n"]
    stale = comment(empty, hub, "### stale\n", **{**there, "HEAD_SHA": "1" * 40})
    assert "no open pull request" in stale.out
    assert bodies(hub) == [f"{MARKER}\n### plan\n"]


def test_a_plan_that_is_not_there_is_said_in_the_place_of_the_old_one(empty: Desk, hub: GitHub) -> None:
    comment(empty, hub, "### plan\n", **REVIEWED)
    ran = script(empty, hub, "comment", "nothing.md", RUN_ID="43")
    assert ran.code == 0
    (body,) = bodies(hub)
    assert "there is none" in body
    assert f"https://github.com/{REPOSITORY}/actions/runs/43" in body
    assert "reviewed" not in body


# What was reviewed


def merged(hub: GitHub, **fields: object) -> None:
    pull = {"number": 7, "merged_at": "2026-11-22T02:30:00Z", "merge_commit_sha": MERGED, "head": {"sha": HEAD}}
    hub.pulls = [{**pull, "number": 5, "merge_commit_sha": "0" * 40}, {**pull, **fields}]


def reviewed(desk: Desk, hub: GitHub) -> Ran:
    return script(desk, hub, "reviewed", GITHUB_SHA=MERGED, GITHUB_OUTPUT="output")


def test_the_plan_that_was_shown_at_the_end_is_what_was_reviewed(empty: Desk, hub: GitHub) -> None:
    comment(empty, hub, "### old\n", **{**REVIEWED, "PLAN_ID": "sha256:" + "b2" * 32})
    comment(empty, hub, "### plan", **REVIEWED)
    merged(hub)
    assert reviewed(empty, hub).code == 0
    assert empty.read("output").splitlines() == ["found=true", f"plan_id={PLAN}", "run_id=42", "pull_request=7"]


def test_a_line_of_the_plan_is_not_taken_for_its_digest(empty: Desk, hub: GitHub) -> None:
    line = f"<!-- batchrunner:reviewed plan_id=sha256:{'e' * 64} run=1 head={HEAD} -->"
    comment(empty, hub, f"### plan\n\n{line}\n", **REVIEWED)
    hub.say(f"{MARKER}\n{line}", author="mallory")
    merged(hub)
    assert f"plan_id={PLAN}\n" in reviewed(empty, hub).out


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"merged_at": None}, "no pull request became"), ({"merge_commit_sha": "1" * 40}, "no pull request became")],
)
def test_what_no_pull_request_brought_was_not_reviewed(
    empty: Desk, hub: GitHub, fields: dict[str, object], words: str
) -> None:
    comment(empty, hub, "### plan\n", **REVIEWED)
    merged(hub, **fields)
    ran = reviewed(empty, hub)
    assert (ran.code, words in ran.out) == (0, True)
    assert empty.read("output") == "found=false\n"


@pytest.mark.parametrize("author", [BOT, "mallory"])
def test_a_comment_without_a_plan_and_one_of_a_stranger_are_nothing_reviewed(
    empty: Desk, hub: GitHub, author: str
) -> None:
    line = f"<!-- batchrunner:reviewed plan_id={PLAN} run=1 head={HEAD} -->"
    hub.say(f"{MARKER}\n### refused\n" + (line if author != BOT else ""), author=author)
    merged(hub)
    assert reviewed(empty, hub).code == 0
    assert empty.read("output") == "found=false\n"


def test_a_commit_that_was_pushed_behind_the_plan_is_refused(empty: Desk, hub: GitHub) -> None:
    comment(empty, hub, "### plan\n", **REVIEWED)
    merged(hub, head={"sha": "d" * 40})
    ran = reviewed(empty, hub)
    assert ran.code == 1
    assert "was merged at dddd" in ran.out
    assert not (empty.folder / "output").exists()


def test_comments_that_cannot_be_read_stop_what_would_be_applied(empty: Desk, hub: GitHub) -> None:
    comment(empty, hub, "### plan\n", **REVIEWED)
    merged(hub)
    hub.refuse = {"GET": 403}
    assert reviewed(empty, hub).code == 1

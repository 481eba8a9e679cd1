"""The workflows, run: a pull request, its comment, its merge; from a branch, and from a fork."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cli import KEY, Desk, provided
from support.github import REPOSITORY, TOKEN, GitHub
from support.runner import Runner, StepFailed

from batchrunner.sandbox import Ledger

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "github"
CALLED = Path(__file__).parents[2] / ".github" / "workflows"
PULL, PUSH, HAND = "100", "200", "300"


class Repository:
    """A clone of a repository of specs whose main branch is in `origin`, and its pipelines."""

    def __init__(self, desk: Desk, hub: GitHub) -> None:
        self.desk, self.hub, self.folder = desk, hub, desk.folder
        hub.number = 7
        environment = desk.environment({**hub.environment, "GIT_CONFIG_GLOBAL": "/dev/null"})
        for name in ("ALPHAEDGE_API_KEY", "GITHUB_TOKEN"):
            environment.pop(name)
        self.runner = Runner(desk.folder, {"github.token": TOKEN, "github.repository": REPOSITORY}, environment)
        self.git("init", "--quiet", "--bare", "-b", "main", "../origin.git")
        self.git("init", "--quiet", "-b", "main")
        self.git("config", "user.name", "ada")
        self.git("config", "user.email", "ada@example.com")
        self.git("remote", "add", "origin", "../origin.git")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, words: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", words)
        return self.git("rev-parse", "HEAD")

    @property
    def ledger(self) -> Ledger:
        return self.desk.ledger

    def run(self, workflow: Path, job: str, run_id: str, **values: str) -> dict[str, str]:
        self.runner.values |= {"github.run_id": run_id, **{name.replace("__", "."): v for name, v in values.items()}}
        return self.runner.job(workflow, job)

    def propose(self, branch: str = "change") -> str:
        """A pull request that adds a spec, checked out as its merge with main; its newest commit."""
        self.git("checkout", "--quiet", "-b", branch)
        self.desk.write("specs/more.yaml", "batches: [{name: one, input_file_id: file-1, endpoint: /v1/embeddings, "
                        "metadata: {team: search}}]\n")  # fmt: skip
        head = self.commit("One more")
        self.git("checkout", "--quiet", "--detach", "main")
        self.git("merge", "--quiet", "--no-ff", "--message", "Merge", branch)
        return head

    def merged(self, head: str) -> str:
        """The pull request, merged into main as it was planned."""
        commit = self.git("rev-parse", "HEAD")
        self.git("branch", "--force", "main")
        self.git("checkout", "--quiet", "main")
        self.git("push", "--quiet", "origin", "main")
        merge = {"number": 7, "state": "closed", "merged_at": "now", "merge_commit_sha": commit, "head": {"sha": head}}
        self.hub.pulls = [merge]
        return commit


def workflow_run(head: str, repository: str) -> dict[str, str]:
    owner = repository.partition("/")[0]
    run = {"id": PULL, "event": "pull_request", "conclusion": "success", "head_sha": head, "head_branch": "change"}
    more = {"head_repository.owner.login": owner, "head_repository.full_name": repository}
    return {f"github__event__workflow_run__{n}".replace(".", "__"): v for n, v in {**run, **more}.items()}


@pytest.fixture
def repository(empty: Desk, hub: GitHub) -> Iterator[Repository]:
    """What `init --demo` writes, on main."""
    with provided(empty):
        empty.run("init", "-q", "--demo")
        repository = Repository(empty, hub)
        repository.commit("Batches")
        repository.git("push", "--quiet", "origin", "main")
        yield repository


def workflows(repository: Repository) -> Path:
    return repository.folder / ".github" / "workflows"


def push(repository: Repository, commit: str, **more: str) -> dict[str, str]:
    there = {"github__sha": commit, "github__event_name": "push", **more}
    planned = repository.run(workflows(repository) / "apply.yaml", "plan", PUSH, **there)
    repository.runner.values |= {"needs.plan.outputs.plan_id": planned["plan_id"]}
    return planned


def apply(repository: Repository) -> None:
    repository.run(workflows(repository) / "apply.yaml", "apply", PUSH, secrets__ALPHAEDGE_API_KEY=KEY)


def test_what_a_pull_request_showed_is_what_its_merge_submits(repository: Repository, hub: GitHub) -> None:
    head = repository.propose()
    repository.run(workflows(repository) / "plan.yaml", "plan", PULL)
    assert repository.desk.posts == 0
    assert "### batchrunner plan:" in (repository.runner.temp / "summary").read_text()
    hub.pulls = [{"number": 7, "state": "open", "label": "acme:change", "head": {"sha": head}}]
    (repository.runner.temp / "plan.json").unlink()
    repository.run(workflows(repository) / "comment.yaml", "comment", PULL, **workflow_run(head, REPOSITORY))
    (comment,) = hub.comments
    assert "more/one" in comment["body"]
    shown = comment["body"].partition("plan_id=")[2].split()[0]

    planned = push(repository, repository.merged(head))
    assert planned["plan_id"] == shown
    apply(repository)
    assert len(repository.ledger.batches()) == 8
    kept = repository.git("--git-dir", "../origin.git", "ls-tree", "-r", "--name-only", "main", "specs/")
    assert "specs/more.state.json" in kept.splitlines()
    assert "sandbox" not in kept


def test_a_plan_that_a_pull_request_brings_is_not_taken_for_the_one_that_failed(repository: Repository) -> None:
    repository.desk.run("plan", "specs/", "--out", "plan.json")
    repository.desk.write("specs/more.yaml", "batches: [{nope: 1}]")
    repository.commit("A plan of my own")
    on_pull_request(repository)
    for workflow in (workflows(repository) / "plan.yaml", EXAMPLES / "plan.yaml"):
        with pytest.raises(StepFailed):
            repository.run(workflow, "plan", PULL)
    assert repository.runner.artifacts == {}


def test_the_plan_of_a_fork_is_shown_and_made_anew(repository: Repository, hub: GitHub) -> None:
    head = repository.propose()
    repository.run(workflows(repository) / "plan.yaml", "plan", PULL)
    hub.pulls = [{"number": 7, "state": "open", "label": "mallory:change", "head": {"sha": head}}]
    (repository.runner.temp / "plan.json").unlink()
    of_fork = workflow_run(head, "mallory/batches")
    repository.run(workflows(repository) / "comment.yaml", "comment", PULL, **of_fork)
    (comment,) = hub.comments
    assert "more/one" in comment["body"]
    assert "plan_id=" not in comment["body"]
    push(repository, repository.merged(head))
    assert "nothing was reviewed that could be applied" in repository.runner.log
    apply(repository)
    assert len(repository.ledger.batches()) == 8


def test_specs_that_cannot_be_planned_say_so_in_the_comment(repository: Repository, hub: GitHub) -> None:
    repository.desk.write("specs/more.yaml", "batches: {}\n")
    with pytest.raises(StepFailed):
        repository.run(workflows(repository) / "plan.yaml", "plan", PULL)
    assert "::error file=specs/more.yaml,line=1" in repository.runner.log
    hub.pulls = [{"number": 7, "state": "open", "label": "acme:change", "head": {"sha": "f00d"}}]
    repository.run(workflows(repository) / "comment.yaml", "comment", PULL, **workflow_run("f00d", REPOSITORY))
    assert "there is none" in hub.comments[0]["body"]


def test_another_plan_than_the_one_that_was_approved_is_refused(repository: Repository, hub: GitHub) -> None:
    commit = repository.merged(repository.propose())
    push(repository, commit, github__event_name="workflow_dispatch")
    repository.runner.values["needs.plan.outputs.plan_id"] = "sha256:" + "0" * 64
    with pytest.raises(StepFailed, match="not the plan that was reviewed"):
        apply(repository)
    assert repository.ledger.batches() == []


def test_a_night_is_submitted_once(repository: Repository) -> None:
    for _ in range(2):
        repository.run(workflows(repository) / "nightly.yaml", "apply", HAND, secrets__ALPHAEDGE_API_KEY=KEY)
    assert len(repository.ledger.batches()) == 7
    assert "Applied: 0 submitted, 7 unchanged" in repository.runner.log
    assert repository.git("log", "--format=%s", "origin/main").splitlines()[0] == "Batch state"


def test_the_examples_with_the_action_do_the_same(repository: Repository, hub: GitHub) -> None:
    head = repository.propose()
    event = {f"github__event__workflow_run__{name}": "" for name in ("id", "head_sha", "head_branch")}
    event |= {"github__event__workflow_run__head_repository__owner__login": ""}
    event |= {"github__event__workflow_run__head_repository__full_name": ""}
    event |= {"github__event__pull_request__number": "7", "github__event__pull_request__head__sha": head}
    repository.run(EXAMPLES / "plan.yaml", "plan", PULL, **event)
    (comment,) = hub.comments
    assert "more/one" in comment["body"]
    assert f"run={PULL} head={head}" in comment["body"]

    hub.comments.clear()
    hub.pulls = [{"number": 7, "state": "open", "label": "acme:change", "head": {"sha": head}}]
    event["github__event__pull_request__number"] = ""
    (repository.runner.temp / "plan.json").unlink()
    repository.run(EXAMPLES / "comment.yaml", "comment", PULL, **{**event, **workflow_run(head, REPOSITORY)})
    assert hub.comments == [comment | {"id": 1000}]

    repository.merged(head)
    repository.runner.environment["ALPHAEDGE_API_KEY"] = KEY
    repository.run(EXAMPLES / "nightly.yaml", "apply", HAND, secrets__ALPHAEDGE_API_KEY=KEY)
    assert len(repository.ledger.batches()) == 8
    assert "specs/more.state.json" in repository.git("ls-tree", "-r", "--name-only", "origin/main", "specs/")


def on_pull_request(repository: Repository) -> None:
    """The event of the next run."""
    repository.runner.values |= {name.replace("__", "."): "" for name in workflow_run("", "")}
    event = {"pull_request.number": "7", "pull_request.head.sha": "f00d"}
    repository.runner.values |= {"github.run_id": PULL, **{f"github.event.{name}": v for name, v in event.items()}}


def test_the_action_says_what_its_plan_is(repository: Repository, hub: GitHub) -> None:
    on_pull_request(repository)
    said = repository.runner.action(
        command="plan", version="installed", specs="specs/", args="--at\n2026-11-22T02:30:00Z"
    )
    assert (said["exit-code"], said["has-changes"], said["to-submit"], said["refused"]) == ("0", "true", "7", "false")
    assert said["run-keys"].splitlines() == ["day:2026-11-22", "week:2026-W47"]
    assert (said["requests"], said["cost-high-usd"]) == ("17", "")  # nobody knows what is in nightly/archive
    applied = {"command": "apply", "version": "installed", "plan_file": said["plan-file"]}
    for plan_id, words in (("", "is missing"), ("sha256:" + "0" * 64, "not the plan that was reviewed")):
        with pytest.raises(StepFailed, match=words):
            repository.runner.action(**applied, plan_id=plan_id)
    repository.runner.environment["ALPHAEDGE_API_KEY"] = KEY
    repository.runner.action(**applied, plan_id=said["plan-id"], keep_state="true")
    assert len(repository.ledger.batches()) == 7
    with pytest.raises(StepFailed, match="command is plan, apply or comment"):
        repository.runner.action(command="destroy", version="installed")


def test_the_workflows_to_be_called_hand_the_digest_from_one_to_the_other(repository: Repository, hub: GitHub) -> None:
    repository.propose()
    on_pull_request(repository)
    called = {"inputs__specs": "specs/", "inputs__comment": "true", "inputs__args": "", "inputs__run-id": PULL}
    called |= {"job__workflow_repository": "OWNER/batchrunner", "job__workflow_sha": "0" * 40}
    planned = repository.run(CALLED / "plan.yaml", "plan", PULL, **called)
    assert planned["has-changes"] == "true"
    assert len(hub.comments) == 1
    repository.merged("f00d")
    repository.runner.environment["ALPHAEDGE_API_KEY"] = KEY
    called |= {"inputs__plan-id": planned["plan-id"], "secrets__ALPHAEDGE_API_KEY": KEY}
    repository.run(CALLED / "apply.yaml", "apply", PULL, **called)
    assert len(repository.ledger.batches()) == 8
    assert "specs/more.state.json" in repository.git("ls-tree", "-r", "--name-only", "origin/main", "specs/")


def test_a_plan_that_fails_is_in_the_comment_and_fails_the_step(repository: Repository, hub: GitHub) -> None:
    repository.desk.write("specs/more.yaml", "batches: {}\n")
    on_pull_request(repository)
    with pytest.raises(StepFailed, match="How the plan ended: 1"):
        repository.runner.action(command="plan", version="installed")
    assert "::error file=specs/more.yaml,line=1" in repository.runner.log
    (comment,) = hub.comments
    assert "specs are invalid" in comment["body"]
    assert "plan_id=" not in comment["body"]


def test_a_plan_that_the_policy_refuses_is_shown_and_cannot_be_applied(repository: Repository, hub: GitHub) -> None:
    project = repository.desk.read("batchrunner.yaml")
    repository.desk.write("batchrunner.yaml", project.replace("max_requests: 100000", "max_requests: 3"))
    on_pull_request(repository)
    with pytest.raises(StepFailed, match="How the plan ended: 1"):
        repository.runner.action(command="plan", version="installed")
    (comment,) = hub.comments
    assert "Refused by the project's policy" in comment["body"]
    assert "plan_id=" not in comment["body"]

"""GitLab's jobs, the CronJob and the pre-commit hook: what they would run, run."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.cli import KEY, Desk, Ran, provided

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
BIN = str(Path(sys.executable).parent)


@pytest.fixture
def demo(empty: Desk) -> Iterator[Desk]:
    """What `init --demo --ci gitlab` writes, with a provider in reach."""
    empty.run("init", "-q", "--demo", "--ci", "gitlab")
    with provided(empty):
        yield empty


def bash(desk: Desk, lines: list[str], **env: str) -> Ran:
    path = f"{BIN}:{os.environ['PATH']}"
    return desk.run_script(["bash", "-eo", "pipefail", "-c", "\n".join(lines)], env={"PATH": path, **env})


def gitlab(desk: Desk) -> dict[str, Any]:
    jobs: dict[str, Any] = yaml.safe_load(desk.read(".gitlab-ci.yml"))
    return jobs


def test_a_merge_request_on_gitlab_has_its_reports_and_the_branch_applies(demo: Desk) -> None:
    jobs = gitlab(demo)
    assert bash(demo, jobs["plan"]["script"], ALPHAEDGE_API_KEY="").code == 0
    assert demo.posts == 0
    assert json.loads(demo.read("terraform.json")) == {"create": 7, "update": 0, "delete": 0}
    assert json.loads(demo.read("code-quality.json")) == []
    assert {*jobs["plan"]["artifacts"]["reports"].values(), *jobs["plan"]["artifacts"]["paths"]} == {
        "code-quality.json", "terraform.json", "plan.json"
    }  # fmt: skip
    assert bash(demo, jobs["apply"]["script"]).code == 0
    assert bash(demo, jobs["nightly"]["script"]).code == 0
    assert len(demo.ledger.batches()) == 7


def test_specs_that_are_wrong_fail_the_job_on_gitlab_and_are_in_its_report(demo: Desk) -> None:
    demo.write("specs/weekly.yaml", "batches:\n  - nope: 1\n")
    assert bash(demo, gitlab(demo)["plan"]["script"]).code == 1
    report = json.loads(demo.read("code-quality.json"))
    assert {issue["location"]["path"] for issue in report} == {"specs/weekly.yaml"}


def test_the_state_is_pushed_from_a_commit_without_a_branch(demo: Desk) -> None:
    git = "git -c user.name=ada -c user.email=ada@example.com"
    demo.env["GIT_CONFIG_GLOBAL"] = os.devnull
    made = ["git init -qb main", "git init -q --bare -b main origin.git", "git remote add origin origin.git"]
    bash(
        demo,
        [*made, "echo origin.git >> .gitignore", "git add -A", f"{git} commit -qm Batches", "git push -q origin main"],
    )
    bash(demo, ["git checkout -q --detach", "batchrunner apply specs/"])
    # Somebody merges meanwhile.
    other = ["git clone -q origin.git other", "cd other", "touch more", "git add more", f"{git} commit -qm More"]
    bash(demo, [*other, "git push -q origin main", "cd ..", "rm -rf other"])
    last = gitlab(demo)["apply"]["after_script"][-1]
    assert bash(demo, [last], CI_DEFAULT_BRANCH="main").code == 0
    kept = bash(demo, ["git --git-dir origin.git ls-tree -r --name-only main"]).out.splitlines()
    assert {"more", "specs/nightly.state.json", "specs/weekly.state.json"} <= {*kept}
    assert bash(demo, [last], CI_DEFAULT_BRANCH="main").out == "The state is as it was.\n"


def test_nothing_but_states_is_committed_whatever_a_spec_is_called(demo: Desk) -> None:
    demo.env["GIT_CONFIG_GLOBAL"] = os.devnull
    bash(demo, ["git init -qb main", "git init -q --bare -b main origin.git", "git remote add origin origin.git"])
    demo.write("credentials.json", "secret")
    for pattern in (":!none", ":(top,glob)credentials*", "*"):
        demo.write(f"{pattern}.state.json", "{}")
    bash(demo, ["BRANCH=main bash .gitlab/batchrunner/keep-state.sh ."])
    kept = bash(demo, ["git -c core.quotePath=false ls-tree -r --name-only HEAD"]).out.splitlines()
    assert sorted(kept) == ["*.state.json", ":!none.state.json", ":(top,glob)credentials*.state.json"]


@pytest.mark.parametrize("folder", ["../away", "specs/../../away"])
def test_a_plan_does_not_lead_to_a_project_file_of_its_own(demo: Desk, folder: str) -> None:
    demo.write(
        "../away/s.yaml", "batches: [{name: a, input_file_id: f, endpoint: /v1/embeddings, metadata: {team: x}}]\n"
    )
    planned = demo.run("plan", f"{folder}/s.yaml", "--out", "plan.json")
    assert planned.code == 0, planned.err
    plan_id = json.loads(demo.read("plan.json"))["plan_id"]
    script = Path(__file__).parents[2] / "batchrunner/starters/github/batchrunner/apply-plan.sh"
    ended = bash(demo, [f"bash {script} plan.json {plan_id}"])
    assert ended.code == 1
    assert "outside of this folder" in ended.out
    assert demo.posts == 0


def test_the_cron_job_runs_and_reads_its_key_from_a_file(demo: Desk) -> None:
    pod = yaml.safe_load((EXAMPLES / "kubernetes/cronjob.yaml").read_text())["spec"]["jobTemplate"]["spec"]
    (container,) = pod["template"]["spec"]["containers"]
    mounted = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
    assert {"/state", "/run/secrets/batchrunner", "/run/secrets/workload", "/tmp"} == {*mounted}
    demo.write("secret/api.key", KEY)
    with (demo.folder / "batchrunner.yaml").open("a") as file:
        file.write(f"providers: {{alphaedge: {{api_key: {{file: {demo.folder}/secret/api.key}}}}}}\n")
    arguments = [word.replace("/state", f"{demo.folder}/volume") for word in container["args"]]
    (demo.folder / "volume").mkdir()
    for _ in range(2):
        assert demo.run(*arguments, env={"ALPHAEDGE_API_KEY": ""}).code == 0
    assert len(demo.ledger.batches()) == 7
    assert not list(demo.folder.glob("specs/*.state.*"))
    assert {path.name for path in demo.folder.glob("volume/*.json")} == {"nightly.state.json", "weekly.state.json"}


def test_the_exit_codes_of_the_cron_job_are_those_that_there_are() -> None:
    from batchrunner.errors import ExitCode

    pod = yaml.safe_load((EXAMPLES / "kubernetes/cronjob.yaml").read_text())["spec"]["jobTemplate"]["spec"]
    actions = {code: rule["action"] for rule in pod["podFailurePolicy"]["rules"] if "onExitCodes" in rule
               for code in rule["onExitCodes"]["values"]}  # fmt: skip
    assert actions.pop(ExitCode.TRY_AGAIN) == "Count"
    assert {*actions.values()} == {"FailJob"}
    assert {*actions} == {ExitCode.REFUSED, ExitCode.PARTIAL, ExitCode.CONFLICT, ExitCode.USAGE}


def test_everything_that_the_image_copies_is_there() -> None:
    lines = (ROOT / ".packaging/Dockerfile").read_text().splitlines()
    copied = [
        word for line in lines if line.startswith("COPY ") and "--from" not in line for word in line.split()[1:-1]
    ]
    allowed = {
        line[1:] for line in (ROOT / ".packaging/Dockerfile.dockerignore").read_text().splitlines() if line[0] == "!"
    }
    assert len(copied) >= 6
    for name in copied:
        assert (ROOT / name).exists(), name
    assert {*copied} == allowed


def test_the_hook_of_the_demonstration_finds_what_is_wrong(demo: Desk) -> None:
    (repo,) = yaml.safe_load(demo.read(".pre-commit-config.yaml"))["repos"]
    (hook,) = repo["hooks"]
    assert bash(demo, [hook["entry"]]).code == 0
    demo.write("specs/weekly.yaml", "batches: 1\n")
    assert bash(demo, [hook["entry"]]).code == 1


@pytest.mark.campaign
@pytest.mark.parametrize("tool", ["prek", "pre-commit"])
def test_the_hook_is_installed_and_run_by_what_people_use(empty: Desk, tool: str) -> None:
    """From a clone of this repository, with its dependencies out of the registry."""
    if not shutil.which(f"{BIN}/{tool}"):
        pytest.skip(f"{tool} is not installed")
    empty.run("init", "-q", "--demo")
    environment = {**os.environ, "HOME": str(empty.folder), "GIT_CONFIG_GLOBAL": os.devnull}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(words, cwd=empty.folder, env=environment, capture_output=True, text=True, check=False)

    revision = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True)
    config = (
        f"repos:\n  - repo: {ROOT}\n    rev: {revision.stdout.strip()}\n    hooks: [{{id: batchrunner-validate}}]\n"
    )
    empty.write(".pre-commit-config.yaml", config)
    run("git", "init", "-q")
    run("git", "add", "-A")
    good = run(f"{BIN}/{tool}", "run", "--all-files")
    assert good.returncode == 0, good.stdout + good.stderr
    assert "batchrunner validate" in good.stdout
    empty.write("specs/weekly.yaml", "batches: 1\n")
    bad = run(f"{BIN}/{tool}", "run", "--all-files")
    assert bad.returncode == 1
    assert "specs/weekly.yaml:1" in bad.stdout

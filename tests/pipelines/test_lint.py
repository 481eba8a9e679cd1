"""Pipelines, scripts and images are held to what others' linters say of them: offline, and all files."""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.cli import Desk

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
EXAMPLES = ROOT / "docs" / "examples"
STARTERS = ROOT / "batchrunner" / "starters"
WORKFLOWS = [
    *sorted(ROOT.glob(".github/workflows/*")),
    *sorted(EXAMPLES.glob("github/*.yaml")),
    *sorted(STARTERS.glob("*/workflows/*")),
]
GITLAB = [STARTERS / "gitlab" / "gitlab-ci.yml"]
SCRIPTS = [*ROOT.glob(".ci/run"), *ROOT.glob(".github/action/*.sh"), *STARTERS.rglob("*.sh")]
CRON_JOB = EXAMPLES / "kubernetes" / "cronjob.yaml"


def linted(tool: str, *arguments: str | Path, files: Sequence[Path] = ()) -> str:
    """What a linter prints; it has to find nothing."""
    if not (BIN / tool).exists():
        pytest.skip(f"{tool} has no wheel for this platform")
    done = subprocess.run([BIN / tool, *arguments, *files], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_every_file_is_among_those_that_are_checked() -> None:
    assert (len(WORKFLOWS) >= 11, len(SCRIPTS) >= 7) == (True, True)
    known = {*WORKFLOWS, *GITLAB, *SCRIPTS, CRON_JOB}
    found = [*ROOT.rglob(".github/**/*.yaml"), *STARTERS.rglob("*workflows/*"), *EXAMPLES.rglob("*.y*ml")]
    assert {path for path in found if ".venv" not in path.parts} <= known


def test_workflows_and_the_action_are_safe() -> None:
    """zizmor: injections, credentials, permissions, pins. What it is told to pass over says why beside it."""
    out = linted("zizmor", "--offline", "--no-progress", "--quiet", files=[ROOT / "action.yml", *WORKFLOWS])
    assert "error" not in out
    for path in WORKFLOWS:
        ignored = [line.partition("zizmor: ignore[")[2] for line in path.read_text().splitlines() if "zizmor:" in line]
        assert all(len(words.partition("] ")[2]) > 10 for words in ignored), path


def test_workflows_the_action_and_gitlab_are_what_their_schemas_say() -> None:
    for schema, files in (
        ("vendor.github-workflows", WORKFLOWS),
        ("vendor.github-actions", [ROOT / "action.yml"]),
        ("vendor.gitlab-ci", GITLAB),
    ):
        linted("check-jsonschema", "--builtin-schema", schema, files=files)


def test_nothing_is_put_into_a_shell_by_the_runner() -> None:
    """An expression is in `env`, `with` or a condition, where it is a value; in `run` it would be program text."""
    import yaml

    for path in [ROOT / "action.yml", *WORKFLOWS]:
        document = yaml.safe_load(path.read_text())
        jobs = document["jobs"].values() if "jobs" in document else [document["runs"]]
        for step in (step for job in jobs for step in job.get("steps", ())):
            assert "${{" not in step.get("run", ""), path
            assert len(step.get("run", "").splitlines()) <= 5, f"{path}: a file, which is tested"


def test_what_is_given_to_the_action_and_to_called_workflows_is_what_they_take() -> None:
    import yaml

    taken = {"": yaml.safe_load((ROOT / "action.yml").read_text())}
    for name in ("plan.yaml", "apply.yaml"):
        taken[name] = yaml.safe_load((ROOT / ".github/workflows" / name).read_text())[True]["workflow_call"]
    given = 0
    for path in WORKFLOWS:
        for job in yaml.safe_load(path.read_text())["jobs"].values():
            for use in [job, *job.get("steps", ())]:
                called = use.get("uses", "").partition("@")[0]
                if called.startswith(("OWNER/", "./.batchrunner")):
                    said = taken[called.rpartition("/")[2] if called.endswith(".yaml") else ""]
                    needed = {name for name, each in said["inputs"].items() if each.get("required")}
                    assert needed <= use["with"].keys() <= said["inputs"].keys(), path
                    given += 1
    assert given >= 7
    used = set(re.findall(r"needs\.plan\.outputs\.([\w-]+)", (EXAMPLES / "github/called.yaml").read_text()))
    assert used <= taken["plan.yaml"]["outputs"].keys()


def test_actions_of_others_are_pinned_to_a_commit() -> None:
    for path in WORKFLOWS:
        for line in (line for line in path.read_text().splitlines() if "uses: " in line):
            what, _, revision = line.partition("uses: ")[2].partition("@")
            assert what.startswith(("./", "OWNER/batchrunner", "actions/")), line
            assert what.startswith("./") or len(revision.split()[0]) == 40, line


def test_scripts_are_sound() -> None:
    linted("shellcheck", "--enable=quote-safe-variables", files=SCRIPTS)


def test_the_scripts_in_pipelines_are_sound(tmp_path: Path) -> None:
    import yaml

    scripts = []
    for path in [ROOT / "action.yml", *WORKFLOWS]:
        document = yaml.safe_load(path.read_text())
        jobs = document["jobs"].values() if "jobs" in document else [document["runs"]]
        for number, run in enumerate(step["run"] for job in jobs for step in job.get("steps", ()) if "run" in step):
            scripts.append(tmp_path / f"{path.parent.parent.name}-{path.stem}-{number}.sh")
            scripts[-1].write_text(f"#!/usr/bin/env bash\nset -e\n{run}\n")
    linted("shellcheck", files=scripts)


def test_the_image_is_built_as_it_should_be() -> None:
    linted("hadolint", "--failure-threshold", "style", files=[ROOT / ".packaging" / "Dockerfile"])


def test_the_cron_job_is_one() -> None:
    linted("kubernetes-validate", "--strict", "--quiet", files=[CRON_JOB])


def test_what_init_writes_is_what_is_checked_here(empty: Desk) -> None:
    empty.run("init", "-q", "--demo")
    written = {path.name: path.read_text() for path in empty.folder.glob(".github/*/*")}
    assert written == {
        path.name: path.read_text() for path in [*STARTERS.glob("*/workflows/*"), *STARTERS.rglob("*.sh")]
    }
    linted("zizmor", "--offline", "--no-progress", "--quiet", files=[empty.folder])
    empty.run("init", "-q", "--demo", "--ci", "gitlab", "lab")
    linted("check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", files=[empty.folder / "lab/.gitlab-ci.yml"])


def test_the_hooks_manifest_is_what_pre_commit_reads() -> None:
    from pre_commit.clientlib import load_manifest

    (hook,) = load_manifest(str(ROOT / ".pre-commit-hooks.yaml"))
    assert (hook["id"], hook["language"]) == ("batchrunner-validate", "python")
    assert json.dumps(hook)

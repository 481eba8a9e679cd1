"""A first folder: it validates, it applies, and what is there is kept."""

import json
import os
import re
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import yaml
from support.cli import SCRIPT, Desk

PUBLISHED = Path(__file__).parents[2] / "specs" / "schema"


def contents(desk: Desk) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in desk.folder.rglob("*") if path.is_file()}


def test_what_is_written_validates_and_applies(empty: Desk) -> None:
    ran = empty.run("init")
    assert (ran.code, ran.err) == (0, "Next: batchrunner apply specs/first.yaml --sandbox\n")
    written = [line.split()[1] for line in ran.out.splitlines()]
    assert sorted(written) == sorted(str(path.relative_to(empty.folder)) for path in contents(empty))
    assert empty.run("validate", "specs").out == "Valid: 1 spec, 1 batch; 2 requests in 1 file checked, 376 B.\n"
    assert empty.run("apply", "specs/first.yaml", "--sandbox", "--json").document["submitted"] == 1
    assert empty.run("apply", "specs/first.yaml", "--sandbox", "--json").document["unchanged"] == 1


def test_the_policy_that_is_suggested_lets_the_first_batch_pass(empty: Desk) -> None:
    empty.run("init", "-q")
    suggested = empty.read("batchrunner.yaml").replace("# policy:", "policy:")
    assert "policy: {max_cost_usd: " in suggested
    empty.write("batchrunner.yaml", suggested)
    ran = empty.run("plan", "specs/first.yaml", "--json")
    assert (ran.code, ran.document["refusals"]) == (0, [])
    assert ran.document["changes"][0]["estimate"]["output_tokens"] == 100


def test_the_workflows_can_price_what_they_plan(empty: Desk) -> None:
    empty.run("init", "-q")
    for name in ("plan", "comment", "apply"):
        lines = empty.read(f".github/workflows/{name}.yaml").splitlines()
        assert {line.strip() for line in lines if "pipx" in line} == {"- run: pipx install 'batchrunner[cost]'"}


def test_a_second_time_keeps_everything(empty: Desk) -> None:
    empty.write("batchrunner.yaml", "project: ours\n")
    first = empty.run("init", "--json").document
    before = contents(empty)
    second = empty.run("init", "--json").document
    assert first["kept"] == ["batchrunner.yaml"]
    assert (second["written"], sorted(second["kept"])) == ([], sorted(first["written"] + first["kept"]))
    assert contents(empty) == before


def test_a_gitignore_that_is_there_is_kept_and_what_it_lacks_is_named(empty: Desk) -> None:
    empty.write(".gitignore", "*.pyc\n *.state.lock \n.batchrunner/\n")
    ran = empty.run("init")
    advice = ran.err.partition("Next:")[0].splitlines()
    assert advice[0] == "Add these lines to .gitignore:"
    empty.write(".gitignore", "\n".join([empty.read(".gitignore"), *(line.strip() for line in advice[1:])]))
    assert empty.run("init", "--json").document["unignored"] == []
    assert {".batchrunner/", "*.state.lock"}.isdisjoint(line.strip() for line in advice)


def committed(desk: Desk, step: str) -> list[str]:
    """The files that the workflow's own last step pushes, run as the runner runs it."""
    desk.run_script(["git", "init", "-q", "--bare", "origin.git"])
    desk.write("setup", "git init -qb main; git remote add origin origin.git; git config push.autoSetupRemote true\n")
    assert desk.run_script(["bash", "-e", "setup"]).code == 0
    for _ in range(2):
        ran = desk.run_script(["bash", "-e", "-c", step])
        assert ran.code == 0, ran
    return desk.run_script(["git", "--git-dir", "origin.git", "ls-tree", "-r", "--name-only", "main"]).out.splitlines()


def test_the_workflow_keeps_what_a_killed_run_intended(empty: Desk) -> None:
    empty.run("init", "-q")
    step = yaml.safe_load(empty.read(".github/workflows/apply.yaml"))["jobs"]["apply"]["steps"][-1]
    kept = ["specs/a.state.journal.jsonl", "specs/a.state.json", "specs/b.state.journal.jsonl"]
    left = [
        "a.state.lock",
        "a.state.backup-20261122T023107Z.json",
        ".a.state.json.tmp",
        "a.state.unsaved-20261122T023107Z.jsonl",
        "a.state.journal.damaged-20261122T023107Z.jsonl",
        "a.sandbox.state.json",
        "a.sandbox.state.journal.jsonl",
        "a.sandbox.state.lock",
    ]
    for path in (*kept, *(f"specs/{name}" for name in left)):
        empty.write(path, "x\n")
    assert committed(empty, step["run"]) == kept
    seen = empty.run_script(["git", "status", "--porcelain", "-uall"]).out
    assert not [name for name in left if name in seen]


def test_the_workflow_commits_nothing_where_there_is_no_state(empty: Desk) -> None:
    empty.run("init", "-q")
    step = yaml.safe_load(empty.read(".github/workflows/apply.yaml"))["jobs"]["apply"]["steps"][-1]
    assert committed(empty, step["run"]) == []


def test_another_folder_is_named_in_what_comes_next(empty: Desk) -> None:
    ran = empty.run("init", "a new/one")
    assert ran.err == "Next: cd 'a new/one' && batchrunner apply specs/first.yaml --sandbox\n"
    assert empty.run("validate", "specs", cwd="a new/one").code == 0


def test_schemas_are_the_published_ones_and_accept_what_is_written(empty: Desk) -> None:
    empty.run("init", "-q")
    for which, file in (("spec", "specs/first.yaml"), ("project", "batchrunner.yaml")):
        schema = empty.read(f"specs/schema/{which}.schema.json")
        assert schema == (PUBLISHED / f"{which}.schema.json").read_text()
        jsonschema.validate(yaml.safe_load(empty.read(file)), json.loads(schema))
        named = empty.read(file).partition("$schema=")[2].split()[0]
        assert (empty.folder / file).parent.joinpath(named).is_file()


# The demonstration


def test_the_demonstration_works_at_once(empty: Desk) -> None:
    ran = empty.run("init", "--demo")
    written = [line.split()[1] for line in ran.out.splitlines()]
    assert sorted(written) == sorted(str(path.relative_to(empty.folder)) for path in contents(empty))
    assert {"README.md", "CODEOWNERS", ".pre-commit-config.yaml", ".gitignore"} <= {*written}
    assert empty.run("validate", "specs/").code == 0
    planned = empty.run("plan", "specs/", "--json").document
    assert (planned["refusals"], len(planned["changes"])) == ([], 7)
    assert not [each for each in planned["notices"] if each["code"] != "table"]
    typed = [line.split() for line in ran.err.splitlines()[1:]]
    assert [words[:2] for words in typed] == [["batchrunner", verb] for verb in ("plan", "apply", "wait", "fetch")]
    for words in typed:
        assert empty.run(*words[1:]).code == 0, words


def test_what_readme_of_the_demonstration_says_can_be_typed(empty: Desk) -> None:
    empty.run("init", "-q", "--demo", "there")
    blocks = empty.read("there/README.md").split("```")[1::2]
    lines = [line for block in blocks for line in block.splitlines()[1:]]
    assert len(lines) == 6
    empty.env["PATH"] = f"{Path(SCRIPT).parent}:{os.environ['PATH']}"
    assert empty.run_script(["bash", "-ec", "\n".join(lines)], cwd="there").code == 0
    for name in re.findall(r"\| `([^`*]+)` \|", empty.read("there/README.md")):
        assert (empty.folder / "there" / name).exists(), name


def test_the_demonstration_is_held_to_its_policy(empty: Desk) -> None:
    empty.run("init", "-q", "--demo")
    for was, now in (("model: gpt-4o-mini", "model: o1-pro"), ("metadata: {team: support}", "metadata: {by: me}")):
        spec = empty.read("specs/nightly.yaml")
        empty.write("specs/nightly.yaml", spec.replace(was, now))
        assert empty.run("plan", "specs/nightly.yaml").code == 1
        empty.write("specs/nightly.yaml", spec)
    for which, file in (("spec", "specs/weekly.yaml"), ("project", "batchrunner.yaml")):
        jsonschema.validate(
            yaml.safe_load(empty.read(file)), json.loads(empty.read(f"specs/schema/{which}.schema.json"))
        )


def test_pipelines_are_those_that_were_asked_for(empty: Desk) -> None:
    for ci, there in (("github", [".github"]), ("gitlab", [".gitlab", ".gitlab-ci.yml"]), ("none", [])):
        for arguments in (["--demo"], []):
            written = empty.run("init", "--ci", ci, *arguments, "--json", f"{ci}{len(arguments)}").document["written"]
            found = {path.split("/")[0] for path in written if path.startswith(".git")} - {".gitignore"}
            assert sorted(found) == there

"""A first folder: it validates, it applies, and what is there is kept."""

import json
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import yaml
from support.cli import Desk

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


def test_the_workflow_can_price_what_it_plans(empty: Desk) -> None:
    empty.run("init", "-q")
    installs = [line for line in empty.read(".github/workflows/batches.yaml").splitlines() if "pipx" in line]
    assert {line.strip() for line in installs} == {"- run: pipx install 'batchrunner[cost]'"}
    assert len(installs) == 2


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
    step = yaml.safe_load(empty.read(".github/workflows/batches.yaml"))["jobs"]["apply"]["steps"][-1]
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
    step = yaml.safe_load(empty.read(".github/workflows/batches.yaml"))["jobs"]["apply"]["steps"][-1]
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


def test_the_workflow_is_yaml_and_uses_commands_that_exist(empty: Desk) -> None:
    empty.run("init", "-q")
    workflow = yaml.safe_load(empty.read(".github/workflows/batches.yaml"))
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    typed = [step["run"].split()[1:3] for step in steps if step.get("run", "").startswith("batchrunner ")]
    assert typed == [["plan", "specs/"], ["apply", "specs/"]]
    assert all(empty.run(command, "-h").code == 0 for command, _ in typed)

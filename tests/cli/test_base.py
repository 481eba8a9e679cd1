"""`plan --base REV`: what the specs declare otherwise than at a revision, and that looking does nothing else."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from support.cli import Desk, request_lines
from support.repository import Checkout, repository

SPEC = """\
run: {once_per: day}
defaults: {endpoint: /v1/embeddings, metadata: {team: a}}
batches:
  - {name: ready, input_file_id: file-abc}
  - {name: rows, input: data/rows.jsonl}
  - {name: late, input_file_id: file-late}
"""


@pytest.fixture
def checkout(empty: Desk) -> Checkout:
    """A repository with one spec, committed."""
    made = repository(empty)
    empty.write("specs/s.yaml", SPEC)
    empty.write("specs/data/rows.jsonl", request_lines("one", "two"))
    made.commit()
    return made


def edit(checkout: Checkout, old: str, new: str, name: str = "specs/s.yaml") -> None:
    text = checkout.desk.read(name)
    assert old in text
    checkout.desk.write(name, text.replace(old, new))


def base(
    checkout: Checkout, revision: str = "HEAD", *flags: str, specs: str = "specs", **settings: Any
) -> dict[str, Any]:
    ran = checkout.desk.run("plan", specs, "--base", revision, "--json", *flags, **settings)
    assert ran.code == 0, ran
    found: dict[str, Any] = ran.document["base"]
    return found


def kinds(found: dict[str, Any]) -> dict[str, str]:
    return {each["address"]: each["kind"] for each in found.get("differences", ())}


def lines(found: dict[str, Any], address: str) -> list[str]:
    (each,) = (each for each in found["differences"] if each["address"] == address)
    said: list[str] = each["lines"]
    return said


def test_what_was_added_changed_and_removed(checkout: Checkout) -> None:
    first = checkout.git("rev-parse", "HEAD")
    edit(checkout, "file-abc", "file-xyz")
    edit(checkout, "name: late, input_file_id: file-late", "name: new, input_file_id: file-new")
    found = base(checkout)
    assert (found["revision"], found["commit"], found["head"]) == ("HEAD", first, first)
    assert kinds(found) == {"s/ready": "changed", "s/new": "added", "s/late": "removed"}
    changed = [line for line in lines(found, "s/ready") if line[0] in "+-"]
    assert changed == ["-input_file_id: file-abc", "+input_file_id: file-xyz"]
    assert all(line.startswith("+") for line in lines(found, "s/new"))
    assert all(line.startswith("-") for line in lines(found, "s/late"))


@pytest.mark.parametrize("specs", ["specs", "specs/", "specs/*.yaml", "specs/s.yaml"])
@pytest.mark.parametrize("is_empty", [True, False])
def test_a_deleted_last_spec_is_reviewed_and_its_plan_applied(checkout: Checkout, specs: str, is_empty: bool) -> None:
    (checkout.folder / "specs/s.yaml").unlink()
    if is_empty:  # git leaves no folder behind
        (checkout.folder / "specs/data/rows.jsonl").unlink()
        (checkout.folder / "specs/data").rmdir()
        (checkout.folder / "specs").rmdir()
    found = base(checkout, "HEAD", "--out", "plan.json", specs=specs)
    assert kinds(found) == {"s/late": "removed", "s/ready": "removed", "s/rows": "removed"}
    ran = checkout.desk.run("apply", "plan.json")
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "Applied: 0 submitted, 0 unchanged, 0 failed.")
    assert checkout.desk.run("plan", specs).code == 1


def test_a_deleted_spec_beside_others(checkout: Checkout) -> None:
    checkout.desk.write("specs/other.yaml", SPEC)
    checkout.commit()
    (checkout.folder / "specs/s.yaml").unlink()
    ran = checkout.desk.run("plan", "specs/s.yaml", "specs/other.yaml", "--base", "HEAD", "--json")
    assert set(kinds(ran.document["base"])) == {"s/late", "s/ready", "s/rows"}


@pytest.mark.parametrize("path", ["specs/nope.yaml", "nowhere", "specs/data", "../outside", "specs/x*.yaml"])
def test_what_had_no_spec_at_the_base_either_is_a_mistake(checkout: Checkout, path: str) -> None:
    ran = checkout.desk.run("plan", path, "--base", "HEAD")
    assert ran.code == 1
    assert "error[no-s" in ran.err


def test_nothing_changed(checkout: Checkout) -> None:
    assert kinds(base(checkout)) == {}
    assert "Against HEAD (" in checkout.desk.run("plan", "specs", "--base", "HEAD").out


def test_a_change_of_an_input_that_git_keeps_is_seen(checkout: Checkout) -> None:
    checkout.desk.write("specs/data/rows.jsonl", request_lines("one", "two", "three"))
    found = base(checkout)
    assert kinds(found) == {"s/rows": "changed"}
    assert {"-  requests: 2", "+  requests: 3", "   models: m"} <= set(lines(found, "s/rows"))


def test_an_input_that_git_does_not_keep_is_passed_over(checkout: Checkout) -> None:
    checkout.desk.write(".gitignore", "data/\n")
    checkout.git("rm", "--quiet", "-r", "--cached", "specs/data")
    checkout.commit()
    checkout.desk.write("specs/data/rows.jsonl", request_lines("other"))
    assert kinds(base(checkout)) == {}


def test_a_rename_that_the_spec_says_is_a_move(checkout: Checkout) -> None:
    edit(checkout, "name: late", "name: early")
    edit(checkout, "batches:", "moved: [{from: late, to: early}]\nbatches:")
    found = base(checkout)
    assert kinds(found) == {"s/early": "moved"}
    (moved,) = found["differences"]
    assert moved["previous"] == "s/late"
    assert not moved.get("lines")


def test_defaults_and_runs_are_resolved_before_they_are_compared(checkout: Checkout) -> None:
    edit(checkout, "team: a", "team: b")
    edit(checkout, "once_per: day", "once_per: week")
    found = base(checkout)
    assert set(kinds(found).values()) == {"changed"}
    assert len(kinds(found)) == 3
    assert {"-once_per: day", "+once_per: week", "-  team: a", "+  team: b"} <= set(lines(found, "s/ready"))


def test_every_way_to_name_a_revision(checkout: Checkout, tmp_path: Path) -> None:
    first = checkout.git("rev-parse", "HEAD")
    checkout.git("tag", "-a", "v1", "-m", "one")
    edit(checkout, "file-abc", "file-xyz")
    checkout.commit()
    copy = checkout.clone(tmp_path / "clone")
    copy.git("checkout", "--quiet", "-b", "topic")
    for revision in ("v1", "HEAD~1", "HEAD^", first, first[:10], "origin/main~1", "main~1", "origin/main^{commit}~1"):
        found = base(copy, revision)
        assert (found["commit"], kinds(found)) == (first, {"s/ready": "changed"}), revision
    assert kinds(base(copy, "origin/main")) == {}


@pytest.mark.parametrize("revision", ["nope", "-x", "--exec=touch x", "HEAD:specs", "HEAD HEAD", "a\nb", "HEAD@{9999}"])
def test_what_is_no_revision_is_refused(checkout: Checkout, revision: str) -> None:
    ran = checkout.desk.run("plan", "specs", "--json", f"--base={revision}")
    assert (ran.code, ran.error["code"]) == (1, "bad-revision"), ran
    assert ran.error["hint"]


def test_a_shallow_clone_says_what_to_fetch(checkout: Checkout, tmp_path: Path) -> None:
    checkout.git("checkout", "--quiet", "-b", "topic")
    edit(checkout, "file-abc", "file-xyz")
    checkout.commit()
    shallow = checkout.clone(tmp_path / "shallow", "--depth=1", "--branch", "topic")
    for revision in ("origin/main", "main"):
        ran = shallow.desk.run("plan", "specs", "--json", "--base", revision)
        assert ran.error["code"] == "bad-revision"
        assert "git fetch --depth=1 origin +main:refs/remotes/origin/main" in ran.error["hint"]
    assert "--deepen" in shallow.desk.run("plan", "specs", "--json", "--base", "HEAD~1").error["hint"]
    shallow.git("fetch", "--quiet", "--depth=1", "origin", "+main:refs/remotes/origin/main")
    assert kinds(base(shallow, "origin/main")) == {"s/ready": "changed"}


def test_a_partial_clone_asks_nobody(checkout: Checkout, tmp_path: Path) -> None:
    checkout.git("config", "uploadpack.allowFilter", "true")
    edit(checkout, "file-abc", "file-xyz")
    checkout.commit()
    partial = checkout.clone(tmp_path / "partial", "--filter=blob:none")
    found = base(partial, "HEAD~1")
    assert "not in this clone" in found["problem"]
    assert kinds(found) == {}
    partial.git("checkout", "--quiet", "HEAD~1")
    partial.git("checkout", "--quiet", "main")
    assert kinds(base(partial, "HEAD~1")) == {"s/ready": "changed"}


def test_a_worktree_is_a_work_tree(checkout: Checkout, tmp_path: Path) -> None:
    checkout.git("worktree", "add", "--quiet", "-b", "other", str(tmp_path / "other"))
    other = Checkout(Desk(tmp_path / "other"))
    edit(other, "file-abc", "file-xyz")
    assert kinds(base(other, "main")) == {"s/ready": "changed"}


def test_without_a_work_tree_there_is_no_base(desk: Desk) -> None:
    ran = desk.run("plan", "s.yaml", "--base", "HEAD", "--json")
    assert (ran.code, ran.error["code"]) == (1, "no-repository")
    ran = desk.run("plan", "-", "--base", "HEAD", "--json", stdin=desk.read("s.yaml").encode())
    assert (ran.code, ran.error["code"]) == (64, "base-of-stdin")


def test_a_spec_that_was_not_there_is_all_new_and_one_that_is_gone_all_removed(checkout: Checkout) -> None:
    checkout.git("mv", "specs/s.yaml", "specs/t.yaml")
    assert set(kinds(base(checkout)).values()) == {"added", "removed"}
    pattern = base(checkout, "HEAD", specs="spe*/**/*.yaml")
    assert kinds(pattern) == kinds(base(checkout))
    assert set(kinds(base(checkout, specs="specs/t.yaml")).values()) == {"added"}


def test_a_base_that_is_invalid_is_said_and_stops_nothing(checkout: Checkout) -> None:
    checkout.desk.write("specs/u.yaml", SPEC)
    edit(checkout, "endpoint:", "endpont:")
    checkout.commit()
    edit(checkout, "endpont:", "endpoint:")
    edit(checkout, "file-abc", "file-xyz", "specs/u.yaml")
    found = base(checkout)
    assert found["problem"].startswith("specs/s.yaml: line 2: unknown key `endpont`")
    assert kinds(found) == {"u/ready": "changed"}


def test_the_base_is_read_with_its_own_project_file(checkout: Checkout) -> None:
    provider = "{dialect: openai, base_url: 'https://llm.internal/v1', api_key: {env: KEY}}"
    checkout.desk.write("batchrunner.yaml", f"providers: {{before: {provider}}}\n")
    edit(checkout, "metadata:", "provider: before, metadata:")
    checkout.commit()
    checkout.desk.write("batchrunner.yaml", f"providers: {{after: {provider}}}\n")
    edit(checkout, "provider: before", "provider: after")
    found = base(checkout)
    assert "problem" not in found
    assert {"-provider: before", "+provider: after"} <= set(lines(found, "s/ready"))


def test_targets_and_variables_hold_for_both(checkout: Checkout) -> None:
    edit(checkout, "defaults:", "vars: {file: file-x}\ndefaults:")
    edit(checkout, "file-abc", '"${vars.file}"')
    edit(checkout, "file-late", "file-later")
    found = base(checkout, "HEAD", "--var", "file=file-y", "--target", "s/ready")
    assert kinds(found) == {"s/ready": "changed"}
    assert "+input_file_id: file-y" in lines(found, "s/ready")


def test_nothing_of_the_repository_is_run_and_nothing_is_written(checkout: Checkout) -> None:
    canary = checkout.folder.with_name("canary")
    script = checkout.desk.write("evil.sh", f"#!/bin/sh\ntouch {canary}\ncat\n")
    script.chmod(0o755)
    for key in ("core.fsmonitor", "core.pager", "pager.ls-tree", "filter.evil.smudge", "filter.evil.clean",
                "diff.evil.textconv", "core.sshCommand", "core.editor", "alias.rev-parse"):  # fmt: skip
        checkout.git("config", key, str(script))
    hooks = checkout.folder / ".git/hooks"
    for hook in ("post-index-change", "reference-transaction", "pre-commit", "post-checkout"):
        (hooks / hook).write_text(script.read_text())
        (hooks / hook).chmod(0o755)
    checkout.desk.write(".gitattributes", "* filter=evil diff=evil\n")
    edit(checkout, "file-abc", "file-xyz")
    bin_folder = checkout.desk.write("specs/git", f"#!/bin/sh\ntouch {canary}\n").parent
    (bin_folder / "git").chmod(0o755)
    canary.unlink(missing_ok=True)
    before = checkout.fingerprint()
    found = base(checkout, "HEAD", env={"PATH": f"specs::.:{os.environ['PATH']}", "GIT_PAGER": str(script)})
    assert kinds(found) == {"s/ready": "changed"}
    assert not canary.exists()
    assert checkout.fingerprint() == before


def test_a_folder_that_looks_like_a_repository_is_none(checkout: Checkout) -> None:
    canary = checkout.folder.with_name("canary")
    for name, text in {"HEAD": "ref: refs/heads/main\n", "objects/x": "", "refs/x": "",
                       "config": f'[core]\nbare = true\nfsmonitor = "touch {canary}"\n'}.items():  # fmt: skip
        checkout.desk.write(f"specs/{name}", text)
    edit(checkout, "file-abc", "file-xyz")
    ran = checkout.desk.run("plan", ".", "--base", "HEAD", "--json", cwd="specs")
    assert kinds(ran.document["base"]) == {"s/ready": "changed"}
    assert not canary.exists()


def test_what_hooks_and_callers_export_leads_nowhere_else(checkout: Checkout, tmp_path: Path) -> None:
    edit(checkout, "file-abc", "file-xyz")
    elsewhere = {"GIT_DIR": str(tmp_path), "GIT_WORK_TREE": "/", "GIT_INDEX_FILE": "/nonexistent", "GIT_TRACE": "1",
                 "GIT_OBJECT_DIRECTORY": "/nonexistent", "GIT_NAMESPACE": "x"}  # fmt: skip
    assert kinds(base(checkout, "HEAD", env=elsewhere)) == {"s/ready": "changed"}


def test_replaced_objects_replace_nothing(checkout: Checkout) -> None:
    first = checkout.git("rev-parse", "HEAD")
    edit(checkout, "file-abc", "file-xyz")
    second = checkout.commit()
    checkout.git("replace", first, second)
    assert kinds(base(checkout, first)) == {"s/ready": "changed"}


def test_a_link_in_the_base_is_not_followed(checkout: Checkout) -> None:
    (checkout.folder / "specs/l.yaml").symlink_to("s.yaml")
    checkout.commit()
    (checkout.folder / "specs/l.yaml").unlink()
    checkout.desk.write("specs/l.yaml", SPEC.replace("run:", "name: l\nrun:"))
    found = base(checkout)
    assert found["problem"].startswith("specs/l.yaml: it is a link")
    assert kinds(found) == {}


def test_who_does_not_ask_for_a_base_runs_no_git(checkout: Checkout) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "batchrunner", "plan", "specs"]
    loaded = checkout.desk.run_script(command).err
    assert "batchrunner.wiring.planning" in loaded
    assert not [name for name in ("revisions", "difflib", "comparing") if f" {name}\n" in loaded
                or f".{name}\n" in loaded]  # fmt: skip


def test_patterns_are_compared_as_they_are_declared(checkout: Checkout) -> None:
    edit(checkout, "data/rows.jsonl", "data/*.jsonl")
    checkout.commit()
    checkout.desk.write("specs/data/more.jsonl", request_lines("three"))
    edit(checkout, "file-abc", "file-xyz")
    assert kinds(base(checkout)) == {"s/ready": "changed"}
    edit(checkout, "data/*.jsonl", "data/r*.jsonl")
    assert {"-input: data/*.jsonl", "+input: data/r*.jsonl"} <= set(lines(base(checkout), "s/rows"))


def test_a_saved_plan_keeps_its_base(checkout: Checkout) -> None:
    edit(checkout, "file-abc", "file-xyz")
    planned = checkout.desk.run("plan", "specs", "--base", "HEAD", "--out", "plan.json", "--format", "markdown")
    assert "+input_file_id: file-xyz" in planned.out
    assert checkout.desk.run("show", "plan.json", "--format", "markdown").out == planned.out


def test_a_submodule_and_a_file_without_end_are_no_specs_of_the_base(checkout: Checkout) -> None:
    inner = checkout.folder / "specs/inner"
    checkout.git("init", "--quiet", str(inner))
    checkout.git("-C", str(inner), "commit", "--quiet", "--allow-empty", "--message", "inner")
    checkout.git("add", "specs/inner")
    checkout.desk.write("specs/huge.yaml", "x-a: " + "y" * (64 << 20))
    checkout.commit()
    (checkout.folder / "specs/huge.yaml").unlink()
    edit(checkout, "file-abc", "file-xyz")
    found = base(checkout)
    assert "specs/huge.yaml" in found["problem"]
    assert kinds(found) == {"s/ready": "changed"}

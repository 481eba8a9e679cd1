"""`from batchrunner import load, plan, apply`: the same as the commands, typed, with errors as exceptions."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.cli import Desk, provided, request_lines

import batchrunner
from batchrunner.errors import InvalidFiles, Refused, TryAgain, UsageError
from batchrunner.stores import FileStore

PROGRAM = Path(__file__).with_name("typed_program.py")
ROOT = Path(__file__).parents[2]


def test_a_program_of_a_user_is_well_typed(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file",
        "",
        "--cache-dir",
        str(tmp_path),
        str(PROGRAM),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout) == (0, "Success: no issues found in 1 source file\n")


def test_it_runs(desk: Desk) -> None:
    ran = desk.run_script([sys.executable, str(PROGRAM), "s.yaml"])
    lines = ran.out.splitlines()
    assert (ran.code, lines[0], lines[-2:]) == (0, "Started", ["Finished", "2 2 0"])
    assert sorted(lines[1:-2]) == ["Submitted", "Submitted", "Uploaded", "Uploading"]
    again = desk.run_script([sys.executable, str(PROGRAM), "s.yaml"])
    assert (again.code, again.out) == (0, "0 0 0\n")


def test_its_errors_are_values(desk: Desk) -> None:
    desk.write("s.yaml", desk.read("s.yaml").replace("endpoint", "endpont"))
    ran = desk.run_script([sys.executable, str(PROGRAM), "s.yaml"])
    assert (ran.code, ran.out.splitlines()[0]) == (1, "s.yaml:2:12 unknown-key")


@pytest.fixture
def here(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The folder, as the current one of this process, without a key."""
    monkeypatch.chdir(desk.folder)
    monkeypatch.delenv("ALPHAEDGE_API_KEY", raising=False)
    return desk


def test_plan_says_what_the_command_says(here: Desk) -> None:
    at = "2026-11-22T02:30:00Z"
    planned = batchrunner.plan(batchrunner.load("s.yaml", at=at))
    assert planned.plan_id == here.run("plan", "s.yaml", "--at", at, "--json").document["plan_id"]


@pytest.mark.parametrize(
    ("arguments", "options", "kind", "code"),
    [
        (["nope.yaml"], {}, InvalidFiles, "invalid-files"),
        (["s.yaml"], {"at": "yesterday"}, UsageError, "bad-time"),
        (["s.yaml"], {"state": "s3://bucket"}, Refused, "unknown-store"),
        (["s.yaml"], {"targets": ["s/nope"]}, UsageError, "no-such-address"),
        (["s.yaml"], {"variables": {"nope": "1"}}, UsageError, "unknown-variable"),
        (["s.yaml"], {}, Refused, "missing-key"),
    ],
)
def test_what_is_wrong_is_raised(
    here: Desk, arguments: list[str], options: dict[str, object], kind: type[Exception], code: str
) -> None:
    with pytest.raises(kind) as raised:
        batchrunner.apply(batchrunner.load(*arguments, **options))  # type: ignore[arg-type]
    assert getattr(raised.value, "code", "") == code
    assert not list(here.folder.glob("*.state.json"))


def test_paths_may_be_paths(here: Desk) -> None:
    at = "2026-11-22T02:30:00Z"
    (one,) = batchrunner.load(Path("s.yaml"), at=at).specs
    assert batchrunner.load("s.yaml", at=at).specs == (one,)


def test_what_is_no_path_is_said(here: Desk) -> None:
    with pytest.raises(TypeError, match="one by one, each a str or a Path, not a list"):
        batchrunner.load(["s.yaml"])  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="at least one path"):
        batchrunner.load()


def test_an_exception_says_the_first_problem_and_how_many_there_are(here: Desk) -> None:
    here.write("s.yaml", "batches:\n  - {name: a, input_file_id: f, endpoint: /v1/embeddings, nope: 1}\n")
    with pytest.raises(InvalidFiles) as one:
        batchrunner.load("s.yaml")
    with pytest.raises(InvalidFiles) as more:
        batchrunner.load("s.yaml", "r.yaml", "q.yaml")
    assert str(one.value) == "s.yaml:2:59: unknown key `nope`"
    assert str(more.value) == "r.yaml: there is no such file (and 1 more)"


def test_a_lock_that_is_held_is_try_again(here: Desk) -> None:
    here.write("data/rows.jsonl", request_lines("one"))
    with FileStore(here.folder / "s.sandbox.state.json").lock(0, print), pytest.raises(TryAgain) as raised:
        batchrunner.apply(batchrunner.load("s.yaml", sandbox=True), lock_timeout=0)
    assert raised.value.code == "lock-held"


def test_waiting_says_where_each_batch_stands(here: Desk) -> None:
    here.write("data/rows.jsonl", request_lines("one"))
    workspace = batchrunner.load("s.yaml", sandbox=True)
    assert batchrunner.wait(workspace) == ()
    batchrunner.apply(workspace)
    ended = batchrunner.wait(workspace, timeout=50, interval=0.01)
    assert [(each.address, each.verdict, each.word) for each in ended] == [
        ("s/ready", "done", "completed"),
        ("s/rows", "done", "completed"),
    ]
    assert [each.word for each in batchrunner.wait(workspace)] == ["completed", "completed"]
    assert batchrunner.wait(batchrunner.load("s.yaml", sandbox=True, run_key="2026-11-20")) == ()


def test_waiting_for_what_cannot_be_asked_is_refused(here: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with provided(here):
        for name, value in here.env.items():
            monkeypatch.setenv(name, value)
        workspace = batchrunner.load("s.yaml", targets=["s/ready"])
        batchrunner.apply(workspace)
        monkeypatch.setenv("ALPHAEDGE_API_KEY", "another")
        with pytest.raises(Refused) as raised:
            batchrunner.wait(workspace)
        assert raised.value.code == "not-watched"
        monkeypatch.delenv("ALPHAEDGE_API_KEY")
        with pytest.raises(Refused, match="there is no key"):
            batchrunner.wait(workspace)


def test_the_package_names_what_it_offers() -> None:
    assert set(batchrunner.__all__) == {"__version__", "apply", "load", "plan", "wait"}
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        batchrunner.nope  # noqa: B018 - reading it is the test

"""Every command: help, mistakes in typing, shared flags, one document with --json, streams."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.cli import SCRIPT, Desk, Ran

from batchrunner.commands import COMMANDS

NAMES = ["init", "validate", "plan", "show", "render", "apply", "resolve", "state", "explain", "schema"]
NAMES += ["completion", "sandbox"]
SUBCOMMANDS = ["state list", "state show", "state rm", "state mv", "state repair", "state unlock", "sandbox serve"]

AT = ("--at", "2026-11-22T02:30:00Z")
GOOD: dict[str, list[str]] = {
    "init": ["new"],
    "validate": ["s.yaml"],
    "plan": ["s.yaml"],
    "show": ["plan.json"],
    "render": ["s.yaml", "rows"],
    "apply": ["s.yaml", "--sandbox"],
    "doctor": ["s.yaml", "--sandbox"],
    "runs": ["s.yaml", "--sandbox"],
    "history": ["s/rows", "--sandbox"],
    "state list": ["--sandbox"],
    "state show": ["s/rows", "--sandbox"],
    "state unlock": ["--sandbox"],
    "state repair": ["--sandbox", "--yes"],
    "state mv": ["s/rows", "s/lines", "--sandbox"],
    "state rm": ["s/lines", "--sandbox", "--yes"],
    "explain": ["unknown-key"],
    "schema": ["spec"],
    "completion": ["bash"],
}
"""Arguments with which each command succeeds, in an order in which they do."""

BAD: dict[str, tuple[list[str], int]] = {
    "init": (["s.yaml/below"], 1),
    "validate": (["nope.yaml"], 1),
    "plan": (["nope.yaml"], 1),
    "show": (["nope.json"], 1),
    "render": (["s.yaml", "nope"], 64),
    "apply": (["nope.yaml"], 1),
    "runs": (["nope.yaml"], 1),
    "history": (["nope"], 1),
    "resolve": (["s/rows", "--absent"], 1),
    "state list": ([], 1),
    "state show": (["s/rows"], 1),
    "state rm": (["s/rows", "--yes"], 1),
    "state mv": (["s/rows", "s/lines"], 1),
    "state repair": (["--yes"], 1),
    "state unlock": ([], 1),
    "explain": (["nope"], 64),
    "schema": (["nope"], 64),
    "completion": (["tcsh"], 64),
    "sandbox serve": (["--fault", "nope=1"], 64),
}


def words(name: str) -> list[str]:
    return name.split(" ")


@pytest.fixture
def used(desk: Desk) -> Desk:
    """A folder in which everything has been done once."""
    assert desk.run("apply", "s.yaml", "--sandbox").code == 0
    assert desk.run("plan", "s.yaml", "--out", "plan.json").code == 0
    return desk


@pytest.mark.parametrize("name", [*COMMANDS, *SUBCOMMANDS])
def test_help_says_what_a_command_does(empty: Desk, name: str) -> None:
    ran = empty.run(*words(name), "-h")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"Usage: batchrunner {name} ")
    assert all(len(line) <= 80 for line in ran.out.splitlines())
    assert " RANGE" not in ran.out


def test_without_a_command_help_names_them_all(empty: Desk) -> None:
    ran = empty.run()
    assert ran == empty.run("--help")
    assert ran.code == 0
    assert [line.split()[0] for line in ran.out.split("Commands:\n")[1].split("\n\n")[0].splitlines()] == [*COMMANDS]


def test_the_version_is_the_same_everywhere(empty: Desk) -> None:
    ran = empty.run("--version")
    assert ran == empty.run("-V") == empty.run_script([sys.executable, "-m", "batchrunner", "--version"])
    assert ran.out.startswith("batchrunner ")


def test_as_a_module_it_is_the_same_program(desk: Desk) -> None:
    as_module = desk.run_script([sys.executable, "-m", "batchrunner", "plan", "s.yaml", *AT])
    assert as_module == desk.run("plan", "s.yaml", *AT)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["aply", "s.yaml"], "did you mean `apply`?"),
        (["state", "lst"], "did you mean `list`?"),
        (["sandbox", "serv"], "did you mean `serve`?"),
        (["plan", "s.yaml", "--jsn"], "did you mean one of: `--json`, `--since`?"),
        (["apply", "s.yaml", "--replac", "x"], "did you mean `--replace`?"),
        (["--json", "plan", "s.yaml"], "options go after the command"),
        (["plan"], "batchrunner plan --help"),
        (["schema", "spek"], "did you mean `spec`? All there is: batchrunner schema"),
        (["apply", "s.yaml", "--concurrency", "0"], "batchrunner apply --help"),
        (["apply", "s.yaml", "--var", "x"], "batchrunner apply --help"),
        (["plan", "s.yaml", "--json", "--format", "markdown"], "batchrunner plan --help"),
        (["plan", "s.yaml", "--target", "s/row"], "did you mean `s/rows`?"),
        (["plan", "s.yaml", "--replace", "s/row"], "did you mean `s/rows`?"),
        (["plan", "s.yaml", "--replace", "rows"], "--replace s/rows, once for each batch"),
        (["plan", "s.yaml", "--replace", "s/r*"], "--replace takes one exact address"),
        (["plan", "s.yaml", "--replace", "s/r*", "--target", "s/ready"], "It could mean s/ready, s/rows."),
        (["plan", "s.yaml", "--replace", "s/rows", "--target", "s/ready"], "outside of --target"),
        (["plan", "s.yaml", "--run-key", "20-11-2026"], "write it like 2026-11-22;"),
        (["plan", "s.yaml", "--run-key", "20261120"], "manual:20261120"),
        (["apply", "plan.json", "s.yaml"], "a saved plan is applied alone"),
        (["plan", "s.yaml", "--at", "yesterday"], "write it like"),
        (["plan", "s.yaml", "--run-key", "///"], "a run key is like"),
        (["plan", "s.yaml", "--lock-timeout", "5"], "batchrunner plan --help"),
        (["\x1b[31m\n::error::x"], "batchrunner --help"),
    ],
)
def test_a_mistake_in_typing_is_64_with_what_was_meant(desk: Desk, typed: list[str], meant: str) -> None:
    ran = desk.run(*typed)
    assert ran.code == 64
    assert meant in (ran.error["hint"] if "--json" in typed else ran.err)
    assert "\x1b" not in ran.err
    assert not any(line.lstrip().startswith("::") for line in ran.err.splitlines())


EMPTY = [
    *(["apply", "s.yaml", option, ""] for option in ("--run-key", "--at", "--state", "--project")),
    *(["state", "list", option, ""] for option in ("--run-key", "--state", "--project")),
    ["plan", "s.yaml", "--out="],
    ["state", "rm", "s/rows", "--yes", "--run-key="],
    ["resolve", "s/rows", "--absent", "--run-key", ""],
    ["resolve", "s/rows", "--absent", "--adopt", ""],
]


@pytest.mark.parametrize("typed", EMPTY, ids=lambda typed: " ".join(typed))
def test_an_empty_value_is_not_the_same_as_none(used: Desk, typed: list[str]) -> None:
    """A cron line with a variable that is not set would run, forget or read something else."""
    before, sent = used.read("s.sandbox.state.json"), used.posts
    ran = used.run(*typed, "--sandbox", "--json") if typed[0] != "plan" else used.run(*typed, "--json")
    option = next(word for word in typed if word.startswith("--") and word not in {"--yes", "--absent"}).rstrip("=")
    assert (ran.code, ran.error["code"]) == (64, "empty-value")
    assert ran.error["message"] == f"the value of {option} is empty"
    assert (used.read("s.sandbox.state.json"), used.posts) == (before, sent)


def test_an_empty_variable_of_the_environment_is_unset(desk: Desk) -> None:
    empty = dict.fromkeys(("BATCHRUNNER_RUN_KEY", "BATCHRUNNER_STATE", "BATCHRUNNER_PROJECT"), "")
    assert desk.run("plan", "s.yaml", *AT, env=empty) == desk.run("plan", "s.yaml", *AT)


def test_every_command_gives_one_document_or_stream_and_nothing_else(used: Desk) -> None:
    for name, arguments in GOOD.items():
        ran = used.run(*words(name), *arguments, "--json")
        assert (ran.code, ran.document["command"]) == (0, name)
        if not ran.is_stream:
            assert (ran.out.endswith("}\n"), ran.out.count("\n}\n")) == (True, 1)


@pytest.mark.parametrize("name", BAD)
def test_an_error_is_one_document_too(desk: Desk, name: str) -> None:
    arguments, code = BAD[name]
    ran = desk.run(*words(name), *arguments, "--json")
    assert (ran.code, ran.err) == (code, "")
    assert (ran.document["command"], ran.document["exit_code"]) == (name, code)
    assert set(ran.error) == {"code", "message", "where", "why", "hint"}
    assert ran.error["message"]


def test_format_json_is_another_way_to_say_it(desk: Desk) -> None:
    for arguments in (["plan", "s.yaml", *AT], ["plan", "nope.yaml"], ["state", "list"]):
        assert desk.run(*arguments, "--format", "json") == desk.run(*arguments, "--json")


@pytest.mark.parametrize("name", [*NAMES[:5], "resolve", *SUBCOMMANDS[:6], "schema", "completion", "sandbox serve"])
def test_shared_flags_are_known_after_every_command(desk: Desk, name: str) -> None:
    flags = [
        "--color",
        "never",
        "--no-progress",
        "-q",
        "-v",
        "--project",
        "batchrunner.yaml",
        "--state",
        "s.state.json",
    ]
    arguments, code = BAD[name]
    ran = desk.run(*words(name), *arguments, *flags, "--var", "a=b", *AT, "--log-format", "text")
    assert (ran.code, ran.out) == (code, "")
    assert "no such option" not in ran.err


def test_a_flag_that_would_be_ignored_where_it_matters_is_refused(used: Desk) -> None:
    """Somebody who adds --target or --run-key to surgery means to limit it."""
    for arguments in (["rm", "s/rows", "--target", "s/ready"], ["mv", "s/rows", "s/x", "--run-key", "day:2026-11-22"]):
        assert used.run("state", *arguments, "--sandbox").code == 64


def test_results_are_on_stdout_and_all_else_is_on_stderr(desk: Desk) -> None:
    ran = desk.run("apply", "s.yaml", "--sandbox")
    assert ran.out.splitlines()[0].startswith("s   run day:")
    assert ran.out.splitlines()[-1].startswith("Applied: 2 submitted, 0 unchanged, 0 failed.")
    *progress, after = ran.err.splitlines()
    assert sorted(line.split()[1] for line in progress) == ["submitted", "submitted", "uploaded"]
    assert after == "To wait for them: batchrunner wait s.yaml --sandbox"


@pytest.mark.parametrize("flag", ["-q", "--no-progress"])
def test_without_progress_stderr_is_silent(desk: Desk, flag: str) -> None:
    ran = desk.run("apply", "s.yaml", "--sandbox", flag)
    assert (ran.code, ran.err) == (0, "")


def test_quiet_is_silent_about_what_comes_next_but_not_about_errors(desk: Desk) -> None:
    assert "Next: batchrunner apply plan.json" in desk.run("plan", "s.yaml", "--out", "plan.json").err
    assert desk.run("plan", "s.yaml", "--out", "plan.json", "-q").err == ""
    assert desk.run("plan", "nope.yaml", "-q").err != ""


def log_of(ran: Ran) -> list[dict[str, object]]:
    return [json.loads(line) for line in ran.err.splitlines()]


def test_a_log_in_json_is_json_in_every_line(desk: Desk) -> None:
    ran = desk.run("apply", "s.yaml", "--sandbox", "--log-format", "json")
    events = [line["event"] for line in log_of(ran)]
    assert events[0] == "started"
    assert events[-2:] == ["finished", "notice"]
    assert events.count("submitted") == 2
    assert all({"level", "timestamp"} <= set(line) for line in log_of(ran))
    assert [line["event"] for line in log_of(desk.run("plan", "s.yaml", "--out", "p.json", "--log-format=json"))] == [
        "notice"
    ]


@pytest.mark.parametrize("arguments", [["apply", "nope.yaml"], ["apply"], ["state", "list"]])
def test_an_error_in_a_json_log_is_a_line_of_it(desk: Desk, arguments: list[str]) -> None:
    (line,) = log_of(desk.run(*arguments, "--log-format", "json"))
    assert (line["event"], line["level"]) == ("error", "error")
    assert desk.run(*arguments, env={"BATCHRUNNER_LOG_FORMAT": "json"}).err.startswith('{"format_version"')


def test_verbose_logs_lines(desk: Desk) -> None:
    ran = desk.run("apply", "s.yaml", "--sandbox", "-vv")
    assert "info    submitted address='s/rows'" in ran.err
    assert "info    started total=2" in ran.err


def test_a_bad_setting_names_the_variable(desk: Desk) -> None:
    for name, value in (("BATCHRUNNER_LOG_FORMAT", "xml"), ("BATCHRUNNER_LOCK_TIMEOUT", "soon")):
        ran = desk.run("apply", "s.yaml", "--sandbox", env={name: value})
        assert (ran.code, name in ran.err) == (64, True)


COLOURS = [
    ({}, [], False),
    ({"FORCE_COLOR": "1"}, [], True),
    ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, [], False),
    ({"NO_COLOR": "1"}, ["--color", "always"], True),
    ({"FORCE_COLOR": "1"}, ["--color", "never"], False),
    ({"TERM": "dumb", "CI": "true"}, [], False),
]


@pytest.mark.parametrize(("env", "flags", "coloured"), COLOURS)
def test_colour_is_where_it_was_asked_for(desk: Desk, env: dict[str, str], flags: list[str], coloured: bool) -> None:
    assert ("\x1b[" in desk.run("plan", "s.yaml", *flags, env=env).out) is coloured
    assert ("\x1b[" in desk.run("plan", "nope.yaml", *flags, env=env).err) is coloured


def shell(desk: Desk, command: str, env: dict[str, str] | None = None) -> Ran:
    return desk.run_script(["bash", "-o", "pipefail", "-c", command.replace("batchrunner", SCRIPT)], env=env)


def test_a_reader_that_leaves_is_no_error(desk: Desk) -> None:
    many = "".join(f"  - {{name: b{n}, input_file_id: file-{n}, endpoint: /v1/embeddings}}\n" for n in range(3000))
    desk.write("many.yaml", f"batches:\n{many}")
    ran = shell(desk, "batchrunner plan many.yaml --json | head -1")
    assert (ran.code, ran.out, ran.err) == (141, "{\n", "")


def test_an_apply_goes_on_when_nobody_reads_its_progress(desk: Desk) -> None:
    ran = shell(desk, "(batchrunner apply s.yaml --sandbox; echo $? >code) 2>&1 >/dev/null | true")
    assert (ran.err, desk.read("code")) == ("", "0\n")
    assert len(desk.ledger.batches()) == 2


def test_streams_that_are_closed_change_nothing(desk: Desk) -> None:
    ran = shell(desk, "batchrunner apply s.yaml --sandbox <&- >&- 2>&-")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert desk.state("s.sandbox.state.json")["serial"] > 0
    assert shell(desk, "batchrunner nope >&- 2>&-").code == 64


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_disk_behind_stdout_is_said_and_loses_nothing(desk: Desk) -> None:
    ran = shell(desk, "batchrunner apply s.yaml --sandbox >/dev/full")
    assert (ran.code, "error[output-not-written]" in ran.err) == (1, True)
    assert shell(desk, "batchrunner plan nope.yaml --json >/dev/full").code == 1
    assert shell(desk, "batchrunner plan nope.yaml 2>/dev/full").code == 1


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_no_encoding_of_the_terminal_is_a_defect(desk: Desk, encoding: str) -> None:
    ran = desk.run("plan", "nopé-\u2026-\udcff.yaml", env={"PYTHONIOENCODING": encoding})
    assert (ran.code, "no-such-file" in ran.err) == (1, True)


def test_schemas_are_printed_as_published(empty: Desk) -> None:
    for which in ("spec", "project"):
        published = Path(__file__, f"../../../specs/schema/{which}.schema.json").resolve().read_text()
        assert empty.run("schema", which).out == published
        assert empty.run("schema", which, "--json").document["schema"] == json.loads(published)


@pytest.mark.parametrize("shell_name", ["bash", "zsh", "fish"])
def test_completion_scripts_name_the_program(empty: Desk, shell_name: str) -> None:
    assert "batchrunner" in empty.run("completion", shell_name).out


def test_completion_completes(empty: Desk) -> None:
    env = {"_BATCHRUNNER_COMPLETE": "bash_complete", "COMP_WORDS": "batchrunner sta", "COMP_CWORD": "1"}
    assert empty.run(env=env).out == "plain,status\nplain,state\n"


def test_the_sandbox_serves_until_it_is_interrupted_and_knows_nothing_of_that_of_the_flag(desk: Desk) -> None:
    assert desk.run("apply", "s.yaml", "--sandbox").code == 0
    (desk.folder / ".batchrunner/.gitignore").unlink()
    with desk.started("sandbox", "serve", "--port", "0") as serving:
        assert serving.stdout
        assert serving.stderr
        url = serving.stdout.readline().strip()
        hint = serving.stderr.readline()
        assert hint == f"export ALPHAEDGE_BASE_URL={url} ALPHAEDGE_API_KEY=sandbox\n"
        ran = desk.run("apply", "s.yaml", env={"ALPHAEDGE_BASE_URL": url, "ALPHAEDGE_API_KEY": "sandbox"})
        assert ran.code == 0
        serving.send_signal(2)
        assert serving.wait() == 0
    assert desk.read(".batchrunner/.gitignore") == "*\n"
    desk.database = desk.folder / ".batchrunner/served.sqlite3"
    assert len(desk.ledger.batches()) == 2


def test_the_sandbox_says_where_it_is_in_one_document(empty: Desk) -> None:
    with empty.started("sandbox", "serve", "--port", "0", "--json", "--database", "box/db.sqlite3") as serving:
        assert serving.stdout
        head = "".join(iter(serving.stdout.readline, "}\n")) + "}"
        assert json.loads(head)["base_url"].startswith("http://127.0.0.1:")
        serving.terminate()
        out, err = serving.communicate()
    assert (serving.returncode, out, err) == (0, "", "")
    assert (empty.folder / "box/db.sqlite3").is_file()


def test_help_and_version_import_little() -> None:
    for flag in ("--help", "--version"):
        command = [sys.executable, "-X", "importtime", SCRIPT, flag]
        done = subprocess.run(command, capture_output=True, check=True, text=True)
        imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
        assert "batchrunner" in imported
        assert not imported & {"pydantic", "httpx", "structlog", "rich", "asyncio", "msgspec", "yaml"}

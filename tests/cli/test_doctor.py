"""`doctor`, against services on loopback that are well, wrong about the time, deny, lack lists, refuse, or stall."""

import json
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from socket import create_server

import pytest
from support.cli import KEY, PROJECT, Desk
from support.loopback import Quiet, serving

QUICK = "providers:\n  alphaedge: {timeouts: {look_seconds: 0.3, connect_seconds: 0.3}}\n"


@contextmanager
def answering(desk: Desk, status: int = 200, *, ahead: timedelta = timedelta(), body: object = None) -> Iterator[None]:
    """A service in reach of `desk` that answers everything alike, and whose clock is `ahead`."""
    said = json.dumps({"object": "list", "data": [], "has_more": False} if body is None else body).encode()

    class Answers(Quiet):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response_only(status)
            self.send_header("Date", format_datetime(datetime.now(UTC) + ahead, usegmt=True))
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

    with serving(Answers) as origin:
        desk.env |= {"ALPHAEDGE_API_KEY": KEY, "ALPHAEDGE_BASE_URL": origin}
        yield


def checked(desk: Desk, *flags: str, code: int = 0) -> dict[str, tuple[str, str]]:
    """What `doctor` finds, by id: the status and what was said, the remedy behind it."""
    ran = desk.run("doctor", "s.yaml", *flags, "--json")
    found = ran.document["checks"]
    assert ran.code == code, found
    assert all(each["hint"] for each in found if each["status"] in {"warning", "failure"})
    return {each["id"]: (each["status"], f"{each['message']} {each['hint']}") for each in found}


def test_a_remedy_can_be_pasted(empty: Desk) -> None:
    empty.write("my specs/s.yaml", "batches: [{name: a}]\n")
    hints = {
        each["id"]: each["hint"] for each in empty.run("doctor", "my specs", "--sandbox", "--json").document["checks"]
    }
    again = empty.run(*shlex.split(hints["specs"])[1:])
    assert (hints["specs"], again.code) == ("batchrunner validate 'my specs' --sandbox", 1)
    empty.write("batchrunner.yaml", "polisy: {}\n")
    hints = {each["id"]: each["hint"] for each in empty.run("doctor", "my specs", "--json").document["checks"]}
    again = empty.run(*shlex.split(hints["project-file"])[1:])
    assert "error[unknown-key]" in again.err


def test_all_is_well(shop: Desk) -> None:
    assert shop.run("apply", "s.yaml", "--yes").code == 0
    shop.write("batchrunner.yaml", PROJECT)
    found = checked(shop)
    wanted = ("python", "project-file", "specs", "credentials", "reachable", "key-accepted", "clock", "offers", "state",
              "state-lock", "state-permissions", "cache", "disk")  # fmt: skip
    assert {name: found[name][0] for name in wanted} == dict.fromkeys(wanted, "ok")
    assert "$ALPHAEDGE_API_KEY" in found["credentials"][1]
    assert shop.run("doctor", "s.yaml").out.rstrip().splitlines()[-1].endswith(" ok.")


def test_offline_opens_no_connection_and_sandbox_needs_no_key(desk: Desk) -> None:
    found = checked(desk, "--offline", code=1)
    assert found["credentials"][0] == "failure"
    assert "ALPHAEDGE_API_KEY" in found["credentials"][1]
    assert found["reachable"][0] == "skipped"
    assert checked(desk, "--sandbox")["credentials"][0] == "ok"


@pytest.mark.parametrize(("hours", "which"), [(2, "behind"), (-2, "ahead of")])
def test_a_clock_that_is_wrong_is_a_warning(desk: Desk, hours: int, which: str) -> None:
    with answering(desk, ahead=timedelta(hours=hours)):
        status, words = checked(desk)["clock"]
    assert status == "warning"
    assert f"{which} the provider's" in words


def test_a_key_that_is_refused_fails_and_is_not_shown(desk: Desk) -> None:
    with answering(desk, 401, body={"error": {"message": f"bad key {KEY}"}}):
        status, words = checked(desk, code=1)["key-accepted"]
        shown = desk.run("doctor", "s.yaml")
    assert status == "failure"
    assert "401" in words
    assert KEY not in shown.out


def test_a_service_without_lists_is_reached_and_cannot_say_more(desk: Desk) -> None:
    with answering(desk, 404):
        found = checked(desk)
    assert (found["reachable"][0], found["key-accepted"][0]) == ("ok", "skipped")


def test_a_service_that_is_down_is_a_failure_only_of_that(desk: Desk) -> None:
    with answering(desk, 503, body={"error": {"message": "maintenance"}}):
        status, words = checked(desk)["key-accepted"]
    assert status == "warning"
    assert "maintenance" in words


def test_a_refused_connection_fails(desk: Desk) -> None:
    with create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    desk.env |= {"ALPHAEDGE_API_KEY": KEY, "ALPHAEDGE_BASE_URL": f"http://127.0.0.1:{port}"}
    assert checked(desk, code=1)["reachable"][0] == "failure"


def test_what_speaks_no_tls_fails_and_says_so(desk: Desk) -> None:
    with answering(desk):
        desk.env["ALPHAEDGE_BASE_URL"] = desk.env["ALPHAEDGE_BASE_URL"].replace("http:", "https:")
        status, words = checked(desk, code=1)["reachable"]
        del desk.env["ALPHAEDGE_API_KEY"]
        keyless = checked(desk, code=1)
    assert status == "failure"
    assert "TLS" in words
    assert keyless["reachable"][0] == "failure"


def test_a_stall_hangs_nobody(desk: Desk) -> None:
    desk.write("batchrunner.yaml", QUICK)
    with create_server(("127.0.0.1", 0)) as listener:
        desk.env |= {"ALPHAEDGE_API_KEY": KEY, "ALPHAEDGE_BASE_URL": f"http://127.0.0.1:{listener.getsockname()[1]}"}
        status, words = checked(desk, code=1)["reachable"]
    assert status == "failure"
    assert "within" in words


def test_specs_and_projects_that_are_wrong_fail_and_the_rest_is_looked_at(desk: Desk) -> None:
    desk.write("s.yaml", "batches: [{name: a, input_file: x}]\n")
    found = checked(desk, "--offline", code=1)
    assert (found["specs"][0], found["project-file"][0], found["disk"][0]) == ("failure", "ok", "ok")
    desk.write("batchrunner.yaml", "polcy: {}\n")
    found = checked(desk, "--offline", code=1)
    assert (found["project-file"][0], found["disk"][0]) == ("failure", "ok")


def test_what_a_crash_left_bad_modes_and_damage_are_seen(desk: Desk) -> None:
    assert desk.run("apply", "s.yaml", "--sandbox", "--yes", "--target", "s/rows").code == 0
    state = desk.folder / "s.sandbox.state.json"
    state.chmod(0o644)
    found = checked(desk, "--sandbox")
    assert found["state"] == ("ok", "readable, with 1 attempt ")
    assert found["state-permissions"][0] == "warning"
    state.write_text("{")
    assert checked(desk, "--sandbox", code=1)["state"][0] == "failure"


def test_git_that_ignores_states_or_keeps_locks_is_a_warning(desk: Desk, tmp_path: Path) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", *words], cwd=desk.folder, check=True, capture_output=True)

    git("init", "-q")
    desk.write(".gitignore", "*.json\n")
    desk.write("s.state.lock", "")
    git("add", "-f", "s.state.lock")
    desk.env["ALPHAEDGE_API_KEY"] = KEY
    found = checked(desk, "--offline")
    assert (found["git-state"][0], found["git-lock-files"][0]) == ("warning", "warning")
    assert "s.state.lock" in found["git-lock-files"][1]

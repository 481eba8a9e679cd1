"""On a terminal: it asks, shows a bar, and leaves the terminal as it was."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.cli import KEY, PATIENCE, SCRIPT, Desk, provided

BEYOND_COLOUR = re.compile(r"\x1b\[(?![0-9;]*m)[0-9;?]*[A-Za-z]")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
ASKED = "Only `yes` is taken as approval: "


class Terminal:
    """A program that thinks a person sits in front of it, 80 columns wide."""

    def __init__(self, desk: Desk, *arguments: str, env: Mapping[str, str] | None = None) -> None:
        self.leader, follower = pty.openpty()
        termios.tcsetwinsize(follower, (24, 80))
        self.modes = termios.tcgetattr(follower)
        self.follower = follower
        self.shown = ""
        self.process = subprocess.Popen(
            [SCRIPT, *arguments],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            cwd=desk.folder,
            env={**desk.environment(env), "TERM": "xterm-256color"} | dict(env or {}),
            start_new_session=True,
            preexec_fn=_own_terminal,
        )

    def wait_for(self, words: str) -> str:
        """Everything that was shown, once `words` are."""
        while words not in self.shown:
            assert self._read(), f"{words!r} never came: {self.shown!r}"
        return self.shown

    def type(self, text: str) -> None:
        os.write(self.leader, text.encode())

    def end(self) -> int:
        """The exit code, when all output is read."""
        while self.process.poll() is None:
            self._read(0.05)
        while self._read(0.05):
            pass
        assert KEY not in self.shown
        return self.process.returncode

    def _read(self, patience: float = PATIENCE) -> bool:
        if not select.select([self.leader], [], [], patience)[0]:
            return False
        try:
            data = os.read(self.leader, 65_536)
        except OSError:
            return False
        self.shown += data.decode()
        return bool(data)


def _own_terminal() -> None:
    """Make the terminal the controlling one, so that Ctrl-C reaches the program as a signal."""
    import fcntl

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@contextmanager
def terminal(desk: Desk, *arguments: str, env: Mapping[str, str] | None = None) -> Iterator[Terminal]:
    screen = Terminal(desk, *arguments, env=env)
    try:
        yield screen
        assert termios.tcgetattr(screen.follower) == screen.modes
    finally:
        screen.process.kill()
        screen.process.wait()
        os.close(screen.leader)
        os.close(screen.follower)


def as_seen(text: str) -> list[str]:
    """The lines that remain on a screen: carriage returns, erased lines and cursor movements carried out."""
    lines, row, column = [""], 0, 0
    for token in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\n]|[^\x1b\r\n]+", text):
        if token == "\r":
            column = 0
        elif token == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif token.startswith("\x1b["):
            number = int(re.sub(r"\D", "", token) or 1)
            if token.endswith("A"):
                row = max(row - number, 0)
            elif token.endswith("K"):
                lines[row] = "" if token == "\x1b[2K" else lines[row][:column]
        else:
            lines[row] = lines[row][:column].ljust(column) + token + lines[row][column + len(token) :]
            column += len(token)
    return [line.rstrip() for line in lines]


def test_it_shows_the_plan_and_asks(shop: Desk) -> None:
    with terminal(shop, "apply", "s.yaml") as screen:
        shown = COLOUR.sub("", screen.wait_for(ASKED))
        assert shown.index("Plan: 2 to submit.") < shown.index("Submit 2 batches?")
        assert shop.posts == 0
        screen.type("yes\n")
        assert screen.end() == 0
    assert len(shop.ledger.batches()) == 2


@pytest.mark.parametrize("answer", ["y\n", "no\n", "\n", "YES\n", "yes please\n", "\x04"])
def test_nothing_but_yes_is_approval(shop: Desk, answer: str) -> None:
    with terminal(shop, "apply", "s.yaml", "--json" if answer == "y\n" else "-q") as screen:
        screen.wait_for(ASKED)
        screen.type(answer)
        code = screen.end()
    assert (code, shop.posts) == (1, 0)
    assert "not-approved" in screen.shown
    assert "approval: error" not in COLOUR.sub("", screen.shown)
    assert not list(shop.folder.glob("*.state.json"))


def test_ctrl_c_at_the_question_is_130_and_nothing_is_sent(shop: Desk) -> None:
    with terminal(shop, "apply", "s.yaml") as screen:
        screen.wait_for(ASKED)
        screen.type("\x03")
        assert (screen.end(), shop.posts) == (130, 0)
    assert "interrupted; nothing is lost" in screen.shown
    assert "Traceback" not in screen.shown


@pytest.mark.parametrize(("flags", "env"), [(["--yes"], {}), ([], {"CI": "true"})])
def test_nobody_is_asked_who_said_yes_or_cannot_answer(shop: Desk, flags: list[str], env: dict[str, str]) -> None:
    with terminal(shop, "apply", "s.yaml", *flags, env=env) as screen:
        assert screen.end() == 0
    assert ASKED not in screen.shown
    assert len(shop.ledger.batches()) == 2


def test_nothing_to_send_is_nothing_to_ask(shop: Desk) -> None:
    shop.run("apply", "s.yaml")
    with terminal(shop, "apply", "s.yaml") as screen:
        assert screen.end() == 0
    assert ASKED not in screen.shown


def test_a_missing_key_is_said_before_anybody_is_asked(desk: Desk) -> None:
    with terminal(desk, "apply", "s.yaml") as screen:
        assert screen.end() == 1
    assert "missing-key" in screen.shown
    assert ASKED not in screen.shown


def test_surgery_asks_too(shop: Desk) -> None:
    shop.run("apply", "s.yaml")
    before = shop.read("s.state.json")
    for answer, code in (("no\n", 1), ("yes\n", 0)):
        assert shop.read("s.state.json") == before
        with terminal(shop, "state", "rm", "s/rows") as screen:
            screen.wait_for(ASKED)
            screen.type(answer)
            assert screen.end() == code
    assert list(shop.state()["batches"]) == ["s/ready"]


def test_the_bar_leaves_nothing_behind(shop: Desk) -> None:
    with terminal(shop, "apply", "s.yaml", "--yes") as screen:
        assert screen.end() == 0
    assert BEYOND_COLOUR.search(screen.shown), "there was no bar"
    assert "\x1b[?25l" not in screen.shown.rpartition("\x1b[?25h")[2]
    seen = as_seen(screen.shown)
    assert not [line for line in seen if "━" in line or "2/2 submitted" in line]
    assert [line for line in seen if line][-2].startswith("Applied: 2 submitted")


@pytest.mark.parametrize(
    ("flags", "env"), [(["--no-progress"], {}), (["-q"], {}), (["-v"], {}), ([], {"TERM": "dumb"}), ([], {"CI": "1"})]
)
def test_there_is_no_bar_where_none_is_wanted(desk: Desk, flags: list[str], env: dict[str, str]) -> None:
    with terminal(desk, "apply", "s.yaml", "--sandbox", "--yes", *flags, env=env) as screen:
        assert screen.end() == 0
    assert not BEYOND_COLOUR.search(screen.shown)
    assert ("\x1b[" in screen.shown) is ("TERM" not in env)


def test_colour_is_off_where_it_is_declined(desk: Desk) -> None:
    for flags, env in ((["--color", "never"], {}), ([], {"NO_COLOR": "1"})):
        with terminal(desk, "plan", "s.yaml", *flags, env=env) as screen:
            assert screen.end() == 0
        assert "\x1b" not in screen.shown


def until_sent(desk: Desk) -> None:
    while not desk.ledger.batches():
        pass


def test_ctrl_c_once_finishes_what_is_in_flight(desk: Desk) -> None:
    with provided(desk, "create:slow=1:1"), terminal(desk, "apply", "s.yaml", "--yes", "--concurrency", "1") as screen:
        until_sent(desk)
        screen.type("\x03")
        code = screen.end()
        assert (code, len(desk.ledger.batches())) == (130, 1)
        seen = as_seen(screen.shown)
        assert any(line.startswith("Stopping: what is in flight is finished.") for line in seen)
        assert any(line.startswith("Interrupted: 1 submitted, 0 unchanged, 0 failed, 1 not started.") for line in seen)
        assert seen[-2].strip() == "batchrunner apply s.yaml"
        again = desk.run("apply", "s.yaml", "--json")
    assert (again.code, again.document["submitted"], again.document["unchanged"]) == (0, 1, 1)


def test_ctrl_c_twice_leaves_at_once_with_a_clean_terminal(desk: Desk) -> None:
    with provided(desk, "create:stall=first:1:60"):
        with terminal(desk, "apply", "s.yaml", "--yes", "--concurrency", "1") as screen:
            until_sent(desk)
            screen.type("\x03")
            screen.wait_for("Stopping:")
            screen.type("\x03")
            assert screen.end() == 130
        seen = as_seen(screen.shown)
        assert not [line for line in seen if "━" in line]
        assert [line for line in seen if line][-1] == "Left at once. Nothing is lost: run the same command again."
        assert desk.run("apply", "s.yaml").code == 0
    assert len(desk.ledger.batches()) == 2


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_without_a_terminal(desk: Desk, number: signal.Signals, code: int) -> None:
    with provided(desk, "create:slow=1:1"), desk.started("apply", "s.yaml", "--json", "--concurrency", "1") as process:
        until_sent(desk)
        process.send_signal(number)
        out, err = process.communicate()
    assert (process.returncode, json.loads(out.splitlines()[-1])["interrupted"]) == (code, True)
    assert "Stopping:" in err


def test_tables_fit_the_screen(desk: Desk, tmp_path: Path) -> None:
    desk.run("apply", "s.yaml", "--sandbox")
    for arguments in (["state", "list", "--sandbox"], ["plan", "s.yaml", "--sandbox"], ["state", "show", "-h"]):
        with terminal(desk, *arguments) as screen:
            assert screen.end() == 0
        assert max(len(line) for line in as_seen(COLOUR.sub("", screen.shown))) <= 80

"""SIGTERM where a command reads or asks: it ends as Ctrl-C ends it, with an exit code of its own."""

import json
import signal
import socket
from collections.abc import Iterator

import pytest
from support.cli import KEY, Desk

ENDS = {signal.SIGINT: (130, "interrupted; nothing is lost"), signal.SIGTERM: (143, "terminated; nothing is lost")}


@pytest.fixture
def silent(desk: Desk) -> Iterator[socket.socket]:
    """A provider that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        desk.env |= {"ALPHAEDGE_BASE_URL": origin, "ALPHAEDGE_API_KEY": KEY}
        yield listener


@pytest.mark.parametrize("number", ENDS)
def test_what_asks_a_provider(desk: Desk, silent: socket.socket, number: signal.Signals) -> None:
    with desk.started("recover", "s.yaml") as process:
        asked, _ = silent.accept()
        process.send_signal(number)
        assert process.stderr
        assert "Stopping" in process.stderr.readline()
        silent.close()
        asked.close()
        _, err = process.communicate()
    assert (process.returncode, ENDS[number][1] in err) == (ENDS[number][0], True)


def test_what_probes_providers(desk: Desk, silent: socket.socket) -> None:
    with desk.started("doctor", "s.yaml", "--json") as process, silent.accept()[0]:
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate()
    assert (process.returncode, json.loads(out)["error"]["code"], err.strip()) == (143, "interrupted", "")


def test_what_reads_files(desk: Desk) -> None:
    with desk.started("validate", "-") as process:
        assert process.stdin
        process.stdin.write("# long\n" * 100_000)  # more than a pipe holds: when it is written, it is being read
        process.stdin.flush()
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate()
    assert (process.returncode, ENDS[signal.SIGTERM][1] in err) == (143, True)


def test_what_is_told_again_and_again(desk: Desk) -> None:
    """As where a group of processes is told, and its parent hands that on."""
    with desk.started("validate", "-") as process:
        assert process.stdin
        process.stdin.write("# long\n" * 100_000)
        process.stdin.flush()
        while process.poll() is None:
            process.send_signal(signal.SIGTERM)
        _, err = process.communicate()
    assert (process.returncode, "Traceback" in err) == (143, False)

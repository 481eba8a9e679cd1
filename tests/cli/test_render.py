"""`batchrunner render`: exactly what would be sent, and nothing where that is not sound."""

import hashlib
import json
import os
import pty
import signal
import subprocess

import pytest
from support.cli import SCRIPT, Desk, request_lines

SPEC = """\
vars: {tone: short}
defaults: {endpoint: /v1/embeddings}
batches:
  - {name: ready, input_file_id: file-abc}
  - {name: plain, input: data/plain.jsonl}
  - name: tickets
    matrix: {lang: [en, fr]}
    shard: {max_requests: 2}
    input:
      rows: data/tickets-${matrix.lang}.csv
      custom_id: ${matrix.lang}-${row.id}
      body: {model: m, input: "A ${vars.tone} summary of ${row.text}"}
  - {name: broken, input: data/broken.jsonl}
"""
TICKETS = 'id,text\n1,one\n2,"two\n2"\n3,three\n'


@pytest.fixture
def tabled(empty: Desk) -> Desk:
    """A folder with a spec whose inputs are tables and files, one of them broken."""
    empty.write("batchrunner.yaml", "")
    empty.write("s.yaml", SPEC)
    empty.write("data/plain.jsonl", request_lines("one", "two").rstrip("\n"))
    empty.write("data/tickets-en.csv", TICKETS)
    empty.write("data/tickets-fr.csv", "id,text\n")
    empty.write("data/broken.jsonl", "{}\n")
    return empty


def line(custom_id: str, text: str) -> str:
    body = {"input": text, "model": "m"}
    document = {"custom_id": custom_id, "method": "POST", "url": "/v1/embeddings", "body": body}
    return json.dumps(document, separators=(",", ":")) + "\n"


LINES = [
    line("en-1", "A short summary of one"),
    line("en-2", "A short summary of two\n2"),
    line("en-3", "A short summary of three"),
]


@pytest.mark.parametrize(
    ("address", "lines"),
    [
        ("s/tickets[lang=en]", LINES),
        ("tickets[lang=en]", LINES),
        ("s/tickets[lang=en]#1", LINES[:2]),
        ("tickets[lang=en]#2", LINES[2:]),
    ],
)
def test_rows_are_rendered(tabled: Desk, address: str, lines: list[str]) -> None:
    ran = tabled.run("render", "s.yaml", address)
    assert (ran.code, ran.out, ran.err) == (0, "".join(lines), "")


def test_flags_decide_what_is_rendered(tabled: Desk) -> None:
    ran = tabled.run("render", "s.yaml", "tickets[lang=en]#2", "--var", "tone=long", "--sandbox", "--state", "x.json")
    assert (ran.code, ran.out) == (0, LINES[2].replace("short", "long"))


def test_lines_of_a_file_are_printed_as_they_are(tabled: Desk) -> None:
    ran = tabled.run("render", "s.yaml", "plain")
    assert (ran.code, ran.out, ran.err) == (0, request_lines("one", "two").rstrip("\n"), "")


def test_what_is_rendered_is_what_is_sent(tabled: Desk) -> None:
    target = ("--target", "tickets[lang=en]", "--sandbox")
    assert tabled.run("apply", "s.yaml", *target).code == 0
    for number in (1, 2):
        address = f"s/tickets[lang=en]#{number}"
        (attempt,) = (
            each for runs in tabled.state("s.sandbox.state.json")["batches"][address].values() for each in runs
        )
        text = tabled.run("render", "s.yaml", address, "--sandbox").out
        assert attempt["intent"]["source"]["sha256"] == f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def test_one_document_holds_the_lines(tabled: Desk) -> None:
    document = tabled.run("render", "s.yaml", "tickets[lang=en]", "--json").document
    assert document.pop("sha256") == f"sha256:{hashlib.sha256(''.join(LINES).encode()).hexdigest()}"
    assert document == {
        "format_version": "1.0",
        "command": "render",
        "address": "s/tickets[lang=en]",
        "requests": 3,
        "size": len("".join(LINES)),
        "lines": [json.loads(each) for each in LINES],
    }
    plain = tabled.run("render", "s.yaml", "plain", "--json").document
    assert [each["custom_id"] for each in plain["lines"]] == ["one", "two"]


@pytest.mark.parametrize(
    ("address", "code", "words"),
    [
        ("s/ticket[lang=en]", "no-such-address", "did you mean `s/tickets[lang=en]`?"),
        ("tickets[lang=en]#3", "no-such-address", "There is s/tickets[lang=en]#1, s/tickets[lang=en]#2."),
        ("plain#1", "no-such-address", "s/plain is sent as a whole."),
        ("tickets", "no-such-address", "It could mean s/tickets[lang=en], s/tickets[lang=fr]."),
        ("nothing/of/the/kind\x1b[31m", "no-such-address", r"no batch is called nothing/of/the/kind\x1b[31m"),
        ("ready", "nothing-to-render", "file-abc"),
        ("broken", "missing-required-parameter", "data/broken.jsonl:1:1"),
        ("tickets[lang=fr]", "empty-file", "data/tickets-fr.csv"),
    ],
)
def test_what_cannot_be_rendered_is_said(tabled: Desk, address: str, code: str, words: str) -> None:
    ran = tabled.run("render", "s.yaml", address)
    assert (ran.code, ran.out) == (64 if code == "no-such-address" else 1, "")
    assert f"error[{code}]" in ran.err
    assert words in ran.err


def test_nothing_is_printed_of_a_table_with_a_broken_row(tabled: Desk) -> None:
    tabled.write("data/tickets-en.csv", TICKETS + "4\n")
    ran = tabled.run("render", "s.yaml", "tickets[lang=en]#1")
    assert (ran.code, ran.out) == (1, "")
    assert "data/tickets-en.csv:6:1" in ran.err


def long_table(desk: Desk) -> None:
    rows = (f"{number},{'words ' * 100}\n" for number in range(20_000))
    desk.write("data/tickets-en.csv", "id,text\n" + "".join(rows))


def test_a_reader_may_leave(tabled: Desk) -> None:
    long_table(tabled)
    with tabled.started("render", "s.yaml", "tickets[lang=en]") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(14) == '{"custom_id":"'
        process.stdout.close()
        assert process.wait(60) == 141
        assert process.stderr.read() == ""


def test_an_interruption_ends_it_even_while_nobody_reads(tabled: Desk) -> None:
    long_table(tabled)
    with tabled.started("render", "s.yaml", "tickets[lang=en]") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert "interrupted" in process.stderr.read()


def test_a_terminal_is_never_steered(tabled: Desk) -> None:
    text = '\x9b31m\u202eabc\\"\u00a0é'
    tabled.write("data/tickets-en.csv", f'id,text\n1,"{text}"\n'.replace('\\"', '""'))
    controller, terminal = pty.openpty()
    command = [SCRIPT, "render", "s.yaml", "tickets[lang=en]"]
    with subprocess.Popen(command, cwd=tabled.folder, env=tabled.environment(), stdout=terminal) as process:
        os.close(terminal)
        shown = b""
        try:
            while data := os.read(controller, 4096):
                shown += data
        except OSError:  # how Linux says that the other end is closed
            pass
        assert process.wait(60) == 0
    os.close(controller)
    assert rb"A short summary of \x9b31m\u202eabc" in shown
    assert "é".encode() in shown
    assert tabled.run("render", "s.yaml", "tickets[lang=en]").out.count("\x9b") == 1

"""Logs: one line a record, nothing that moves a cursor, and no secret however it would be spelled."""

import json
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from batchrunner.events import Event, Failed, Finished, Retrying, Started, Stopping, Submitted, Uploaded, Uploading
from batchrunner.telemetry import REDACTED, LogReporter, configure, redactor

EVENTS: list[Event] = [
    Started(total=2),
    Uploading(address="s/a", sent=1, size=2),
    Uploaded(address="s/a", run_key="r", file_id="f"),
    Submitted(address="s/a", run_key="r", batch_id="b"),
    Retrying(address="s/a", code="server-error", wait=0.5, attempt=2, attempts=5),
    Failed(address="s/a", run_key="r", outcome="rejected", code="bad-request", words="no", status=400),
    Stopping(reason="interrupted", in_flight=1),
    Finished(submitted=1, failed=1, left=0),
]


@pytest.fixture(autouse=True)
def _fresh_logs() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def logged(
    capsys: pytest.CaptureFixture[str], events: list[Event], log_format: str, level: str = "debug", *secrets: str
) -> list[str]:
    configure(log_format, level, redactor(secrets))
    reporter = LogReporter(run="nightly")
    for event in events:
        reporter.report(event)
    captured = capsys.readouterr()
    assert captured.out == "", "results have stdout to themselves"
    return captured.err.splitlines()


def test_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    records = [json.loads(line) for line in logged(capsys, EVENTS, "json")]
    assert [record["event"] for record in records] == [
        "started", "uploading", "uploaded", "submitted", "retrying", "failed", "stopping", "finished",
    ]  # fmt: skip
    assert {record["run"] for record in records} == {"nightly"}
    failed = records[5]
    assert (failed["level"], failed["address"], failed["status"], failed["words"]) == ("warning", "s/a", 400, "no")
    assert failed["timestamp"].endswith("Z")


def test_lines_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = logged(capsys, [EVENTS[3]], "")
    assert line.partition(" ")[2] == "info    submitted address='s/a' batch_id='b' run='nightly' run_key='r'"


@pytest.mark.parametrize("log_format", ["", "json"])
def test_no_line_is_a_command_of_a_runner(capsys: pytest.CaptureFixture[str], log_format: str) -> None:
    words = "##[error]no\n::error::no"
    failed = Failed(address="s/a", run_key="r", outcome="rejected", code="bad-request", words=words, status=400)
    (line,) = logged(capsys, [failed], log_format)
    assert "##[" not in line
    if log_format:
        assert json.loads(line)["words"] == words


@pytest.mark.parametrize(("level", "count"), [("debug", 8), ("info", 7), ("warning", 3)])
def test_levels(capsys: pytest.CaptureFixture[str], level: str, count: int) -> None:
    assert len(logged(capsys, EVENTS, "json", level)) == count


HOSTILE = "a\x1b[31m\nlevel=error\r\u202e\u2028\x9b\x00"


@pytest.mark.parametrize("log_format", ["json", "lines"])
def test_nothing_moves_a_cursor(capsys: pytest.CaptureFixture[str], log_format: str) -> None:
    (line,) = logged(capsys, [Failed(address=HOSTILE, run_key="", outcome="", code="", words=HOSTILE)], log_format)
    assert line.isprintable()


SECRETS = ["sk-canary", 'sk-"quoted"', "sk-back\\slash", "sk-it's", "sk-'\"both", "sk-canary-longer"]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("log_format", ["json", "lines"])
def test_no_secret_gets_through(capsys: pytest.CaptureFixture[str], log_format: str, secret: str) -> None:
    words = f'it\'s "Bearer {secret}" that is wrong'
    lines = logged(capsys, [Failed(address="s/a", run_key="", outcome="", code="", words=words)], log_format,
                   "debug", *SECRETS)  # fmt: skip
    assert "sk-" not in "".join(lines)
    assert REDACTED in lines[0]
    assert "longer" not in lines[0]


@given(st.lists(st.text(alphabet="ab", max_size=4)), st.text(alphabet="abc"))
def test_a_redacted_text_holds_no_secret(secrets: list[str], text: str) -> None:
    parts = redactor(secrets)(text).split(REDACTED)
    assert not [secret for secret in secrets if secret and any(secret in part for part in parts)]


def test_without_secrets_a_text_stays_as_it_is() -> None:
    assert redactor([])("text") == redactor([""])("text") == "text"

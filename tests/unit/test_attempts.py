"""Every outcome moves an attempt to one status, and says what is still unaccounted for."""

import pytest
from support.builders import NOW, attempt

from batchrunner.attempts import settle
from batchrunner.jobs import Accepted, Deferred, Denied, InDoubt, Outcome, Rejected, Uploaded
from batchrunner.records import Raw
from batchrunner.state import Problem

LATER = "2026-11-22T03:00:00+00:00"
SENT = NOW.isoformat()


@pytest.mark.parametrize(
    ("outcome", "status", "sent_at"),
    [
        (Accepted(batch_id="b-1", reply=Raw(b"{}")), "submitted", SENT),
        (Rejected(code="bad-request", status=400, words="no"), "rejected", ""),
        (InDoubt(code="no-answer"), "in-doubt", SENT),
        (Denied(code="unauthorized", status=401), "deferred", ""),
        (Denied(code="unauthorized", status=401, in_doubt=True), "in-doubt", SENT),
        (Deferred(code="rate-limited", status=429, retry_after=300.0), "deferred", ""),
    ],
)
def test_outcomes_of_a_create(outcome: Outcome, status: str, sent_at: str) -> None:
    before = attempt("uploaded", problem=Problem(code="older"))
    after = settle(before, outcome, LATER)
    assert (after.status, after.sent_at, after.updated_at) == (status, sent_at, LATER)
    assert (after.intent, after.request, after.number) == (before.intent, before.request, before.number)


def test_a_created_batch_keeps_its_reply_and_has_no_problem() -> None:
    reply = Raw(b'{"id":"b-1","status":"validating"}')
    after = settle(attempt("in-doubt", problem=Problem(code="x")), Accepted(batch_id="b-1", reply=reply), LATER)
    assert (after.batch_id, after.reply, after.problem) == ("b-1", reply, None)


def test_an_uploaded_file_keeps_its_reply() -> None:
    after = settle(attempt("intended"), Uploaded(file_id="f-1", reply=Raw(b'{"id":"f-1"}')), LATER)
    assert (after.status, after.file_id, bytes(after.upload_reply)) == ("uploaded", "f-1", b'{"id":"f-1"}')


@pytest.mark.parametrize("kind", [Rejected, InDoubt, Denied, Deferred])
def test_the_providers_words_are_kept(kind: type) -> None:
    after = settle(attempt("uploaded"), kind(code="some-code", status=418, words="I'm a teapot"), LATER)
    assert after.problem == Problem(code="some-code", status=418, words="I'm a teapot")

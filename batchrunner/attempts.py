"""How an outcome moves an attempt on, and what its remote batch is tagged with."""

from batchrunner.jobs import Accepted, Deferred, Denied, InDoubt, Rejected, Settling, Uploaded
from batchrunner.remote import Tags
from batchrunner.state import Attempt, Problem, moved


def settle(attempt: Attempt, outcome: Settling, at: str) -> Attempt:
    """`attempt` after `outcome` at time `at` (RFC 3339).

    A refused credential leaves it in doubt only where an earlier send already had.
    """
    match outcome:
        case Accepted():
            found = {"batch_id": outcome.batch_id, "reply": outcome.reply, "adopted": outcome.is_adopted}
            return moved(attempt, "submitted", at, **found)
        case Uploaded():
            return moved(attempt, "uploaded", at, file_id=outcome.file_id, upload_reply=outcome.reply)
        case Rejected():
            return moved(attempt, "rejected", at, sent_at="", problem=_problem(outcome))
        case InDoubt() | Denied(in_doubt=True):
            return moved(attempt, "in-doubt", at, problem=_problem(outcome))
        case Deferred() | Denied():
            return moved(attempt, "deferred", at, sent_at="", problem=_problem(outcome))


def tags_of(address: str, run_key: str, attempt: Attempt) -> Tags:
    """What the remote batch of `attempt` is tagged with."""
    intent = attempt.intent
    return Tags(intent.idempotency_key, address, run_key, intent.fingerprint, attempt.number, retry_of=intent.retry_of)


def _problem(outcome: Rejected | InDoubt | Denied | Deferred) -> Problem:
    return Problem(code=outcome.code, status=outcome.status, words=outcome.words)

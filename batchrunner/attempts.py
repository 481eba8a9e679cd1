"""How an outcome moves an attempt on."""

from batchrunner.jobs import Accepted, Deferred, Denied, InDoubt, Outcome, Rejected, Uploaded
from batchrunner.state import Attempt, Problem, moved


def settle(attempt: Attempt, outcome: Outcome, at: str) -> Attempt:
    """`attempt` after `outcome` at time `at` (RFC 3339).

    A refused credential leaves it in doubt only where an earlier send already had.
    """
    match outcome:
        case Accepted():
            return moved(attempt, "submitted", at, batch_id=outcome.batch_id, reply=outcome.reply)
        case Uploaded():
            return moved(attempt, "uploaded", at, file_id=outcome.file_id, upload_reply=outcome.reply)
        case Rejected():
            return moved(attempt, "rejected", at, sent_at="", problem=_problem(outcome))
        case InDoubt() | Denied(in_doubt=True):
            return moved(attempt, "in-doubt", at, problem=_problem(outcome))
        case Deferred() | Denied():
            return moved(attempt, "deferred", at, sent_at="", problem=_problem(outcome))


def _problem(outcome: Rejected | InDoubt | Denied | Deferred) -> Problem:
    return Problem(code=outcome.code, status=outcome.status, words=outcome.words)

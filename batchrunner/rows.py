"""What became of single requests: each `custom_id` of an input ends in exactly one outcome.

ok        answered with a 2xx
error     answered with anything else, or with an error in place of an answer
expired   not processed before the completion window closed
missing   nothing was said of it, or the batch was cancelled before it was processed
"""

from typing import Literal, NamedTuple

from batchrunner.records import Record
from batchrunner.remote import Usage

RowOutcome = Literal["ok", "error", "expired", "missing"]
OUTCOMES: tuple[RowOutcome, ...] = ("ok", "error", "expired", "missing")


class ResultLine(NamedTuple):
    """One line of results, as a dialect read it. `code` and `message` are the provider's, empty for an answer.

    `status_code` is that of the answer, 0 where there is none.
    """

    custom_id: str
    outcome: RowOutcome
    status_code: int = 0
    code: str = ""
    message: str = ""
    usage: Usage | None = None


# What state keeps. People are shown `accounts.Rows`, which names the total and what is wrong with lines, too.
class Tally(Record):
    """How many requests ended how. `transient` of the errors may be mended by asking again.

    `duplicates` are result lines beyond the first of an id, `strangers` those of ids that were not asked for.
    """

    ok: int = 0
    error: int = 0
    expired: int = 0
    missing: int = 0
    transient: int = 0
    duplicates: int = 0
    strangers: int = 0

    @property
    def total(self) -> int:
        """How many requests there are."""
        return self.ok + self.error + self.expired + self.missing


_TRANSIENT_STATUSES = frozenset({408, 409, 425, 429})
_TRANSIENT_CODES = frozenset(
    {
        "api_error",
        "internal_error",
        "insufficient_quota",
        "overloaded",
        "overloaded_error",
        "rate_limit_error",
        "rate_limit_exceeded",
        "server_error",
        "service_unavailable",
        "timeout",
        "timeout_error",
        "token_limit_exceeded",
    }
)


def is_transient(status_code: int, code: str) -> bool:
    """Whether an error may be gone when the same request is sent again: limits, and the provider's own failures."""
    return status_code >= 500 or status_code in _TRANSIENT_STATUSES or code.lower() in _TRANSIENT_CODES

"""A call that only asks, or can be repeated freely, on its way: looks, pages of lists, cancels, deletions."""

from collections.abc import Callable
from datetime import datetime

from batchrunner.jobs import Deferred, Denied, NotFound, Outcome, Rejected
from batchrunner.ports import Clock
from batchrunner.providers._calls import Call, Reply, Result
from batchrunner.providers._finding import Ask
from batchrunner.providers._times import retry_after
from batchrunner.providers._verdicts import Again, Meaning, Redact, Unusable, code_of, meaning_of, should_retry
from batchrunner.providers._words import redirect_words, words_of

_ABSENT = frozenset({404, 410})
Read = Callable[[bytes], Outcome | Unusable]


class Asking:
    """One such call. `read` makes the outcome of a 2xx; whatever is not settled is asked again."""

    is_patient = True

    def __init__(self, address: str, call: Call, read: Read, redact: Redact, clock: Clock) -> None:
        self.address = address
        self._call = call
        self._read = read
        self._redact = redact
        self._clock = clock

    async def look(self, ask: Ask) -> None:
        """Nothing: asking is all that it does."""

    def next(self, server_time: datetime | None) -> Call | Outcome:
        """The call."""
        return self._call

    def judge(self, result: Result) -> Outcome | Again:
        """What `result` settles."""
        if not isinstance(result, Reply):
            return Again(result.code, words=self._redact(result.words))
        if 200 <= result.status < 300:
            read = self._read(result.body)
            return Again("unusable-reply", result.status, read.reason) if isinstance(read, Unusable) else read
        return refusal(result, self._redact, self._clock.now())

    def give_up(self, again: Again) -> Outcome:
        """Nothing is lost by not knowing now."""
        return deferred(again)


def refusal(reply: Reply, redact: Redact, now: datetime) -> Outcome | Again:
    """What a reply that is no 2xx means for a call that can be repeated freely."""
    status = reply.status
    code = code_of(status, in_doubt=False)
    words = redirect_words(reply, redact) if 300 <= status < 400 else words_of(reply, redact)
    if status in _ABSENT:
        return NotFound(code=code, status=status, words=words)
    wish = should_retry(reply)
    match meaning_of(status, in_doubt=False):
        case Meaning.DENIED:
            return Denied(code=code, status=status, words=words)
        case Meaning.REFUSED if not wish:
            return Rejected(code=code, status=status, words=words)
        case _:
            return Again(code, status, words, retry_after=retry_after(reply.headers, now), is_last=wish is False)


def deferred(again: Again) -> Deferred:
    """What is true when such a call is given up: nothing is lost by not knowing now."""
    return Deferred(code=again.code, status=again.status, words=again.words, retry_after=again.retry_after or 0.0)

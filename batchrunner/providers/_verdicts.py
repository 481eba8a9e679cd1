"""What one send means: done, refused for good, refused to this key, or to be sent again.

    usable 2xx            done
    not sent, 429         safe to send again
    unknown, 408, 5xx,    ambiguous: the provider may have acted on it
    3xx, unusable 2xx
    401 403               denied, and so would be everything else of this run
    400 404 409 413 422   refused for good, as is any other 4xx

An earlier send of the same key that is not accounted for changes what a refusal proves. 409 then says that the earlier
one is still in progress (IETF httpapi Idempotency-Key draft), and most other refusals may come from a gateway that
never asked the provider. Only 400, 413 and 422 still refuse: a provider that had accepted the key would have replayed
that acceptance.

A refusal because the key came with another request before proves that the provider once accepted that key: perhaps for
a batch that a lost state no longer knows. It is never taken for a refusal of the batch, whose next attempt would be
paid for a second time.
"""

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from batchrunner.jobs import Accepted, Denied, Rejected, Uploaded
from batchrunner.providers._calls import NotSent, Reply, Result, Unknown
from batchrunner.providers._times import retry_after
from batchrunner.providers._words import redirect_words, words_of


class Meaning(Enum):
    """What a status alone says of one send."""

    TAKEN = "taken"
    SAFE = "safe"
    AMBIGUOUS = "ambiguous"
    REFUSED = "refused"
    DENIED = "denied"


class Again(NamedTuple):
    """Not settled. `retry_after` is what the provider asked for, in seconds; `ambiguous` that it may have acted.

    `is_last` where the provider asks for no further send; `has_advanced` where part of it was done.
    """

    code: str
    status: int = 0
    words: str = ""
    ambiguous: bool = False
    retry_after: float | None = None
    is_last: bool = False
    has_advanced: bool = False


class Unusable(NamedTuple):
    """A 2xx whose body proves nothing, and why."""

    reason: str


Settled = Accepted | Uploaded | Rejected | Denied
Read = Callable[[bytes], Accepted | Uploaded | Unusable]
Redact = Callable[[str], str]

LIMITED = "rate-limited"
_STILL_REFUSING = frozenset({400, 413, 422})
_KEY_REUSED = frozenset({400, 409, 422})  # 422: IETF httpapi Idempotency-Key draft; 400: Stripe; 409: some others
_CODES = {
    400: "bad-request",
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    408: "request-timeout",
    409: "conflict",
    410: "gone",
    413: "too-large",
    415: "unsupported-media-type",
    422: "invalid-request",
    429: LIMITED,
}


def meaning_of(status: int, *, in_doubt: bool) -> Meaning:
    """What `status` means, where an earlier send of the same key is accounted for or `in_doubt`."""
    if 200 <= status < 300:
        return Meaning.TAKEN
    if status in {401, 403}:
        return Meaning.DENIED
    if status == 429:
        return Meaning.SAFE
    if status == 408 or not 400 <= status < 500:
        return Meaning.AMBIGUOUS
    return Meaning.AMBIGUOUS if in_doubt and status not in _STILL_REFUSING else Meaning.REFUSED


def code_of(status: int, *, in_doubt: bool) -> str:
    """The kebab-case word for a status that is not a success."""
    if status == 409 and in_doubt:
        return "in-progress"
    if status in _CODES:
        return _CODES[status]
    if 300 <= status < 400:
        return "redirected"
    return "refused" if 400 <= status < 500 else "server-error"


def judge(result: Result, *, in_doubt: bool, read: Read, redact: Redact, now: datetime) -> Settled | Again:
    """What `result` means. `read` reads the body of a 2xx; `now` serves an HTTP date in Retry-After."""
    if isinstance(result, NotSent):
        return Again(result.code, words=redact(result.words))
    if isinstance(result, Unknown):
        return Again(result.code, words=redact(result.words), ambiguous=True)
    if 200 <= result.status < 300:
        return _judge_success(result, read, redact)
    return _judge_refusal(result, in_doubt, redact, now)


def _judge_success(reply: Reply, read: Read, redact: Redact) -> Settled | Again:
    taken = read(reply.body)
    if not isinstance(taken, Unusable):
        return taken
    words = f"{taken.reason}: {words_of(reply, redact)}"[:500]
    return Again("unusable-reply", reply.status, words, ambiguous=True)


def _judge_refusal(reply: Reply, in_doubt: bool, redact: Redact, now: datetime) -> Settled | Again:
    status = reply.status
    code = code_of(status, in_doubt=in_doubt)
    words = redirect_words(reply, redact) if 300 <= status < 400 else words_of(reply, redact)
    if _is_about_the_key(reply):
        return Again("key-reused", status, words, ambiguous=True)
    wish = should_retry(reply)
    match meaning_of(status, in_doubt=in_doubt):
        case Meaning.DENIED:
            return Denied(code=code, status=status, words=words)
        case Meaning.REFUSED if not wish:
            return Rejected(code=code, status=status, words=words)
        case meaning:
            ambiguous = meaning is Meaning.AMBIGUOUS
            return Again(code, status, words, ambiguous, retry_after(reply.headers, now), is_last=wish is False)


def should_retry(reply: Reply) -> bool | None:
    """What the provider says itself of another try (`x-should-retry`, as the clients of OpenAI and others heed it).

    None for nothing. It never makes a send unambiguous that may have been acted on.
    """
    return {"true": True, "false": False}.get(reply.headers.get("x-should-retry", "").strip().lower())


def _is_about_the_key(reply: Reply) -> bool:
    return reply.status in _KEY_REUSED and b"idempoten" in reply.body.lower()

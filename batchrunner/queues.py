"""How much of a plan fits into the queues of providers that take only so many input tokens at a time. Pure.

The limit is `limits.max_enqueued_tokens`, for each model of a provider. What state knows to be open is in a queue, and
so is what may have been sent; the rest of a plan waits for later waves. Batches of other states are not counted.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from batchrunner.manifest import LocalFile
from batchrunner.pricing import BYTES_PER_TOKEN
from batchrunner.state import Attempt, Entry, State, Submission, distinct

FULL = "queue-full"
"""The code of what waits for room."""

Queue = tuple[str, str]
"""A provider and a model, empty where the model is not known."""


def tokens_of(submission: Submission) -> int:
    """The input tokens of a submission, as estimated; 0 where nothing is known of its requests."""
    if submission.estimate is not None:
        return submission.estimate.input_tokens
    source = submission.source
    return source.size // BYTES_PER_TOKEN if isinstance(source, LocalFile) else 0


class Room:
    """What queues still take. `limits` are tokens by provider, without those that have no limit.

    `enqueued` are the attempts that take up room already.
    """

    def __init__(self, limits: Mapping[str, int], enqueued: Iterable[Submission] = ()) -> None:
        self._limits = limits
        self._taken: Counter[Queue] = Counter()
        for submission in enqueued:
            self._add(submission)

    def take(self, submission: Submission) -> bool:
        """Whether there is room for `submission`, which takes it up then. An empty queue takes whatever there is."""
        limit = self._limits.get(submission.provider)
        if limit is not None:
            tokens = tokens_of(submission)
            if any(0 < self._taken[queue] > limit - tokens for queue in _queues(submission)):
                return False
        self._add(submission)
        return True

    def _add(self, submission: Submission) -> None:
        if submission.provider in self._limits:
            for queue in _queues(submission):
                self._taken[queue] += tokens_of(submission)


def _queues(submission: Submission) -> Iterator[Queue]:
    source = submission.source
    models = source.models if isinstance(source, LocalFile) else ()
    yield from ((submission.provider, model) for model in models or ("",))


def enqueued(states: Iterable[State], providers: Mapping[str, int]) -> list[Entry]:
    """The attempts that take up room at `providers`: open ones, and what may have been sent; each once."""
    found: dict[tuple[str, str, int], Entry] = {}
    for state in distinct(states):
        for entry in state.entries():
            if entry.attempt.intent.provider in providers and _is_enqueued(entry.attempt):
                found.setdefault((entry.address, entry.run_key, entry.attempt.number), entry)
    return list(found.values())


def _is_enqueued(attempt: Attempt) -> bool:
    return attempt.is_open or (attempt.unresolved and bool(attempt.sent_at))

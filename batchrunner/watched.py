"""Attempts while they are watched: what was seen of them, what of that is news, and what is still to be looked at."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from batchrunner.events import Looked, Moved
from batchrunner.facts import Polling
from batchrunner.polling import awaits_output, is_overdue, reconciled, seconds_left
from batchrunner.ports import AttemptName
from batchrunner.records import replace
from batchrunner.remote import Sight
from batchrunner.state import Attempt, Entry

LATE_LOOKS = 5
"""Looks at a batch that completed without naming its output file."""
STALE_SECONDS = 300.0
"""How old the time of the last look may be in state while nothing else changes."""


@dataclass(slots=True)
class Watched:
    """One attempt that is watched. `direct`: it was last seen by a look of its own.

    `noted_at` is when its sight went to state. Since then it may be `unnoted`: seen again; and `is_news`: with
    something new to it.
    """

    entry: Entry
    polling: Polling = field(default_factory=Polling)
    direct: bool = True
    noted_at: datetime | None = None
    unnoted: bool = False
    is_news: bool = False
    late_looks: int = 0

    @property
    def attempt(self) -> Attempt:
        """The attempt as it is known now."""
        return self.entry.attempt

    @property
    def is_late(self) -> bool:
        """Whether it ended, and its output may still be named."""
        return self.late_looks < LATE_LOOKS and awaits_output(self.attempt.sight, self.polling)

    @property
    def name(self) -> AttemptName:
        """Which attempt it is."""
        return AttemptName(self.entry.address, self.entry.run_key, self.entry.attempt.number)

    def see(self, sight: Sight, *, direct: bool) -> None:
        """Take in what a look showed."""
        before = self.attempt.sight
        if sight is not before:
            self.entry = replace(self.entry, attempt=replace(self.attempt, sight=sight))
            self.direct, self.unnoted = direct, True
            self.is_news = self.is_news or gist_of(before) != gist_of(sight)

    def is_due(self, now: datetime) -> bool:
        """Whether its sight should go to state with the next write."""
        stale = self.noted_at is None or (now - self.noted_at).total_seconds() >= STALE_SECONDS
        return self.unnoted and (self.is_news or stale)

    def noting(self, now: datetime) -> Callable[[Attempt], Attempt]:
        """What notes its sight on the attempt as it then stands in state."""
        sight, direct = self.attempt.sight, self.direct
        self.unnoted, self.is_news, self.noted_at = False, False, now

        def note(attempt: Attempt) -> Attempt:
            # Somebody may have said by hand meanwhile which batch it is.
            if sight is None or (sight.batch is not None and sight.batch.batch_id != attempt.batch_id):
                return attempt
            return replace(attempt, sight=reconciled(attempt.sight, sight, direct=direct))

        return note


@dataclass(slots=True)
class Group:
    """The attempts of one provider, and how it was to ask."""

    provider: str
    polling: Polling
    watched: list[Watched] = field(default_factory=list)
    unchanged: int = 0
    unlisted: bool = False
    listed: int = 0
    is_off: bool = False
    has_changed: bool = False
    in_trouble: int = 0
    retry_after: float = 0.0

    def due(self) -> list[Watched]:
        """Those that a look may show something new of."""
        return [each for each in self.watched if each.attempt.is_open or each.is_late]

    def awaited(self, now: datetime) -> bool:
        """Whether there is one to wait for."""
        return not self.is_off and any(
            each.is_late if not each.attempt.is_open else not is_overdue(each.attempt, self.polling, now)
            for each in self.watched
        )


def groups_of(watched: Sequence[Watched], polling: Mapping[str, Polling]) -> Iterator[Group]:
    """`watched` by provider, those of whom there is something to look for; `polling` is by provider."""
    names = dict.fromkeys(each.attempt.intent.provider for each in watched)
    for name in names:
        members = [each for each in watched if each.attempt.intent.provider == name]
        group = Group(name, polling.get(name, Polling()), members)
        if group.due():
            yield group


def summary_of(watched: Sequence[Watched], provider: str, now: datetime, wait: float) -> Looked:
    """The event of a cycle over `provider`, after which it is left alone for `wait` seconds."""
    still_open = [each.attempt for each in watched if each.attempt.is_open]
    batches = [each.attempt.sight.batch for each in watched if each.attempt.sight]
    counts = [batch.counts for batch in batches if batch is not None and batch.counts is not None]
    left = [seconds for each in still_open if (seconds := seconds_left(each, now)) is not None]
    return Looked(
        provider=provider,
        open=len(still_open),
        batches=len(watched),
        done=sum(each.completed + each.failed for each in counts),
        requests=sum(each.total for each in counts),
        left=max(left, default=0.0),
        wait=wait,
    )


def word_of(sight: Sight | None) -> str:
    """The status that a sight shows, `gone` among them; empty where there is none."""
    if sight is None or sight.is_gone:
        return "gone" if sight else ""
    return sight.batch.status if sight.batch else ""


def gist_of(sight: Sight | None) -> object:
    """What makes a sight news: all but its time, and the provider's words for what is said already."""
    batch = sight.batch if sight else None
    seen_of_it = (batch.said, batch.counts, batch.files, batch.problems) if batch else ()
    return word_of(sight), sight.misses if sight else 0, seen_of_it


def moved_to(entry: Entry, sight: Sight) -> Moved:
    """The event of an attempt that is seen with another status."""
    counts = sight.batch.counts if sight.batch else None
    numbers = (counts.completed, counts.failed, counts.total) if counts else (0, 0, 0)
    completed, failed, total = numbers
    return Moved(
        address=entry.address,
        run_key=entry.run_key,
        batch_id=entry.attempt.batch_id,
        status=word_of(sight) or "not found",
        completed=completed,
        failed=failed,
        total=total,
    )

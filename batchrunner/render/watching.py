"""Watching as plain lines, for logs: what changed, and now and then that nothing did."""

from collections.abc import Callable
from datetime import datetime, timedelta

from batchrunner.events import Event, Looked, Moved, Unseen
from batchrunner.ports import Clock
from batchrunner.printable import printable
from batchrunner.render.github import neutral
from batchrunner.render.layout import left, shorten
from batchrunner.render.lines import LONGEST_WORDS, MANY
from batchrunner.render.units import count, duration, rough

HEARTBEAT = timedelta(minutes=5)
"""How long there may be no line at all."""
WORD = 11
BAD = frozenset({"failed", "expired", "cancelled", "gone"})


def moved_line(event: Moved) -> str:
    """The new status of a batch, on one line without a time, safe to print."""
    failed = f", {count(event.failed)} failed" if event.failed else ""
    counts = f"  {count(event.completed)}/{count(event.total)}{failed}" if event.total else ""
    status = left(printable(shorten(event.status, 24)), WORD)
    return f"{status} {printable(event.address)}  {printable(event.batch_id)}{counts}"


def unseen_line(event: Unseen) -> str:
    """That a provider cannot be asked now, on one line without a time, safe to print."""
    http = f", HTTP {event.status}" if event.status else ""
    words = f': "{printable(shorten(event.words, LONGEST_WORDS))}"' if event.words else ""
    return (
        f"{left('not seen', WORD)} {printable(event.provider)}  {printable(event.code)}{http}{words}; asked again later"
    )


def progress_words(event: Looked) -> list[str]:
    """How far it is: batches, requests, time left; what is not known is left out."""
    words = [f"{count(event.batches - event.open)}/{count(event.batches)} ended"]
    words += [f"{count(event.done)}/{count(event.requests)} requests"] if event.requests else []
    return words + ([f"at most {rough(event.left)} left"] if event.left > 0 else [])


class WatchLines:
    """Writes a line for each batch that moved; of more than a hundred only for those that went wrong.

    There is a line every five minutes at least. `write` takes a line without its end; a log that can no longer be
    written to stops the lines, never the waiting.
    """

    def __init__(self, write: Callable[[str], None], clock: Clock, total: int) -> None:
        self._write = write
        self._clock = clock
        self._total = total
        self._told = clock.now()
        self._trouble: dict[str, tuple[str, int]] = {}
        self._unseen: set[str] = set()
        self._broken = False

    def report(self, event: Event) -> None:
        """Write what is worth a line."""
        match event:
            case Moved():
                if self._total <= MANY or event.status in BAD:
                    self._say(moved_line(event))
            case Unseen():
                self._tell_trouble(event)
            case Looked():
                if event.provider not in self._unseen:
                    self._trouble.pop(event.provider, None)
                self._unseen.discard(event.provider)
                self._beat(event)
            case _:
                pass

    def _tell_trouble(self, event: Unseen) -> None:
        """A trouble that goes on is told with the heartbeat alone."""
        what = (event.code, event.status)
        if self._trouble.get(event.provider) != what or self._is_quiet(self._clock.now()):
            self._say(unseen_line(event))
        self._trouble[event.provider] = what
        self._unseen.add(event.provider)

    def _beat(self, event: Looked) -> None:
        if self._is_quiet(self._clock.now()):
            words = ", ".join([*progress_words(event), f"next look in {duration(event.wait)}"])
            self._say(f"{left('waiting', WORD)} {words}")

    def _is_quiet(self, now: datetime) -> bool:
        return now - self._told >= HEARTBEAT

    def _say(self, line: str) -> None:
        if self._broken:
            return
        self._told = self._clock.now()
        try:
            self._write(neutral(f"{self._told:%H:%M:%S} {line}"))
        except OSError:
            self._broken = True

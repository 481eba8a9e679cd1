"""Events as plain lines, for logs: CI, cron, a file."""

from collections.abc import Callable
from datetime import datetime, timedelta

from batchrunner.events import (
    AlarmEvent,
    Duplicated,
    Event,
    Failed,
    Finished,
    Imported,
    Renamed,
    Retrying,
    SharedBatch,
    Started,
    Stopping,
    Submitted,
    Uploaded,
    Uploading,
)
from batchrunner.ports import Clock
from batchrunner.printable import printable
from batchrunner.render.github import neutral
from batchrunner.render.layout import left, shorten
from batchrunner.render.report import OUTCOMES
from batchrunner.render.units import count, duration, size

MANY = 100
"""Changes beyond which successes are summed up."""
STEPS = 20
"""Summaries over a run of many."""
RETRIES_SHOWN = 20
QUIET = timedelta(seconds=30)
"""How long an upload may take without a line that says how far it is."""
LONGEST_WORDS = 200
NAMED = 5
WORD = 10


def event_line(event: Event) -> str:
    """What happened, on one line without a time, safe to print; empty for events that are only progress."""
    match event:
        case Submitted() | Imported():
            word = "submitted" if isinstance(event, Submitted) else "imported"
            return _line(word, event.address, printable(event.batch_id))
        case Renamed():
            return _line("moved", event.address, f"was {printable(event.previous)}")
        case Uploaded():
            return _line("uploaded", event.address, printable(event.file_id))
        case Retrying():
            wait = f"waiting {duration(event.wait)}, attempt {event.attempt}/{event.attempts}"
            return _line("retry", event.address, f"{printable(event.code)}, {wait}")
        case Failed():
            return _line("failed", event.address, _failure(event))
        case _:
            return _other_line(event)


def _other_line(event: Event) -> str:
    if isinstance(event, Stopping):
        return _line("stopping", event.reason, f"finishing what is in flight ({count(event.in_flight)})")
    return alarm_line(event) if isinstance(event, Duplicated | SharedBatch) else ""


def alarm_line(event: AlarmEvent) -> str:
    """What there is too much of, on one line, safe to print."""
    provider = printable(event.provider)
    if isinstance(event, SharedBatch):
        addresses = " and ".join(event.addresses[:NAMED]) + (" …" if len(event.addresses) > NAMED else "")
        return f"{left('one batch', WORD)} {printable(addresses)}  {provider} answered with {printable(event.batch_id)}"
    ids = [f"{event.kept} (in state)"] if event.kept else []
    ids += event.others[:NAMED]
    more = " …" if len(event.others) > NAMED else ""
    return _line("duplicate", event.address, f"{provider} has {printable(', '.join(ids))}{more}")


def _line(word: str, subject: str, detail: str) -> str:
    return f"{left(word, WORD)} {printable(subject)}  {detail}"


def _failure(event: Failed) -> str:
    http = f", HTTP {event.status}" if event.status else ""
    words = f': "{printable(shorten(event.words, LONGEST_WORDS))}"' if event.words else ""
    return f"{OUTCOMES.get(event.outcome, printable(event.outcome))} ({printable(event.code)}{http}){words}"


class LineReporter:
    """Writes a line for each event; beyond a hundred changes failures, and a sum every twentieth of the way. Of an
    upload that takes long there is a line every half minute.

    `write` takes a line without its end. A log that can no longer be written to stops the lines, never the apply.
    """

    def __init__(self, write: Callable[[str], None], clock: Clock, total: int = 0) -> None:
        self._write = write
        self._clock = clock
        self._total = total
        self._submitted = self._imported = self._failed = self._retries = self._last_sum = 0
        self._broken = False
        self._uploading_told: dict[str, datetime] = {}

    def report(self, event: Event) -> None:
        """Write what is worth a line."""
        self._count(event)
        if self._total <= MANY or self._matters(event):
            self._say(event_line(event) + self._position(event))
            self._tell_upload(event)
        self._sum_up(event)

    def _tell_upload(self, event: Event) -> None:
        if isinstance(event, Uploaded | Failed):
            self._uploading_told.pop(event.address, None)
        elif isinstance(event, Uploading):
            now = self._clock.now()
            if now - self._uploading_told.setdefault(event.address, now) >= QUIET:
                self._uploading_told[event.address] = now
                self._say(_line("uploading", event.address, f"{size(event.sent)} of {size(event.size)}"))

    def _matters(self, event: Event) -> bool:
        return isinstance(event, Failed | Stopping | AlarmEvent) or (
            isinstance(event, Retrying) and self._retries <= RETRIES_SHOWN
        )

    def _count(self, event: Event) -> None:
        match event:
            case Started():
                self._total = event.total
            case Submitted():
                self._submitted += 1
            case Imported():
                self._imported += 1
            case Failed():
                self._failed += 1
            case Retrying():
                self._retries += 1
            case _:
                pass

    @property
    def _done(self) -> int:
        return self._submitted + self._imported + self._failed

    def _position(self, event: Event) -> str:
        return (
            f"  ({count(self._done)}/{count(self._total)})" if isinstance(event, Submitted | Imported | Failed) else ""
        )

    def _sum_up(self, event: Event) -> None:
        if self._total <= MANY:
            return
        due = self._done - self._last_sum >= self._total // STEPS or isinstance(event, Finished)
        if due and self._done > self._last_sum:
            self._last_sum = self._done
            sums = f"{count(self._submitted)} of {count(self._total)} submitted, {count(self._failed)} failed"
            self._say(f"{left('progress', WORD)} {sums}, {count(self._retries)} retries")

    def _say(self, line: str) -> None:
        if not line or self._broken:
            return
        try:
            self._write(neutral(f"{self._clock.now():%H:%M:%S} {line}"))
        except OSError:
            self._broken = True

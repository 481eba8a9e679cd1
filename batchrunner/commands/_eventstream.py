"""The event stream of commands that submit: with `--json`, one JSON object a line, as it happens.

The first line is `version`, the last one `ended` or `error`; a stream without either was cut off. What lies between may
be lost where nobody reads it: a reader that leaves stops no submission.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from batchrunner._version import __version__
from batchrunner.commands._console import Console
from batchrunner.errors import Refused
from batchrunner.events import Downloading, Event, Uploading
from batchrunner.manifest import LocalFile
from batchrunner.moments import zulu_text_of
from batchrunner.plans import Change, Plan, action_of
from batchrunner.records import plain
from batchrunner.state import Submission
from batchrunner.streams import FORMAT_VERSION, STREAMING, Line, PlanLine, PlannedLine, VersionLine

__all__ = ["STREAMING", "EventStream", "show_end"]

PROGRESS_SECONDS = 1.0
"""At least so long between two lines about the progress of one file."""


@dataclass(slots=True)
class _Pipe:
    """What became of standard output: whether its first line is out, and what a write failed with."""

    is_begun: bool = False
    lost: Exception | None = None


_PIPE = _Pipe()
"""Of this process, as an error that ends it has to know what was written before."""


@dataclass(slots=True)
class EventStream:
    """The stream of the command called `command`; says nothing unless `--json` was asked for. Also a reporter."""

    command: str
    console: Console
    _told: dict[str, float] = field(default_factory=dict)

    def planned(self, plan: Plan) -> None:
        """Tell what will be done: a line for the plan, and one for each change."""
        if not self.console.output.json:
            return
        self._tell(_plan_line(plan))
        for change in plan.changes:
            self._tell(_planned_line(change))

    def report(self, event: Event) -> None:
        """Tell one event. Of progress only so much as a reader wants; what cannot be written is passed over."""
        if self.console.output.json and self._is_worth_a_line(event):
            self._tell(event)

    def applied(self, document: Mapping[str, Any], exit_code: int) -> None:
        """Tell that all is sent which could be, and that waiting begins."""
        if self.console.output.json:
            self._begin()
            self._put({"event": "applied", "at": _now(), "exit_code": exit_code, **_without_head(document)})

    def end(self, event: str, document: Mapping[str, Any], exit_code: int) -> None:
        """The last line. Raises `Refused`, `BrokenPipeError` where this or an earlier line cannot be written."""
        self._begin()
        head = {"event": event, "at": _now(), "format_version": FORMAT_VERSION, "command": self.command}
        if _PIPE.lost is not None:
            raise _PIPE.lost
        self.console.line({**head, "exit_code": exit_code, **_without_head(document)})

    def _is_worth_a_line(self, event: Event) -> bool:
        if not isinstance(event, Uploading | Downloading):
            return True
        now, done = monotonic(), event.sent if isinstance(event, Uploading) else event.received
        if done < event.size and now - self._told.setdefault(event.address, now) < PROGRESS_SECONDS:
            return False
        self._told[event.address] = now
        return True

    def _begin(self) -> None:
        if not _PIPE.is_begun:
            _PIPE.is_begun = True
            self._write(VersionLine(at=_now(), command=self.command, tool_version=__version__))

    def _tell(self, line: Line | Event) -> None:
        self._begin()
        self._write(line)

    def _write(self, line: Line | Event) -> None:
        fields = {name: plain(getattr(line, name)) for name in line.__struct_fields__ if name != "at"}
        self._put({"event": line.__struct_config__.tag, "at": _now(), **fields})

    def _put(self, document: dict[str, Any]) -> None:
        if _PIPE.lost is not None:
            return
        try:
            self.console.line(document)
        except (BrokenPipeError, Refused) as error:
            _PIPE.lost = error


def show_end(stream: EventStream, document: Mapping[str, Any], waited: Mapping[str, Any] | None, code: int) -> None:
    """The last line of a command that was not stopped by an error; nothing without `--json`.

    `waited` is what it has to say of waiting, None where it did not wait.
    """
    if stream.console.output.json:
        stream.end("ended", {**document, **({} if waited is None else {"wait": waited})}, code)


_HEAD = frozenset({"format_version", "command", "exit_code"})


def _without_head(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in _HEAD}


def _now() -> str:
    return zulu_text_of(datetime.now(UTC))


def _plan_line(plan: Plan) -> PlanLine:
    return PlanLine(
        plan_id=plan.plan_id,
        created_at=plan.created_at,
        project=plan.project,
        specs=plan.specs,
        counts=plan.counts,
        notices=plan.notices,
        refusals=plan.refusals,
    )


def _planned_line(change: Change) -> PlannedLine:
    source = change.source if isinstance(change, Submission) else None
    estimate = change.estimate if isinstance(change, Submission) else None
    return PlannedLine(
        address=change.address,
        run_key=change.run_key,
        action=action_of(change),
        reason=change.reason,
        attempt=change.attempt if isinstance(change, Submission) else 0,
        provider=change.provider if isinstance(change, Submission) else "",
        endpoint=change.endpoint if isinstance(change, Submission) else "",
        batch_id=getattr(change, "batch_id", ""),
        previous=getattr(change, "previous", ""),
        replaces=getattr(change, "replaces", ""),
        hint=getattr(change, "hint", ""),
        requests=source.requests if isinstance(source, LocalFile) else 0,
        bytes=source.size if isinstance(source, LocalFile) else 0,
        cost_usd_low=estimate.cost_low if estimate else None,
        cost_usd_high=estimate.cost_high if estimate else None,
    )

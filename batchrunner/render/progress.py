"""Events as a progress bar on a terminal. The only module that imports rich."""

import time
from types import TracebackType
from typing import TextIO

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from batchrunner.events import Event, Failed, Retrying, Started, Stopping, Submitted, Uploaded, Uploading
from batchrunner.render.lines import MANY, event_line
from batchrunner.render.throughput import Throughput
from batchrunner.render.units import count, size

REDRAWS = 10
"""Redraws a second, however many events there are: an event only moves a counter."""
BAR_WIDTH = 24


class ProgressReporter:
    """A bar that is redrawn while the `with` block runs, above it a line for what deserves to stay.

    `stream` is a terminal, standard error unless said otherwise. Leaving the block, by Ctrl-C too, removes the bar. The
    cursor is never hidden, so that a process that is killed leaves a usable terminal behind.
    """

    def __init__(self, total: int = 0, stream: TextIO | None = None) -> None:
        self._console = Console(
            file=stream, stderr=stream is None, markup=False, emoji=False, highlight=False, soft_wrap=True
        )
        self._total = total
        self._submitted = self._failed = 0
        self._retrying: set[str] = set()
        self._uploads: dict[str, Uploading] = {}
        self._throughput = Throughput(time.monotonic)
        self._stopping = False
        self._live = Live(
            console=self._console,
            get_renderable=self._draw,
            refresh_per_second=REDRAWS,
            transient=True,
            redirect_stdout=False,
        )

    def __enter__(self) -> "ProgressReporter":
        self._live.start()
        self._console.show_cursor(True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the bar. May be called at any time, and again."""
        self._live.stop()

    def report(self, event: Event) -> None:
        """Move the counters, and write a line for a failure, a stop, and a success where these are few."""
        self._count(event)
        if isinstance(event, Failed | Stopping) or (isinstance(event, Submitted) and self._total <= MANY):
            self._console.print(Text(event_line(event), style=_STYLES[type(event)]))

    def _count(self, event: Event) -> None:
        match event:
            case Started():
                self._total = event.total
            case Uploading():
                self._uploads[event.address] = event
                self._throughput.add(event.address, event.sent)
            case Retrying():
                self._retrying.add(event.address)
            case Uploaded() | Submitted() | Failed():
                self._settled(event)
            case Stopping():
                self._stopping = True
            case _:
                pass

    def _settled(self, event: Uploaded | Submitted | Failed) -> None:
        self._retrying.discard(event.address)
        self._uploads.pop(event.address, None)
        self._throughput.forget(event.address)
        self._submitted += isinstance(event, Submitted)
        self._failed += isinstance(event, Failed)

    def _draw(self) -> RenderableType:
        grid = Table.grid(padding=(0, 1))
        done = self._submitted + self._failed
        grid.add_row(ProgressBar(total=max(self._total, 1), completed=done, width=BAR_WIDTH), Text(self._words()))
        return grid

    def _words(self) -> str:
        words = [f"{count(self._submitted)}/{count(self._total)} submitted"]
        words += [f"{count(len(self._retrying))} retrying"] if self._retrying else []
        words += [f"{count(self._failed)} failed"] if self._failed else []
        words += self._upload_words()
        words += ["stopping: finishing what is in flight"] if self._stopping else []
        return " · ".join(words)

    def _upload_words(self) -> list[str]:
        # A copy first: this runs in the thread that redraws, while events come in on another.
        uploads = list(self._uploads.values())
        if not uploads:
            return []
        sent, total = sum(upload.sent for upload in uploads), sum(upload.size for upload in uploads)
        rate = round(self._throughput.rate)
        return [f"uploading {size(sent)} of {size(total)}" + (f" ({size(rate)}/s)" if rate else "")]


_STYLES = {Submitted: "green", Failed: "red", Stopping: "yellow"}

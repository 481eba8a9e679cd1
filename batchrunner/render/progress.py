"""Events as a progress bar on a terminal. The only module that imports rich."""

import time
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from batchrunner.events import (
    Duplicated,
    Event,
    Failed,
    Imported,
    Looked,
    Moved,
    Renamed,
    Retrying,
    SharedBatch,
    Started,
    Stopping,
    Submitted,
    Unseen,
    Uploaded,
    Uploading,
)
from batchrunner.render.lines import MANY, event_line
from batchrunner.render.throughput import Throughput
from batchrunner.render.units import count, rough, size
from batchrunner.render.watching import BAD, moved_line, progress_words

REDRAWS = 10
"""Redraws a second, however many events there are: an event only moves a counter."""
BAR_WIDTH, LEAST_WIDTH = 24, 8
ECHO = 3
"""Columns left free: the `^C` that a terminal echoes must not begin a line, which nobody would remove."""


class _Bar:
    """A bar that is redrawn while the `with` block runs.

    `stream` is a terminal, standard error unless said otherwise. Leaving the block, by Ctrl-C too, removes the bar. The
    cursor is never hidden, so that a process that is killed leaves a usable terminal behind.
    """

    def __init__(self, total: int = 0, stream: TextIO | None = None) -> None:
        self._console = Console(
            file=stream, stderr=stream is None, markup=False, emoji=False, highlight=False, soft_wrap=True
        )
        self._total = total
        # Draws at once: what a subclass draws must be there.
        self._live = Live(
            console=self._console,
            get_renderable=self._draw,
            refresh_per_second=REDRAWS,
            transient=True,
            redirect_stdout=False,
        )

    def __enter__(self) -> Self:
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
        """Take in one event."""
        raise NotImplementedError

    def _draw(self) -> RenderableType:
        done, total, words = self._position()
        told, room = Text(" · ".join(words)), self._console.width - ECHO - 1
        told.truncate(max(room - LEAST_WIDTH, 1), overflow="ellipsis")
        width = max(min(BAR_WIDTH, room - told.cell_len), LEAST_WIDTH)
        grid = Table.grid(padding=(0, 1))
        grid.add_row(ProgressBar(total=max(total, 1), completed=done, width=width), told)
        return grid

    def _position(self) -> tuple[int, int, list[str]]:
        raise NotImplementedError


class ProgressReporter(_Bar):
    """An apply as a bar, above it a line for what deserves to stay."""

    def __init__(self, total: int = 0, stream: TextIO | None = None) -> None:
        self._submitted = self._imported = self._failed = 0
        self._retrying: set[str] = set()
        self._uploads: dict[str, Uploading] = {}
        self._throughput = Throughput(time.monotonic)
        self._stopping = False
        super().__init__(total, stream)

    def report(self, event: Event) -> None:
        """Move the counters, and write a line for a failure, a stop, and a success where these are few."""
        self._count(event)
        if isinstance(event, Failed | Stopping | Duplicated | SharedBatch) or (
            isinstance(event, Submitted | Imported | Renamed) and self._total <= MANY
        ):
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
            case Uploaded() | Submitted() | Imported() | Failed():
                self._settled(event)
            case Stopping():
                self._stopping = True
            case _:
                pass

    def _settled(self, event: Uploaded | Submitted | Imported | Failed) -> None:
        self._retrying.discard(event.address)
        self._uploads.pop(event.address, None)
        self._throughput.forget(event.address)
        self._submitted += isinstance(event, Submitted)
        self._imported += isinstance(event, Imported)
        self._failed += isinstance(event, Failed)

    def _position(self) -> tuple[int, int, list[str]]:
        return self._submitted + self._imported + self._failed, self._total, self._words()

    def _words(self) -> list[str]:
        words = [f"{count(self._submitted)}/{count(self._total)} submitted"]
        words += [f"{count(self._imported)} imported"] if self._imported else []
        words += [f"{count(len(self._retrying))} retrying"] if self._retrying else []
        words += [f"{count(self._failed)} failed"] if self._failed else []
        words += self._upload_words()
        return words + (["stopping: finishing what is in flight"] if self._stopping else [])

    def _upload_words(self) -> list[str]:
        # A copy first: this runs in the thread that redraws, while events come in on another.
        uploads = list(self._uploads.values())
        if not uploads:
            return []
        sent, total = sum(upload.sent for upload in uploads), sum(upload.size for upload in uploads)
        rate = round(self._throughput.rate)
        return [f"uploading {size(sent)} of {size(total)}" + (f" ({size(rate)}/s)" if rate else "")]


_STYLES = {
    Submitted: "green",
    Imported: "green",
    Renamed: "yellow",
    Failed: "red",
    Stopping: "yellow",
    Duplicated: "red",
    SharedBatch: "red",
}


class WatchBar(_Bar):
    """Remote batches that are waited for: how many requests are processed, and when they are looked at again."""

    def __init__(self, total: int = 0, stream: TextIO | None = None) -> None:
        self._looked: Looked | None = None
        self._looks_at: dict[str, float] = {}
        self._troubled: dict[str, str] = {}
        super().__init__(total, stream)

    def report(self, event: Event) -> None:
        """Move the bar, and write a line for a batch that ended, where these are few, or went wrong."""
        match event:
            case Looked():
                self._looked = event
                self._looks_at[event.provider] = time.monotonic() + event.wait
            case Moved():
                self._troubled.clear()
                if event.status in BAD or (event.status == "completed" and self._total <= MANY):
                    self._console.print(Text(moved_line(event), style="red" if event.status in BAD else "green"))
            case Unseen():
                self._troubled[event.provider] = event.code
            case _:
                pass

    def _position(self) -> tuple[int, int, list[str]]:
        looked = self._looked
        if looked is None:
            return 0, 1, ["looking"]
        done, total = (
            (looked.done, looked.requests) if looked.requests else (looked.batches - looked.open, looked.batches)
        )
        next_look = max(0.0, min(self._looks_at.values()) - time.monotonic())
        words = [*progress_words(looked), f"next look in {rough(next_look)}" if next_look else "looking"]
        # A copy first: this runs in the thread that redraws, while events come in on another.
        return done, total, words + [f"{name}: {code}" for name, code in list(self._troubled.items())]

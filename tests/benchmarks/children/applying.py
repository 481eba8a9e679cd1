"""Applies the spec `argv[1]` at `argv[2]` in flight as the command line does, and times the phases of it."""

import gc
import json
import sys
from itertools import pairwise
from time import perf_counter, process_time

import batchrunner.providers._http  # noqa: F401 - loaded by the first send otherwise, which small applies would pay for
from batchrunner.applier import Brake
from batchrunner.events import Event, Finished, Started
from batchrunner.wiring import Choices, open_workspace
from batchrunner.wiring.preparing import Patience, prepared_from_specs
from batchrunner.wiring.running import Sending, needed_keys, send


class Stopwatch:
    """A reporter that notes when sending began and ended, in seconds of wall clock and of CPU."""

    def __init__(self) -> None:
        self.marks: list[tuple[float, float]] = []

    def report(self, event: Event) -> None:
        if isinstance(event, Started | Finished):
            self.mark()

    def mark(self) -> None:
        self.marks.append((perf_counter(), process_time()))


def main(spec: str, concurrency: int) -> None:
    watch = Stopwatch()
    watch.mark()
    workspace = open_workspace([spec], Choices(), stdin=sys.stdin.buffer.read)
    with prepared_from_specs(workspace, Patience(30, print)) as prepared:
        keys = needed_keys(prepared.plan, prepared.ground.states, prepared.providers)
        sending = Sending(prepared.root, prepared.providers, keys, concurrency, Brake())
        report = send(prepared.plan, prepared.ground, sending, watch)
        watch.mark()
    if report.failed or report.left or report.submitted != len(prepared.plan.changes):
        raise SystemExit(f"not everything was submitted: {report}")
    figures: dict[str, float] = {"batches": report.submitted}
    for name, (before, after) in zip(("plan", "send", "fold"), pairwise(watch.marks), strict=True):
        figures[f"{name}_wall"], figures[f"{name}_cpu"] = after[0] - before[0], after[1] - before[1]
    print(json.dumps(figures))


gc.disable()  # as the command line does
main(sys.argv[1], int(sys.argv[2]))
